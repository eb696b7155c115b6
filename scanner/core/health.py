"""How an account fares, in one word, from what its daemon last said of it; and how to say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from scanner.core.number import number_of
from scanner.errors import UnreachableError

Health = Literal["watching", "starting", "troubled", "disconnected", "blind", "not running"]

# A sweep may take a while, and the machine may have just woken up.
_LATE = 120
ADVICE: dict[str, str] = {
    "not running": "no unflub watches it; run `unflub service install`, or `unflub watch`",
    "blind": "it runs, and has not seen the mailbox for too long; restart it, and report this",
}
"""What to do about an account that is in such health, where no error tells."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of an account: whether its daemon runs, and what that last said.

    Times are seconds since the epoch, 0 is never. `changed` is when a change was last seen,
    `swept` when all was looked through, `error` the trouble there is now, and `failed` its
    beginning; `exit_status` is that of the error.
    """

    account: str
    running: bool
    connected: float = 0
    changed: float = 0
    swept: float = 0
    sweep_seconds: int = 300
    drafts: int = 0
    warnings: int = 0
    unchecked: int = 0
    error: str = ""
    failed: float = 0
    exit_status: int = 0


def health(signs: Signs, now: float) -> Health:
    """Judge by the last sweep: a look is the only proof of sight."""
    if not signs.running:
        return "not running"
    if signs.error and not signs.connected:
        return "disconnected"
    last_seen = signs.swept or signs.connected
    if last_seen and now - last_seen > 2 * signs.sweep_seconds + _LATE:
        return "blind"
    if signs.error:
        return "troubled"
    return "watching" if signs.swept else "starting"


def exit_status(signs: Signs, now: float) -> int:
    """Give 0 where the account is watched, else what stands in the way."""
    found = health(signs, now)
    if found == "watching":
        return 0
    if found in ("disconnected", "troubled"):
        return signs.exit_status or UnreachableError.exit_status
    return UnreachableError.exit_status


def as_text(signs: Signs, now: float) -> str:
    """Say it to a person, in two or three lines."""
    found = health(signs, now)
    lines = [
        f"{signs.account}: {found if found == 'watching' else found.upper()}",
        f"  connected since {_time(signs.connected)}, last change seen {_time(signs.changed)}, "
        f"last sweep {_time(signs.swept)}",
        f"  {number_of(signs.drafts, 'draft')}, {number_of(signs.warnings, 'open warning')}, "
        f"{signs.unchecked:,} not checked",
    ]
    if found in ADVICE:
        lines.append(f"  {ADVICE[found]}")
    if signs.error:
        lines.append(f"  since {_time(signs.failed)}: {signs.error}")
    return "\n".join(lines)


def as_record(signs: Signs, now: float) -> dict[str, object]:
    """Say it to a monitor."""
    return {
        "account": signs.account,
        "health": health(signs, now),
        "exit_status": exit_status(signs, now),
        "connected_since": _stamp(signs.connected),
        "last_change": _stamp(signs.changed),
        "last_sweep": _stamp(signs.swept),
        "drafts": signs.drafts,
        "open_warnings": signs.warnings,
        "not_checked": signs.unchecked,
        "error": signs.error or None,
        "error_since": _stamp(signs.failed),
    }


def _time(seconds: float) -> str:
    return (
        f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S}" if seconds else "never"
    )


def _stamp(seconds: float) -> str | None:
    if not seconds:
        return None
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
