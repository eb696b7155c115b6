"""Threads that run in turns: each goes on to its next step when it is told to, or dies there."""

from __future__ import annotations

import threading
from collections.abc import Callable

_here = threading.local()


class KilledError(BaseException):
    """Ends an actor wherever it is; nothing of ours catches it."""


def step() -> None:
    """Wait for the next turn, if an actor does this."""
    if actor := getattr(_here, "actor", None):
        actor.wait()


class Actor:
    """Does something in a thread of its own, from one `step()` to the next."""

    def __init__(self, do: Callable[[], object]) -> None:
        self.has_ended = False
        self.error: BaseException | None = None
        self._do = do
        self._is_killed = False
        self._turn, self._end_of_turn = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._act, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Have it take one turn."""
        self._turn.release()
        assert self._end_of_turn.acquire(timeout=60)
        if self.error:
            raise self.error

    def finish(self) -> None:
        """Have it take turns until it ends by itself."""
        while not self.has_ended:
            self.go_on()

    def kill(self) -> None:
        """End it where it stands."""
        self._is_killed = True
        self.finish()

    def wait(self) -> None:
        self._end_of_turn.release()
        self._turn.acquire()
        if self._is_killed:
            raise KilledError

    def _act(self) -> None:
        _here.actor = self
        self._turn.acquire()
        try:
            if not self._is_killed:
                self._do()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised where it is told to go on
            self.error = error
        finally:
            self.has_ended = True
            self._end_of_turn.release()
