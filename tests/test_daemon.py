"""The waiting times, the bell, and the clock."""

from __future__ import annotations

import threading
import time

import pytest

from scanner.daemon import Clock
from scanner.errors import BusyError, ConfigurationError, UnreachableError
from scanner.watcher import Bell, Retry

LONG = 3600.0
GONE = UnreachableError("account home: no connection; check the network")


def waits(error: Exception, *, until: float = LONG) -> list[tuple[float, float]]:
    """When each try of an hour comes, and how long is waited after it."""
    retry, now, found = Retry(), 0.0, []
    while now < until:
        wait = retry.after(error, now)
        found.append((now, wait))
        now += wait
    return found


def test_a_network_that_is_gone_is_tried_every_few_seconds_in_the_first_minute():
    """A laptop that changes networks is back at once."""
    early = [wait for began, wait in waits(GONE) if began < 60]
    assert len(early) > 10
    assert max(early) <= 5


def test_retries_grow_to_five_minutes_and_no_further():
    """Each wait is about twice as long as the one before, up to the limit."""
    later = [wait for began, wait in waits(GONE) if began >= 60]
    assert all(wait <= 300 for wait in later)
    assert later[-1] >= 225
    assert later[3] > later[1]


def test_waits_are_not_the_same_for_everybody():
    """A server that comes back is not met by all its clients at once."""
    assert len({Retry().after(GONE, 0) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    "error",
    [BusyError("[LIMIT]"), ConfigurationError("no Drafts"), ValueError("a slip")],
    ids=["busy", "configuration", "slip"],
)
def test_what_a_second_does_not_mend_is_tried_no_sooner_than_after_most_of_a_minute(error):
    """A server that asks to be left alone is left alone."""
    assert min(wait for _, wait in waits(error)) >= 45


def test_a_success_starts_the_waits_anew():
    """The next fault is a new one."""
    retry = Retry()
    for now in range(0, 2000, 100):
        retry.after(GONE, now)
    retry.reset()
    assert retry.after(GONE, 5000) <= 1


def test_a_request_to_end_wakes_every_waiter_and_stays():
    """Threads that wait long return at once, also those that come later."""
    bell, answers = Bell(), []
    assert bell.wait(0.01) is False
    threads = [threading.Thread(target=lambda: answers.append(bell.wait(LONG))) for _ in range(3)]
    for thread in threads:
        thread.start()
    bell.stop()
    for thread in threads:
        thread.join(30)
    assert answers == [True] * 3
    bell.quiet()
    began = time.monotonic()
    assert bell.wait(LONG)
    assert time.monotonic() - began < 30


def test_a_bell_that_rang_rings_once():
    """Who was woken to connect anew waits again afterwards."""
    bell = Bell()
    bell.ring()
    assert bell.wait(LONG)
    assert bell.quiet()
    assert not bell.quiet()
    assert bell.wait(0) is False


def test_ringing_many_times_is_no_error():
    """An impatient user may send the signal as often as they like."""
    bell = Bell()
    for _ in range(100_000):
        bell.stop()
    assert bell.wait(0)


@pytest.mark.parametrize(("passed", "jumps"), [(5, False), (9, False), (3600, True), (-3600, True)])
def test_a_clock_that_goes_another_way_than_the_time_waited_jumped(passed, jumps):
    """After a sleep, or when somebody set it; a busy machine's few seconds do not count."""
    clock = Clock(1000)
    assert clock.jumped(5, 1000 + passed) is jumps
    assert clock.jumped(5, 1005 + passed) is False
