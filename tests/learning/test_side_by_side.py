"""Computations side by side, in processes of their own."""

from __future__ import annotations

import pytest
from support.slow_work import failing_at_zero, squared

from scanner.learning.side_by_side import side_by_side


def test_results_come_in_the_order_of_what_was_given():
    """And what is told never says more than all."""
    told: list[float] = []
    assert side_by_side(squared, [3, 1, 2], 2, told.append) == [9, 1, 4]
    assert told[-1] == 1
    assert all(0 <= share <= 1 for share in told)


def test_a_failure_ends_the_others():
    """It is raised as it was, although the other would go on for ever."""
    with pytest.raises(ValueError, match="zero"):
        side_by_side(failing_at_zero, [1, 0], 2, lambda _: None)


def test_an_interrupt_ends_them_all():
    """Whoever is told may be interrupted."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(failing_at_zero, [1, 2], 2, interrupt)
