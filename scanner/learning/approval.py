"""May a new model take the current one's place? Both were put to the same held-out messages.

It may not where it is worse beyond noise, on the shipped notes or on the user's own, or warns
more beyond noise about mail that needs no warning. What the user says is believed as far as it
goes: labels that are the other way round as a whole are another matter, for then the model
would be right to follow them and wrong about everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import DEFAULT_PRESET
from scanner.learning.features import Mask
from scanner.learning.lessons import FEW
from scanner.learning.measures import (
    CLEAN,
    FEWEST_GROUPS,
    NOTES,
    ORDINARY,
    OTHER,
    SENTENCES,
    Estimate,
    Metric,
    Values,
    difference,
    direction,
    draws,
    shares,
    value,
)
from scanner.learning.trial import NONE, Case, Trial, table

_SURE = 0.975


@dataclass(frozen=True, slots=True)
class Comparison:
    """One number of both models on messages `of` some sort, and its change with the interval.

    `is_yours` marks those of the user's own messages; `count` tells of how many it speaks.
    """

    of: str
    is_yours: bool
    count: int
    metric: Metric
    before: float
    change: Estimate

    @property
    def is_worse(self) -> bool:
        """Whether it got worse beyond noise."""
        return direction(self.metric, self.change) < 0

    @property
    def is_enough(self) -> bool:
        """Whether anything can be told by so many messages; harm is believed of fewer."""
        return self.is_worse or (self.count >= FEW and not isnan(self.change.low))

    @property
    def is_unchanged(self) -> bool:
        """Whether neither the whole nor any draw of it differs."""
        return not any(self.change)

    def __str__(self) -> str:
        """Say it in one line."""
        now = self.before + self.change.value
        spread = f"{self.change.low:+.1%} to {self.change.high:+.1%}"
        if not self.is_enough:
            spread = "too few to tell"
        elif self.is_unchanged:
            spread = "no change"
        return (
            f"{self.metric.name} of {self.of}: {self.before:.1%} before, {now:.1%} now ({spread})"
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found at a preset, and what speaks against the new model, or nothing.

    `elsewhere` says what got worse at other presets, and does not speak against it: of so many
    numbers some are worse by chance.
    """

    preset: str
    comparisons: tuple[Comparison, ...]
    objections: tuple[str, ...]
    elsewhere: tuple[str, ...]


def judged(trial: Trial, preset: str = DEFAULT_PRESET) -> Judgement:
    """Compare both models at the preset that is in use, and look at the others.

    Raises ValueError where the trial has one side alone.
    """
    comparisons = tuple(_comparisons(trial, preset))
    worse = (f"{one} at the preset {preset}" for one in comparisons if one.is_worse)
    elsewhere = (
        f"worse at the preset {name}: {one}"
        for name in trial.presets
        if name != preset
        for one in _comparisons(trial, name)
        if one.is_worse
    )
    return Judgement(preset, comparisons, (*_contrary(trial), *worse), tuple(elsewhere))


def _is_shipped(case: Case) -> bool:
    return not case.is_yours


def _is_your_note(case: Case) -> bool:
    return case.is_yours and not case.is_ordinary


def _is_ordinary(case: Case) -> bool:
    return case.is_ordinary


_COUNTED: Mapping[Metric, Callable[[Case], bool]] = {
    SENTENCES.f1: lambda case: case.is_note,
    NOTES.recall: lambda case: case.is_note and any(case.truth),
    CLEAN: lambda case: case.is_note and not any(case.truth),
    OTHER: lambda case: not case.is_note and not case.is_ordinary,
    ORDINARY: _is_ordinary,
}

_ASKED: tuple[tuple[str, bool, Callable[[Case], bool], tuple[Metric, ...]], ...] = (
    ("the shipped notes", False, _is_shipped, (SENTENCES.f1, NOTES.recall, CLEAN, OTHER)),
    ("your notes", True, _is_your_note, (SENTENCES.f1, CLEAN, OTHER)),
    ("your ordinary mail past the gate", True, _is_ordinary, (ORDINARY,)),
)


def _comparisons(trial: Trial, preset: str) -> Iterator[Comparison]:
    for of, is_yours, wanted, metrics in _ASKED:
        some = trial.only(wanted)
        if some.cases:
            before, after = (table(some.cases, side, preset) for side in some.sides)
            for metric in metrics:
                was = value(before, metric)
                if not isnan(was):
                    count = sum(map(_COUNTED[metric], some.cases))
                    change = difference(before, after, metric)
                    yield Comparison(of, is_yours, count, metric, was, change)


def _contrary(trial: Trial) -> Iterator[str]:
    """Say where the user's labels as a whole are the reverse of what the current model reads."""
    yours = trial.only(_is_your_note)
    if not yours.before or not yours.cases:
        return
    rows = table(yours.cases, yours.before, DEFAULT_PRESET)
    kinds = np.array([said.thank_you for said in yours.before.said])
    notes = rows.in_note
    looks = (
        (
            "a flub",
            _is_reversed(rows.sentence_group[notes], rows.chance[notes], rows.truth[notes] != NONE),
        ),
        ("a note", _is_reversed(rows.group, kinds, rows.is_note)),
    )
    for what, is_reversed in looks:
        if is_reversed:
            yield (
                f"what your labels call {what} looks less like one than what they do not: "
                "they seem to be the wrong way round"
            )


def _is_reversed(group: NDArray[np.int64], said: Values, truth: Mask) -> bool:
    """Tell whether what is true is said to be less likely than what is not, beyond noise."""
    _, group = np.unique(group, return_inverse=True)
    count = int(group.max(initial=-1)) + 1
    if count < FEWEST_GROUPS or truth.all() or not truth.any():
        return False
    drawn = draws(count)
    means = []
    for marks in (truth, ~truth):
        total = drawn @ np.bincount(group[marks], said[marks], count)
        number = drawn @ np.bincount(group[marks], minlength=count)
        means.append(shares(total, number))
    return bool(np.nanquantile(means[0] - means[1], _SURE) < 0)
