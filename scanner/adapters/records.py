"""The rows an interrupted scan has written as JSON lines, so that it can go on from there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scanner.adapters.single import reason_of
from scanner.core.report import Tally
from scanner.errors import UnreadableError

_NUMBERED = re.compile(r"(.*)#(\d+)", re.DOTALL)
_BEGINNING = b'{"source": "'


class Written:
    """What a file of rows holds; nothing in it is changed. `end` is where its whole rows end.

    Of an mbox only the number of the last message is kept, so that an archive needs no more
    memory than the list of its files does. Without a file nothing has been written yet.
    Raises UnreadableError for a file that holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.tally = Tally()
        self.end = 0
        self._whole: set[str] = set()
        self._last: dict[str, int] = {}
        try:
            if path.exists():
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
        numbered = _NUMBERED.fullmatch(source)
        if numbered is None:
            return source in self._whole
        return int(numbered[2]) <= self._last.get(numbered[1], 0)

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
        source = str(record["source"])
        self.tally.count(None if record["error"] else record["severity"])
        if numbered := _NUMBERED.fullmatch(source):
            self._last[numbered[1]] = int(numbered[2])
        else:
            self._whole.add(source)
