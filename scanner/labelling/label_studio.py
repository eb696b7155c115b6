"""Label Studio: its JSON export, the short JSON-MIN, and JSON to import.

Text regions carry their text. Offsets are code points since version 1.5, and were UTF-16 units
before (Label Studio issue 1347); one project may hold both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from scanner.labelling.offsets import Span
from scanner.labelling.records import (
    Record,
    UnfitError,
    as_list,
    as_object,
    as_span,
    as_text,
    chosen,
    saying,
)  # fmt: skip
from scanner.learning.corpus import Example

_FOREIGN = frozenset({"annotations", "entities", "spans", "flubs"})  # what others call labels


def read(where: str, row: Any) -> Record | None:
    """Read a task; None where nobody has labelled it. Raises UnfitError."""
    task = as_object(row)
    if "data" not in task:
        return _short(where, task)
    data = as_object(task["data"])
    done = list(map(as_object, as_list(task.get("annotations", task.get("completions", [])))))
    done = [one for one in done if not (one.get("was_cancelled") or one.get("skipped"))]
    done = [one for one in done if one.get("ground_truth")] or done
    if not done:
        return None
    said, *others = [_annotation(as_list(one.get("result"))) for one in done]
    if any(other != said for other in others):
        raise UnfitError("its annotations differ; keep one, or mark it as ground truth")
    spans, choices = said
    return Record(
        where, as_text(data.get("text")), spans, {"id": task.get("id"), **data, **choices}
    )


def write(example: Example) -> dict[str, Any]:
    """Give an example as a task with one annotation."""
    result = [
        {
            "id": f"l{number}", "from_name": "label", "to_name": "text", "type": "labels",
            "value": {"start": x.start, "end": x.end, "text": x.text, "labels": [x.category]},
        }
        for number, x in enumerate(example.labels, 1)
    ]  # fmt: skip
    return {
        "data": {"text": example.text, **saying(example)},
        "annotations": [{"result": result}],
    }


def is_task(row: dict[str, Any]) -> bool:
    """Tell a task from the records of other tools."""
    is_whole = "data" in row and bool({"annotations", "completions"} & row.keys())
    return is_whole or any(map(_is_regions, row.values()))


def _annotation(results: Iterable[Any]) -> tuple[tuple[Span, ...], dict[str, str]]:
    """Give the spans of an annotation, and what was chosen for the message as a whole."""
    some = [one for one in map(as_object, results) if one.get("type") != "relation"]
    values = [as_object(one.get("value")) for one in some]
    spans = tuple(_region(value) for value in values if _is_region(value))
    choices: dict[str, str] = {}
    for value in values:
        choices |= chosen(value.get("choices"))
    return spans, choices


def _region(value: dict[str, Any]) -> Span:
    if "labels" not in value:
        raise UnfitError("a label does not come from Labels on a Text")
    labels = as_list(value["labels"])
    if len(labels) != 1:
        raise UnfitError("a label needs one category")
    return as_span(value.get("start"), value.get("end"), labels[0], value.get("text"))


def _short(where: str, task: dict[str, Any]) -> Record:
    # A user may have named their Labels so.
    if any(not _is_regions(task[key]) for key in _FOREIGN & task.keys()):
        raise UnfitError("its labels are not Label Studio's; name another --format")
    regions = [value for value in task.values() if _is_regions(value)]
    spans = tuple(_region(region) for value in regions for region in value)
    choices = chosen([value for value in task.values() if isinstance(value, str)])
    return Record(where, as_text(task.get("text")), spans, {**task, **choices})


def _is_regions(value: Any) -> bool:
    """Tell the labels of a task; one without any has no such field in JSON-MIN."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(region, dict) and _is_region(region) for region in value)
    )


def _is_region(value: dict[str, Any]) -> bool:
    """Tell what marks text from other answers; `hypertextlabels` do, too."""
    return any(key.endswith("labels") for key in value)
