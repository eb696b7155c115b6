"""A full-screen program on a pseudo-terminal, and what a person would see on it."""

from __future__ import annotations

import time
from pathlib import Path

import pexpect
import pyte

from support.program import PATIENCE, Program

ENTER = "\r"


class Screen:
    """The command on a terminal of so many rows and columns."""

    def __init__(self, program: Program, *arguments: str | Path, rows: int = 24, columns: int = 80):
        self._talk = program.converse(*arguments)
        self._talk.setwinsize(rows, columns)
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self.raw = ""

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait_for(self, *words: str) -> str:
        """Wait until these words stand on the screen, which is drawn bit by bit; give all of it."""
        deadline = time.monotonic() + 2 * PATIENCE
        while not all(one in self.text for one in words):
            assert time.monotonic() < deadline, self.text
            assert self._read(), self.text
        return self.text

    def press(self, keys: str) -> None:
        self._talk.send(keys)

    def end(self) -> int:
        """Wait for the end; give the exit status."""
        while self._read():
            pass
        self._talk.close()
        return self._talk.exitstatus

    def hang_up(self) -> None:
        """Close the terminal, as who closes its window."""
        self._talk.close(force=True)

    def colours(self) -> set[tuple[str, str]]:
        return {(c.fg, c.bg) for row in self._screen.buffer.values() for c in row.values()}

    def reversed_rows(self) -> list[int]:
        rows = self._screen.buffer
        return sorted({y for y, row in rows.items() for cell in row.values() if cell.reverse})

    def _read(self) -> bool:
        try:
            new = self._talk.read_nonblocking(65536, timeout=1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += new
        self._stream.feed(new)
        return True
