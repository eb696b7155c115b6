"""Lines of the own text to units: a unit is what the writer meant as one paragraph or item.

Clients and people break lines for two reasons. A program wraps a paragraph at a column,
and the break means nothing; a person on a phone, in a list or in an address starts a
line, and the break ends a sentence even without a full stop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_NARROWEST, _WIDEST = 45, 100
"""Between these columns programs wrap; RFC 5322 section 2.1.1 asks for 78 at most."""

_LONG_TOKEN = 50
"""A line with so long a word (a link) says nothing about the column."""

_RAGGED = 3
"""The column is known by the longest line alone, which may stop short of it by as much."""

_ONE_BREAK = range(60, 79)
"""Where one break alone is believed: the columns that programs are set to."""

_WRAPPED_SHARE = 0.7
"""Wrapped text has most of its lines full; some are the last of a paragraph."""

_ITEM = re.compile(
    r"[ \t\xa0]*(?:[-*+\u2022\u2013\u2014\u25cf\u25aa\u2023\u2043\u00b7>](?=[ \t\xa0])"
    r"|\(?\d{1,2}[.)](?=[ \t\xa0])"
    r"|\(?[a-zA-Z]\)(?=[ \t\xa0]))[ \t\xa0]+"
)
"""The bullet or number that opens a list item."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A paragraph, list item or single line: offsets into the own text.

    `after_blank` tells that a blank line, or nothing, stands above it.
    """

    start: int
    end: int
    after_blank: bool


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def units(text: str) -> list[Unit]:
    """Cut `text` into units, in order; blank lines belong to none."""
    lines = _lines(text)
    column = _column(lines)
    found: list[Unit] = []
    above: _Line | None = None
    for line in lines:
        if not line.text.strip():
            above = None
        elif above is not None and column and _continues(above.text, line.text, column):
            found[-1] = Unit(found[-1].start, line.end, found[-1].after_blank)
            above = line
        else:
            found.append(Unit(line.start, line.end, above is None))
            above = line
    return found


def item_marker(text: str) -> int:
    """How many characters the bullet or number takes that opens `text`."""
    marker = _ITEM.match(text)
    return marker.end() if marker else 0


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    start = 0
    for line in text.split("\n"):
        lines.append(_Line(start, line))
        start += len(line) + 1
    return lines


def _column(lines: list[_Line]) -> int:
    """Find the column at which a program wrapped the text; 0 if none did."""
    widths = [len(line.text.rstrip()) for line in lines if not _has_long_token(line.text)]
    column = max(widths, default=0)
    if not _NARROWEST <= column <= _WIDEST:
        return 0
    breaks = list(_breaks(lines))
    full = sum(1 for above, below in breaks if _is_full(above, below, column))
    if len(breaks) == 1:
        [(_, below)] = breaks
        return column if full and column in _ONE_BREAK and below.lstrip()[:1].islower() else 0
    return column if breaks and full >= _WRAPPED_SHARE * len(breaks) else 0


def _has_long_token(line: str) -> bool:
    return len(line) > _LONG_TOKEN and max(map(len, line.split()), default=0) > _LONG_TOKEN


def _breaks(lines: list[_Line]) -> Iterator[tuple[str, str]]:
    """Each break inside a paragraph, below a line long enough to tell."""
    for above, below in pairwise(lines):
        if len(above.text) >= _NARROWEST and below.text.strip():
            yield above.text, below.text


def _is_full(above: str, below: str, column: int) -> bool:
    """Whether the first word of the line below had no room on the line above."""
    words = below.split(maxsplit=1)
    return len(above.rstrip()) + 1 + len(words[0]) > column - _RAGGED


def _continues(above: str, below: str, column: int) -> bool:
    return not item_marker(below) and _is_full(above, below, column)
