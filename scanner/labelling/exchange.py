"""Labelled messages from and to the files of other tools.

Nothing is guessed: a label that does not fit its text is named by the number of its record, and
then nothing of the file is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from scanner.core.classify import CATEGORIES
from scanner.errors import UnreadableError
from scanner.labelling import doccano, label_studio, prodigy, table
from scanner.labelling.offsets import Marked, Misfit, Place, placed, unified
from scanner.labelling.records import Record, UnfitError, objects
from scanner.labelling.severity import severity
from scanner.learning.corpus import KINDS, SEVERITIES, Example, Label, as_json, project, some

Foreign = Literal["doccano", "label-studio", "prodigy", "csv"]
Format = Foreign | Literal["unflub"]

_LONGEST_NAME = 30
_KEYS: dict[str, Format] = {
    "flubs": "unflub", "spans": "prodigy", "answer": "prodigy", "tokens": "prodigy",
    "label": "doccano", "labels": "doccano", "entities": "doccano", "annotations": "doccano",
}  # fmt: skip
_Rows = Callable[[str], Iterator[tuple[str, Any]]]
_Take = Callable[[str, Any], Record | None]
_READERS: dict[Foreign, tuple[_Rows, _Take]] = {
    "doccano": (objects, doccano.read),
    "label-studio": (objects, label_studio.read),
    "prodigy": (objects, prodigy.read),
    "csv": (table.messages, table.read),
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds; `left_out` counts records that nobody has labelled yet, or refused.

    `bare` counts those taken for messages without flubs because nothing says otherwise.
    """

    examples: tuple[Example, ...]
    left_out: int = 0
    bare: int = 0


def recognised(content: str) -> Format:
    """Tell the format of a file by what is in it. Raises UnreadableError where that cannot be."""
    if not content.strip():
        raise UnreadableError("there is nothing in it; export it once more")
    if content.lstrip()[:1] in {"[", "{"}:
        rows = [row for _, row in objects(content) if isinstance(row, dict)]
        if any(map(label_studio.is_task, rows)):
            return "label-studio"
        for key, found in _KEYS.items():
            if rows and key in rows[0]:
                return found
    elif table.is_table(content):
        return "csv"
    raise UnreadableError("its format is not to be told by looking; name it with --format")


def read(content: str, form: Foreign, *, source: str, kind: str = KINDS[0]) -> Imported:
    """Read a file of another tool; `kind` is of messages whose record does not say it.

    A note whose record tells no severity gets the one that follows from where its flubs lie.
    Raises UnreadableError that names every record that is wrong.
    """
    rows, take = _READERS[form]
    taken = [_taken(take, where, row) for where, row in rows(content)]
    records = [one for one in taken if isinstance(one, Record)]
    places = iter(placed(map(_marked, records)))
    examples: list[Example] = []
    problems: list[str] = []
    for one in taken:
        if isinstance(one, UnfitError):
            problems.append(str(one))
        elif one:
            try:
                examples.append(_example(one, next(places), source, kind))
            except UnfitError as error:
                problems.append(str(error))
    if problems:
        raise UnreadableError(f"{some(problems)}; nothing was taken from it, mend these first")
    bare = sum(not (one.spans or one.said.get("severity")) for one in records)
    return Imported(tuple(examples), taken.count(None), bare)


def written(examples: Iterable[Example], form: Format) -> str:
    """Write labelled messages in one of the formats; reading that gives them back."""
    if form == "csv":
        return table.write(examples)
    if form == "label-studio":
        tasks = [label_studio.write(one) for one in examples]
        return json.dumps(tasks, ensure_ascii=False, indent=1) + "\n"
    if form == "unflub":
        return "".join(f"{as_json(one)}\n" for one in examples)
    shape = {"doccano": doccano.write, "prodigy": prodigy.write}[form]
    return "".join(json.dumps(shape(one), ensure_ascii=False) + "\n" for one in examples)


def _taken(take: _Take, where: str, row: Any) -> Record | UnfitError | None:
    try:
        return take(where, row)
    except UnfitError as error:
        return UnfitError(f"{where}: {error}")


def _marked(record: Record) -> Marked:
    return Marked(record.text, record.spans, record.utf16)


def _example(record: Record, found: tuple[Place, ...] | Misfit, source: str, kind: str) -> Example:
    """Make the example. Raises UnfitError."""
    said = record.said
    labels = _labels(record, found)
    kind = _one_of(KINDS, said.get("kind"), record, "kind") or (KINDS[0] if labels else kind)
    if labels and kind != KINDS[0]:
        raise UnfitError(f"{record.where}: a message of kind 'other' cannot hold flubs")
    name = said.get("id")
    example = Example(
        id=str(name or record.where.replace(" ", "-")),
        kind=kind,
        subject=_word(said.get("subject")) or "",
        text=unified(record.text),
        labels=labels,
        severity="none",
        writer=source,
        pair=_word(said.get("pair")) or None,
        place=record.where if name else "",
    )
    return _seated(example, _one_of(SEVERITIES, said.get("severity"), record, "severity"))


def _labels(record: Record, found: tuple[Place, ...] | Misfit) -> tuple[Label, ...]:
    if isinstance(found, Misfit):
        misfits = (f"{record.name(number)} {found.reason}" for number in found.numbers)
        raise UnfitError("; ".join(misfits))
    text = unified(record.text)
    placed_spans = zip(record.spans, found, strict=True)
    labels = sorted(
        (
            Label(start, end, text[start:end], _category(span.category, record.name(number)))
            for number, (span, (start, end)) in enumerate(placed_spans, 1)
        ),
        key=lambda label: label.start,
    )
    if any(later.start < earlier.end for earlier, later in pairwise(labels)):
        raise UnfitError(f"{record.where}: labels overlap")
    return tuple(labels)


def _category(name: str, where: str) -> str:
    """Take "Self-criticism" for `self_criticism`, and nothing for what is none of the eight."""
    found = "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
    if found not in CATEGORIES:
        shown = f"{name!r}, " if len(name) <= _LONGEST_NAME else ""  # no sentence of a note
        raise UnfitError(f"{where} has {shown}none of the categories {', '.join(CATEGORIES)}")
    return found


def _one_of(known: Sequence[str], value: Any, record: Record, what: str) -> str | None:
    if value is None or value == "":
        return None
    if value not in known:
        raise UnfitError(f"{record.where}: its {what} is none of {', '.join(known)}")
    return str(value)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _seated(example: Example, said: str | None) -> Example:
    """Give the severity as the file says it, unless labels came or went since; else by the rule."""
    if said is None or (said == "none") != (not example.labels):
        projected = project(example)
        said = severity(projected.sentences, projected.categories)
        # A label that no sentence carries makes the note a flubbed one all the same.
        said = "flub" if example.labels and said == "none" else said
    return replace(example, severity=said)
