"""The gate: is a message worth the encoder's time? Words alone tell, in two looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanner.learning.words import Floats

_HINTS = 3
_NO_HINT = -6.0
COLUMNS = 3
"""What a glimpse of a message holds: log-odds to be a note, hints of flubs, and its length."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Which messages are read.

    The first look is at a message as a whole, whose words must speak for a note with log-odds
    of `first` at least. The second weighs its glimpse (`glimpse`) by `weights`, and asks for
    `second` at least: it costs more, and most mail does not get that far.
    """

    first: float
    second: float
    weights: tuple[float, ...]

    def worth(self, glimpses: Floats) -> Floats:
        """Give the log-odds of the second look, shape (messages,)."""
        return glimpses @ np.array(self.weights, np.float32)

    def passes(self, glimpses: Floats) -> NDArray[np.bool_]:
        """Mark the messages that are read."""
        passed: NDArray[np.bool_] = (glimpses[:, 0] >= self.first) & (
            self.worth(glimpses) >= self.second
        )
        return passed

    def opened(self, glimpses: Floats) -> Gate:
        """Give a gate that messages with these glimpses pass too."""
        return Gate(
            min([self.first, *glimpses[:, 0].tolist()]),
            min([self.second, *self.worth(glimpses).tolist()]),
            self.weights,
        )


def glimpse(note: float, hints: Floats) -> list[float]:
    """Describe a message by what its words say of it, and those of each of its sentences.

    `note` is the message's log-odds to be a note, `hints` are its sentences' to be a flub, of
    which the highest count. A long message has some by chance, so its length counts too.
    """
    highest = np.sort(hints)[-_HINTS:]
    missing = _HINTS - len(highest)
    return [note, float(highest.sum()) + missing * _NO_HINT, float(np.log1p(len(hints)))]


def glimpses(notes: Sequence[float], hints: Sequence[Floats]) -> Floats:
    """Describe messages, a row each."""
    rows = [glimpse(note, of_one) for note, of_one in zip(notes, hints, strict=True)]
    return np.array(rows, np.float32).reshape(len(rows), COLUMNS)
