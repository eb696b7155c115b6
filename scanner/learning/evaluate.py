"""Measure a model on messages whose truth is known, and on writers it has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.core.assess import assess
from scanner.core.classify import CATEGORIES, DEFAULT_PRESET, PRESETS, Predictions
from scanner.core.draft import Sentences
from scanner.core.number import number_of
from scanner.errors import ConfigurationError
from scanner.learning import measures, thresholds
from scanner.learning.answers import Answers
from scanner.learning.corpus import Projected
from scanner.learning.features import Mask
from scanner.learning.groups import grouped
from scanner.learning.holding_out import cross_fit
from scanner.learning.measures import AVERAGE_PRECISION, CALIBRATION
from scanner.learning.model import Model
from scanner.learning.preparing import ReadCorpus
from scanner.learning.progress import Progress, silent
from scanner.learning.scores import Scores
from scanner.learning.trial import NONE, Side, Table, Trial, cases, side, table

_FEWEST_GROUPS = 2
_PORTION = 64  # messages


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @classmethod
    def of(cls, marks: Mask, among: Mask) -> Share:
        """Count those marked among some."""
        return cls(int((marks & among).sum()), int(among.sum()))

    def __str__(self) -> str:
        """Write it as a percentage with both counts."""
        if not self.whole:
            return "none"
        return f"{self.part / self.whole:6.1%} ({self.part} of {self.whole})"


@dataclass(frozen=True, slots=True)
class PresetReport:
    """What a user of one preset meets.

    `sentences` counts a sentence as flagged when its message is taken for a note, too.
    `flub_notes` is the note recall: flub notes that get a warning. The two after it are
    false alarms. `kinds` is the share of messages whose kind is right, `severities` that of
    notes whose severity is. `lost` are the flub notes that would be warned about, were they not
    turned away at the gate.
    """

    sentences: Scores
    flub_notes: Share
    clean_notes: Share
    other_messages: Share
    kinds: Share
    severities: Share
    lost: Share


@dataclass(frozen=True, slots=True)
class Report:
    """A measurement, of writers held out in so many `groups`; None where they were all new to it.

    `average_precision` ranks all sentences of notes by probability.

    `calibration_error` is the expected one over ten bins of probability, of the same
    sentences. `flubs_away` and `others_away` are the flub notes, and the messages that are no
    notes, that the gate turns away. `categories` is at the balanced preset: a sentence counts when
    it is flagged and its category is right.
    """

    messages: int
    sentences: int
    lost_labels: int
    groups: int | None
    average_precision: float
    calibration_error: float
    flubs_away: Share
    others_away: Share
    presets: Mapping[str, PresetReport]
    categories: Mapping[str, Scores]

    @property
    def macro_f1(self) -> float:
        """The mean of the categories' F1."""
        return float(np.mean([scores.f1 for scores in self.categories.values()]))


class Measured(NamedTuple):
    """A measurement, and the trial it was taken of: what was said of every message."""

    report: Report
    trial: Trial


@dataclass(frozen=True, slots=True)
class Alarms:
    """Ordinary mail, without notes: each warning is a false alarm."""

    messages: int
    notes: Mapping[str, int]
    warned: Mapping[str, int]


def leave_writers_out(
    read: ReadCorpus,
    *,
    groups: int | None = None,
    progress: Progress = silent,
) -> Measured:
    """Hold out one writer at a time, fit the heads to the others, and measure on the one.

    With `groups`, that many groups of writers are held out instead, which is quicker. Writers
    who have near-duplicates in common are held out together. The writer was read by an encoder
    that had not seen him. Gate and thresholds are chosen on what heads said of the other
    writers; those heads, and those writers' encoders, had seen him, as is usual where models
    are stacked.
    Raises `ConfigurationError` where the others are too few to fit to.
    """
    names = grouped(read.projected)
    held_out = writers_held_out(names, groups)
    said = cross_fit(read.prepared, read.ordinary, held_out, progress)
    away = np.zeros(len(names), bool)
    ungated = {name: np.zeros_like(away) for name in PRESETS}
    kinds, at = np.zeros_like(said.kinds), np.empty(len(names), object)
    for fold in held_out:
        gate, chosen = thresholds.gate_and_presets(thresholds.without(said, fold))
        passed = said.passes(gate)
        kinds[fold] = (said.kinds * passed)[fold]
        away[fold], at[fold] = ~passed[fold], chosen
        for name, preset in chosen.items():
            would = thresholds.warned(said.kinds, said.likeliest, preset)
            ungated[name][fold] = would[fold]
    answers = Answers(kinds, said.folded, said.flubs, said.category)
    made = Side("the model", tuple(answers.predictions(read.prepared.mail)), tuple(at))
    trial = Trial(tuple(cases(read.projected, names.tolist())), None, made)
    return Measured(_report(read.projected, trial, len(held_out), away, ungated), trial)


def writers_held_out(writers: NDArray[np.str_], groups: int | None = None) -> list[Mask]:
    """Mark the messages of each group of writers; without a number each is one of its own.

    Raises `ConfigurationError` where there is but one.
    """
    names = sorted(set(writers.tolist()))
    count = min(groups or len(names), len(names))
    if count < _FEWEST_GROUPS:
        raise ConfigurationError(
            "one file of labelled notes cannot be held out from itself; name more than one"
        )
    return [np.isin(writers, names[start::count]) for start in range(count)]


def measured(model: Model, projected: Sequence[Projected], progress: Progress = silent) -> Measured:
    """Measure a model, as it is, on labelled messages that it has not learnt from."""
    messages = [one.sentences for one in projected]
    said = [*_asked(model, messages, progress)]
    away = np.array([one.thank_you == 0 for one in said])  # so it says of these alone
    everything = replace(model.gate.wider(math.inf), exit=-math.inf)
    ungated = [*_asked(replace(model, gate=everything), list(compress(messages, away.tolist())))]
    would = {name: np.zeros_like(away) for name in model.thresholds}
    for name, at in model.thresholds.items():
        would[name][away] = [any(at.flagged(one)) for one in ungated]
    made = side("the model", said, model.thresholds)
    # Nothing is held out or drawn again here, so near-duplicates need not be looked for.
    writers = [one.example.writer for one in projected]
    trial = Trial(tuple(cases(projected, writers)), None, made)
    return Measured(_report(projected, trial, None, away, would), trial)


def _asked(
    model: Model, messages: Sequence[Sentences], progress: Progress = silent
) -> Iterator[Predictions]:
    for start in range(0, len(messages), _PORTION):
        yield from model.predict(messages[start : start + _PORTION])
        progress(min(start + _PORTION, len(messages)), len(messages), "reading")


def false_alarms(model: Model, messages: Sequence[Sentences]) -> Alarms:
    """Count how many ordinary messages are taken for notes, and warned about, per preset."""
    said = model.predict(messages)
    at = model.thresholds.items()
    notes = {name: sum(map(preset.is_note, said)) for name, preset in at}
    warned = {name: sum(any(preset.flagged(one)) for one in said) for name, preset in at}
    return Alarms(len(messages), notes, warned)


def as_text(report: Report) -> str:
    """Lay a report out as Markdown tables, which read as well on a terminal."""
    held_out = f"writers held out in {report.groups} groups; " if report.groups else ""
    in_notes = (
        f"average precision of sentences in notes {report.average_precision:.3f}, "
        f"calibration error {report.calibration_error:.3f}"
        if math.isfinite(report.calibration_error)
        else "no thank-you notes"
    )
    lines = [
        f"{number_of(report.messages, 'message')}, {number_of(report.sentences, 'sentence')}; "
        f"{number_of(report.lost_labels, 'label')} without a sentence; {held_out}{in_notes}",
        "",
        f"Of the flub notes the gate turns away {str(report.flubs_away).strip()}, "
        f"of other mail {str(report.others_away).strip()}.",
        "",
        f"| {'':23} | " + " | ".join(f"{name:>19}" for name in report.presets) + " |",
        f"| {'---':23} | " + " | ".join(f"{'---:':>19}" for _ in report.presets) + " |",
    ]
    for title, cell in _ROWS.items():
        cells = " | ".join(f"{cell(preset)!s:>19}" for preset in report.presets.values())
        lines.append(f"| {title:23} | {cells} |")
    lines += ["", *_category_lines(report)]
    return "\n".join(lines)


def alarms_as_text(alarms: Alarms) -> str:
    """Say in one line per preset what ordinary mail met."""
    return "\n".join(
        f"{name}: {alarms.warned[name]:,} of {number_of(alarms.messages, 'message')} warned about, "
        f"{notes} taken for notes"
        for name, notes in alarms.notes.items()
    )


_ROWS: Mapping[str, Callable[[PresetReport], object]] = {
    "sentence precision": lambda preset: f"{preset.sentences.precision:.3f}",
    "sentence recall": lambda preset: f"{preset.sentences.recall:.3f}",
    "sentence F1": lambda preset: f"{preset.sentences.f1:.3f}",
    "flub notes warned about": lambda preset: preset.flub_notes,
    "clean notes warned about": lambda preset: preset.clean_notes,
    "other mail warned about": lambda preset: preset.other_messages,
    "kind right": lambda preset: preset.kinds,
    "severity right": lambda preset: preset.severities,
    "warnings lost by that": lambda preset: preset.lost,
}


def _category_lines(report: Report) -> Iterator[str]:
    yield f"| {'category':14} | precision | recall |    F1 | count |"
    yield f"| {'---':14} | --------: | -----: | ----: | ----: |"
    for name, one in report.categories.items():
        yield (
            f"| {name:14} | {one.precision:9.3f} | {one.recall:6.3f} | {one.f1:5.3f} "
            f"| {one.count:5} |"
        )
    yield f"| {'macro average':14} | {'':9} | {'':6} | {report.macro_f1:5.3f} | {'':5} |"


def _report(
    messages: Sequence[Projected],
    trial: Trial,
    groups: int | None,
    away: Mask,
    ungated: Mapping[str, Mask],
) -> Report:
    """Count; `away` is turned away at the gate, `ungated` what each preset warns about without."""
    tables = {name: table(trial.cases, trial.after, name) for name in ungated}
    rows = tables[DEFAULT_PRESET]
    return Report(
        messages=len(messages),
        sentences=len(rows.truth),
        lost_labels=sum(len(message.lost) for message in messages),
        groups=groups,
        average_precision=ranked(rows) or 0.0,
        calibration_error=measures.value(rows, CALIBRATION),
        flubs_away=Share.of(away, rows.has_flub),
        others_away=Share.of(away, ~rows.is_note),
        presets={
            name: _preset_report(messages, trial.after, name, tables[name], away & would)
            for name, would in ungated.items()
        },
        categories=by_category(rows),
    )


def _preset_report(
    messages: Sequence[Projected], side: Side, preset: str, rows: Table, lost: Mask
) -> PresetReport:
    said = [(one, at[preset]) for one, at in zip(side.said, side.thresholds, strict=True)]
    is_right = np.array([at.is_note(one) for one, at in said], bool) == rows.is_note
    is_as_severe = np.array([
        assess(message.sentences, one, at).severity == message.example.severity
        for message, (one, at) in zip(messages, said, strict=True)
    ], bool)  # fmt: skip
    return PresetReport(
        sentences=shown(rows),
        flub_notes=Share.of(rows.is_warned, rows.has_flub),
        clean_notes=clean_notes(rows),
        other_messages=Share.of(rows.is_warned, ~rows.is_note),
        kinds=Share.of(is_right, np.ones_like(is_right)),
        severities=Share.of(is_as_severe, rows.is_note),
        lost=Share.of(lost, rows.has_flub),
    )


def ranked(rows: Table) -> float | None:
    """Give the average precision of all sentences of notes; None where they hold no flub."""
    return measures.value(rows, AVERAGE_PRECISION) if rows.has_flub.any() else None


def shown(rows: Table) -> Scores:
    """Count the sentences that are shown as flubs."""
    return Scores.of(rows.truth != NONE, rows.said != NONE)


def clean_notes(rows: Table) -> Share:
    """Count the clean notes that are warned about."""
    return Share.of(rows.is_warned, rows.is_note & ~rows.has_flub)


def by_category(rows: Table) -> dict[str, Scores]:
    """Count the sentences that are shown as flubs of each category."""
    return {
        name: Scores.of(rows.truth == number, rows.said == number)
        for number, name in enumerate(CATEGORIES)
    }
