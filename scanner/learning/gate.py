"""The gate: is a message worth the encoder's time? Words alone tell, in three looks.

And what passes, is it worth all of that time? The encoder's first layers tell.
"""

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
_WEIGHTS = COLUMNS + len(_ONE)
_NUMBERS = 5 + _WEIGHTS

_LENGTH = 3  # the column that tells how many sentences there are
# Up to six sentences a message is short: so, held out, no flub note of the corpus that is warned
# about is turned away. With the line after seven, eight or ten, or with a second line, one to three
# of the longest are.
_SHORT = np.log1p(6.5)

_NOTHING = -1000.0
_SLACK = 1e-3  # sums of one message and of many together differ in the last digit


@dataclass(frozen=True, slots=True)
class Gate:
    """Which messages are read: those for which each look speaks with so much at least.

    All are log-odds. `first` is asked of a message's single words, which cost least, and turns most
    mail away; `closer` of its words and pairs of words; the last of all that a glimpse holds
    (`glimpse`), one by one and in pairs, by `weights`. It asks `short` of messages of six sentences
    at most, and `long` of longer ones: these have more to show that they are notes, and take the
    encoder longest. What passes is read to its end where the encoder's early exit speaks for a note
    with a flub with `exit` at least.
    """

    first: float
    closer: float
    short: float
    long: float
    weights: tuple[float, ...]
    exit: float

    def __post_init__(self) -> None:
        """Refuse what no gate was made with. Raises TypeError."""
        numbers = (self.first, self.closer, self.short, self.long, self.exit, *self.weights)
        if len(numbers) != _NUMBERS or not all(isinstance(one, float) for one in numbers):
            raise TypeError("a gate is five thresholds and a weight of each thing that it weighs")

    def worth(self, glimpses: Floats) -> NDArray[np.float64]:
        """Give the log-odds of the last look, shape (messages,).

        Summed in double precision: large terms of unlike sign may all but cancel, and what is left
        must be the same for one message as for many together.
        """
        worth: NDArray[np.float64] = paired(glimpses).astype(np.float64) @ np.array(self.weights)
        return worth

    def passes(self, glimpses: Floats) -> NDArray[np.bool_]:
        """Mark the messages that are read."""
        last = np.where(_is_short(glimpses), self.short, self.long)
        passed: NDArray[np.bool_] = (
            (glimpses[:, 0] >= self.first)
            & (glimpses[:, -1] >= self.closer)
            & (self.worth(glimpses) >= last)
        )
        return passed

    def reads_on(self, exits: Floats) -> NDArray[np.bool_]:
        """Mark the messages that are read to their end, by what is said of them at the exit."""
        marks: NDArray[np.bool_] = exits >= np.float32(self.exit)
        return marks

    def wider(self, by: float) -> Gate:
        """Give a gate that asks for so much less at each look."""
        return replace(
            self,
            first=self.first - by,
            closer=self.closer - by,
            short=self.short - by,
            long=self.long - by,
        )

    def opened(
        self, glimpses: Floats, hair: float = 0.0, last: float = 0.0, enough: int = 0
    ) -> Gate:
        """Give a gate that messages with these glimpses pass too.

        They pass by so much of a standard deviation of what a look says of them: by a `hair`, and
        at the `last` look by that. There short and long ones count apart, unless there are not
        `enough` of either.
        """
        worth, is_short = self.worth(glimpses), _is_short(glimpses)
        together = min(is_short.sum(), (~is_short).sum()) < enough
        return replace(
            self,
            first=_least(self.first, glimpses[:, 0], hair),
            closer=_least(self.closer, glimpses[:, -1], hair),
            short=_least(self.short, worth[is_short | together], last),
            long=_least(self.long, worth[~is_short | together], last),
        )

    def reading_on(self, exits: Floats, hair: float = 0.0, enough: int = 0) -> Gate:
        """Give a gate with which messages with this said of them at the exit are read on, too.

        By a hair, as in `opened`. Where there is not `enough` of what is said, everything is.
        """
        said = exits[np.isfinite(exits)]
        least = _NOTHING if len(said) < enough else _least(self.exit, said, hair)
        return replace(self, exit=least)


def _least(before: float, odds: Floats | NDArray[np.float64], hair: float) -> float:
    if not len(odds):
        return before
    return min(before, _floor(float(odds.min()) - hair * float(odds.std()) - _SLACK))


def _is_short(glimpses: Floats) -> NDArray[np.bool_]:
    is_short: NDArray[np.bool_] = glimpses[:, _LENGTH] < _SHORT
    return is_short


def _floor(odds: float) -> float:
    return math.floor(1000 * odds) / 1000


def unguarded() -> Gate:
    """Give a gate that turns nothing away."""
    return _asking(_NOTHING, (0.0,) * _WEIGHTS)


def shut(weights: tuple[float, ...]) -> Gate:
    """Give a gate that turns everything away, and leaves everything off, until it is opened."""
    return _asking(math.inf, weights)


def _asking(odds: float, weights: tuple[float, ...]) -> Gate:
    return Gate(odds, odds, odds, odds, weights, odds)


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
