"""One pass over a Drafts mailbox, and the loop around it: IDLE, schedule, retry, signals."""

from __future__ import annotations

import logging
import random
import select
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import make_msgid
from math import inf
from pathlib import Path

import schedule

from scanner.adapters import credentials, state
from scanner.adapters.mailbox import FETCH_LIMIT, ImapMailbox, Listing, Mailbox, batches, connect
from scanner.config import Account, Config, Seconds
from scanner.core.assess import digest
from scanner.core.judge import Judge, Verdict
from scanner.core.plan import (
    Action,
    Append,
    Reading,
    Remove,
    Snapshot,
    Unknown,
    WarningDraft,
    forget,
    plan,
    remember,
    warning,
)
from scanner.core.render import Envelope, Recognised, recognise, render
from scanner.errors import ConfigurationError, CredentialsError, UnflubError, UnreadableError

log = logging.getLogger("unflub")

_FIRST_RETRY: Seconds = 1
_LONGEST_RETRY: Seconds = 300
# A server that hides what it was given must not be given it again and again.
_MOST_IN_A_ROW = 4
_GOODBYE: Seconds = 1  # for all LOGOUTs at the end


@dataclass(slots=True)
class Desk:
    """What the daemon knows of one mailbox from earlier passes.

    A message never changes under its UID (RFC 9051 section 2.3.1.1), so each is read once.
    """

    uidvalidity: int = -1
    headers: dict[int, Recognised | str] = field(default_factory=dict)
    """A recognised warning draft, or the Message-ID of a draft."""
    first_seen: dict[int, Seconds] = field(default_factory=dict)
    known: dict[int, Reading | Unknown | WarningDraft] = field(default_factory=dict)

    def forget_all_but(self, listing: Listing) -> None:
        """Drop what is not in the mailbox any more."""
        if listing.uidvalidity != self.uidvalidity:
            self.uidvalidity = listing.uidvalidity
            self.headers, self.first_seen, self.known = {}, {}, {}
        for table in (self.headers, self.first_seen, self.known):
            for uid in table.keys() - set(listing.uids):
                del table[uid]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass found and did; `settles_in` is when the next draft may be read."""

    drafts: int
    actions: tuple[Action, ...]
    settles_in: Seconds | None


@dataclass(frozen=True, slots=True)
class Terms:
    """How a pass is made: as whom, with which memory, how settled a draft must be.

    With `dry_run` the actions are planned and returned, and nothing at all is written.
    """

    sender: str
    memory_file: Path
    settle: Seconds = 0
    dry_run: bool = False


def one_pass(mailbox: Mailbox, desk: Desk, judge: Judge, terms: Terms) -> Pass:
    """Look at the mailbox once and bring its warning drafts up to date.

    Raises UnreachableError, or UnreadableError when the memory cannot be saved.
    """
    now = time.monotonic()
    # Read before the look: a warning that another process writes meanwhile is then no riddle.
    saved = state.load(terms.memory_file)
    snapshot = _look(mailbox, desk, judge, terms, now)
    memory = remember(saved.under(desk.uidvalidity), snapshot)
    actions = plan(snapshot, memory.dismissed)
    if not terms.dry_run:
        # What was dismissed is safe on disk before anything depends on it; what is removed is
        # forgotten before, so that after a crash the user is not taken for having deleted it.
        memory = forget(memory, actions)
        if state.Saved(desk.uidvalidity, memory) != saved:  # most passes find nothing new
            state.save(terms.memory_file, desk.uidvalidity, memory)
        _apply(mailbox, actions, terms.sender)
    if actions and not terms.dry_run:
        # What was written stands from now on: deleting it, however soon, dismisses it.
        after = remember(memory, _look(mailbox, desk, judge, terms, now))
        state.save(terms.memory_file, desk.uidvalidity, after)
    return Pass(len(snapshot.readings), actions, _settles_in(desk, snapshot, now - terms.settle))


def _look(mailbox: Mailbox, desk: Desk, judge: Judge, terms: Terms, now: Seconds) -> Snapshot:
    listing = mailbox.listing()
    desk.forget_all_but(listing)
    _look_at_headers(mailbox, desk, listing.uids, now)
    _read_settled(mailbox, desk, judge, listing.uids, now - terms.settle)
    return _snapshot(desk, listing.uids)


def _look_at_headers(mailbox: Mailbox, desk: Desk, uids: Sequence[int], now: Seconds) -> None:
    for batch in batches([uid for uid in uids if uid not in desk.headers]):
        headers = mailbox.headers(batch)
        for uid in batch:
            header = headers.get(uid, b"")
            desk.headers[uid] = recognise(header) or _message_id(header)
            desk.first_seen[uid] = now


def _read_settled(
    mailbox: Mailbox, desk: Desk, judge: Judge, uids: Sequence[int], settled: Seconds
) -> None:
    """Read each message that is not known yet: warnings at once, drafts when settled."""
    new = [uid for uid in uids if uid not in desk.known]
    headers = {uid: desk.headers[uid] for uid in new}
    warnings = {uid: header for uid, header in headers.items() if isinstance(header, Recognised)}
    drafts = [uid for uid in new if uid not in warnings and desk.first_seen[uid] <= settled]
    for batch in batches(list(warnings)):
        messages = mailbox.messages(batch)
        for uid in batch:
            # One that is not given out whole counts, as its header says, and is not ours to remove.
            found = recognise(messages.get(uid, b"")) or warnings[uid]
            desk.known[uid] = warning(uid, found)
    for batch in batches(drafts):
        messages = mailbox.messages(batch)
        verdicts = dict(zip(messages, judge(list(messages.values())), strict=True))
        for uid in batch:
            verdict = _trusted(messages.get(uid, b""), verdicts.get(uid))
            desk.known[uid] = _known(uid, str(desk.headers[uid]), verdict)


def _trusted(raw: bytes, verdict: Verdict | UnreadableError | None) -> Verdict | UnreadableError:
    """Take a text that may lie beyond what was fetched for unknown, not for empty."""
    if verdict is None:
        return UnreadableError("broken: the server lists it and does not give it out")
    if isinstance(verdict, Verdict) and verdict.is_empty and len(raw) >= FETCH_LIMIT:
        return UnreadableError("broken: no text within what is fetched of a message")
    return verdict


def _known(uid: int, message_id: str, verdict: Verdict | UnreadableError) -> Reading | Unknown:
    if isinstance(verdict, UnreadableError):
        log.info("uid %d is not checked: %s", uid, verdict)
        return Unknown(uid, message_id, settling=False)
    return Reading(
        uid=uid,
        draft=verdict.draft,
        assessment=verdict.assessment,
        sentences=frozenset(digest(s.text) for s in verdict.sentences.items),
    )


def _snapshot(desk: Desk, uids: Sequence[int]) -> Snapshot:
    known = [desk.known[uid] for uid in uids if uid in desk.known]
    unread = [uid for uid in uids if uid not in desk.known]
    settling = tuple(Unknown(uid, str(desk.headers[uid]), settling=True) for uid in unread)
    return Snapshot(
        readings=tuple(k for k in known if isinstance(k, Reading)),
        unknown=settling + tuple(k for k in known if isinstance(k, Unknown)),
        warnings=tuple(k for k in known if isinstance(k, WarningDraft)),
    )


def _settles_in(desk: Desk, snapshot: Snapshot, before: Seconds) -> Seconds | None:
    waits = [desk.first_seen[u.uid] - before for u in snapshot.unknown if u.settling]
    return max(0.0, min(waits)) if waits else None


def _apply(mailbox: Mailbox, actions: Sequence[Action], sender: str) -> None:
    for action in actions:
        if isinstance(action, Append):
            mailbox.append(render(action.note.draft, action.assessment, _envelope(sender)))
    removals = [action.warning for action in actions if isinstance(action, Remove)]
    if removals:
        mailbox.remove(removals)


def _envelope(sender: str) -> Envelope:
    domain = sender.rpartition("@")[2] or "localhost"
    message_id = make_msgid("unflub", domain if domain.isascii() else "localhost")
    return Envelope(sender, message_id, datetime.now(UTC))


def _message_id(header: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(header).get("Message-ID", "")).strip()


class Stop:
    """A request to end, which also wakes whoever waits on a socket."""

    def __init__(self) -> None:
        self._sender, self.waiter = socket.socketpair()
        self._sender.settimeout(0)

    def __call__(self, *_signal: object) -> None:
        """Ask everybody to end; fit for a signal handler."""
        with suppress(BlockingIOError):  # asked for so often that the buffer is full
            self._sender.send(b"!")

    def wait(self, seconds: Seconds) -> bool:
        """Wait so long at most; tell whether the end was asked for."""
        # The byte is never read, so every thread that waits sees it.
        return bool(select.select([self.waiter], [], [], seconds)[0])

    def __bool__(self) -> bool:
        return self.wait(0)


class Retry:
    """Waiting times that double from one second to five minutes, with jitter."""

    def __init__(self) -> None:
        self._next = _FIRST_RETRY

    def reset(self) -> None:
        """Start again from one second: things went well."""
        self._next = _FIRST_RETRY

    def after(self) -> Seconds:
        """Give the time to wait now, and double the next one."""
        # Jitter, so that a server that comes back is not met by all its clients at once.
        wait = self._next * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        self._next = min(self._next * 2, _LONGEST_RETRY)
        return wait


@dataclass(frozen=True, slots=True)
class Watcher:
    """One account and everything it takes to watch it."""

    config: Config
    account: Account
    judge: Judge
    dry_run: bool = False

    def once(self) -> Pass:
        """Make one pass, taking every draft for settled. Raises any UnflubError."""
        with self._mailbox() as mailbox:
            return self._pass(mailbox, Desk(), settle=0)

    def forever(self, stop: Stop) -> None:
        """Watch until stopped, however often the connection breaks.

        Raises CredentialsError or ConfigurationError where even the first login fails: only
        the user can mend that.
        """
        retry, was_in = Retry(), False
        while not stop:
            try:
                with self._mailbox() as mailbox:
                    was_in = True
                    self._keep_watching(mailbox, stop, retry)
            except UnflubError as error:
                if not was_in and isinstance(error, CredentialsError | ConfigurationError):
                    raise
                wait = retry.after()
                log.warning("%s (next try in %.0f s)", error, wait)
                stop.wait(wait)
            except Exception as error:  # noqa: BLE001 - a daemon that dies of a slip is blind
                wait = retry.after()
                log.error("%s (next try in %.0f s)", _slip(self.account, error), wait)  # noqa: TRY400
                stop.wait(wait)

    def _keep_watching(self, mailbox: ImapMailbox, stop: Stop, retry: Retry) -> None:
        desk = Desk()
        due = threading.Event()
        timetable = schedule.Scheduler()
        timetable.every(self.config.sweep_seconds).seconds.do(due.set)
        if not mailbox.has_idle:
            timetable.every(self.config.poll_seconds).seconds.do(due.set)
        acted = 0
        while not stop:
            found = self._pass(mailbox, desk, self.config.settle_seconds)
            retry.reset()
            acted = acted + 1 if found.actions and not self.dry_run else 0
            if 0 < acted < _MOST_IN_A_ROW:
                continue  # a note saved while the pass acted was seen, but not yet planned for
            due.clear()
            settled = time.monotonic() + found.settles_in if found.settles_in is not None else inf
            while not due.is_set() and not stop and time.monotonic() < settled:
                pause = min(timetable.idle_seconds or 0, self.config.idle_seconds)
                if mailbox.wait(min(pause, settled - time.monotonic()), stop.waiter):
                    due.set()
                timetable.run_pending()

    @contextmanager
    def _mailbox(self) -> Iterator[ImapMailbox]:
        secret = credentials.password(self.account)
        with connect(self.account, secret, timeout=self.config.timeout_seconds) as mailbox:
            yield mailbox

    def _pass(self, mailbox: Mailbox, desk: Desk, settle: Seconds) -> Pass:
        memory_file = state.folder() / f"{self.account.name}.json"
        terms = Terms(self.account.address, memory_file, settle, self.dry_run)
        found = one_pass(mailbox, desk, self.judge, terms)
        log.info("%s", describe(self.account, found, dry_run=self.dry_run))
        return found


def watch(watchers: Sequence[Watcher]) -> None:
    """Watch every account at once until SIGTERM or SIGINT.

    An account whose trouble only the user can mend is given up, and the others go on; when
    none is left, the first such error is raised.
    """
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    errors: list[UnflubError] = []
    threads = [
        threading.Thread(target=_guarded, args=(watcher, stop, errors), daemon=True)
        for watcher in watchers
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not stop.wait(0.5):
        pass
    deadline = time.monotonic() + _GOODBYE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    if errors and not stop:
        raise errors[0]


def describe(account: Account, found: Pass, *, dry_run: bool = False) -> str:
    """Say in one line what a pass did, in counts and UIDs only."""
    wrote = [str(action.note.uid) for action in found.actions if isinstance(action, Append)]
    removed = [str(action.warning.uid) for action in found.actions if isinstance(action, Remove)]
    would = "would have " if dry_run else ""
    return (
        f"account {account.name}: {found.drafts} drafts read; "
        f"{would}warned about {_uids(wrote)}, {would}removed {_uids(removed)}"
    )


def _uids(uids: Sequence[str]) -> str:
    return f"{len(uids)} (uid {', '.join(uids)})" if uids else "0"


def _guarded(watcher: Watcher, stop: Stop, errors: list[UnflubError]) -> None:
    try:
        watcher.forever(stop)
    except UnflubError as error:
        log.error("%s", error)  # noqa: TRY400 - the line says all; a traceback would not help
        errors.append(error)


def _slip(account: Account, error: Exception) -> str:
    """Name the place of an error of our own, without its words, which may hold mail."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"account {account.name}: internal error {type(error).__name__} "
        f"at {Path(place.filename).name}:{place.lineno}; please report it"
    )
