"""The gate: is a message worth the encoder's time? Words alone tell, in three looks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanner.learning.words import Floats

_HINTS = 3
_NO_HINT = -6.0
_SCALE = 0.25  # brings what a glimpse holds to about one, for one penalty on all of it
COLUMNS = 5
"""What a glimpse of a message holds: see `glimpse`."""

_ONE, _OTHER = np.triu_indices(COLUMNS)
_NUMBERS = 3 + COLUMNS + len(_ONE)

_NOTHING = -1000.0
_SLACK = 1e-3  # sums of one message and of many together differ in the last digit


@dataclass(frozen=True, slots=True)
class Gate:
    """Which messages are read: those for which each look speaks with so much at least.

    All are log-odds. `first` is asked of a message's single words, which cost least, and turns most
    mail away; `closer` of its words and pairs of words; `last` of all that a glimpse holds
    (`glimpse`), one by one and in pairs, by `weights`.
    """

    first: float
    closer: float
    last: float
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what no gate was made with. Raises TypeError."""
        numbers = (self.first, self.closer, self.last, *self.weights)
        if len(numbers) != _NUMBERS or not all(isinstance(one, float) for one in numbers):
            raise TypeError("a gate is three thresholds and a weight of each thing that it weighs")

    def worth(self, glimpses: Floats) -> Floats:
        """Give the log-odds of the last look, shape (messages,)."""
        worth: Floats = paired(glimpses) @ np.array(self.weights, np.float32)
        return worth

    def passes(self, glimpses: Floats) -> NDArray[np.bool_]:
        """Mark the messages that are read."""
        passed: NDArray[np.bool_] = (
            (glimpses[:, 0] >= self.first)
            & (glimpses[:, -1] >= self.closer)
            & (self.worth(glimpses) >= self.last)
        )
        return passed

    def wider(self, by: float) -> Gate:
        """Give a gate that asks for so much less at each look."""
        return replace(self, first=self.first - by, closer=self.closer - by, last=self.last - by)

    def opened(self, glimpses: Floats, hair: float = 0.0) -> Gate:
        """Give a gate that messages with these glimpses pass too.

        They pass by so much of a standard deviation of what each look says of them.
        """

        def least(before: float, odds: Floats) -> float:
            if not len(odds):
                return before
            return min(before, _floor(float(odds.min()) - hair * float(odds.std()) - _SLACK))

        return Gate(
            least(self.first, glimpses[:, 0]),
            least(self.closer, glimpses[:, -1]),
            least(self.last, self.worth(glimpses)),
            self.weights,
        )


def _floor(odds: float) -> float:
    return math.floor(1000 * odds) / 1000


def unguarded() -> Gate:
    """Give a gate that turns nothing away."""
    return Gate(_NOTHING, _NOTHING, _NOTHING, (0.0,) * (COLUMNS + len(_ONE)))


def paired(glimpses: Floats) -> Floats:
    """Give glimpses and the products of each two of their columns, scaled."""
    scaled = _SCALE * glimpses
    return np.hstack([scaled, scaled[:, _ONE] * scaled[:, _OTHER]])


def glimpse(first: float, note: float, hints: Floats, closer: float) -> list[float]:
    """Describe a message by what its words say of it, and those of each of its sentences.

    `first` and `note` are the message's log-odds to be a note, by its single words and by pairs as
    well; `hints` are its sentences' to be a flub, of which the highest count. A long message has
    some by chance, so its length counts too. `closer` is the message's log-odds to be a flub note
    and not mail that sounds like one.
    """
    highest = np.sort(hints)[-_HINTS:]
    missing = _HINTS - len(highest)
    hinted = float(highest.sum()) + missing * _NO_HINT
    return [first, note, hinted, float(np.log1p(len(hints))), closer]


def glimpses(
    first: Iterable[float], notes: Iterable[float], hints: Sequence[Floats], closer: Iterable[float]
) -> Floats:
    """Describe messages, a row each."""
    rows = [glimpse(*of_one) for of_one in zip(first, notes, hints, closer, strict=True)]
    return np.array(rows, np.float32).reshape(len(rows), COLUMNS)
