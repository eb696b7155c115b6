"""Messages to rows, in order: here, or spread over the processes of an executor.

An executor is whatever follows `concurrent.futures.Executor`. What is sent to it carries all
it needs, so that a worker may live on another machine that has the same model.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from scanner.adapters.sources import Message
from scanner.core.assess import Passage, only
from scanner.core.classify import Policy
from scanner.core.judge import Judge, Verdict, portions
from scanner.core.origin import Direction, direction, month
from scanner.core.parse import Draft
from scanner.core.render import WARNS_ABOUT, recognise
from scanner.core.report import Row
from scanner.core.segment import Sentences
from scanner.errors import UnreadableError
from scanner.learning import artifact, words
from scanner.learning.artifact import Model

T = TypeVar("T")
R = TypeVar("R")

# Bytes of mail that are judged together, and how many the smallest message counts for, so
# that rows come as they are ready.
_BATCH = 4 * 1024 * 1024
_LEAST = 64 * 1024
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_OURS = re.compile(re.escape(WARNS_ABOUT.encode()), re.IGNORECASE)
# Batches that wait for each process: enough to keep it busy, few enough to fit the memory.
_WAITING = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """How to judge and what to tell: the model and policy, whose mail it is, which passages.

    Without a `direction` it is told for each message; without `categories` all are shown.
    """

    model: Path
    policy: Policy
    direction: Direction | None = None
    own: frozenset[str] = field(default=frozenset(), repr=False)
    least: float = 0.0
    categories: frozenset[str] = frozenset()

    def wants(self, passage: Passage) -> bool:
        """Tell whether a passage is asked for."""
        named = not self.categories or passage.category in self.categories
        return named and passage.confidence >= self.least


def rows(
    messages: Iterable[Message], terms: Terms, executor: Executor | None = None, jobs: int = 1
) -> Iterator[Row]:
    """Judge messages, a row each, in their order; unflub's own warning drafts are passed over."""
    batches = portions(messages, lambda m: max(len(m.raw), _LEAST), _BATCH)
    if executor is None:
        for batch in batches:
            yield from judged(terms, batch)
    else:
        for made in in_order(executor, partial(_light, terms), batches, jobs * _WAITING):
            yield from made


def judged(terms: Terms, batch: Sequence[Message]) -> list[Row]:
    """Judge a few messages together."""
    others = [m for m in batch if m.error or not is_own(m.raw)]
    verdicts = iter(judge(terms)([m.raw for m in others if not m.error]))
    return [_row(m, m.error or next(verdicts), terms) for m in others]


def judge(terms: Terms) -> Judge:
    """Give the judge; the model is loaded once in each process."""
    return _loaded(terms.model, terms.policy)


@lru_cache(maxsize=1)
def _loaded(folder: Path, policy: Policy) -> Judge:
    model = artifact.load(_here(folder))
    at = policy.thresholds(model.thresholds)
    return Judge(model, at, partial(_may_be_notes, model), policy)


def _may_be_notes(model: Model, texts: Sequence[str]) -> list[bool]:
    """Ask the model's own gate, before sentences are cut; it counts words wherever they stand."""
    bags = [words.bag(text) for text in texts]
    passed: list[bool] = (model.heads.note_odds(bags) >= model.gate.first).tolist()
    return passed


def _here(folder: Path) -> Path:
    """Find a model on this machine, where the one that comes with unflub may lie elsewhere."""
    if not folder.is_dir() and artifact.shipped().name == folder.name:
        return artifact.shipped()
    return folder


def in_order(
    executor: Executor, work: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[R]:
    """Let an executor work on items, of which so many are under way; answers keep their order."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise UnreadableError(
            "a process of the scan was ended, perhaps for want of memory; scan with fewer --jobs"
        ) from None
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def processes(jobs: int) -> Iterator[tuple[Executor | None, int]]:
    """Start so many processes, of which Ctrl-C ends none before its work; one is none at all."""
    if jobs == 1:
        yield None, 1
        return
    # Not fork: the libraries of the model have threads.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(jobs, context, initializer=_ignore_interrupts)
    try:
        yield executor, jobs
    finally:
        executor.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _light(terms: Terms, batch: Sequence[Message]) -> list[Row]:
    """Judge, and leave behind what no row shows and every process would have to carry."""
    return [
        row
        if isinstance(row.verdict, UnreadableError)
        else replace(row, verdict=replace(row.verdict, sentences=Sentences("", "", ())))
        for row in judged(terms, batch)
    ]


def is_own(raw: bytes) -> bool:
    """Tell a warning draft of unflub's, which is never scanned and never learnt from."""
    end = _HEADER_END.search(raw)
    header = raw[: end.start()] if end else raw
    return _OURS.search(header) is not None and recognise(header) is not None


def _row(message: Message, verdict: Verdict | UnreadableError, terms: Terms) -> Row:
    draft = Draft("") if isinstance(verdict, UnreadableError) else verdict.draft
    told = terms.direction or message.direction
    way = told or direction(message.source, message.raw, draft, terms.own)
    if isinstance(verdict, UnreadableError) or not verdict.assessment.passages:
        return Row(message.source, way, verdict)
    wanted = replace(verdict, assessment=only(verdict.assessment, terms.wants))
    return Row(message.source, way, wanted, month=month(message.raw))
