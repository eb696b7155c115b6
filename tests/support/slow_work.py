"""Work for processes side by side: they find it by its name."""

from __future__ import annotations

from collections.abc import Callable


def squared(number: int, tell: Callable[[float], None]) -> int:
    tell(0.5)
    tell(1.0)
    return number * number


def failing_at_zero(number: int, tell: Callable[[float], None]) -> int:
    """Fail for 0; for anything else go on until told to end."""
    if number == 0:
        raise ValueError("zero")
    while True:
        tell(0.5)
