"""SIGTERM and SIGINT end the daemon soon, whatever it is waiting for; the bench measures how soon.

Each wait here would last for minutes; the bound only tells that it was not waited out.
"""

from __future__ import annotations

import signal
import time

import pytest
from support.notes import FLUBBED
from support.processes import children_of, is_alive
from support.stopping import STATES
from support.waiting import until

BOUND = 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
@pytest.mark.parametrize("state", STATES, ids=[state.__name__ for state in STATES])
def test_a_signal_ends_it_whatever_it_waits_for(household, state, number):
    """With status 0, and soon; the process that judges ends with it."""
    with state(household) as daemon:
        children = children_of(daemon.process.pid)
        began = time.monotonic()
        assert daemon.stop(number) == 0, daemon.log.read_text()
        assert time.monotonic() - began < BOUND
    until(lambda: not any(map(is_alive, children)))


def test_it_ends_with_the_window_it_runs_in(household):
    """And so does its lock: nobody would see it any more."""
    window = household.program.converse("watch")
    window.expect(" drafts read; ")
    window.ptyproc.fileobj.close()  # the terminal's own end, which hangs up on who is on it
    assert window.wait() == 0
    assert "drafts read" in household.once()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_what_it_knew_is_saved_when_it_is_stopped(household, number):
    """A warning that is deleted while nobody watches is dismissed all the same."""
    household.client.save(FLUBBED)
    with household.program.watching() as daemon:
        daemon.wait_for("warned about 1")
        assert daemon.stop(number) == 0
    household.client.delete(*household.client.warnings())
    assert "warned about 0" in household.once()
    assert not household.client.warnings()
