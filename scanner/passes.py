"""One pass over a Drafts mailbox: look, plan, and do what was planned."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import make_msgid
from pathlib import Path

from scanner.adapters import state
from scanner.adapters.mailbox import FETCH_LIMIT, Mailbox
from scanner.adapters.state import Saved
from scanner.config import Account, Seconds
from scanner.core.assess import digest
from scanner.core.plan import (
    Action,
    Append,
    Memory,
    OwnWarning,
    Remove,
    Snapshot,
    Standing,
    forget,
    plan,
    remember,
)
from scanner.core.render import Envelope, recognise, render
from scanner.core.verdict import AnyJudge
from scanner.desk import Desk, Hold
from scanner.errors import AlteredError, RefusedError

# A mailbox that is suddenly empty may be a server's slip, and one that differs at every look will
# come to rest: so much later it is looked at again, before it is believed.
_DOUBT: Seconds = 5
_MOST_LOOKS = 3  # in one pass, for two that agree; until then nothing is taken away
_MOST_UIDS = 20  # in a line that is logged

ALTERED = (
    "the server changes the drafts it stores, so that unflub would not know its own warnings again "
    "and writes none there; delete by hand what lies there of it, and have notes checked before "
    "Send instead (the README tells how); once the server was mended, run `unflub doctor`"
)
"""What is wrong with a server that drops header fields, say, and what to do now."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass found and did.

    `settles_in` is when the next draft may be read, `warnings` how many warning drafts lie
    there, `unchecked` are drafts that cannot be read, `refusal` is why nothing was written; the
    server `alters` what is written.
    """

    drafts: int
    actions: tuple[Action, ...]
    settles_in: Seconds | None
    warnings: int = 0
    unchecked: tuple[int, ...] = ()
    refusal: RefusedError | None = None
    alters: bool = False

    @property
    def warned_about(self) -> frozenset[str]:
        """The sentences that warnings were written about."""
        written = () if self.refusal else self.actions
        wrote = (one.assessment.digests for one in written if isinstance(one, Append))
        return frozenset[str]().union(*wrote)


@dataclass(frozen=True, slots=True)
class _Decision:
    """What follows from one look."""

    snapshot: Snapshot
    memory: Memory
    actions: tuple[Action, ...]
    agreed: bool = True
    """Whether looks agreed where they must; else nothing follows yet."""
    alters: bool = False
    """Whether the server is known to change what it stores."""

    @property
    def removals(self) -> frozenset[Remove]:
        return frozenset(action for action in self.actions if isinstance(action, Remove))

    def takes_from(self, before: Memory) -> bool:
        """Tell whether a warning would be removed, or one that stood is missing."""
        standing = {w.uid for w in self.memory.standing}
        missing = any(w.uid not in standing for w in before.standing if w.uid)
        return bool(self.removals) or missing or self.memory.dismissed != before.dismissed

    def agrees_with(self, other: _Decision) -> bool:
        """Tell whether another look came to the same losses."""
        return self.memory == other.memory and self.removals == other.removals


@dataclass(frozen=True, slots=True)
class PassTerms:
    """How a pass is made: as whom, with which memory, how settled a draft must be.

    With `dry_run` the actions are planned and returned, and nothing at all is written; a
    `sweep` believes nothing that the server said before. What was `dismissed` before sending
    is warned about no more.
    """

    sender: str
    memory_file: Path
    settle: Seconds = 0
    dry_run: bool = False
    sweep: bool = False
    account: str = ""
    dismissed: frozenset[str] = frozenset()


def one_pass(mailbox: Mailbox, desk: Desk, judge: AnyJudge, terms: PassTerms) -> Pass:
    """Look at the mailbox once and bring its warning drafts up to date.

    Raises UnreachableError, or UnreadableError when the memory cannot be saved.
    """
    room = _Room(mailbox, desk, judge, terms, time.monotonic())
    # Read before the look: a warning that another process writes meanwhile is then no riddle.
    saved = state.load(terms.memory_file).having(terms.dismissed)
    snapshot = room.look(sweep=terms.sweep)
    if (snapshot, saved) == desk.rest:  # most looks find nothing new
        return room.passed(_Decision(snapshot, saved.memory, (), alters=saved.alters))
    if room.is_doubtful(snapshot, saved):
        return Pass(0, (), _DOUBT)
    decision = room.decide(saved, snapshot)
    if terms.dry_run or not decision.agreed:
        return room.passed(decision)
    if decision.actions and room.now >= desk.hold.until:
        return room.act(decision)
    now_saved = Saved(desk.uidvalidity, decision.memory, saved.alters)
    if now_saved != saved:
        state.save(terms.memory_file, now_saved)
    desk.rest = None if decision.actions else (decision.snapshot, now_saved)
    if not decision.actions:
        desk.hold = Hold()
    return room.passed(replace(decision, actions=()))


@dataclass(frozen=True, slots=True)
class _Room:
    """All that one pass works with."""

    mailbox: Mailbox
    desk: Desk
    judge: AnyJudge
    terms: PassTerms
    now: Seconds

    def look(self, *, sweep: bool) -> Snapshot:
        """See what lies in the mailbox, and read what is new and settled."""
        listing = self.mailbox.listing(sweep=sweep)
        self.desk.see(self.mailbox, listing, self.now)
        self.desk.read(self.mailbox, self.judge, listing.uids, self.settled)
        return self.desk.snapshot(listing.uids)

    @property
    def settled(self) -> Seconds:
        """When a draft must have been there to be taken for settled."""
        return self.now - self.terms.settle

    def is_doubtful(self, snapshot: Snapshot, saved: Saved) -> bool:
        """Tell a mailbox that is empty all of a sudden, and was not so at the last look."""
        before, self.desk.doubts = self.desk.doubts, False
        if snapshot == Snapshot() and saved.memory.standing and not before:
            self.desk.doubts = True
        return self.desk.doubts

    def decide(self, saved: Saved, snapshot: Snapshot) -> _Decision:
        """Plan; before anything is taken away or taken for dismissed, two looks must agree."""
        before = self._before(saved, snapshot)
        decision = _decided(before, snapshot, alters=saved.alters)
        for _ in range(_MOST_LOOKS):
            if not decision.takes_from(before):
                return decision
            snapshot = self.look(sweep=True)
            before = self._before(saved, snapshot)
            again = _decided(before, snapshot, alters=saved.alters)
            if again.agrees_with(decision):
                return again
            decision = again
        return replace(decision, actions=(), agreed=False)  # soon it may have come to rest

    def act(self, decision: _Decision) -> Pass:
        """Write and remove, then see for ourselves what came of it.

        What was dismissed is safe on disk before anything depends on it. What is removed is
        forgotten before, so that after a crash the user is not taken for having deleted it; and
        what is touched at all is named, lest it be taken for another unflub's.
        """
        sender, actions = self.terms.sender, decision.actions
        letters = [(action, _envelope(sender)) for action in actions if isinstance(action, Append)]
        removals = [action for action in actions if isinstance(action, Remove)]
        before = replace(decision, memory=forget(decision.memory, decision.actions))
        touched = self._touched(letters, removals)
        self.save(before, touched)
        self.desk.rest = None
        unwritten = (
            self._write(letters[:1], before.snapshot)  # a server that spoils one gets no more
            or self._write(letters[1:], before.snapshot)
        )
        unremoved = None if unwritten else self._remove(removals)
        fault = unwritten or unremoved
        refusal = None if isinstance(fault, AlteredError) else fault
        if refusal:  # before the connection is used again: it may be dead by now
            self.desk.hold.begin(self.now, refusal)
        if unwritten:  # to remove what can go needs no room, and makes some
            self._remove(_unwritten(decision.actions))
        # What was written stands from now on: deleting it, however soon, dismisses it.
        snapshot = self.look(sweep=True)
        after = replace(
            before,
            snapshot=snapshot,
            memory=remember(before.memory, snapshot, ours=self._among(snapshot, touched)),
            actions=() if unremoved else _done(decision.actions, snapshot, wrote=not unwritten),
            alters=before.alters or isinstance(fault, AlteredError),
        )
        self.save(after)
        if not refusal:
            self.desk.hold = Hold()
        return self.passed(after)

    def save(self, decision: _Decision, under_way: frozenset[str] = frozenset()) -> None:
        """Remember it, and the warnings that are about to be written or removed."""
        saved = Saved(self.desk.uidvalidity, decision.memory, decision.alters, under_way)
        state.save(self.terms.memory_file, saved)

    def passed(self, decision: _Decision) -> Pass:
        """Sum the pass up."""
        snapshot = decision.snapshot
        return Pass(
            drafts=len(snapshot.assessed),
            actions=decision.actions,
            settles_in=self._looks_again_in(decision),
            warnings=len(snapshot.warnings),
            unchecked=tuple(draft.uid for draft in snapshot.unknown if not draft.settling),
            refusal=self._altered() if decision.alters else self.desk.hold.refusal,
            alters=decision.alters,
        )

    def _looks_again_in(self, decision: _Decision) -> Seconds | None:
        if not decision.agreed:
            return _DOUBT
        return self.desk.settles_in(decision.snapshot, self.settled)

    def _before(self, saved: Saved, snapshot: Snapshot) -> Memory:
        """Give what was saved, and the warnings that were being written when a pass broke off."""
        memory = saved.under(self.desk.uidvalidity)
        stood = {w.uid for w in memory.standing}
        new = self._among(snapshot, saved.under_way) - stood
        ours = (Standing(w.uid, w.digests) for w in snapshot.warnings if w.uid in new)
        return replace(memory, standing=(*memory.standing, *ours))

    def _touched(self, letters: Sequence[_Letter], removals: Iterable[Remove]) -> frozenset[str]:
        written = (envelope.message_id for _, envelope in letters)
        removed = (self.desk.message_id(action.warning.uid) for action in removals)
        return frozenset(map(digest, (*written, *removed)))

    def _among(self, snapshot: Snapshot, touched: frozenset[str]) -> frozenset[int]:
        """Find the warnings that were touched, by their UIDs."""
        uids = (w.uid for w in snapshot.warnings)
        return frozenset(uid for uid in uids if digest(self.desk.message_id(uid)) in touched)

    def _write(self, letters: Sequence[_Letter], before: Snapshot) -> RefusedError | None:
        """Append warnings and look for them; give what went wrong, and leave the rest then."""
        try:
            for append, envelope in letters:
                note, assessment = append.note.draft, append.assessment
                self.mailbox.append(render(note, assessment, envelope, append.no_flubs))
        except RefusedError as error:
            return error
        return self._fault(letters, before) if letters else None

    def _remove(self, removals: Iterable[Remove]) -> RefusedError | None:
        try:
            if warnings := [action.warning for action in removals]:
                self.mailbox.remove(warnings)
        except RefusedError as error:
            return error
        return None

    def _fault(self, letters: Sequence[_Letter], before: Snapshot) -> RefusedError | None:
        """Say it where a warning that was appended lies nowhere, or not as it was written."""
        stand = self.look(sweep=True).warnings
        old = {w.uid for w in before.warnings}
        new = [w for w in stand if w.uid not in old]
        written = {append.assessment.digests for append, _ in letters}
        missing = written - {w.digests for w in new if isinstance(w, OwnWarning)}
        alike = [w.uid for w in new if w.digests in missing or (missing and not w.digests)]
        if any(map(self._is_spoilt, alike)):
            return self._altered()
        if missing - {w.digests for w in stand}:
            return RefusedError(
                f"account {self.terms.account}: the server said OK to a warning draft and did not "
                "store it; look whether the mailbox is full, it is tried again later"
            )
        return None

    def _is_spoilt(self, uid: int) -> bool:
        """Tell a warning that is given out whole, and is not sealed."""
        raw = self.mailbox.messages([uid]).get(uid, b"")
        found = recognise(raw)
        return found is not None and not found.sealed and len(raw) < FETCH_LIMIT

    def _altered(self) -> AlteredError:
        return AlteredError(f"account {self.terms.account}: {ALTERED}")


_Letter = tuple[Append, Envelope]


def _decided(before: Memory, snapshot: Snapshot, *, alters: bool) -> _Decision:
    memory = remember(before, snapshot)
    actions = plan(snapshot, memory)
    return _Decision(snapshot, memory, _unwritten(actions) if alters else actions, alters=alters)


def _unwritten(actions: Sequence[Action]) -> tuple[Remove, ...]:
    """Leave out what would be written, and with it the removal of what still holds of a note."""
    unwarned = [action.note.sentences for action in actions if isinstance(action, Append)]
    still = frozenset[str]().union(*unwarned)
    return tuple(a for a in actions if isinstance(a, Remove) and not a.warning.digests & still)


def _done(actions: Sequence[Action], after: Snapshot, *, wrote: bool) -> tuple[Action, ...]:
    """Leave out what was not written, and what was to be removed and is still there."""
    stand = {w.uid for w in after.warnings}
    gone = (a for a in actions if isinstance(a, Remove) and a.warning.uid not in stand)
    return (*(a for a in actions if wrote and isinstance(a, Append)), *gone)


def _envelope(sender: str) -> Envelope:
    domain = sender.rpartition("@")[2] or "localhost"
    message_id = make_msgid("unflub", domain if domain.isascii() else "localhost")
    return Envelope(sender, message_id, datetime.now(UTC))


def describe(account: Account, found: Pass, *, dry_run: bool = False) -> str:
    """Say in one line what a pass did, in counts and UIDs only."""
    wrote = [str(action.note.uid) for action in found.actions if isinstance(action, Append)]
    removed = [str(action.warning.uid) for action in found.actions if isinstance(action, Remove)]
    unchecked = [str(uid) for uid in found.unchecked]
    would = "would have " if dry_run else ""
    return (
        f"account {account.name}: {found.drafts} drafts read; "
        f"{would}warned about {_uids(wrote)}, {would}removed {_uids(removed)}"
        + (f"; not checked {_uids(unchecked)}" if unchecked else "")
    )


def _uids(uids: Sequence[str]) -> str:
    more = ", …" if len(uids) > _MOST_UIDS else ""
    return f"{len(uids)} (uid {', '.join(uids[:_MOST_UIDS])}{more})" if uids else "0"
