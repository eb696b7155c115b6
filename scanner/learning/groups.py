"""Which messages may not be parted: learning from one would tell the answer of the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scanner.core.draft import Sentences
from scanner.learning.corpus import SEED, Projected
from scanner.learning.features import Mask
from scanner.learning.words import message_text, normalised

SIMILAR = 0.5
"""From which share of common runs of three words on (Jaccard) two messages are near-duplicates."""

_RUN = 3
_BANDS, _ROWS = 32, 4  # of messages half alike 87 % are found, of those 60 % alike 99 %
_PRIME = (1 << 31) - 1

_Pair = tuple[int, int]


def grouped(messages: Sequence[Projected], anonymous: Collection[str] = ()) -> NDArray[np.str_]:
    """Name each message's group: all of one writer, of one pair, and near-duplicates.

    `anonymous` lists those `writer`s that are but the name of a file (an export of notes by
    many people): its messages are parted unless they are alike. Near-duplicates are found by
    MinHash (Broder, 1997) and then compared run by run.
    """
    alike = _alike([message.sentences for message in messages])
    parts = _parts(len(messages), [*_named(messages, anonymous), *alike])
    _, first, part = np.unique(parts, return_index=True, return_inverse=True)
    names = [_name(messages[n], n, anonymous) for n in first.tolist()]
    return np.array([names[n] for n in part.tolist()], np.str_)


def of_mail(messages: Sequence[Sentences], names: Sequence[str]) -> NDArray[np.str_]:
    """Name the groups of mail that nobody labelled: near-duplicates, by the least of their names.

    So a group is called the same in whatever order its messages come.
    """
    parts = _parts(len(messages), list(_alike(messages)))
    least: dict[int, str] = {}
    for part, name in zip(parts.tolist(), names, strict=True):
        least[part] = min(least.get(part, name), name)
    return np.array([least[part] for part in parts.tolist()], np.str_)


def alike(messages: Sequence[Sentences], those: Sequence[Sentences]) -> Mask:
    """Mark the messages that may not be parted from some of those."""
    parts = _parts(len(messages) + len(those), list(_alike([*messages, *those])))
    marked: Mask = np.isin(parts[: len(messages)], parts[len(messages) :])
    return marked


def _parts(size: int, linked: Sequence[_Pair]) -> NDArray[np.int64]:
    """Give what hangs together one number."""
    ends = np.array(linked, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(linked), bool), tuple(ends)), shape=(size, size))
    parts: NDArray[np.int64] = connected_components(graph, directed=False)[1]
    return parts


def similarity(one: frozenset[int], other: frozenset[int]) -> float:
    """Give the share of runs that two messages have in common, of all that they have."""
    return len(one & other) / max(len(one | other), 1)


def runs(message: Sentences) -> frozenset[int]:
    """Hash every run of three words of a message."""
    words = normalised(message_text(message)).lower().split()
    starts = range(max(len(words) - _RUN + 1, 1))
    return frozenset(crc32(" ".join(words[n : n + _RUN]).encode()) % _PRIME for n in starts)


def _name(message: Projected, number: int, anonymous: Collection[str]) -> str:
    writer = message.example.writer
    return f"{writer}#{number}" if writer in anonymous else writer


def _named(messages: Sequence[Projected], anonymous: Collection[str]) -> Iterator[_Pair]:
    """Link the messages of one writer, and of one pair."""
    names: list[Hashable] = []
    for number, message in enumerate(messages):
        one = message.example
        alone = one.writer in anonymous
        names.append((one.writer, one.pair or number) if alone else one.writer)
    return _chained(names)


def _alike(messages: Sequence[Sentences]) -> Iterator[_Pair]:
    """Link near-duplicates."""
    said = [runs(message) for message in messages]
    marks = _marks(said)
    bands = (marks[:, n : n + _ROWS].copy() for n in range(0, marks.shape[1], _ROWS))
    candidates = {pair for band in bands for pair in _chained([row.tobytes() for row in band])}
    for one, other in sorted(candidates):
        if similarity(said[one], said[other]) >= SIMILAR:
            yield one, other


def _marks(said: Sequence[frozenset[int]]) -> NDArray[np.int64]:
    """Give each message's MinHash: the least of its runs in each of many random orders."""
    chance = np.random.default_rng(SEED)
    factors, terms = chance.integers(1, _PRIME, (2, _BANDS * _ROWS))
    rows = [np.fromiter(one, np.int64, len(one)) for one in said]
    orders = ((row[:, None] * factors + terms) % _PRIME for row in rows)
    return np.array([order.min(axis=0) for order in orders]).reshape(len(rows), len(factors))


def _chained(names: Iterable[Hashable]) -> Iterator[_Pair]:
    """Link each to the first of its name and to the one before it: all pairs would be too many."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        found[name].append(number)
    for members in found.values():
        for before, number in pairwise(members):
            yield before, number
            yield members[0], number
