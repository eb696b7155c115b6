"""What the user called "not a flub" in a mail client, before sending: digests of sentences alone.

The daemon, the add-on and `unflub sendmail` share one small file in the state folder. Losing it
costs no correctness: what was dismissed is then brought up once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from scanner.adapters import state, whole
from scanner.config import Seconds

_FORMAT = 1
_PATIENCE: Seconds = 2
_MOST = 5000  # far more than anybody dismisses; the newest are kept


def path() -> Path:
    """Where they are kept; no account's files have such a name."""
    return state.folder() / "dismissals"


def load() -> frozenset[str]:
    """Give what was dismissed before sending; an unreadable file counts as none."""
    return frozenset(_read())


def everywhere() -> frozenset[str]:
    """Give what was dismissed at all, also by deleting a warning draft of any account."""
    drafts = (state.load(file).memory.unwanted for file in state.folder().glob("*.json"))
    return load().union(*drafts)


def add(digests: Iterable[str]) -> None:
    """Remember that sentences are no flubs. Raises UnreadableError when the disk refuses.

    Mail that is being sent waits for this, so a lock that a stopped process holds is passed over
    after a moment; of two processes that add then, one may lose a dismissal.
    """
    from scanner.adapters import lock

    with lock.awaited(path().with_suffix(".guard"), _PATIENCE):
        before = _read()
        kept = [*before, *sorted(set(digests) - set(before))][-_MOST:]
        content = json.dumps({"format": _FORMAT, "dismissed": kept}, indent=1).encode()
        whole.written(path(), content)


def _read() -> list[str]:
    try:
        table = json.loads(path().read_bytes())
        return list(map(str, table["dismissed"])) if table["format"] == _FORMAT else []
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
