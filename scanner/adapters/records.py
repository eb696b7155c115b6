"""The rows an interrupted scan has written as JSON lines, so that it can go on from there."""

from __future__ import annotations

import json
from pathlib import Path

from scanner.adapters.single import reason_of
from scanner.core.report import EMPTY, Tally
from scanner.errors import UnreadableError

_BEGINNING = b'{"source": "'


class Written:
    """What a file of rows holds; nothing in it is changed. `end` is where its whole rows end.

    Without a file nothing has been written yet. Raises UnreadableError for a file that holds
    something else.
    """

    def __init__(self, path: Path | None) -> None:
        self.tally = Tally(sets_empty_apart=True)
        self.end = 0
        self._sources: set[str] = set()
        try:
            if path and path.exists():
                self._read(path)
        except OSError as error:
            raise UnreadableError(
                f"{path} cannot be read: {reason_of(error)}; name another file"
            ) from None
        except (ValueError, KeyError, TypeError):
            raise UnreadableError(
                f"{path} holds something else than the rows of a scan; name another file"
            ) from None

    def has(self, source: str) -> bool:
        """Tell whether there is a row for this message."""
        return source in self._sources

    def _read(self, path: Path) -> None:
        """Take in every whole row. Raises ValueError where the rest is not the beginning of one."""
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    if line[: len(_BEGINNING)] != _BEGINNING[: len(line)]:
                        raise ValueError("no row")
                    return
                self._add(json.loads(line))
                self.end += len(line)

    def _add(self, record: dict[str, str | None]) -> None:
        self._sources.add(str(record["source"]))
        severity = None if record["error"] else record["severity"]
        self.tally.count(severity, is_empty=record["error"] == EMPTY)
