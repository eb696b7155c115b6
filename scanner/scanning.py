"""Messages to rows, in order: here, or spread over the processes of an executor.

An executor is whatever follows `concurrent.futures.Executor`. What is sent to it carries all
it needs, so that a worker may live on another machine that has the same model.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scanner.adapters.single import Message
from scanner.core.assess import Assessment
from scanner.core.draft import Draft, Sentences
from scanner.core.judge import Judge, portions
from scanner.core.report import Row
from scanner.core.verdict import Verdict
from scanner.learning import loading, shelf
from scanner.rows import Terms, judged

if TYPE_CHECKING:  # loaded where needed
    from scanner.core.origin import Direction

# Bytes of mail that are judged together, and how many the smallest message counts for, so
# that rows come as they are ready. To hand a batch over takes as long as a dozen messages, so of
# those there are fewer; one that is full of notes takes a second.
_BATCH = 4 * 1024 * 1024
_LEAST = 64 * 1024
_LEAST_HANDED_OVER = 32 * 1024
# Batches that wait for each worker: enough to keep it busy, few enough to fit the memory.
_WAITING = 2

_NONE = Sentences("", "", ())
_OTHER = Assessment("", "other", 1.0, "none", 0.0, ())

_Sent: TypeAlias = "Row | tuple[str, Direction, str, str, str]"
"""What a worker sends of a message: its row, or where it was turned away what that shows of it."""


def rows(
    messages: Iterable[Message], terms: Terms, executor: Executor | None = None, workers: int = 1
) -> Iterator[Row]:
    """Judge messages, a row each, in their order; unflub's own warning drafts are passed over."""
    least = _LEAST if executor is None else _LEAST_HANDED_OVER
    batches = portions(messages, lambda m: max(len(m.raw), least), _BATCH)
    if executor is None:
        for batch in batches:
            yield from judged(batch, terms, judge(terms))
        return
    from scanner.sharing import in_order

    for made in in_order(executor, partial(_sent, terms), batches, workers * _WAITING):
        yield from map(_arrived, made)


def judge(terms: Terms) -> Judge:
    """Give the judge; the model is loaded once in each process."""
    return loading.judge(_here(terms.model), terms.policy, sift=True)


def _here(named: Path | None) -> Path:
    """Find a model on this machine, where the one that comes with unflub may lie elsewhere."""
    folder = shelf.installed(named)
    if not folder.is_dir() and shelf.shipped().name == folder.name:
        return shelf.shipped()
    return folder


def _sent(terms: Terms, batch: Sequence[Message]) -> list[_Sent]:
    """Judge, and leave behind what no row shows and every process would have to carry."""
    return [_packed(row) for row in judged(batch, terms, judge(terms))]


def _packed(row: Row) -> _Sent:
    verdict = row.judged
    if verdict is None:
        return row
    told, draft = verdict.assessment, verdict.draft
    if told.kind == _OTHER.kind and told.kind_confidence == _OTHER.kind_confidence:
        return row.source, row.direction, draft.text, draft.subject, draft.message_id
    return replace(row, verdict=replace(verdict, sentences=_NONE))


def _arrived(sent: _Sent) -> Row:
    if isinstance(sent, Row):
        return sent
    source, direction, text, subject, message_id = sent
    return Row(source, direction, Verdict(Draft(text, subject, message_id), _NONE, _OTHER))
