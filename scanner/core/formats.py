"""The forms a scan can be printed in: each turns rows into text, and adds what ends it."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass, field
from typing import Protocol

from scanner.core.report import Mark, Row, Tally, Told, as_record, as_text, summary

_line = json.JSONEncoder(ensure_ascii=False).encode


class Format(Protocol):
    """How rows are shown; what is None is not printed."""

    def row(self, row: Row) -> str | None:
        """Show one row."""
        ...

    def end(self, tally: Tally) -> str | None:
        """End what was shown, also after an interruption."""
        ...


@dataclass(slots=True)
class Text:
    """For people: findings with their passages marked, and a summary.

    Advice is given in full once; a later message names the earlier message that shows it.
    `show_clean` also names messages without a finding, or without own text; one such message needs
    no summary.
    """

    mark: Mark | None = None
    show_clean: bool = False
    _told: Told = field(default_factory=dict)

    def row(self, row: Row) -> str | None:
        """Show a message with its passages, or why it was not checked."""
        if not (self.show_clean or _is_told(row)):
            return None
        return as_text(row, self.mark, self._told)

    def end(self, tally: Tally) -> str | None:
        """Summarise."""
        if self.show_clean and tally.checked + tally.unreadable == 1:
            return None
        return summary(tally)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One object a line, of which none waits for the next."""

    with_text: bool = False

    def row(self, row: Row) -> str:
        """Write one object on one line."""
        return _line(as_record(row, with_text=self.with_text))

    def end(self, tally: Tally) -> None:
        """Add nothing: the last line is a whole one."""


@dataclass(slots=True)
class Json:
    """One array; it is written as the rows come, so that it takes no memory."""

    with_text: bool = False
    _last: str | None = None

    def row(self, row: Row) -> str:
        """Write the element before this one, which is not the last now, and keep this one."""
        record = json.dumps(as_record(row, with_text=self.with_text), ensure_ascii=False, indent=2)
        before, self._last = self._last, textwrap.indent(record, "  ")
        return "[" if before is None else f"{before},"

    def end(self, tally: Tally) -> str:  # noqa: ARG002 - there is no summary in an array
        """Close the array."""
        return "[]" if self._last is None else f"{self._last}\n]"


@dataclass(slots=True)
class Page:
    """One page of HTML, which needs all findings before its first line can be written.

    `show_clean` also names messages without own text.
    """

    show_clean: bool = False
    _found: list[Row] = field(default_factory=list)

    def row(self, row: Row) -> None:
        """Keep what the page is to show; clean messages are only counted."""
        if _is_told(row) or (self.show_clean and row.error):
            self._found.append(row)

    def end(self, tally: Tally) -> str:
        """Write the page."""
        from scanner.core.page import page

        return page(self._found, tally)


def _is_told(row: Row) -> bool:
    """Tell whether a scan names a message: not what is clean, nor what has no own text."""
    return bool(row.passages or (row.error and not row.is_empty))
