"""What the user's own examples can teach: remarks on their labels, and no words that are rare."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from scanner.core.assess import digest
from scanner.core.classify import CATEGORIES
from scanner.core.number import number_of
from scanner.learning import corpus
from scanner.learning.corpus import Example, Merged, Projected
from scanner.learning.features import Mask
from scanner.learning.matrices import Matrix
from scanner.learning.preparing import ReadCorpus

FEW = 10
"""With fewer notes of a sort hardly anything changes, and the change cannot be measured."""

_FEW_SENTENCES = 5
# In words: what is shorter ("I am sorry.") may well be a flub here and none there.
_LONG = 6


def remarks(merged: Merged, yours: Sequence[Projected]) -> Iterator[str]:
    """Say what there is little of, in numbers, and which labels repeat or contradict others.

    Messages are named by file and id, never by their text.
    """
    if yours:
        yield from _too_few(yours)
    yield from corpus.repeated(merged)
    yield from corpus.named("one sentence, here a flub and there none", _contrary(yours))


def without_rare(read: ReadCorpus, yours: Mask, fewest: int) -> ReadCorpus:
    """Leave out of the user's messages the words that fewer than so many messages hold.

    All messages count, the shipped ones as well: what many strangers write says nothing of
    anybody.
    """
    prepared, ordinary = read.prepared, read.ordinary
    columns = [prepared.mail.words.indices, ordinary.words.indices]
    frequency = np.bincount(np.concatenate(columns), minlength=prepared.mail.words.shape[1])
    rare = frequency < fewest
    everything = np.ones(ordinary.sentence_words.shape[0], bool)
    mail = replace(
        prepared.mail,
        words=_dropped(prepared.mail.words, rare, yours),
        sentence_words=_dropped(prepared.mail.sentence_words, rare, yours[prepared.message]),
    )
    theirs = replace(
        ordinary,
        words=_dropped(ordinary.words, rare, np.ones(ordinary.words.shape[0], bool)),
        sentence_words=_dropped(ordinary.sentence_words, rare, everything),
    )
    return replace(read, prepared=replace(prepared, mail=mail), ordinary=theirs)


def _too_few(yours: Sequence[Projected]) -> Iterator[str]:
    counts = Counter(map(_sort, yours))
    short = [f"{counts[sort]} {sort}" for sort in _SORTS if counts[sort] < FEW]
    if short:
        yield (
            f"{number_of(len(yours), 'message')} of your own, of which {', '.join(short)}: "
            f"fewer than {FEW} of a sort teach little, and whether it helped cannot be told"
        )
    flubs = Counter(name for one in yours for name in one.categories if name)
    scarce = [f"{name} {flubs[name]}" for name in CATEGORIES if 0 < flubs[name] < _FEW_SENTENCES]
    if scarce:
        yield (
            f"sentences of a category: {', '.join(scarce)}; "
            f"fewer than {_FEW_SENTENCES} teach little about it"
        )


_SORTS = ("notes with a flub", "clean notes")


def _sort(one: Projected) -> str:
    if one.example.kind == "other":
        return "other messages"
    return _SORTS[0] if any(one.categories) else _SORTS[1]


def _contrary(yours: Sequence[Projected]) -> list[tuple[Example, Example]]:
    """Pair messages that have a sentence in common of which one is called a flub."""
    notes = [one for one in yours if one.example.kind == "thank_you"]
    said: dict[str, dict[bool, Example]] = defaultdict(dict)
    for one in notes:
        for sentence, category in zip(one.sentences.items, one.categories, strict=True):
            if len(sentence.text.split()) >= _LONG:
                said[digest(sentence.text)].setdefault(bool(category), one.example)
    pairs = {(both[True], both[False]): None for both in said.values() if len(both) > 1}
    return list(pairs)


def _dropped(counts: Matrix, columns: Mask, rows: Mask) -> Matrix:
    """Give counts without the entries of these columns in these rows."""
    kept = counts.copy()
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    kept.data[columns[counts.indices] & rows[row]] = 0
    kept.eliminate_zeros()
    return kept
