"""What the daemon may be waiting for when it is asked to stop."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from support import proxy
from support.household import Household
from support.notes import FLUBBED
from support.processes import children_of
from support.program import Daemon
from support.waiting import until

_LONG = "settle_seconds = 0\ntimeout_seconds = 600"


@contextmanager
def silent_server(household: Household) -> Iterator[Daemon]:
    """Nobody answers, and nobody will answer its goodbye."""
    with proxy.running(household.server.port, "black hole") as through:
        household.configure(top=_LONG, port=str(through.port))
        with household.program.watching() as daemon:
            through.at = len(through.steps)
            household.client.save(FLUBBED)
            assert through.struck.wait(60)
            yield daemon


@contextmanager
def silent_greeting(household: Household) -> Iterator[Daemon]:
    """It has not even been greeted."""
    with proxy.running(household.server.port, "black hole", at=0) as through:
        household.configure(top=_LONG, port=str(through.port))
        with household.program.watching(wait=False) as daemon:
            assert through.struck.wait(60)
            yield daemon


@contextmanager
def stuck_judge(household: Household) -> Iterator[Daemon]:
    """A message is being judged, and that takes its time."""
    with proxy.running(household.server.port) as through:
        household.configure(top=_LONG, port=str(through.port))
        with household.program.watching() as daemon:
            (judge,) = children_of(daemon.process.pid)
            os.kill(judge, signal.SIGSTOP)
            household.client.save(FLUBBED)
            until(lambda: through.steps[-2:] == ["FETCH", "FETCH"])  # headers, then the draft
            yield daemon


@contextmanager
def loading(household: Household) -> Iterator[Daemon]:
    """The model is not loaded yet."""
    with household.program.watching(wait=False) as daemon:
        (judge,) = until(lambda: children_of(daemon.process.pid))
        os.kill(judge, signal.SIGSTOP)
        yield daemon
        os.kill(judge, signal.SIGCONT)


@contextmanager
def server_away(household: Household) -> Iterator[Daemon]:
    """It waits until it tries again."""
    household.configure(port="1")
    with household.program.watching(wait=False) as daemon:
        daemon.wait_for("next try in")
        yield daemon


@contextmanager
def settling(household: Household) -> Iterator[Daemon]:
    """A note was saved a moment ago and is left in peace."""
    household.configure(top="settle_seconds = 600")
    household.client.save(FLUBBED)
    with household.program.watching() as daemon:
        yield daemon


STATES = (silent_server, silent_greeting, stuck_judge, loading, server_away, settling)
