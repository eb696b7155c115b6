"""What was measured of a model, as its `model.json` keeps it: the model card is made of this.

JSON keeps no order that means anything, so presets and categories are put into theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from typing import Any

from sklearn.metrics import average_precision_score

from scanner.core.classify import CATEGORIES
from scanner.learning.artifact import PRESETS, Model
from scanner.learning.evaluate import Alarms, Measured, PresetReport, Report, Scores, Share
from scanner.learning.trial import NONE, Trial, table

_DIGITS = 4


def noted(model: Model, found: Measured | None, alarms: Mapping[str, Alarms]) -> Model:
    """Give a model that knows what was measured of it."""
    record = as_record(found, alarms, model.metadata["writers"])
    return replace(model, metadata={**model.metadata, "measured": record})


def as_record(
    found: Measured | None, alarms: Mapping[str, Alarms], writers: Collection[str]
) -> dict[str, Any]:
    """Give it as JSON has it; of the `writers` it names, the average precision of each, too."""
    named = by_writer(found.trial) if found else {}
    return {
        "report": asdict(found.report) if found else None,
        "alarms": {name: asdict(met) for name, met in alarms.items()},
        "average_precision_by_writer": {n: value for n, value in named.items() if n in writers},
    }


def report_of(record: Mapping[str, Any]) -> Report | None:
    """Give the report that `as_record` was given."""
    said = record.get("report")
    if not said:
        return None
    presets = {name: _preset(said["presets"][name]) for name in PRESETS}
    flubs, others = (Share(**one) for one in said["turned_away"])
    categories = {name: Scores(**said["categories"][name]) for name in CATEGORIES}
    return Report(
        **{**said, "presets": presets, "turned_away": (flubs, others), "categories": categories}
    )


def alarms_of(record: Mapping[str, Any]) -> dict[str, Alarms]:
    """Give the false alarms that `as_record` was given, by name of the mailbox."""
    return {name: _alarms(one) for name, one in sorted(record.get("alarms", {}).items())}


def writers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Give the average precision by writer that was measured."""
    return dict(record.get("average_precision_by_writer", {}))


def by_writer(trial: Trial) -> dict[str, float]:
    """Give the average precision on each writer with a flub, all sentences of his notes ranked.

    It takes the head for flubs alone, and so neither gate nor ordinary mail: a single writer's
    is quickly measured again.
    """
    rows = table(trial.cases, trial.after, trial.presets[0])
    writers = [trial.cases[n].writer for n in rows.message.tolist()]
    truths: dict[str, list[bool]] = {}
    chances: dict[str, list[float]] = {}
    for n, writer in enumerate(writers):
        if rows.in_note[n]:
            truths.setdefault(writer, []).append(bool(rows.truth[n] != NONE))
            chances.setdefault(writer, []).append(float(rows.chance[n]))
    return {
        writer: round(float(average_precision_score(truth, chances[writer])), _DIGITS)
        for writer, truth in sorted(truths.items())
        if any(truth)
    }


def _alarms(said: Mapping[str, Any]) -> Alarms:
    notes, warned = ({name: said[of][name] for name in PRESETS} for of in ("notes", "warned"))
    return Alarms(said["messages"], notes, warned)


def _preset(said: Mapping[str, Any]) -> PresetReport:
    shares = {name: Share(**one) for name, one in said.items() if name != "sentences"}
    return PresetReport(sentences=Scores(**said["sentences"]), **shares)
