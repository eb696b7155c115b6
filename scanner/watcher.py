"""Watching one account for ever: connect, sweep, wait, and come back after every fault."""

from __future__ import annotations

import logging
import random
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from math import inf
from typing import Any

from scanner.adapters import credentials, dismissals, lock, notify, state, status
from scanner.adapters.connection import Line, readable
from scanner.adapters.mailbox import ImapMailbox, connect
from scanner.config import Account, Config, Seconds
from scanner.core.health import Signs
from scanner.core.verdict import AnyJudge, Verdict
from scanner.desk import Desk
from scanner.errors import (
    BusyError,
    ConfigurationError,
    CredentialsError,
    ExpiredError,
    NotYetError,
    UnflubError,
    UnreachableError,
    UnreadableError,
    slip,
)
from scanner.passes import Pass, PassTerms, describe, one_pass

log = logging.getLogger("unflub")

_HASTE: Seconds = 60  # a network that is gone for no longer may just have changed
_QUICK: Seconds = 5
_LONGEST_RETRY: Seconds = 300
_BUSY: Seconds = 60  # a server that asks to be left alone is
# A server that hides what it was given must not be given it again and again.
_MOST_IN_A_ROW = 4
# Nor may one keep us busy by telling, for ever, of changes that there are not.
_MOST_IN_VAIN = 3
_CALM: Seconds = 10
_MOST_REFUSALS = 2  # some servers lock an account after three
_CHANGE: Seconds = 300  # how often to see whether the user stored another password
# A password that was good may be so again: where the server looks it up is down at times.
_AGAIN: tuple[Seconds, ...] = (3600, 2 * 3600, 4 * 3600)
_SLACK: Seconds = 60
_LONG = 10  # in time-outs: no stretch of a pass has more commands, were each as slow as it may be


class Bell:
    """Wakes the thread that waits for a mailbox: to stop, or to connect anew."""

    def __init__(self) -> None:
        self.stopped = False
        self._sender, self.waiter = socket.socketpair()
        self._sender.settimeout(0)
        self.waiter.settimeout(0)

    def stop(self, *_signal: object) -> None:
        """Ask to end, for good; fit for a signal handler."""
        self.stopped = True
        self.ring()

    def ring(self) -> None:
        """Wake whoever waits, or will."""
        with suppress(OSError):  # rung so often that the buffer is full, or nobody is left
            self._sender.send(b"!")

    def wait(self, seconds: Seconds) -> bool:
        """Wait so long at most; tell whether it rang. After a stop it rings for ever."""
        return self.stopped or readable([self.waiter], seconds)

    def quiet(self) -> bool:
        """Have it not ring any more, unless it is to stop; tell whether it rang."""
        rang = False
        with suppress(BlockingIOError):
            while not self.stopped and self.waiter.recv(4096):
                rang = True
        return rang or self.stopped

    def close(self) -> None:
        """Let the sockets go."""
        self._sender.close()
        self.waiter.close()


class Retry:
    """Waiting times: seconds in the first minute of a fault, then doubling to five minutes."""

    def __init__(self, pace: float = 1) -> None:
        """Begin; a `pace` below 1 shortens every wait, for tests have no time for real ones."""
        self._pace = pace
        self.reset()

    def reset(self) -> None:
        """Start again with a second: things went well."""
        self._began: Seconds | None = None
        self._next: Seconds = 1

    @property
    def is_under_way(self) -> bool:
        """Whether something went wrong since things last went well."""
        return self._began is not None

    def after(self, error: BaseException, now: Seconds) -> Seconds:
        """Give the time to wait after an error that came now, and lengthen the next one."""
        self._began = now if self._began is None else self._began
        wait = max(self._next, _BUSY) if _is_slow(error) else self._next
        hasty = now - self._began < _HASTE
        self._next = min(2 * wait, _QUICK if hasty and wait < _BUSY else _LONGEST_RETRY)
        # Jitter, so that a server that comes back is not met by all its clients at once.
        return wait * self._pace * random.uniform(0.75, 1.0)  # noqa: S311 - no secret


def _is_slow(error: BaseException) -> bool:
    """Tell what a second does not mend: a busy server, a wrong setting, a slip of ours."""
    slow = BusyError | ConfigurationError | NotYetError
    return isinstance(error, slow) or not isinstance(error, UnflubError)


class Watcher:
    """One account and everything it takes to watch it."""

    def __init__(
        self,
        config: Config,
        account: Account,
        judge: AnyJudge,
        *,
        dry_run: bool = False,
        pace: float = 1,
    ) -> None:
        self.account = account
        self.hopeless: UnflubError | None = None
        """Why it never got in, where only the user can mend that; it still waits for it."""
        self.held: ExitStack | None = None
        """The lock of the account, while it is this watcher's."""
        self.bell = Bell()
        self.seen = Signs(account.name, running=True, sweep_seconds=config.sweep_seconds)
        self._config = config
        self._judge = judge
        self._dry_run = dry_run
        self._desk = Desk()
        self._retry = Retry(pace)
        self._line = Line()
        self._due: Seconds = inf
        self._was_in = False
        self._refusals = 0
        self._sent: str | None = None  # the password that was tried last
        self._told = ""
        self._alert = ""  # what the login brought that is still to be told
        self._alerted = False  # whether the login before had an alert

    def once(self) -> Pass:
        """Make one pass, taking every draft for settled. Raises any UnflubError."""
        self.lock()
        try:
            with self._connected() as mailbox:
                found = self._pass(mailbox, settle=0, sweep=True)
        finally:
            self.unlock()
        if found.refusal:
            raise found.refusal
        return found

    def forever(self) -> None:
        """Watch until the bell says stop: whatever is met, the account is tried again later."""
        while not self.bell.stopped:
            try:
                self._connect_and_watch()
            except BaseException as error:  # noqa: BLE001 - a thread that dies is blind for good
                self._pause(error)

    def _connect_and_watch(self) -> None:
        """Watch until something is wrong, and raise it, unless it was waited out."""
        self.lock()
        try:
            with self._connected() as mailbox:
                self._refusals = 0
                self._keep_watching(mailbox)
        except NotYetError:
            raise
        except CredentialsError as error:
            self._refusals += 1
            if self._refusals < _MOST_REFUSALS:
                raise
            self._wait_out(error)

    def lock(self) -> None:
        """Have the account to itself, if it has not yet. A dry run writes nothing, not even a lock.

        Raises ConfigurationError where another process has it, or UnreadableError.
        """
        if self.held is None and not self._dry_run:
            held = ExitStack()
            held.enter_context(lock.held(status.lock_of(self.account.name), self.account.name))
            self.held = held
            self._write_status()  # what was said of a daemon before holds no more

    def unlock(self) -> None:
        """Leave the account to others."""
        held, self.held = self.held, None
        if held:
            held.close()

    def follow(self, before: Watcher) -> None:
        """Take the lock from another of the same name, and what it saw that still holds."""
        self.held, before.held = before.held, None
        self._see(changed=before.seen.changed)
        self._was_in = before._was_in and before.account == self.account

    def connect_anew(self) -> None:
        """Have the connection dropped, from another thread: the machine may have slept."""
        self.cut()
        self.bell.ring()

    def cut(self) -> None:
        """End the connection from another thread; its own thread finds it broken."""
        self._line.cut()

    def is_stuck(self, now: Seconds) -> bool:
        """Tell whether something takes longer than everything in it may."""
        return now > self._due

    def _keep_watching(self, mailbox: ImapMailbox) -> None:
        self._desk.begin_anew()
        acted, vain, swept, told = 0, 0, -inf, False
        while not self.bell.stopped:
            sweep = time.monotonic() - swept >= self._config.sweep_seconds
            before = set(self._desk.headers)
            found = self._pass(mailbox, self._config.settle_seconds, sweep=sweep)
            swept = time.monotonic() if sweep else swept
            acted = acted + 1 if found.actions and not self._dry_run else 0
            if 0 < acted < _MOST_IN_A_ROW:
                continue  # a note saved while the pass acted was seen, but not yet planned for
            settles_in = inf if found.settles_in is None else found.settles_in
            # Messages never change under their UIDs (RFC 9051 section 2.3.1.1).
            vain = vain + 1 if told and before == set(self._desk.headers) else 0
            if vain >= _MOST_IN_VAIN:
                self.bell.wait(min(_CALM, settles_in))
            told = self._wait(mailbox, settles_in, swept + self._config.sweep_seconds)

    def _wait(self, mailbox: ImapMailbox, settles_in: Seconds, sweep_at: Seconds) -> bool:
        """Wait for a change, the next draft to settle, or the next sweep; tell whether of one."""
        until = min(sweep_at, time.monotonic() + settles_in)
        while not self.bell.stopped and (left := until - time.monotonic()) > 0:
            most = self._config.idle_seconds if mailbox.has_idle else self._config.poll_seconds
            self._expect(min(most, left) + 4 * self._config.timeout_seconds)
            changed = mailbox.wait(min(most, left), self.bell.waiter)
            self._retry.reset()
            if changed:
                self._see(changed=time.time())
                return True
            self.bell.quiet()
        return False

    @contextmanager
    def _connected(self) -> Iterator[ImapMailbox]:
        timeout = self._config.timeout_seconds
        self._expect(_LONG * timeout)
        try:
            self._sent = None
            self._sent = secret = credentials.password(self.account)
            self._line = line = Line()
            with connect(self.account, secret, timeout=timeout, line=line) as mailbox:
                self._was_in, self.hopeless = True, None
                self._see(connected=time.time())
                self._heed(mailbox.take_alert())
                began = time.monotonic()
                try:
                    yield mailbox
                finally:
                    # A pass that went well is no proof: some connections end right after it.
                    if time.monotonic() - began > _HASTE:
                        self._retry.reset()
        finally:
            self._due = inf
            self._see(connected=0)

    def _heed(self, alert: str) -> None:
        """Keep a login's alert for the next pass, unless the login before had one as well.

        Most servers have it beside each login, which would make news of every reconnect.
        """
        if not self._alerted:
            self._alert = alert
        self._alerted = bool(alert)

    def _pass(self, mailbox: ImapMailbox, settle: Seconds, *, sweep: bool) -> Pass:
        self._expect(_LONG * self._config.timeout_seconds)
        terms = PassTerms(
            sender=self.account.address,
            memory_file=state.memory_of(self.account.name),
            account=self.account.name,
            settle=settle,
            dry_run=self._dry_run,
            sweep=sweep,
            dismissed=dismissals.load(),
        )
        found = one_pass(mailbox, self._desk, self._judging, terms)
        log.info("%s", describe(self.account, found, dry_run=self._dry_run))
        alert, self._alert = mailbox.take_alert() or self._alert, ""
        self._note(found, alert, sweep=sweep)
        if self._config.notify and not self._dry_run and found.warned_about:
            notify.warned(self.account.name, found.warned_about)
        if self._config.notify and not self._dry_run and found.alters:
            notify.altered(self.account.name)
        return found

    def _judging(self, messages: Sequence[bytes]) -> list[Verdict | UnreadableError]:
        self._expect(_LONG * self._config.timeout_seconds)  # a full mailbox takes many batches
        return self._judge(messages)

    def _note(self, found: Pass, alert: str, *, sweep: bool) -> None:
        """Keep the status up to date, and say what is wrong, once."""
        self._see(
            swept=time.time() if sweep else self.seen.swept,
            changed=time.time() if found.actions else self.seen.changed,
            drafts=found.drafts,
            warnings=found.warnings,
            unchecked=len(found.unchecked),
        )
        trouble = str(found.refusal or "") or alert
        began = self.seen.failed if trouble == self.seen.error else time.time()
        exit_status = UnreachableError.exit_status if trouble else 0
        self._see(error=trouble, failed=began if trouble else 0, exit_status=exit_status)
        self._write_status()
        if trouble and trouble != self._told:
            log.warning("%s", trouble)
        self._told = trouble

    def _say(self, line: str, exit_status: int, then: str = "") -> None:
        """Put trouble into the status, then log it when it is new; else with the next try alone."""
        is_new = line != self.seen.error
        if is_new:
            self._see(error=line, failed=time.time(), exit_status=exit_status)
        self._write_status()
        if is_new:
            log.warning("%s%s", line, then)
        elif then:
            log.info("%s%s", line, then)

    def _see(self, **signs: Any) -> None:
        self.seen = replace(self.seen, **signs)

    def _pause(self, error: BaseException) -> None:
        """Say what is wrong and wait, each time longer; a ring ends the wait."""
        if self.bell.stopped or self.bell.quiet():
            return
        line = str(error)
        if not isinstance(error, UnflubError):
            line = f"account {self.account.name}: {slip(error)}"
        if isinstance(error, ConfigurationError):
            self._despair(error)
        usual = isinstance(error, ExpiredError) and not self._retry.is_under_way
        wait = self._retry.after(error, time.monotonic())
        then = f" (next try in {wait:.0f} s)"
        if usual:  # it comes every hour or so
            log.info("%s%s", line, then)
        else:
            self._say(line, getattr(error, "exit_status", UnreachableError.exit_status), then)
        self.bell.wait(wait)
        self.bell.quiet()

    def _wait_out(self, error: CredentialsError) -> None:
        """Leave a server that refuses us alone, until there is another password to try.

        One that was good before is tried once more after a long pause, or when the machine woke up.
        """
        self.bell.quiet()
        self._tell(error)
        until = time.monotonic() + self._long_pause if self._was_in else inf
        before = self._allowed()
        while not self.bell.stopped:
            rang = self.bell.wait(_CHANGE)
            self.bell.quiet()
            if self._has_another(before):
                self._refusals = 0
                return
            if self._was_in and (rang or time.monotonic() >= until):
                return

    def _tell(self, error: CredentialsError) -> None:
        """Say that the login is refused, at first also on the desktop."""
        then = "it is not tried again until that changes"
        if self._was_in:
            then = "it is tried again in an hour or more, or when that changes"
        self._say(f"{error}; {then}", error.exit_status)
        if self._config.notify and not self._dry_run and self._refusals == _MOST_REFUSALS:
            notify.refused(self.account.name)
        self._despair(error)  # last, for it may end the daemon

    @property
    def _long_pause(self) -> Seconds:
        return _AGAIN[min(self._refusals - _MOST_REFUSALS, len(_AGAIN) - 1)]

    def _despair(self, error: CredentialsError | ConfigurationError) -> None:
        if not self._was_in:
            self.hopeless = error

    def _has_another(self, before: str | None) -> bool:
        """Tell whether there is something else to try than what was refused."""
        if self.account.has_token and self._was_in and self._sent is not None:
            # Each access token differs from the one before, whatever is wrong with them.
            return self._allowed() not in (None, before)
        # Another may have been stored while this one was being refused.
        return self._password() not in (None, self._sent)

    def _allowed(self) -> str | None:
        """Give what OAuth2 keeps, or None where that is nothing, or cannot be had now."""
        try:
            return credentials.allowed(self.account)
        except UnflubError:
            return None

    def _password(self) -> str | None:
        """Give the password, or None while it cannot be had: nothing to try by then."""
        try:
            return credentials.password(self.account)
        except UnflubError:
            return None

    def _expect(self, seconds: Seconds) -> None:
        self._due = time.monotonic() + seconds + _SLACK

    def _write_status(self) -> None:
        if self.held:  # else it is another's account to speak of
            with suppress(OSError):  # the disk is full: the log and the lock still tell
                status.write(self.seen)
