"""A trial in words and tables that need no knowledge of machine learning.

`report` puts them on a page beside the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TypeVar

from scanner.core.advice import ADVICE
from scanner.learning import curves, measures, trial
from scanner.learning.measures import Estimate, Metric
from scanner.learning.trial import Case, Change, Mistake, Table, Trial

WORDS: Mapping[str, str] = {
    "Held out": "Nothing was learnt from these messages before they were asked about. Of shipped "
    "notes the writer was kept out, too; of your own only the note and its near-copies, so those "
    "numbers may flatter.",
    "Recall": "Of all that is there, the share that is found.",
    "Precision": "Of all that is shown, the share that is rightly shown.",
    "F1": "Recall and precision in one number: their harmonic mean, high when both are.",
    "Average precision": "How well flub sentences are ranked before others, from 0 to 1, "
    "whatever the preset.",
    "Calibration error": "How far the stated probabilities lie from what comes true, on average. "
    "Less is better.",
    "Give or take": "The small numbers are where the number would lie in 95 of 100 cases if other "
    "writers of the same sort had been at hand. A difference whose range holds 0 may be chance.",
    "Preset": "How much has to speak for a flub before you are warned: cautious warns least, "
    "strict misses least. Once one sentence of a note is shown, less has to speak for its others.",
}
"""What the page explains."""

_PLAIN = {
    measures.NOTES.recall: "notes with a flub that are warned about",
    measures.NOTES.precision: "warnings that are right",
    measures.NOTES.f1: "F1 of notes",
    measures.CLEAN: "clean notes that are warned about",
    measures.OTHER: "other mail that is warned about",
    measures.ORDINARY: "everyday mail that is warned about",
    measures.SENTENCES.recall: "flub sentences that are shown",
    measures.SENTENCES.precision: "sentences shown that are flubs",
    measures.SENTENCES.f1: "F1 of sentences",
    measures.MACRO_F1: "F1 with the right category, mean of the eight",
}
_RANKS = {
    measures.AVERAGE_PRECISION: "average precision",
    measures.CALIBRATION: "calibration error",
}
# What "in short" speaks of: each says something of its own.
_SHORT = (
    measures.NOTES.recall, measures.SENTENCES.recall, measures.SENTENCES.precision,
    measures.CLEAN, measures.OTHER, measures.ORDINARY,
)  # fmt: skip

_MOST = 40
_TOO_FEW = "too few to tell"


@dataclass(frozen=True, slots=True)
class Lines:
    """A list under a title."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A number, and where chance would move it."""

    value: str
    range: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table of numbers."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table of numbers."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The tables of some of the messages."""

    title: str
    about: str
    tables: tuple[Numbers, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, and what is to be said about it."""

    text: str
    about: str


@dataclass(frozen=True, slots=True)
class Quotes:
    """Sentences under a title."""

    title: str
    about: str
    lines: tuple[Quote, ...]


def method(of: Trial) -> str:
    """Say what was measured on what."""
    labelled = [case for case in of.cases if not case.is_ordinary]
    ordinary = len(of.cases) - len(labelled)
    groups = len({case.group for case in labelled})
    asked = "Both models were" if of.before else "The model was"
    beside = f", and {ordinary:,} messages of everyday mail" if ordinary else ""
    yours = ", or notes of your own with their near-copies"
    return (
        f"{asked} asked about {len(labelled):,} labelled messages that were held out from the "
        f"learning: {groups:,} writers{yours if of.before else ''}{beside}."
    )


def short(of: Trial, preset: str) -> list[Lines]:
    """Say what got better, what got worse, and of what that cannot be told.

    Of one side alone: what it reaches.
    """
    return [part for title, some in _parts(of) for part in _short(title, some, preset)]


def _parts(of: Trial) -> list[tuple[str, Trial]]:
    """Give the user's own notes, where there are others, too, and all messages."""
    yours = of.only(lambda case: case.is_yours)
    both = 0 < len(yours.cases) < len(of.cases)
    return [("Your own notes", yours)] * both + [("All held-out messages", of)]


def _short(whose: str, of: Trial, preset: str) -> Iterator[Lines]:
    tables = _tables(of, preset)
    found: dict[str, list[str]] = {}
    for metric in _SHORT:
        reached = [measures.estimate(rows, metric) for rows in tables]
        if isnan(reached[-1].value):
            continue
        said = f"{_PLAIN[metric].capitalize()}: {_whole(_value(metric, reached[-1]))}"
        title = "what it reaches"
        if len(tables) > 1:
            said += f"; before: {_value(metric, reached[0]).value}"
            title = verdict(metric, measures.difference(tables[0], tables[-1], metric))
        found.setdefault(title, []).append(f"{said}.")
    for title in sorted(found, key=_ORDER.index):
        yield Lines(f"{whose}: {title}", tuple(found[title]))


def verdict(metric: Metric, change: Estimate) -> str:
    """Tell whether a difference is beyond chance and worth speaking of, and in which direction."""
    if isnan(change.low):
        return "too few writers to tell"
    return {1: "better", -1: "worse", 0: _NO_DIFFERENCE}[measures.direction(metric, change)]


_NO_DIFFERENCE = "no clear difference"
_ORDER = ("better", "worse", _NO_DIFFERENCE, "too few writers to tell", "what it reaches")


def numbers(of: Trial, first: str) -> list[Group]:
    """Give all numbers of all messages, and of the user's own where there are others, too.

    The preset `first` comes first.
    """
    presets = sorted(of.presets, key=lambda name: name != first)
    *own, (title, everything) = _parts(of)
    return [
        *(_group(name, some, [first]) for name, some in own),
        _group(title, everything, presets),
    ]


def sentences(of: Trial, preset: str) -> list[Quotes]:
    """Quote the sentences whose verdict changed, or those that a single side gets wrong."""
    if of.before:
        found = trial.changed(of, preset)
        return [
            _quotes("Put right", [one for one in found if one.is_better], _changed),
            _quotes("Gone wrong", [one for one in found if not one.is_better], _changed),
        ]
    wrong = trial.mistakes(of.cases, of.after, preset)
    return [
        _quotes("Flubs that it misses", [one for one in wrong if one.truth], _mistaken),
        _quotes("Sentences that it takes for flubs", [x for x in wrong if not x.truth], _mistaken),
    ]


def mixed_up(rows: Table) -> str:
    """Say which categories are most often taken for others."""
    found = curves.mix_ups(curves.confusion(rows))
    pairs = [(true.replace("_", "-"), shown.replace("_", "-"), n) for true, shown, n in found]
    said = "; ".join(f"{true} shown as {shown} ({count})" for true, shown, count in pairs)
    return f"Most often mixed up: {said}." if said else "No category is taken for another."


def _tables(of: Trial, preset: str) -> list[Table]:
    return [trial.table(of.cases, side, preset) for side in of.sides]


def _about(cases: Sequence[Case]) -> str:
    notes = [case for case in cases if case.is_note]
    flubs = sum(any(case.truth) for case in notes)
    others = sum(not case.is_note and not case.is_ordinary for case in cases)
    groups = len({case.group for case in cases})
    return (
        f"{flubs:,} notes with a flub, {len(notes) - flubs:,} clean notes, {others:,} other "
        f"{'message' if others == 1 else 'messages'}, in {groups:,} groups of one writer or alike."
    )


def _group(title: str, of: Trial, presets: Sequence[str]) -> Group:
    first = presets[0]
    tables = (
        *(_numbers(of, f"Preset {preset}", preset, _PLAIN) for preset in presets),
        _numbers(of, "Whatever the preset", first, _RANKS),
        _numbers(of, f"F1 by category, preset {first}", first, _categories()),
    )
    return Group(title, _about(of.cases), tables)


def _categories() -> dict[Metric, str]:
    return {
        f1: f"{name.replace('_', '-')}: {ADVICE[name].name}"
        for name, (_, _, f1) in measures.BY_CATEGORY.items()
    }


def _numbers(of: Trial, caption: str, preset: str, names: Mapping[Metric, str]) -> Numbers:
    tables = _tables(of, preset)
    heads = ("before", "now", "difference", "verdict") if of.before else ("reached",)
    rows = (Row(name, tuple(_cells(metric, tables))) for metric, name in names.items())
    return Numbers(caption, heads, tuple(row for row in rows if row.cells))


def _cells(metric: Metric, tables: Sequence[Table]) -> Iterator[Cell]:
    """Give the cells of a row; none where there is nothing to measure."""
    found = [measures.estimate(rows, metric) for rows in tables]
    if all(isnan(one.value) for one in found):
        return
    yield from (_value(metric, one) for one in found)
    if len(tables) > 1:
        change = measures.difference(tables[0], tables[-1], metric)
        yield _difference(metric, change)
        said = verdict(metric, change)
        yield Cell(said if said in {"better", "worse"} else "")


def _value(metric: Metric, one: Estimate) -> Cell:
    if isnan(one.value):
        return Cell("–")
    if metric.is_share:
        range_ = _range(f"{one.low:.1%}", f"{one.high:.1%}", one)
        return Cell(f"{one.value:.1%}", range_ or _TOO_FEW)
    return Cell(f"{one.value:.3f}", _range(f"{one.low:.3f}", f"{one.high:.3f}", one) or _TOO_FEW)


def _difference(metric: Metric, one: Estimate) -> Cell:
    if isnan(one.value):
        return Cell("–")
    if metric.is_share:
        value, low, high = (_signed(100 * x, 1) for x in one)
        return Cell(f"{value} points", _range(low, high, one))
    value, low, high = (_signed(x, 3) for x in one)
    return Cell(value, _range(low, high, one))


def _signed(value: float, digits: int) -> str:
    """Write it with its sign, of which nothing has none: no -0.0, which looks like a loss."""
    return f"{value:+.{digits}f}" if round(value, digits) else f"{0:.{digits}f}"


def _range(low: str, high: str, one: Estimate) -> str:
    return f"{low} to {high}" if one.has_width else ""


def _whole(cell: Cell) -> str:
    return f"{cell.value} ({cell.range})" if cell.range else cell.value


Told = TypeVar("Told", Change, Mistake)


def _quotes(title: str, found: Sequence[Told], about: Callable[[Told], str]) -> Quotes:
    shown = found[:_MOST]
    count = f"{len(found):,} sentences" if len(found) != 1 else "One sentence"
    rest = f", of which the {_MOST} plainest are shown" if len(found) > _MOST else ""
    lines = tuple(Quote(one.text, about(one)) for one in shown)
    return Quotes(title, f"{count}{rest}.", lines)


def _changed(one: Change) -> str:
    before, now = one.chances
    shown = "shown now" if one.now else "not shown any more"
    return (
        f"{_what(one.truth)}; {shown}: {now:.0%} sure of a flub, before {before:.0%}{_whose(one)}"
    )


def _mistaken(one: Mistake) -> str:
    return f"{_what(one.truth)}; {one.chance:.0%} sure of a flub{_whose(one)}"


def _what(category: str | None) -> str:
    return f"A flub, it {ADVICE[category].name}" if category else "No flub"


def _whose(one: Change | Mistake) -> str:
    case = one.case
    name = case.id if case.id.startswith(case.writer) else f"{case.writer} {case.id}"
    return f"; {name}" + ("" if case.is_note else ", not a note")
