"""What was measured of a model, as its `model.json` keeps it: the model card is made of this.

JSON keeps no order that means anything, so presets and categories are put into theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, astuple, dataclass, fields, replace
from typing import Any, TypeAlias

from scanner.core.classify import CATEGORIES, DEFAULT_PRESET, PRESETS, Thresholds
from scanner.learning import evaluate
from scanner.learning.evaluate import Alarms, Measured, PresetReport, Report, Share
from scanner.learning.model import Model
from scanner.learning.scores import Scores
from scanner.learning.trial import Trial, table

Counts: TypeAlias = Mapping[str, Scores]


@dataclass(frozen=True, slots=True)
class Writer:
    """What was measured of one writer, by heads and `thresholds` that had not seen him.

    `average_precision` ranks all sentences of his notes (None where they hold no flub). By preset:
    what was shown of his `sentences`, and how many of his `clean_notes` were warned about; at the
    balanced one, what was shown as each of the `categories`. The counts of all writers add up to
    the tables of the report, so that one writer measured again speaks for them.
    """

    average_precision: float | None
    thresholds: Mapping[str, Thresholds]
    sentences: Counts
    clean_notes: Mapping[str, Share]
    categories: Counts


def noted(model: Model, found: Measured | None, alarms: Mapping[str, Alarms]) -> Model:
    """Give a model that knows what was measured of it."""
    record = as_record(found, alarms, model.metadata["writers"])
    return replace(model, metadata={**model.metadata, "measured": record})


def as_record(
    found: Measured | None, alarms: Mapping[str, Alarms], writers: Collection[str]
) -> dict[str, Any]:
    """Give it as JSON has it; of the `writers` it names, the average precision of each, too."""
    measured = by_writer(found.trial) if found else {}
    return {
        "report": asdict(found.report) if found else None,
        "alarms": {name: asdict(met) for name, met in alarms.items()},
        "by_writer": {name: _noted(one) for name, one in measured.items() if name in writers},
    }


def report_of(record: Mapping[str, Any]) -> Report | None:
    """Give the report that `as_record` was given."""
    said = record.get("report")
    if not said:
        return None
    presets = {name: _preset(said["presets"][name]) for name in PRESETS}
    told = {of.name: said[of.name] for of in fields(Report)}
    away = {name: Share(**said[name]) for name in ("flubs_away", "others_away")}
    categories = {name: Scores(**said["categories"][name]) for name in CATEGORIES}
    return Report(**{**told, **away, "presets": presets, "categories": categories})


def alarms_of(record: Mapping[str, Any]) -> dict[str, Alarms]:
    """Give the false alarms that `as_record` was given, by name of the mailbox."""
    return {name: _alarms(one) for name, one in sorted(record.get("alarms", {}).items())}


def writers_of(record: Mapping[str, Any]) -> dict[str, Writer]:
    """Give what was measured of each writer."""
    return {name: _writer(one) for name, one in record.get("by_writer", {}).items()}


def by_writer(trial: Trial) -> dict[str, Writer]:
    """Count by writer what the report counts of all."""
    names = sorted({case.writer for case in trial.cases})
    return {name: _measured(trial.only(lambda case: case.writer == name)) for name in names}  # noqa: B023 - called at once


def _measured(his: Trial) -> Writer:
    tables = {preset: table(his.cases, his.after, preset) for preset in his.presets}
    return Writer(
        evaluate.ranked(tables[DEFAULT_PRESET]),
        his.after.thresholds[0],
        {name: evaluate.shown(rows) for name, rows in tables.items()},
        {name: evaluate.clean_notes(rows) for name, rows in tables.items()},
        evaluate.by_category(tables[DEFAULT_PRESET]),
    )


def _noted(one: Writer) -> dict[str, Any]:
    """Give it as JSON has it: as bare rows of numbers, for there are many."""
    parts: dict[str, Mapping[str, Thresholds | Scores | Share]] = {
        "thresholds": one.thresholds,
        "sentences": one.sentences,
        "clean_notes": one.clean_notes,
        "categories": one.categories,
    }
    rows = {part: {name: list(astuple(x)) for name, x in of.items()} for part, of in parts.items()}
    return {"average_precision": one.average_precision, **rows}


def _writer(said: Mapping[str, Any]) -> Writer:
    return Writer(
        said["average_precision"],
        {name: Thresholds(*said["thresholds"][name]) for name in PRESETS},
        {name: Scores(*said["sentences"][name]) for name in PRESETS},
        {name: Share(*said["clean_notes"][name]) for name in PRESETS},
        {name: Scores(*said["categories"][name]) for name in CATEGORIES},
    )


def _alarms(said: Mapping[str, Any]) -> Alarms:
    notes, warned = ({name: said[of][name] for name in PRESETS} for of in ("notes", "warned"))
    return Alarms(said["messages"], notes, warned)


def _preset(said: Mapping[str, Any]) -> PresetReport:
    shares = {name: Share(**one) for name, one in said.items() if name != "sentences"}
    return PresetReport(sentences=Scores(**said["sentences"]), **shares)
