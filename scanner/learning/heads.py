"""The heads on top of the encoder, as plain arrays: the verdict needs no scikit-learn.

`estimators` fits them with scikit-learn and exports them here; a test holds both to the same
answers. Each head weighs what the encoder says (dense columns) and the hashed words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scanner.core.draft import Sentences
from scanner.learning import context, features, words
from scanner.learning.context import Context
from scanner.learning.odds import expit
from scanner.learning.readings import Reading
from scanner.learning.words import Bag, Floats


class Head(NamedTuple):
    """One linear model; each array has a row per answer.

    `dense` weighs the dense columns, `words` the hashed ones after TF-IDF with `idf`.
    """

    idf: Floats
    words: Floats
    dense: Floats
    intercept: Floats

    def odds(self, bags: Sequence[Bag], dense: Floats) -> Floats:
        """Give the log-odds, shape (rows, answers)."""
        said = words.linear(bags, self.idf, self.words).reshape(len(bags), len(self.intercept))
        result: Floats = said + dense @ self.dense.T + self.intercept
        return result


class First(NamedTuple):
    """The gate's first look, whether a message is a note by its single words.

    Each word weighs so many steps; whole numbers add up to the same in any order.
    """

    weights: NDArray[np.int8]
    step: float
    intercept: float

    def odds(self, texts: Sequence[str]) -> list[float]:
        """Give the log-odds of each text."""
        weight = self.weights.data.__getitem__
        return [self.step * sum(map(weight, words.single(text))) + self.intercept for text in texts]


def constant(odds: float, idf: Floats, columns: int, answers: int = 1) -> Head:
    """Give a head over so many dense columns that says the same of everything, in log-odds."""
    return Head(
        idf,
        np.zeros((answers, len(idf)), np.float32),
        np.zeros((answers, columns), np.float32),
        np.full(answers, odds, np.float32),
    )


Ask: TypeAlias = Callable[[Head], Floats]
"""Puts sentences to a head, and gives their log-odds."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The questions: is it a note, a flub, and of which category.

    `note` and `hint` answer the first two by words alone; they are asked before the encoder is,
    and so is `closer`: a note with a flub, or ordinary mail that sounds like a note? `first` comes
    before all of them. Of flubs `context` has the last word, to which `own` adds what the user's
    notes taught. `folded` is asked of a note with a flub: is it folded in?
    """

    first: First
    note: Head
    closer: Head
    hint: Head
    kind: Head
    flub: Head
    category: Head
    folded: Head
    context: Context
    own: Head

    def note_odds(self, bags: Sequence[Bag]) -> Floats:
        """Give each message's log-odds to be a note, by its words alone."""
        return self.note.odds(bags, features.bare(len(bags)))[:, 0]

    def closer_odds(self, bags: Sequence[Bag]) -> Floats:
        """Give each message's log-odds to be a flub note and no mail that sounds like one."""
        return self.closer.odds(bags, features.bare(len(bags)))[:, 0]

    def hints(self, bags: Sequence[Bag]) -> Floats:
        """Give each sentence's log-odds to be a flub, by its words alone."""
        return self.hint.odds(bags, features.bare(len(bags)))[:, 0]

    def kind_probability(
        self, bags: Sequence[Bag], read: Sequence[Reading], notes: Floats
    ) -> Floats:
        """Give each message's probability to be a note: by words, reading, and its note odds."""
        odds = self.kind.odds(bags, features.of_messages(read))[:, 0]
        return kind_probability(odds, notes)

    def folded_probability(self, message: Sentences, bag: Bag, reading: Reading) -> float:
        """Give the probability that the flub of a note, if it has one, is folded in."""
        odds = self.folded.odds([bag], features.of_flubs([message], [reading]))
        return float(expit(odds)[0, 0])

    def sentences(
        self, message: Sentences, bags: Sequence[Bag], reading: Reading
    ) -> tuple[Floats, list[int]]:
        """Give each sentence's probability to be a flub, and the number of its category."""
        dense = features.of_sentences([message], [reading])
        alone = np.zeros(len(bags), np.int64)
        odds = self.flub_odds(lambda head: head.odds(bags, dense)[:, 0], dense, alone)
        return expit(odds), self.category.odds(bags, dense).argmax(axis=1).tolist()

    def flub_odds(self, ask: Ask, dense: Floats, message: NDArray[np.int64]) -> Floats:
        """Give each sentence's log-odds to be a flub; `message` is as in `features.in_context`."""
        return self.context.odds(dense, ask(self.flub), message) + ask(self.own)


_FIRST = "first"
_NAMES = ("note", "closer", "hint", "kind", "flub", "category", "folded", "own")
# Heads of the same words of the same messages weigh them by the same frequencies.
_IDF_OF = {"kind": "note", "folded": "note", "own": "flub"}
# What an array is stored as, where not in single precision; weights of words take half of it.
_STORED: Mapping[str, type] = {"words": np.float16, "idf": np.float16, "weights": np.int8}

NEVER = -80.0
"""The log-odds of what there was no example of."""

# How much surer words alone must be, in log-odds, where they say more than the head for the kind.
_WORDS_ALONE = 1.0


def kind_probability(kind: Floats, note: Floats) -> Floats:
    """Give the probability to be a note from both heads' log-odds: the surer one counts.

    The encoder takes one or another blunt and plain note for other mail that sounds like it;
    where the words alone are sure, they are believed.
    """
    return expit(np.maximum(kind, note - _WORDS_ALONE))


def as_arrays(heads: Heads) -> dict[str, Any]:
    """Name every array, for `numpy.savez`."""
    return context.as_arrays(heads.context) | {
        f"{name}.{part}": np.asarray(array).astype(_STORED.get(part, np.float32))
        for name in (_FIRST, *_NAMES)
        for part, array in getattr(heads, name)._asdict().items()
        if part != "idf" or name not in _IDF_OF
    }


def from_arrays(arrays: Mapping[str, Any]) -> Heads:
    """Put heads together again; raises KeyError or ValueError where arrays are not as they were."""
    first = _first(arrays)
    made: dict[str, Head] = {}
    for name in _NAMES:
        shared = _shared(name, made)
        parts = {
            part: arrays[f"{name}.{part}"].astype(np.float32)
            for part in Head._fields
            if part not in shared
        }
        made[name] = Head(**shared, **parts)
    return Heads(first, **made, context=context.from_arrays(arrays))


def _shared(name: str, made: Mapping[str, Head]) -> dict[str, Floats]:
    return {"idf": made[_IDF_OF[name]].idf} if name in _IDF_OF else {}


def _first(arrays: Mapping[str, Any]) -> First:
    weights, step, intercept = (arrays[f"{_FIRST}.{part}"] for part in First._fields)
    if weights.shape != (words.COLUMNS,) or weights.dtype != np.int8:
        raise ValueError("each column of single words has a weight of a byte")
    return First(weights, float(step), float(intercept))
