"""Prodigy: JSON lines as `db-out` writes them, from `spans.manual` or `ner.manual`.

Offsets are code points. Tokens, where a task has them, tell the text of a span once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scanner.labelling.offsets import Span
from scanner.labelling.records import Record, as_list, as_object, as_span, as_text, chosen, saying
from scanner.learning.corpus import Example


def read(where: str, row: Any) -> Record | None:
    """Read a task; None where it was rejected, ignored or not answered. Raises UnfitError."""
    task = as_object(row)
    answered = "spans" in task or "answer" in task
    if not answered or task.get("answer", "accept") != "accept":
        return None
    meta = task.get("meta")
    said = {**(meta if isinstance(meta, dict) else {}), **task, **chosen(task.get("accept"))}
    tokens = as_list(task.get("tokens", []))
    spans = tuple(_span(as_object(span), tokens) for span in as_list(task.get("spans", [])))
    return Record(where, as_text(task.get("text")), spans, said)


def write(example: Example) -> dict[str, Any]:
    """Give an example as an accepted task."""
    spans = [
        {"start": x.start, "end": x.end, "label": x.category, "text": x.text}
        for x in example.labels
    ]
    return {"text": example.text, "spans": spans, "answer": "accept", "meta": saying(example)}


def _span(span: dict[str, Any], tokens: Sequence[Any]) -> Span:
    text, first, last = span.get("text"), span.get("token_start"), span.get("token_end")
    if text is None and tokens and type(first) is int and type(last) is int:
        marked = map(as_object, tokens[first : last + 1])
        text = " ".join(str(token.get("text", "")) for token in marked)
    return as_span(span.get("start"), span.get("end"), span.get("label"), text)
