"""doccano: JSON lines of a sequence labelling project.

What doccano writes: `label` as triples (`labels` before version 1.5), or `entities` where a project
has relations. It counts in UTF-16 units, as browsers do (doccano issue 2290), and hands back what
else a line held.
"""

from __future__ import annotations

from typing import Any

from scanner.labelling.offsets import Span
from scanner.labelling.records import (
    Record,
    UnfitError,
    as_list,
    as_object,
    as_span,
    as_text,
    saying,
)
from scanner.learning.corpus import Example

_COUNTS = {"utf-16": True, "characters": False}


def read(where: str, row: Any) -> Record | None:
    """Read a line; None where nobody has labelled it. Raises UnfitError."""
    record = as_object(row)
    labels = next((record[key] for key in ("label", "labels", "entities") if key in record), None)
    if labels is None and record.get("annotations"):
        raise UnfitError("its categories are numbers; export it as JSONL with text labels")
    if labels is None:
        return None
    meta = record.get("meta")
    said = {**(meta if isinstance(meta, dict) else {}), **record}
    spans = tuple(map(_span, as_list(labels)))
    text = as_text(record.get("text", record.get("data")))
    return Record(where, text, spans, said, _COUNTS.get(str(said.get("offsets"))))


def write(example: Example) -> dict[str, Any]:
    """Give an example as doccano imports it."""
    text = example.text
    label = [[_units(text[: x.start]), _units(text[: x.end]), x.category] for x in example.labels]
    # All lines with the same keys: what one lacks doccano fills with NaN, and then cannot store.
    said = {"pair": "", **saying(example), "offsets": "utf-16"}
    return {"text": text, "label": label, **said}


def _span(item: Any) -> Span:
    if isinstance(item, dict):
        return as_span(item.get("start_offset"), item.get("end_offset"), item.get("label"))
    if isinstance(item, list) and len(item) == 3:  # noqa: PLR2004 - start, end, label
        return as_span(*item)
    raise UnfitError("a label needs start, end and category")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
