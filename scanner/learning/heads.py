"""The linear heads on top of the encoder, as plain arrays: the verdict needs no scikit-learn.

`train` fits them with scikit-learn and exports them here; a test holds both to the same
answers. Each head weighs what the encoder says (dense columns) and the hashed words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.core.draft import Sentences
from scanner.learning import features, words
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


def never(idf: Floats) -> Head:
    """Give a head that says no to everything."""
    columns = features.FLUB_COLUMNS
    return Head(
        idf,
        np.zeros((1, words.COLUMNS), np.float32),
        np.zeros((1, columns), np.float32),
        np.full(1, NEVER, np.float32),
    )


@dataclass(frozen=True, slots=True)
class Heads:
    """The questions: is it a note, a flub, and of which category.

    `note` and `hint` answer the first two by words alone; they are asked before the encoder is,
    and so is `closer`: a note with a flub, or ordinary mail that sounds like a note? `first` comes
    before all of them. `folded` is asked of a note with a flub: is it folded in?
    """

    first: First
    note: Head
    closer: Head
    hint: Head
    kind: Head
    flub: Head
    category: Head
    folded: Head

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
        dense = features.of_sentences(message, reading)
        chances = expit(self.flub.odds(bags, dense)[:, 0])
        return chances, self.category.odds(bags, dense).argmax(axis=1).tolist()


_FIRST, _NAMES = "first", ("note", "closer", "hint", "kind", "flub", "category", "folded")
# Heads of the same words of the same messages weigh them by the same frequencies.
_IDF_OF = {"kind": "note", "folded": "note"}
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


def expit(odds: Floats) -> Floats:
    """Turn log-odds into probabilities."""
    result: Floats = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return result


def as_arrays(heads: Heads) -> dict[str, Any]:
    """Name every array, for `numpy.savez`."""
    return {
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
        parts = {
            part: made[_IDF_OF[name]].idf
            if part == "idf" and name in _IDF_OF
            else arrays[f"{name}.{part}"].astype(np.float32)
            for part in Head._fields
        }
        made[name] = Head(**parts)
    return Heads(first, **made)


def _first(arrays: Mapping[str, Any]) -> First:
    weights, step, intercept = (arrays[f"{_FIRST}.{part}"] for part in First._fields)
    if weights.shape != (words.COLUMNS,) or weights.dtype != np.int8:
        raise ValueError("each column of single words has a weight of a byte")
    return First(weights, float(step), float(intercept))
