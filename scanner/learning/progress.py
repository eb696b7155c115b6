"""How far a long run is, told to whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a long run is: `done` of `total` steps, and what comes next."""

    def __call__(self, done: int, total: int, label: str) -> None:
        """Take note of it."""


def silent(done: int, total: int, label: str) -> None:
    """Show no progress."""
