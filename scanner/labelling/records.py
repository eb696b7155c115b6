"""A labelled message as a file of another tool has it, before its labels are checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scanner.core.parse import plain
from scanner.errors import UnreadableError
from scanner.labelling.offsets import Span
from scanner.learning.corpus import KINDS, SEVERITIES, Example


class UnfitError(Exception):
    """What is wrong with a record, in words that hold nothing of it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message, named by where it stands in its file.

    `said` is what the file tells of it: id, subject, kind, severity. `utf16` is set where it says
    what its offsets count, and `names` where its labels have names of their own.
    """

    where: str
    text: str
    spans: tuple[Span, ...]
    said: Mapping[str, Any]
    utf16: bool | None = None
    names: tuple[str, ...] = ()

    def name(self, number: int) -> str:
        """Name a label of the record, by a number from 1."""
        return self.names[number - 1] if self.names else f"{self.where}, label {number}"


def objects(content: str) -> Iterator[tuple[str, Any]]:
    """Give what one JSON list holds, or each line of JSON lines, and its place in the file."""
    whole = _json(content)
    if whole is not None:
        for number, row in enumerate(whole if isinstance(whole, list) else [whole], 1):
            yield f"record {number}", row
        return
    # Not splitlines: JSON may hold other line ends than this as they are.
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield f"line {number}", _json(line)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_object(row: Any) -> dict[str, Any]:
    """Take a JSON object. Raises UnfitError."""
    if not isinstance(row, dict):
        raise UnfitError("not a JSON object")
    return row


def as_list(value: Any) -> list[Any]:
    """Take a list of labels. Raises UnfitError."""
    if not isinstance(value, list):
        raise UnfitError("its labels are no list")
    return value


def as_text(value: Any) -> str:
    """Take the text of a message. Raises UnfitError for what is none."""
    if not isinstance(value, str):
        raise UnfitError("it has no text")
    try:
        value.encode()
        plain(value)
    except (UnicodeEncodeError, UnreadableError):
        raise UnfitError("its text is damaged") from None
    if not value.strip():
        raise UnfitError("its text is empty")
    return value


def as_span(start: Any, end: Any, category: Any, text: Any = None) -> Span:
    """Take a label. Raises UnfitError."""
    if type(start) is not int or type(end) is not int or not isinstance(category, str):
        raise UnfitError("a label needs start, end and category")
    return Span(start, end, category, text if isinstance(text, str) else None)


def chosen(values: Any) -> dict[str, str]:
    """Find kind and severity among values, whatever the question was called."""
    said: dict[str, str] = {}
    for value in values if isinstance(values, list | tuple) else ():
        if value in KINDS:
            said["kind"] = value
        elif value in SEVERITIES:
            said["severity"] = value
    return said


def saying(example: Example) -> dict[str, str]:
    """Give what is told of an example beside its text and its labels."""
    said = {
        "id": example.id,
        "subject": example.subject,
        "kind": example.kind,
        "severity": example.severity,
    }
    return said if example.pair is None else {**said, "pair": example.pair}
