"""CSV with a row for each sentence, as spreadsheets hold it.

A message is the rows that follow each other with the same id, or with none below one. Its text
stands in the first of them (column `text`), or is put together from its sentences. Columns `start`
and `end` (code points) need be there only where a sentence stands in its message more than once.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scanner.errors import UnreadableError
from scanner.labelling.offsets import Span, standing
from scanner.labelling.records import Record, UnfitError, as_text
from scanner.learning.corpus import Example

_COLUMNS = (
    "id", "kind", "severity", "subject", "pair", "text", "start", "end", "sentence", "category",
)  # fmt: skip

csv.field_size_limit(2**31 - 1)  # a message may be longer than the module's 131,072 characters

_LINE_END = re.compile(r"[\r\n]")
_LONGEST_HEADER = 10_000

_Row = tuple[int, Mapping[str, str]]


def is_table(content: str) -> bool:
    """Tell by its first line whether a file may be a table of sentences."""
    return bool({"sentence", "text"} & set(_header(content)[0]))


def messages(content: str) -> Iterator[tuple[str, list[_Row]]]:
    """Give the rows of each message, with their numbers in the file, and the place of the first.

    Raises UnreadableError for what is no table.
    """
    columns, delimiter = _header(content)
    _require(frozenset(columns))
    table = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    message: list[_Row] = []
    met: set[str] = set()
    try:
        for number, cells in enumerate(table, 1):
            if number == 1 or not any(cells):
                continue
            if any(cells[len(columns) :]):
                raise UnreadableError(
                    f"row {number} has more cells than there are columns; "
                    "put quotes around what holds commas"
                )
            row = number, dict(zip(columns, cells, strict=False))
            if message and _opens(row[1], message[0][1]):
                yield f"row {message[0][0]}", message
                message = []
            if not message:
                _require_new(row, met)
            message.append(row)
    except csv.Error:
        raise UnreadableError("it is no CSV file; save it once more as CSV in UTF-8") from None
    if message:
        yield f"row {message[0][0]}", message


def read(where: str, rows: Any) -> Record:
    """Read the rows of a message. Raises UnfitError."""
    cells = [row for _, row in rows]
    sentences = [row.get("sentence", row.get("text", "")) for row in cells]
    given = next((row["text"] for row in cells if "sentence" in row and row.get("text")), None)
    text = as_text("\n\n".join(sentences) if given is None else given)
    labelled = [at for at, row in enumerate(cells) if _category(row)]
    names = tuple(f"row {rows[at][0]}" for at in labelled)
    spans = tuple(_span(text, sentences, at, cells[at]) for at in labelled)
    return Record(where, text, spans, cells[0], names=names)


def write(examples: Iterable[Example]) -> str:
    """Give a table of all sentences of the examples, one a row."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(_COLUMNS)
    for example in examples:
        table.writerows(_rows(example))
    return out.getvalue()


def _header(content: str) -> tuple[list[str], str]:
    """Give the columns, in lower case, and what parts them."""
    first = _LINE_END.split(content[:_LONGEST_HEADER], maxsplit=1)[0]
    delimiter = max(",;\t", key=first.count)
    names = next(csv.reader([first], delimiter=delimiter), [])
    return [name.strip().casefold() for name in names], delimiter


def _require(columns: frozenset[str]) -> None:
    """Raise UnreadableError where a column has another name: what it says would be lost."""
    if not columns & {"sentence", "text"}:
        raise UnreadableError("its first row names no column sentence; mend it first")
    if not columns & {"category", "label"} and ("sentence" in columns or columns - {*_COLUMNS}):
        raise UnreadableError("its first row names no column category; mend it first")
    if "sentence" in columns and not columns & {"id", "text"}:
        raise UnreadableError("its first row names no column id, which parts messages; add one")


def _opens(row: Mapping[str, str], first: Mapping[str, str]) -> bool:
    """Tell whether a row begins another message than the one whose first row this is."""
    if "sentence" in row and row.get("text"):
        return row["text"] != first.get("text") or row.get("id") != first.get("id")
    if row.get("id"):
        return row["id"] != first.get("id")
    return not (first.get("id") or ("sentence" in row and first.get("text")))


def _require_new(row: _Row, met: set[str]) -> None:
    """Raise UnreadableError where a message began before: it would be taken for several."""
    number, cells = row
    name = cells.get("id", "")
    is_whole = "sentence" in cells and cells.get("text")
    if name in met and not is_whole:
        raise UnreadableError(
            f"row {number} stands apart from other rows of its id; "
            "put them together, or give it another id"
        )
    met.update({name} - {""})


def _category(row: Mapping[str, str]) -> str:
    category = (row.get("category") or row.get("label") or "").strip()
    return "" if category.casefold() == "none" else category


def _span(text: str, sentences: Sequence[str], at: int, row: Mapping[str, str]) -> Span:
    """Place a sentence: by its offsets, else by its words; of several alike, in its turn."""
    sentence, start, end = sentences[at], row.get("start", ""), row.get("end", "")
    if start.isdecimal() and end.isdecimal():
        return Span(int(start), int(end), _category(row), sentence)
    places = [n for n in range(len(text)) if sentence and text.startswith(sentence, n)]
    if not places:
        raise UnfitError(f"sentence {at + 1} does not match its text")
    if len(places) > 1 and len(places) != sentences.count(sentence):
        raise UnfitError(f"sentence {at + 1} may mean two places; add columns start and end")
    place = places[sentences[:at].count(sentence)]
    return Span(place, place + len(sentence), _category(row), sentence)


def _rows(example: Example) -> Iterator[list[str | int]]:
    """Give a row for each label and each other sentence; the message itself stands in the first."""
    rows: list[list[str | int]] = [[x.start, x.end, x.text, x.category] for x in example.labels]
    rows += [
        [start, end, example.text[start:end], ""]
        for start, end in standing(example.text)
        if all(x.end <= start or end <= x.start for x in example.labels)
    ]
    rows.sort(key=lambda row: row[0])
    head: list[str | int] = [
        example.kind, example.severity, example.subject, example.pair or "", example.text,
    ]  # fmt: skip
    for row in rows or [["", "", "", ""]]:
        yield [example.id, *head, *row]
        head = [""] * len(head)
