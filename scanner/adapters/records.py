"""The rows an interrupted scan has written as JSON lines, so that it can go on from there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scanner.core.report import Tally
from scanner.errors import UnreadableError

_NUMBERED = re.compile(r"(.*)#(\d+)", re.DOTALL)


class Written:
    """What a file of rows holds; a last line that was cut is taken away.

    Of an mbox only the number of the last message is kept, so that an archive needs no more
    memory than the list of its files does. Without a file nothing has been written yet.
    Raises UnreadableError for a file that holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.tally = Tally()
        self._whole: set[str] = set()
        self._last: dict[str, int] = {}
        try:
            end = self._read(path) if path.exists() else None
        except (OSError, ValueError, KeyError, TypeError):
            raise UnreadableError(
                f"{path} holds something else than the rows of a scan; name another file"
            ) from None
        if end is not None and end < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(end)

    def has(self, source: str) -> bool:
        """Tell whether there is a row for this message."""
        numbered = _NUMBERED.fullmatch(source)
        if numbered is None:
            return source in self._whole
        return int(numbered[2]) <= self._last.get(numbered[1], 0)

    def _read(self, path: Path) -> int:
        """Take in every whole line; give where they end."""
        end = 0
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._add(json.loads(line))
                end += len(line)
        return end

    def _add(self, record: dict[str, str | None]) -> None:
        source = str(record["source"])
        self.tally.count(None if record["error"] else record["severity"])
        if numbered := _NUMBERED.fullmatch(source):
            self._last[numbered[1]] = int(numbered[2])
        else:
            self._whole.add(source)
