"""Measure a model on messages whose truth is known, and on writers it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from scanner.core.assess import assess
from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import thresholds
from scanner.learning.artifact import Model
from scanner.learning.corpus import Projected
from scanner.learning.features import Mask
from scanner.learning.gate import Gate
from scanner.learning.groups import grouped
from scanner.learning.scores import Scores
from scanner.learning.thresholds import HeldOut
from scanner.learning.train import SEED, Progress, ReadCorpus, cross_fit, silent
from scanner.learning.trial import Side, Trial, cases

_FEWEST_GROUPS = 2


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

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
    notes whose severity is.
    """

    sentences: Scores
    flub_notes: Share
    clean_notes: Share
    other_messages: Share
    kinds: Share
    severities: Share


@dataclass(frozen=True, slots=True)
class Report:
    """A measurement. `average_precision` ranks all sentences of notes by probability.

    `calibration_error` is the expected one over ten bins of probability, of the same
    sentences. `turned_away` counts flub notes, and messages of other kinds, that did not
    pass the gate; `lost` counts flub notes that a preset would have warned about without it.

    `categories` is at the balanced preset: a sentence counts when it is flagged and its
    category is right.
    """

    messages: int
    sentences: int
    lost_labels: int
    average_precision: float
    calibration_error: float
    turned_away: tuple[Share, Share]
    lost: int
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


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One message: the truth, what was predicted, and the thresholds of who predicted."""

    truth: Projected
    said: Predictions
    thresholds: Mapping[str, Thresholds]

    @property
    def is_note(self) -> bool:
        return self.truth.example.kind == "thank_you"

    def taken_for_note(self, preset: str) -> bool:
        return self.thresholds[preset].is_note(self.said)

    def flagged(self, preset: str) -> list[bool]:
        """Tell of each sentence whether it is shown to the user."""
        return self.thresholds[preset].flagged(self.said)


def leave_writers_out(
    read: ReadCorpus,
    *,
    groups: int | None = None,
    seed: int = SEED,
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
    said = cross_fit(read.prepared, read.ordinary, held_out, seed, progress)
    outcomes: dict[int, _Outcome] = {}
    lost = 0
    for fold in held_out:
        others = thresholds.without(said, fold)
        gate, chosen = thresholds.gate_and_presets(others)
        predictions = _predictions(thresholds.gated(said, gate))
        flubs = fold & said.is_note & ~said.is_clean
        lost += max(_lost(said, flubs, gate, at) for at in chosen.values())
        for n in np.flatnonzero(fold).tolist():
            outcomes[n] = _Outcome(read.projected[n], predictions[n], chosen)
    ordered = [outcomes[n] for n in range(len(outcomes))]
    return Measured(replace(_report(ordered), lost=lost), _trial(ordered, names.tolist()))


def _trial(outcomes: Sequence[_Outcome], names: Sequence[str]) -> Trial:
    made = Side(
        "the model",
        tuple(outcome.said for outcome in outcomes),
        tuple(outcome.thresholds for outcome in outcomes),
    )
    return Trial(tuple(cases([outcome.truth for outcome in outcomes], names)), None, made)


def _lost(said: HeldOut, messages: Mask, gate: Gate, at: Thresholds) -> int:
    """Count what is turned away at a preset's gate, and would be warned about without it."""
    away = ~gate.narrowed(at.closer).passes(said.glimpses)
    return int((messages & away & thresholds.warned(said.kinds, said.likeliest, at)).sum())


def _predictions(said: HeldOut) -> list[Predictions]:
    """Give what was said of held-out messages in a classifier's form."""
    pairs = zip(said.flubs.tolist(), said.category.tolist(), strict=True)
    sentences = (SentencePrediction(chance, CATEGORIES[category]) for chance, category in pairs)
    lengths = np.bincount(said.message, minlength=len(said.kinds)).tolist()
    closer = said.glimpses[:, -1].tolist()
    return [
        Predictions(kind, tuple(islice(sentences, length)), odds)
        for kind, length, odds in zip(said.kinds.tolist(), lengths, closer, strict=True)
    ]


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


def false_alarms(model: Model, messages: Sequence[Sentences]) -> Alarms:
    """Count how many ordinary messages are taken for notes, and warned about, per preset."""
    said = model.predict(messages)
    at = model.thresholds.items()
    notes = {name: sum(map(preset.is_note, said)) for name, preset in at}
    warned = {name: sum(any(preset.flagged(one)) for one in said) for name, preset in at}
    return Alarms(len(messages), notes, warned)


def as_text(report: Report) -> str:
    """Lay a report out as Markdown tables, which read as well on a terminal."""
    lines = [
        f"{report.messages} messages, {report.sentences} sentences; "
        f"{report.lost_labels} labels without a sentence; "
        f"average precision of sentences in notes {report.average_precision:.3f}, "
        f"calibration error {report.calibration_error:.3f}",
        f"turned away at the gate: {str(report.turned_away[0]).strip()} flub notes "
        f"(without it {report.lost} of them would be warned about), "
        f"{str(report.turned_away[1]).strip()} other messages",
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
        f"{name}: {alarms.warned[name]} of {alarms.messages} messages warned about, "
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


def _report(outcomes: Sequence[_Outcome]) -> Report:
    notes = [outcome for outcome in outcomes if outcome.is_note]
    truth = [bool(category) for outcome in notes for category in outcome.truth.categories]
    said = [sentence.probability for outcome in notes for sentence in outcome.said.sentences]
    presets = outcomes[0].thresholds if outcomes else {}
    return Report(
        messages=len(outcomes),
        sentences=sum(len(outcome.truth.categories) for outcome in outcomes),
        lost_labels=sum(len(outcome.truth.lost) for outcome in outcomes),
        average_precision=float(average_precision_score(truth, said)) if any(truth) else 0.0,
        calibration_error=calibration_error(np.array(truth, bool), np.array(said)),
        turned_away=(
            _turned_away([o for o in outcomes if o.truth.example.labels]),
            _turned_away([o for o in outcomes if not o.is_note]),
        ),
        lost=0,
        presets={name: _preset_report(outcomes, name) for name in presets},
        categories=_category_scores(outcomes),
    )


def calibration_error(truth: Mask, said: NDArray[np.float64]) -> float:
    """Give how far stated probabilities lie from what came true, on average, in ten bins."""
    bins = np.minimum((said * 10).astype(int), 9)
    gaps = np.bincount(bins, said, 10) - np.bincount(bins, truth, 10)
    return float(np.abs(gaps).sum() / max(len(said), 1))


def _turned_away(outcomes: Sequence[_Outcome]) -> Share:
    return Share(sum(o.said.thank_you == 0 for o in outcomes), len(outcomes))


def _severity(outcome: _Outcome, preset: str) -> str:
    said = assess(outcome.truth.sentences, outcome.said, outcome.thresholds[preset])
    return said.severity


def _preset_report(outcomes: Sequence[_Outcome], preset: str) -> PresetReport:
    flubs = [o for o in outcomes if o.truth.example.labels]
    clean = [o for o in outcomes if o.is_note and not o.truth.example.labels]
    right = sum(o.taken_for_note(preset) == o.is_note for o in outcomes)
    notes = [o for o in outcomes if o.is_note]
    severe = sum(_severity(o, preset) == o.truth.example.severity for o in notes)
    return PresetReport(
        sentences=_sentence_scores(outcomes, preset),
        flub_notes=_warned(flubs, preset),
        clean_notes=_warned(clean, preset),
        other_messages=_warned([o for o in outcomes if not o.is_note], preset),
        kinds=Share(right, len(outcomes)),
        severities=Share(severe, len(notes)),
    )


def _warned(outcomes: Sequence[_Outcome], preset: str) -> Share:
    return Share(sum(any(o.flagged(preset)) for o in outcomes), len(outcomes))


def _sentence_scores(outcomes: Sequence[_Outcome], preset: str) -> Scores:
    truth = [bool(category) for o in outcomes for category in o.truth.categories]
    shown = [flag for o in outcomes for flag in o.flagged(preset)]
    return Scores.of(np.array(truth, bool), np.array(shown, bool))


def _category_scores(outcomes: Sequence[_Outcome], preset: str = "balanced") -> dict[str, Scores]:
    truth = np.array([category or "" for o in outcomes for category in o.truth.categories])
    said = np.array(
        [
            sentence.category if flag else ""
            for o in outcomes
            for sentence, flag in zip(o.said.sentences, o.flagged(preset), strict=True)
        ]
    )
    return {name: Scores.of(truth == name, said == name) for name in CATEGORIES}
