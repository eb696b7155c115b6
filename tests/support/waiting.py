"""Waiting until something holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    condition: Callable[[], T],
    patience: float = 60,
    said: Callable[[], object] = lambda: "waited in vain",
) -> T:
    """Ask until the answer is true, and give it; after `patience` seconds fail with `said`."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, said()
        time.sleep(0.01)
    return found
