"""What the daemon says of each account while it runs, for `unflub status`: times and counts.

The file says nothing of whether the daemon still runs: the account's lock does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from scanner.adapters import lock, state, whole
from scanner.core.health import Signs, as_record


def path_of(name: str) -> Path:
    """Where the status of an account lies."""
    return state.folder() / f"{name}.status"


def lock_of(name: str) -> Path:
    """Where the lock of an account lies."""
    return state.folder() / f"{name}.lock"


def write(signs: Signs) -> None:
    """Write the status of an account, whole or not at all. Raises OSError."""
    path = path_of(signs.account)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole.replaced(path, json.dumps(asdict(signs), indent=1).encode(), durable=False)


def report(name: str) -> Signs:
    """Find out how an account fares: what was last said of it, and whether that still holds."""
    said = _read(name)
    if not lock.is_held(lock_of(name)):
        return replace(said, running=False, connected=0)
    return said


def _read(name: str) -> Signs:
    nothing = Signs(name, running=True)
    try:
        table: dict[str, Any] = json.loads(path_of(name).read_bytes())
        wanted = {field.name: type(getattr(nothing, field.name)) for field in fields(Signs)}
        said = Signs(**{key: kind(table[key]) for key, kind in wanted.items()})
        as_record(said, now=0)  # a time that no calendar has cannot be told
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return nothing
    return said
