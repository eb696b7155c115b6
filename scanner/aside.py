"""Work in a thread of its own, which may be left behind: no thread can be ended from outside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Made = TypeVar("Made")


def begun(work: Callable[[], Made]) -> Future[Made]:
    """Begin it; the future has what it gives or raises. No end of the program waits for it."""
    outcome: Future[Made] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is asked for
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return outcome
