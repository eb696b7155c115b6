"""Two models before the same messages, which neither of them has learnt from.

`measures` turns a trial into numbers, `report` into a page. Nothing here knows how the
messages were held out; `groups` says which of them may not be parted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES, Predictions, Thresholds
from scanner.learning.corpus import Projected
from scanner.learning.features import Mask

NONE = -1
"""Stands where a sentence has no category."""


@dataclass(frozen=True, slots=True)
class Case:
    """One held-out message, and what is true of it.

    `group` names what may not be parted (a writer, near-duplicates): groups are resampled
    whole. `texts` are its sentences and `truth` the category of each that is a flub, else
    None. `is_yours` marks the user's own notes, `is_ordinary` everyday mail that nobody
    labelled: it holds no notes, so every warning about it is false, and it counts for nothing else.
    """

    id: str
    writer: str
    group: str
    is_note: bool
    texts: tuple[str, ...]
    truth: tuple[str | None, ...]
    is_yours: bool = False
    is_ordinary: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """What one model said of every case, in their order, and the presets it was read with.

    A model that was made anew for each part held out has thresholds for each: there is one
    mapping from presets a case, which is often the same object.
    """

    name: str
    said: tuple[Predictions, ...]
    thresholds: tuple[Mapping[str, Thresholds], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """The cases, and both sides; `before` is None where a model is measured by itself."""

    cases: tuple[Case, ...]
    before: Side | None
    after: Side

    def __post_init__(self) -> None:
        """Raise ValueError where the sides are not about these cases, sentence by sentence."""
        for side in self.sides:
            pairs = zip(self.cases, side.said, side.thresholds, strict=True)
            if any(len(case.truth) != len(said.sentences) for case, said, _ in pairs):
                raise ValueError(f"{side.name} was asked about other sentences")

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides there are, the earlier one first."""
        return (self.before, self.after) if self.before else (self.after,)

    @property
    def presets(self) -> tuple[str, ...]:
        """The presets that the model afterwards has."""
        return tuple(self.after.thresholds[0]) if self.cases else ()

    def only(self, wanted: Callable[[Case], bool]) -> Trial:
        """Give the same of some cases."""
        places = [n for n, case in enumerate(self.cases) if wanted(case)]
        sides = [_picked(side, places) for side in self.sides]
        before = sides[0] if self.before else None
        return Trial(tuple(self.cases[n] for n in places), before, sides[-1])


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence whose verdict differs: `was` and `now` tell whether it was shown as a flub.

    `chances` are its probabilities to be one, before and after.
    """

    case: Case
    place: int
    was: bool
    now: bool
    chances: tuple[float, float]

    @property
    def text(self) -> str:
        """The sentence."""
        return self.case.texts[self.place]

    @property
    def truth(self) -> str | None:
        """Its category, or None where it is no flub."""
        return self.case.truth[self.place]

    @property
    def is_better(self) -> bool:
        """Whether the new verdict is the right one."""
        return self.now == (self.truth is not None)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A sentence that one side gets wrong, with its probability to be a flub."""

    case: Case
    place: int
    chance: float

    @property
    def text(self) -> str:
        """The sentence."""
        return self.case.texts[self.place]

    @property
    def truth(self) -> str | None:
        """Its category where it is a flub that is not shown, or None where it is none."""
        return self.case.truth[self.place]


@dataclass(frozen=True, slots=True)
class Table:
    """One side's verdicts at one preset as arrays, a row a message and a row a sentence.

    `group` and `message` are indices. Messages: `is_note`, `is_ordinary`, `has_flub` and
    `is_warned`. Sentences: their `truth` and verdict `said`, numbers of CATEGORIES or NONE,
    `chance` to be a flub, `guess` (the category, were it one), and whether they `counts`:
    those of everyday mail that nobody labelled do not.
    """

    groups: int
    group: NDArray[np.int64]
    is_note: Mask
    is_ordinary: Mask
    has_flub: Mask
    is_warned: Mask
    message: NDArray[np.int64]
    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    guess: NDArray[np.int64]
    chance: NDArray[np.float64]

    @property
    def sentence_group(self) -> NDArray[np.int64]:
        """Each sentence's group."""
        return self.group[self.message]

    @property
    def counts(self) -> Mask:
        """Marks the sentences of labelled messages."""
        return ~self.is_ordinary[self.message]

    @property
    def in_note(self) -> Mask:
        """Marks the sentences of true notes."""
        return self.is_note[self.message]


def table(cases: Sequence[Case], side: Side, preset: str) -> Table:
    """Lay out what a side says at a preset."""
    shown = [at[preset].flagged(said) for said, at in zip(side.said, side.thresholds, strict=True)]
    names = sorted({case.group for case in cases})
    numbers = dict(zip(names, range(len(names)), strict=True))
    flags = np.array([flag for flags in shown for flag in flags], bool)
    guess = _numbers(s.category for said in side.said for s in said.sentences)
    return Table(
        groups=len(names),
        group=np.array([numbers[case.group] for case in cases], np.int64),
        is_note=np.array([case.is_note for case in cases], bool),
        is_ordinary=np.array([case.is_ordinary for case in cases], bool),
        has_flub=np.array([any(case.truth) for case in cases], bool),
        is_warned=np.array([any(flags) for flags in shown], bool),
        message=np.repeat(np.arange(len(cases)), [len(case.truth) for case in cases]),
        truth=_numbers(category for case in cases for category in case.truth),
        said=np.where(flags, guess, NONE),
        guess=guess,
        chance=np.array([s.probability for said in side.said for s in said.sentences], float),
    )


def changed(trial: Trial, preset: str) -> list[Change]:
    """List the sentences that are shown by one side alone, those of greatest change first."""
    if not trial.before:
        return []
    sides = (
        zip(trial.before.said, trial.before.thresholds, strict=True),
        zip(trial.after.said, trial.after.thresholds, strict=True),
    )
    found = [
        Change(case, place, was, now, chances)
        for case, (earlier, was_at), (later, now_at) in zip(trial.cases, *sides, strict=True)
        for place, (was, now, chances) in enumerate(
            zip(
                was_at[preset].flagged(earlier),
                now_at[preset].flagged(later),
                _chances(earlier, later),
                strict=True,
            )
        )
        if was != now
    ]
    return sorted(found, key=lambda one: -abs(one.chances[1] - one.chances[0]))


def mistakes(cases: Sequence[Case], side: Side, preset: str) -> list[Mistake]:
    """List the sentences shown that are no flubs, and the flubs not shown; the surest first."""
    found = [
        Mistake(case, place, said.sentences[place].probability)
        for case, said, at in zip(cases, side.said, side.thresholds, strict=True)
        for place, shown in enumerate(at[preset].flagged(said))
        if shown != (case.truth[place] is not None)
    ]
    return sorted(found, key=lambda one: one.chance if one.truth else -one.chance)


def cases(messages: Sequence[Projected], groups: Sequence[str]) -> Iterator[Case]:
    """Make labelled messages cases; `groups` is what `groups.grouped` says of them."""
    for message, group in zip(messages, groups, strict=True):
        yield Case(
            id=message.example.id,
            writer=message.example.writer,
            group=str(group),
            is_note=message.example.kind == "thank_you",
            texts=tuple(sentence.text for sentence in message.sentences.items),
            truth=message.categories,
        )


def side(name: str, said: Sequence[Predictions], at: Mapping[str, Thresholds]) -> Side:
    """Give the side of a model that has the same thresholds for every case."""
    return Side(name, tuple(said), tuple(repeat(at, len(said))))


def _picked(side: Side, places: Sequence[int]) -> Side:
    return Side(
        side.name, tuple(side.said[n] for n in places), tuple(side.thresholds[n] for n in places)
    )


def _chances(earlier: Predictions, later: Predictions) -> list[tuple[float, float]]:
    pairs = zip(earlier.sentences, later.sentences, strict=True)
    return [(one.probability, other.probability) for one, other in pairs]


def _numbers(categories: Iterator[str | None]) -> NDArray[np.int64]:
    return np.array(
        [NONE if one is None else CATEGORIES.index(one) for one in categories], np.int64
    )
