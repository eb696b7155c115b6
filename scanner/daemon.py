"""The process that watches all accounts: threads, signals, locks, and proof of sight."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Protocol, TypeAlias

from schedule import Scheduler

from scanner import checking
from scanner.adapters import answering, systemd
from scanner.aside import begun
from scanner.config import Seconds
from scanner.core.number import number_of
from scanner.errors import UnflubError, slip
from scanner.watcher import Bell, Watcher

log = logging.getLogger("unflub")

_TICK: Seconds = 5
# A tick that takes so much longer by the wall clock means that the machine slept, or that its
# clock was set: connections may be dead and nobody would be told.
_JUMP: Seconds = 20
_REST = 30  # seconds: how often to look whether the judge may rest
_MOMENT: Seconds = 0.1  # how often to look whether to stop while a crew is assembled
_GOODBYE: Seconds = 0.8  # for all LOGOUTs at the end; then connections are cut


class SharedJudge(checking.Checker, Protocol):
    """What the accounts share: a judge that costs nothing while it has nothing to do."""

    def rest(self) -> None:
        """Let go of what was not needed for a while."""
        ...

    def is_outdated(self) -> bool:
        """Tell, once, when it would better be replaced by another."""
        ...

    def close(self) -> None:
        """End, for good."""
        ...


Answer: TypeAlias = Callable[[checking.Checker, dict[str, Any]], dict[str, Any]]
"""Answers what other programs ask, by a judge; JSON objects both."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The watchers of one configuration, and the judge they share."""

    watchers: Sequence[Watcher]
    judge: SharedJudge


@dataclass(slots=True)
class Shift:
    """A crew at work, a thread for each watcher."""

    crew: Crew
    blind: set[str] = field(default_factory=set)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def names(self) -> frozenset[str]:
        """The accounts."""
        return frozenset(watcher.account.name for watcher in self.crew.watchers)

    def lock(self, before: Shift | None = None) -> None:
        """Lock the accounts, but for those of the shift before; one in vain is left for later.

        Raises UnflubError where there is none to watch.
        """
        known = before.names if before else frozenset()
        troubles = []
        for watcher in self.crew.watchers:
            try:
                if watcher.account.name not in known:
                    watcher.lock()
            except UnflubError as error:
                troubles.append(error)
        if len(troubles) == len(self.crew.watchers):
            raise troubles[0]

    def take_over(self, before: Shift) -> None:
        """End the shift before; locks of the same accounts stay, so that nobody comes between."""
        old = {watcher.account.name: watcher for watcher in before.crew.watchers}
        for watcher in self.crew.watchers:
            if one := old.get(watcher.account.name):
                watcher.follow(one)
        before.end()

    def start(self) -> None:
        """Set everybody to work."""
        for watcher in self.crew.watchers:
            name = f"account {watcher.account.name}"
            thread = threading.Thread(target=watcher.forever, name=name, daemon=True)
            self.threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Have everybody say goodbye; who does not in time is cut off."""
        for watcher in self.crew.watchers:
            watcher.bell.stop()
        self.crew.judge.close()
        self._join(_GOODBYE)
        for watcher in self.crew.watchers:
            watcher.cut()
        self._join(_GOODBYE / 4)
        for watcher, thread in zip_longest(self.crew.watchers, self.threads):
            if thread is None or not thread.is_alive():
                watcher.bell.close()
            watcher.unlock()

    def _join(self, seconds: Seconds) -> None:
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    @property
    def trouble(self) -> UnflubError | None:
        """What the user must mend before any account can be watched at all."""
        troubles = [watcher.hopeless for watcher in self.crew.watchers]
        return troubles[0] if all(troubles) else None

    def is_sighted(self, now: Seconds) -> bool:
        """Tell whether every thread lives and gets on; one that is stuck is cut loose."""
        stuck = [watcher for watcher in self.crew.watchers if watcher.is_stuck(now)]
        for watcher in stuck:
            watcher.cut()
            if watcher.account.name not in self.blind:
                log.error(
                    "account %s: blind: no answer in time, so it is cut off; "
                    "if this goes on, restart unflub",
                    watcher.account.name,
                )
        self.blind = {watcher.account.name for watcher in stuck}
        return not stuck and all(thread.is_alive() for thread in self.threads)


class Clock:
    """Tells when the wall clock went another way than the time that was waited."""

    def __init__(self, now: Seconds) -> None:
        self._last = now

    def jumped(self, waited: Seconds, now: Seconds) -> bool:
        """Tell whether the clock stands far from where waiting so long should have put it."""
        drift = now - self._last - waited
        self._last = now
        return abs(drift) > _JUMP


def watch(assemble: Callable[[], Crew], answer: Answer | None) -> None:
    """Watch every account until SIGTERM or SIGINT; SIGHUP has the crew assembled anew.

    On a terminal SIGHUP ends it, too: it may come of a window that was closed.

    An account in trouble never disturbs another. Other programs of this user get the `answer`
    to what they ask, if there is one. Raises UnflubError where no account can be watched until the
    user mends something.
    """
    bell, reload = Bell(), threading.Event()
    _catch_signals(bell, reload)
    crew = _assembled(assemble, bell)
    if crew is None:
        return
    shift = Shift(crew)
    shift.lock()
    shift.start()
    systemd.notify("READY=1")
    try:
        with _answering(answer, lambda: shift.crew.judge):
            while not bell.stopped:
                if _oversee(shift, bell):
                    log.info("another model is in use now: reloading")
                    reload.set()
                if reload.is_set():
                    reload.clear()
                    shift = _relieved(shift, assemble, bell)
    finally:
        systemd.notify("STOPPING=1")
        shift.end()


def _answering(
    answer: Answer | None, judge: Callable[[], SharedJudge]
) -> AbstractContextManager[None]:
    """Answer other programs by the judge of whoever is at work."""
    if answer is None:
        return nullcontext()
    return answering.answering(lambda question: answer(judge(), question))


def _catch_signals(bell: Bell, reload: threading.Event) -> None:
    def on_hangup(*_: object) -> None:
        reload.set()
        bell.ring()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, bell.stop)
    if sys.platform != "win32":
        # Whoever closed the window would not see it any more, nor that it keeps the lock.
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        signal.signal(signal.SIGHUP, bell.stop if on_terminal else on_hangup)


def _assembled(assemble: Callable[[], Crew], bell: Bell) -> Crew | None:
    """Assemble a crew; None where it is to stop first, for loading a model takes time.

    Raises UnflubError.
    """
    outcome = begun(assemble)
    while not wait([outcome], _MOMENT).done:
        if bell.stopped:
            return None
    return outcome.result()


def _oversee(shift: Shift, bell: Bell) -> bool:
    """Look after the crew until the bell rings, or there is a new model: tell whether there is.

    Raises what nobody but the user can mend.
    """
    clock, tick = Clock(time.time()), min(_TICK, systemd.watchdog() or _TICK)
    timetable = _timetable(shift.crew)
    began = time.monotonic()
    while not bell.wait(tick):
        # Time in which the machine slept is no time waited (clock_gettime(2), CLOCK_MONOTONIC),
        # so the drift is that time; a process that was stopped counts its time as waited.
        now = time.monotonic()
        if clock.jumped(min(now - began, tick), time.time()):
            log.info("the clock jumped: connecting anew")
            for watcher in shift.crew.watchers:
                watcher.connect_anew()
            timetable = _timetable(shift.crew)
        began = now
        if shift.is_sighted(now):
            systemd.notify("WATCHDOG=1")
        timetable.run_pending()
        if trouble := shift.trouble:
            raise trouble
        if shift.crew.judge.is_outdated():
            return True
    bell.quiet()
    return False


def _timetable(crew: Crew) -> Scheduler:
    """Plan what need not be on time: schedule goes by the local wall clock.

    What must be, is timed by the monotonic clock.
    """
    timetable = Scheduler()
    timetable.every(_REST).seconds.do(crew.judge.rest)
    return timetable


def _relieved(shift: Shift, assemble: Callable[[], Crew], bell: Bell) -> Shift:
    """Put a new crew in the old one's place; a configuration that is wrong changes nothing."""
    systemd.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        following = _following(shift, assemble, bell)
    except Exception as error:  # noqa: BLE001 - whatever it is, the old crew goes on
        log.error("not reloaded: %s", error if isinstance(error, UnflubError) else slip(error))  # noqa: TRY400
        following = None
    if following:
        following.take_over(shift)
        following.start()
        log.info("reloaded: watching %s", number_of(len(following.crew.watchers), "account"))
    systemd.notify("READY=1")
    return following or shift


def _following(shift: Shift, assemble: Callable[[], Crew], bell: Bell) -> Shift | None:
    """Assemble the next shift, with the locks it can have; None where it is to stop."""
    crew = _assembled(assemble, bell)
    if crew is None:
        return None
    following = Shift(crew)
    try:
        following.lock(shift)
    except UnflubError:
        following.end()
        raise
    return following
