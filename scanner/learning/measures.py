"""Numbers of a trial, each with the interval that chance alone would spread it over.

Whole groups are drawn again and again, with replacement, as many as there are (the bootstrap
of Efron, 1979, by clusters): notes of one writer are alike, and taken one by one they would
make every interval too narrow. Both sides of a trial are given the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isnan, nan
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES
from scanner.learning.corpus import SEED
from scanner.learning.features import Mask
from scanner.learning.trial import NONE, Table

_ROUNDS = 1000

FEWEST_GROUPS = 5
"""Of fewer groups no interval is told: the draws would hardly differ."""

BINS = 10
"""Stated probabilities are looked at by tenths."""

_CONFIDENCE = 0.95
_MATTERS = 0.005  # half a point: less nobody would notice

Values: TypeAlias = NDArray[np.float64]
"""A value a draw; not a number where there is nothing to divide by."""


class Estimate(NamedTuple):
    """A value and its interval of 95 %, which is not a number (nan) where groups are too few."""

    value: float
    low: float
    high: float

    @property
    def has_width(self) -> bool:
        """Whether chance moves it: equal values drawn again stay equal, which is no certainty."""
        return self.low < self.high


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of one side: `of` takes its table and how often each group was drawn in each draw.

    The latter has the shape (draws, groups); out come as many values as draws. `is_share` marks
    numbers between 0 and 1 that read best in per cent.
    """

    name: str
    of: Callable[[Table, Values], Values]
    higher_is_better: bool = True
    is_share: bool = True


def value(rows: Table, metric: Metric) -> float:
    """Measure one side; not a number where there is nothing to divide by."""
    return float(metric.of(rows, np.ones((1, rows.groups)))[0])


def estimate(rows: Table, metric: Metric) -> Estimate:
    """Measure one side, and how far chance would move the number."""
    drawn = metric.of(rows, draws(rows.groups))
    return _interval(value(rows, metric), drawn, rows.groups)


def difference(before: Table, after: Table, metric: Metric) -> Estimate:
    """Give by how much a number of the same cases grew, and the interval of that.

    The same groups are drawn for both sides, so that a hard draw is hard for both. An interval
    that holds 0 means that chance may have made the difference.
    """
    drawn = draws(before.groups)
    whole = value(after, metric) - value(before, metric)
    return _interval(whole, metric.of(after, drawn) - metric.of(before, drawn), before.groups)


def direction(metric: Metric, change: Estimate) -> int:
    """Give 1 where a change is for the better, -1 where it is for the worse.

    It is 0 where the change may be chance, or is too small to matter, however sure it is.
    """
    if abs(change.value) < _MATTERS or change.low <= 0 <= change.high or isnan(change.low):
        return 0
    return 1 if (change.low > 0) == metric.higher_is_better else -1


@cache
def draws(groups: int) -> Values:
    """Draw as many groups as there are, again and again: how often each was drawn."""
    chance = np.random.default_rng(SEED)
    if not groups:
        return np.zeros((_ROUNDS, 0))
    return chance.multinomial(groups, np.full(groups, 1 / groups), size=_ROUNDS).astype(float)


def _interval(whole: float, drawn: Values, groups: int) -> Estimate:
    told = drawn[~np.isnan(drawn)]
    if groups < FEWEST_GROUPS or not len(told):
        return Estimate(whole, nan, nan)
    low, high = np.quantile(told, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
    return Estimate(whole, float(low), float(high))


def _of_messages(rows: Table, marks: Mask, drawn: Values) -> Values:
    return drawn @ np.bincount(rows.group, marks, rows.groups)


def _of_sentences(rows: Table, values: Mask | Values, drawn: Values) -> Values:
    return drawn @ np.bincount(rows.sentence_group, values, rows.groups)


def shares(part: Values, whole: Values) -> Values:
    """Divide; not a number where there is nothing to divide by."""
    divided: Values = np.divide(part, whole, out=np.full(len(whole), nan), where=whole > 0)
    return divided


def _f1(right: Values, shown: Values, there: Values) -> Values:
    return shares(2 * right, shown + there)


_Counts: TypeAlias = Callable[[Table, Values], tuple[Values, Values, Values]]
"""Gives how many are rightly shown, shown, and there."""


def _sentences(rows: Table, drawn: Values) -> tuple[Values, Values, Values]:
    shown, there = (rows.said != NONE) & rows.counts, rows.truth != NONE
    return (
        _of_sentences(rows, shown & there, drawn),
        _of_sentences(rows, shown, drawn),
        _of_sentences(rows, there, drawn),
    )


def _messages(rows: Table, drawn: Values) -> tuple[Values, Values, Values]:
    shown = rows.is_warned & ~rows.is_ordinary
    return (
        _of_messages(rows, shown & rows.has_flub, drawn),
        _of_messages(rows, shown, drawn),
        _of_messages(rows, rows.has_flub, drawn),
    )


def _of_category(number: int) -> _Counts:
    def counts(rows: Table, drawn: Values) -> tuple[Values, Values, Values]:
        shown, there = (rows.said == number) & rows.counts, rows.truth == number
        return (
            _of_sentences(rows, shown & there, drawn),
            _of_sentences(rows, shown, drawn),
            _of_sentences(rows, there, drawn),
        )

    return counts


class Three(NamedTuple):
    """Precision, recall and F1 of one sort of sentence or message."""

    precision: Metric
    recall: Metric
    f1: Metric


def _three(name: str, counts: _Counts) -> Three:
    """Give the three metrics of what `counts` counts."""

    def precision(rows: Table, drawn: Values) -> Values:
        right, shown, _ = counts(rows, drawn)
        return shares(right, shown)

    def recall(rows: Table, drawn: Values) -> Values:
        right, _, there = counts(rows, drawn)
        return shares(right, there)

    def f1(rows: Table, drawn: Values) -> Values:
        return _f1(*counts(rows, drawn))

    return Three(
        Metric(f"{name} precision", precision),
        Metric(f"{name} recall", recall),
        Metric(f"{name} F1", f1),
    )


def _warned(wanted: Callable[[Table], Mask]) -> Callable[[Table, Values], Values]:
    def share(rows: Table, drawn: Values) -> Values:
        there = wanted(rows)
        warned = _of_messages(rows, there & rows.is_warned, drawn)
        return shares(warned, _of_messages(rows, there, drawn))

    return share


def _average_precision(rows: Table, drawn: Values) -> Values:
    """Give the mean precision over all flub sentences of notes, ranked by probability."""
    places = np.flatnonzero(rows.in_note)
    places = places[np.argsort(-rows.chance[places], kind="stable")]
    truth, group = rows.truth[places] != NONE, rows.sentence_group[places]
    ends = np.flatnonzero(np.diff(rows.chance[places], append=-1.0))  # equals rank together
    return np.array([_ranked(weights[group], truth, ends) for weights in drawn])


def _ranked(weights: Values, truth: Mask, ends: NDArray[np.int64]) -> float:
    seen, found = np.cumsum(weights)[ends], np.cumsum(weights * truth)[ends]
    if not len(ends) or not found[-1]:
        return nan
    precision = np.divide(found, seen, out=np.zeros(len(ends)), where=seen > 0)
    return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])


def binned(chances: Values) -> NDArray[np.int64]:
    """Give the bin of each probability, from 0 on."""
    return np.minimum((chances * BINS).astype(np.int64), BINS - 1)


def _calibration_error(rows: Table, drawn: Values) -> Values:
    """Give how far stated probabilities lie from what came true, on average, in ten bins."""
    notes = rows.in_note
    bins = binned(rows.chance)
    gaps = [
        _of_sentences(rows, (rows.chance - (rows.truth != NONE)) * notes * (bins == n), drawn)
        for n in range(BINS)
    ]
    return shares(np.abs(gaps).sum(axis=0), _of_sentences(rows, notes, drawn))


def _macro_f1(rows: Table, drawn: Values) -> Values:
    columns = [_f1(*_of_category(n)(rows, drawn)) for n in range(len(CATEGORIES))]
    return np.array(np.nan_to_num(columns).mean(axis=0), float)


SENTENCES = _three("sentence", _sentences)
"""Of the flub sentences."""

NOTES = _three("note", _messages)
"""Of messages: warned about, and with a flub in them."""

CLEAN = Metric(
    "clean notes warned about",
    _warned(lambda rows: rows.is_note & ~rows.has_flub),
    higher_is_better=False,
)
OTHER = Metric(
    "other mail warned about",
    _warned(lambda rows: ~rows.is_note & ~rows.is_ordinary),
    higher_is_better=False,
)
ORDINARY = Metric(
    "ordinary mail warned about", _warned(lambda rows: rows.is_ordinary), higher_is_better=False
)

AVERAGE_PRECISION = Metric("average precision", _average_precision, is_share=False)
"""How well all sentences of notes are ranked, whatever the preset."""

CALIBRATION = Metric(
    "calibration error", _calibration_error, higher_is_better=False, is_share=False
)
MACRO_F1 = Metric("macro F1 of categories", _macro_f1)

BY_CATEGORY: Mapping[str, Three] = {
    name: _three(name, _of_category(number)) for number, name in enumerate(CATEGORIES)
}
"""Of each category: a sentence counts when its category is right, too."""

ALL = (*SENTENCES, *NOTES, CLEAN, OTHER, ORDINARY, AVERAGE_PRECISION, CALIBRATION, MACRO_F1)
