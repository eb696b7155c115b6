"""The gate: is a message worth the encoder's time? Words alone tell, in three looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanner.learning.words import Floats

_HINTS = 3
_NO_HINT = -6.0
COLUMNS = 4
"""What a glimpse of a message holds: see `glimpse`."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Which messages are read.

    The first look is at a message as a whole, whose words must speak for a note with log-odds
    of `first` at least, and then, closer, for a note with a flub with `closer`. The second weighs
    its glimpse (`glimpse`) by `weights`, and asks for `second` at least: it costs more, and most
    mail does not get that far.
    """

    first: float
    closer: float
    second: float
    weights: tuple[float, ...]

    def worth(self, glimpses: Floats) -> Floats:
        """Give the log-odds of the second look, shape (messages,)."""
        return glimpses[:, : len(self.weights)] @ np.array(self.weights, np.float32)

    def passes(self, glimpses: Floats) -> NDArray[np.bool_]:
        """Mark the messages that are read."""
        passed: NDArray[np.bool_] = (
            (glimpses[:, 0] >= self.first)
            & (glimpses[:, -1] >= self.closer)
            & (self.worth(glimpses) >= self.second)
        )
        return passed

    def narrowed(self, closer: float) -> Gate:
        """Give a gate whose closer look asks for that much at least."""
        return replace(self, closer=max(self.closer, closer))

    def opened(self, glimpses: Floats) -> Gate:
        """Give a gate that messages with these glimpses pass too."""
        return Gate(
            min([self.first, *glimpses[:, 0].tolist()]),
            min([self.closer, *glimpses[:, -1].tolist()]),
            min([self.second, *self.worth(glimpses).tolist()]),
            self.weights,
        )


def glimpse(note: float, hints: Floats, closer: float) -> list[float]:
    """Describe a message by what its words say of it, and those of each of its sentences.

    `note` is the message's log-odds to be a note, `hints` are its sentences' to be a flub, of
    which the highest count. A long message has some by chance, so its length counts too.
    `closer` is the message's log-odds to be a flub note and not mail that sounds like one.
    """
    highest = np.sort(hints)[-_HINTS:]
    missing = _HINTS - len(highest)
    hinted = float(highest.sum()) + missing * _NO_HINT
    return [note, hinted, float(np.log1p(len(hints))), closer]


def glimpses(notes: Sequence[float], hints: Sequence[Floats], closer: Sequence[float]) -> Floats:
    """Describe messages, a row each."""
    rows = [glimpse(*of_one) for of_one in zip(notes, hints, closer, strict=True)]
    return np.array(rows, np.float32).reshape(len(rows), COLUMNS)
