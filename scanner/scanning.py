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

from scanner.adapters.single import Message
from scanner.core.draft import Sentences
from scanner.core.judge import Judge, portions
from scanner.core.report import Row
from scanner.learning import loading, shelf
from scanner.rows import Terms, judged

# Bytes of mail that are judged together, and how many the smallest message counts for, so
# that rows come as they are ready.
_BATCH = 4 * 1024 * 1024
_LEAST = 64 * 1024
# Batches that wait for each worker: enough to keep it busy, few enough to fit the memory.
_WAITING = 2

_NONE = Sentences("", "", ())


def rows(
    messages: Iterable[Message], terms: Terms, executor: Executor | None = None, workers: int = 1
) -> Iterator[Row]:
    """Judge messages, a row each, in their order; unflub's own warning drafts are passed over."""
    batches = portions(messages, lambda m: max(len(m.raw), _LEAST), _BATCH)
    if executor is None:
        for batch in batches:
            yield from judged(batch, terms, judge(terms))
        return
    from scanner.sharing import in_order

    for made in in_order(executor, partial(_light, terms), batches, workers * _WAITING):
        yield from made


def judge(terms: Terms) -> Judge:
    """Give the judge; the model is loaded once in each process."""
    return loading.judge(_here(terms.model), terms.policy, sift=True)


def _here(named: Path | None) -> Path:
    """Find a model on this machine, where the one that comes with unflub may lie elsewhere."""
    folder = shelf.installed(named)
    if not folder.is_dir() and shelf.shipped().name == folder.name:
        return shelf.shipped()
    return folder


def _light(terms: Terms, batch: Sequence[Message]) -> list[Row]:
    """Judge, and leave behind what no row shows and every process would have to carry."""
    return [
        replace(row, verdict=replace(row.judged, sentences=_NONE)) if row.judged else row
        for row in judged(batch, terms, judge(terms))
    ]
