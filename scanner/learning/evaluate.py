"""Measure a model on messages whose truth is known, and on writers it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from scanner.core.classify import CATEGORIES, Predictions, Thresholds
from scanner.core.segment import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import corpus
from scanner.learning.artifact import Model
from scanner.learning.corpus import Example, Projected
from scanner.learning.train import SEED, Progress, silent, train

_FEWEST_GROUPS = 2


@dataclass(frozen=True, slots=True)
class Scores:
    """Precision, recall and F1 of one class, and how many of it there are."""

    precision: float
    recall: float
    f1: float
    count: int


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
    false alarms. `kinds` is the share of messages whose kind is right.
    """

    sentences: Scores
    flub_notes: Share
    clean_notes: Share
    other_messages: Share
    kinds: Share


@dataclass(frozen=True, slots=True)
class Report:
    """A measurement. `average_precision` ranks all sentences of notes by probability.

    `categories` is at the balanced preset: a sentence counts when it is flagged and its
    category is right.
    """

    messages: int
    sentences: int
    lost_labels: int
    average_precision: float
    presets: Mapping[str, PresetReport]
    categories: Mapping[str, Scores]

    @property
    def macro_f1(self) -> float:
        """The mean of the categories' F1."""
        return float(np.mean([scores.f1 for scores in self.categories.values()]))


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
        return self.said.thank_you >= self.thresholds[preset].kind

    def flagged(self, preset: str) -> list[bool]:
        """Tell of each sentence whether it is shown to the user."""
        note, least = self.taken_for_note(preset), self.thresholds[preset].flub
        return [note and sentence.probability >= least for sentence in self.said.sentences]


def score(model: Model, examples: Sequence[Example]) -> Report:
    """Measure a ready model; only examples it was not trained on tell anything."""
    return _report(list(_outcomes(model, examples)))


def leave_one_writer_out(
    examples: Sequence[Example],
    background: Sequence[Sentences] = (),
    *,
    groups: int | None = None,
    seed: int = SEED,
    progress: Progress = silent,
) -> Report:
    """Hold out one writer at a time, train on the others, and measure on the one.

    With `groups`, that many groups of writers are held out instead, which is quicker.
    Thresholds are chosen among the writers trained on.
    Raises `ConfigurationError` where the others are too few to train on.
    """
    held_out = list(writer_groups(examples, groups))
    if len(held_out) < _FEWEST_GROUPS:
        raise ConfigurationError(
            "one file of labelled notes cannot be held out from itself; name more than one"
        )
    outcomes: list[_Outcome] = []
    for number, group in enumerate(held_out):
        progress(number, len(held_out), f"holding out {', '.join(sorted(group))}")
        seen = [example for example in examples if example.writer not in group]
        unseen = [example for example in examples if example.writer in group]
        outcomes += _outcomes(train(seen, background, version="held-out", seed=seed), unseen)
    progress(len(held_out), len(held_out), "done")
    return _report(outcomes)


def writer_groups(examples: Sequence[Example], groups: int | None = None) -> Iterator[set[str]]:
    """Deal the writers to groups by name; without a number each is a group of its own."""
    writers = sorted({example.writer for example in examples})
    count = min(groups or len(writers), len(writers))
    for start in range(count):
        yield set(writers[start::count])


def false_alarms(model: Model, messages: Sequence[Sentences]) -> Alarms:
    """Count how many ordinary messages are taken for notes, and warned about, per preset."""
    said = model.predict(messages)
    notes = {name: [p for p in said if p.thank_you >= at.kind] for name, at in _presets(model)}
    warned = {
        name: sum(any(s.probability >= at.flub for s in p.sentences) for p in notes[name])
        for name, at in _presets(model)
    }
    return Alarms(len(messages), {name: len(found) for name, found in notes.items()}, warned)


def as_text(report: Report) -> str:
    """Lay a report out as Markdown tables, which read as well on a terminal."""
    lines = [
        f"{report.messages} messages, {report.sentences} sentences; "
        f"{report.lost_labels} labels without a sentence; "
        f"average precision of sentences in notes {report.average_precision:.3f}",
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


def _presets(model: Model) -> list[tuple[str, Thresholds]]:
    return list(model.thresholds.items())


def _outcomes(model: Model, examples: Sequence[Example]) -> Iterator[_Outcome]:
    projected = [corpus.project(example) for example in examples]
    said = model.predict([one.sentences for one in projected])
    for truth, prediction in zip(projected, said, strict=True):
        yield _Outcome(truth, prediction, model.thresholds)


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
        presets={name: _preset_report(outcomes, name) for name in presets},
        categories=_category_scores(outcomes),
    )


def _preset_report(outcomes: Sequence[_Outcome], preset: str) -> PresetReport:
    flubs = [o for o in outcomes if o.truth.example.labels]
    clean = [o for o in outcomes if o.is_note and not o.truth.example.labels]
    right = sum(o.taken_for_note(preset) == o.is_note for o in outcomes)
    return PresetReport(
        sentences=_sentence_scores(outcomes, preset),
        flub_notes=_warned(flubs, preset),
        clean_notes=_warned(clean, preset),
        other_messages=_warned([o for o in outcomes if not o.is_note], preset),
        kinds=Share(right, len(outcomes)),
    )


def _warned(outcomes: Sequence[_Outcome], preset: str) -> Share:
    return Share(sum(any(o.flagged(preset)) for o in outcomes), len(outcomes))


def _sentence_scores(outcomes: Sequence[_Outcome], preset: str) -> Scores:
    truth = [bool(category) for o in outcomes for category in o.truth.categories]
    said = [flag for o in outcomes for flag in o.flagged(preset)]
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, said, average="binary", zero_division=0
    )
    return Scores(float(precision), float(recall), float(f1), sum(truth))


def _category_scores(outcomes: Sequence[_Outcome], preset: str = "balanced") -> dict[str, Scores]:
    truth = [category or "" for o in outcomes for category in o.truth.categories]
    said = [
        sentence.category if flag else ""
        for o in outcomes
        for sentence, flag in zip(o.said.sentences, o.flagged(preset), strict=True)
    ]
    columns = precision_recall_fscore_support(
        truth, said, labels=list(CATEGORIES), average=None, zero_division=0
    )
    return {
        name: Scores(float(precision), float(recall), float(f1), int(count))
        for name, precision, recall, f1, count in zip(CATEGORIES, *columns, strict=True)
    }
