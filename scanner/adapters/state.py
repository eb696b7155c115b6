"""What unflub remembers of a mailbox between runs: a small file for each account.

It holds UIDs and digests only, no text and no address. Losing it costs no correctness: what
was dismissed is then warned about once more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from scanner.adapters import whole
from scanner.core.plan import Memory, Standing

_FORMAT = 1
# Far more than anybody dismisses; it only keeps the file from growing for ever.
_MOST_DISMISSED = 5000


def folder() -> Path:
    """Where the state files lie: `$XDG_STATE_HOME/unflub` or the platform's like."""
    return platformdirs.user_state_path("unflub")


def memory_of(account: str) -> Path:
    """Where the memory of an account's mailbox lies."""
    return folder() / f"{account}.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """A memory as it was saved, under the UIDVALIDITY of that time.

    `alters` tells that the server was seen to change what it was given to store. `under_way` are
    the warnings that were about to be written or removed, by the digests of their Message-IDs.
    """

    uidvalidity: int = -1
    memory: Memory = field(default_factory=Memory)
    alters: bool = False
    under_way: frozenset[str] = frozenset()

    def under(self, uidvalidity: int) -> Memory:
        """Give what still holds: UIDs mean something under one UIDVALIDITY only.

        RFC 9051 section 2.3.1.1; which sentences stood or were dismissed holds under every one.
        """
        if uidvalidity == self.uidvalidity:
            return self.memory
        standing = tuple(replace(w, uid=0) for w in self.memory.standing)
        return replace(self.memory, standing=standing)

    def having(self, no_flubs: frozenset[str]) -> Saved:
        """Give this with more that the user said is no flub."""
        memory = replace(self.memory, no_flubs=self.memory.no_flubs | no_flubs)
        return replace(self, memory=memory)


def load(path: Path) -> Saved:
    """Read the memory of a mailbox; an unreadable file counts as none."""
    try:
        table = json.loads(path.read_bytes())
        if table["format"] != _FORMAT:
            return Saved()
        standing = tuple(_standing(row) for row in table["standing"])
        dismissed = frozenset(map(str, table["dismissed"]))
        no_flubs = frozenset(map(str, table.get("no_flubs", ())))
        memory = Memory(standing, dismissed, bool(table.get("shared")), no_flubs)
        under_way = frozenset(map(str, table.get("under_way", ())))
        return Saved(int(table["uidvalidity"]), memory, bool(table.get("alters")), under_way)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Saved()


def save(path: Path, saved: Saved) -> None:
    """Write the memory, whole or not at all. Raises UnreadableError when the disk refuses."""
    memory = saved.memory
    table = {
        "format": _FORMAT,
        "uidvalidity": saved.uidvalidity,
        "standing": [
            {"uid": w.uid, "digests": sorted(w.digests), "note": w.note} for w in memory.standing
        ],
        "shared": memory.shared,
        "alters": saved.alters,
        "under_way": sorted(saved.under_way),
        "dismissed": sorted(memory.dismissed)[:_MOST_DISMISSED],
        "no_flubs": sorted(memory.no_flubs)[:_MOST_DISMISSED],
    }
    whole.written(path, json.dumps(table, indent=1).encode())


def say_whether_it_alters(path: Path, *, alters: bool) -> None:
    """Remember whether the server changes what it stores. Raises UnreadableError."""
    saved = load(path)
    if saved.alters != alters:
        save(path, replace(saved, alters=alters))


def _standing(row: dict[str, Any]) -> Standing:
    digests = frozenset(map(str, row["digests"]))
    return Standing(int(row["uid"]), digests, int(row.get("note", 0)))
