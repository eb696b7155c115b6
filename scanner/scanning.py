"""Messages to rows, in order: here, or spread over the processes of an executor.

An executor is whatever follows `concurrent.futures.Executor`. What is sent to it carries all
it needs, so that a worker may live on another machine that has the same model.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from scanner import itself
from scanner.adapters import secrecy
from scanner.adapters.single import Message
from scanner.core.draft import Sentences
from scanner.core.judge import Judge, portions
from scanner.core.report import Row
from scanner.errors import UnreadableError
from scanner.learning import judges, shelf
from scanner.rows import Terms, judged

T = TypeVar("T")
R = TypeVar("R")

# Bytes of mail that are judged together, and how many the smallest message counts for, so
# that rows come as they are ready.
_BATCH = 4 * 1024 * 1024
_LEAST = 64 * 1024
# Batches that wait for each process: enough to keep it busy, few enough to fit the memory.
_WAITING = 2


def rows(
    messages: Iterable[Message], terms: Terms, executor: Executor | None = None, jobs: int = 1
) -> Iterator[Row]:
    """Judge messages, a row each, in their order; unflub's own warning drafts are passed over."""
    batches = portions(messages, lambda m: max(len(m.raw), _LEAST), _BATCH)
    if executor is None:
        for batch in batches:
            yield from judged(batch, terms, judge(terms))
    else:
        for made in in_order(executor, partial(_light, terms), batches, jobs * _WAITING):
            yield from made


def judge(terms: Terms) -> Judge:
    """Give the judge; the model is loaded once in each process."""
    return judges.judge(_here(terms.model), terms.policy, sift=True)


def _here(named: Path | None) -> Path:
    """Find a model on this machine, where the one that comes with unflub may lie elsewhere."""
    folder = shelf.installed(named)
    if not folder.is_dir() and shelf.shipped().name == folder.name:
        return shelf.shipped()
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
    itself.heed_in_workers()
    executor = _Processes(jobs, context, initializer=_begin)
    try:
        yield executor, jobs
    finally:
        executor.shutdown(cancel_futures=True)


class _Processes(ProcessPoolExecutor):
    """Processes that begin, where there is work for one more, deaf to Ctrl-C.

    It reaches all that run in a terminal, and until `_begin` is loaded it would end
    them, each with a traceback.
    """

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have work done by a process, as ever; a Ctrl-C of this moment comes just after it."""
        if sys.platform == "win32":
            return super().submit(*args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which is inherited
        try:
            return super().submit(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    secrecy.no_words_of_libraries()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _light(terms: Terms, batch: Sequence[Message]) -> list[Row]:
    """Judge, and leave behind what no row shows and every process would have to carry."""
    return [
        replace(row, verdict=replace(row.judged, sentences=Sentences("", "", ())))
        if row.judged
        else row
        for row in judged(batch, terms, judge(terms))
    ]
