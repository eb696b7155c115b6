"""Whatever users, clients, crashes and a second daemon do: one warning for each flagged note."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.client import Stored
from support.fake_mailbox import FakeMailbox, FakeServer, dropping_fields, renaming
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core.assess import digest
from scanner.core.render import recognise
from scanner.desk import Desk
from scanner.errors import UnreachableError
from scanner.passes import Pass, PassTerms, one_pass

_MOST_PASSES = 6
_USUAL = "I made the usual flub."


@dataclass
class Note:
    """A note as its writer knows it; `uid` is its newest copy."""

    person: str
    flubs: list[str]
    message_id: str
    uid: int = 0
    older: list[int] = field(default_factory=list)
    taken_out: list[str] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        who = f"This note is for {self.person} alone."
        return note(OPENING, who, *self.flubs, STRENGTH,
                    message_id=self.message_id, to=f"{self.person}@example.com")  # fmt: skip


@dataclass
class Daemon:
    server: FakeServer
    memory_file: Path
    desk: Desk = field(default_factory=Desk)
    dismissed: frozenset[str] = frozenset()
    """In a mail client, before sending."""

    def mailbox(self, writes_left: int | None = None) -> FakeMailbox:
        return FakeMailbox(self.server, writes_left)

    def look(self, mailbox: FakeMailbox) -> Pass:
        terms = PassTerms("me@example.org", self.memory_file, dismissed=self.dismissed)
        return one_pass(mailbox, self.desk, JUDGE, terms)


def found_in(warning: Stored) -> frozenset[str]:
    recognised = recognise(warning.raw)
    assert recognised
    return recognised.digests


class DraftsMailbox(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.server = FakeServer()
        self.daemons = [Daemon(self.server, Path(self.folder.name) / f"{i}.json") for i in (0, 1)]
        self.notes: list[Note] = []
        self.saved: dict[int, bytes] = {}
        self.dismissed: frozenset[str] = frozenset()
        self.forgotten: frozenset[str] = frozenset()
        self.no_flubs: frozenset[str] = frozenset()
        self.numbers = count(1)

    def teardown(self):
        self.folder.cleanup()

    def save(self, one: Note) -> None:
        one.uid = self.server.save(one.raw)
        self.saved[one.uid] = one.raw

    def drop(self, uid: int) -> None:
        self.server.delete(uid)
        del self.saved[uid]

    def fresh_id(self) -> str:
        return f"<{next(self.numbers)}@client.example>"

    def flub(self) -> str:
        return f"Number {next(self.numbers)} was a flub."

    def settle(self) -> None:
        """Let both daemons look until neither finds anything to do."""
        for _ in range(_MOST_PASSES):
            passes = [daemon.look(daemon.mailbox()) for daemon in self.daemons]
            if not any(found.actions for found in passes):
                return
        raise AssertionError("the daemons never come to rest")

    @precondition(lambda self: len(self.notes) < 3)
    @rule(flubs=st.integers(0, 2), same=st.booleans(), identified=st.booleans())
    def write_a_note(self, flubs, same, identified):
        """Many write the same sentence to several people."""
        message_id = self.fresh_id() if identified else ""
        person = f"person{next(self.numbers)}"
        passages = [self.flub() for _ in range(flubs)] + [_USUAL] * same
        one = Note(person, passages, message_id)
        self.notes.append(one)
        self.save(one)

    @precondition(lambda self: self.notes)
    @rule(
        data=st.data(),
        change=st.sampled_from(["nothing", "one flub more", "one flub less", "undo"]),
        identity=st.sampled_from(["same", "new", "none"]),
        old=st.sampled_from(["expunged", "flagged as deleted", "left"]),
    )
    def save_a_note_anew(self, data, change, identity, old):
        one = data.draw(st.sampled_from(self.notes))
        if change == "one flub more":
            one.flubs.append(self.flub())
        elif change == "one flub less" and one.flubs:
            one.taken_out.append(one.flubs.pop(0))
        elif change == "undo" and one.taken_out:
            one.flubs.append(one.taken_out.pop())
        one.message_id = {"same": one.message_id, "new": self.fresh_id(), "none": ""}[identity]
        before = one.uid
        self.save(one)
        if old == "left":
            one.older.append(before)
        elif old == "expunged":
            self.drop(before)
        else:
            self.server.mark_deleted(before)

    @precondition(lambda self: self.notes)
    @rule(data=st.data())
    def send_a_note(self, data):
        one = data.draw(st.sampled_from(self.notes))
        self.notes.remove(one)
        for uid in (one.uid, *one.older):
            self.drop(uid)

    @precondition(lambda self: self.notes)
    @rule(data=st.data())
    def dismiss_a_warning(self, data):
        """If need be twice: another daemon may have removed one that is older than its note."""
        self.settle()
        if warnings := self.server.warnings():
            digests = self.delete(data.draw(st.sampled_from(sorted(warnings))))
            self.settle()
            for uid, stored in self.server.warnings().items():
                found = found_in(stored)
                if found == digests or found & (digests - {digest(_USUAL)}):  # no other note's
                    self.delete(uid)
            self.settle()
            self.dismissed |= digests
            self.forgotten |= digests & {digest(_USUAL)}  # others have their warning still

    @precondition(lambda self: self.notes)
    @rule(data=st.data())
    def dismiss_a_warning_unseen(self, data):
        """Before any daemon looks something else may happen: it may then count or not."""
        self.settle()
        if warnings := self.server.warnings():
            digests = self.delete(data.draw(st.sampled_from(sorted(warnings))))
            self.dismissed |= digests
            self.forgotten |= digests

    @precondition(lambda self: self.notes)
    @rule(data=st.data(), which=st.sets(st.integers(0, 1), min_size=1), writes=st.integers(0, 2))
    def dismiss_before_sending(self, data, which, writes):
        """One passage or more, and go on writing; what was warned about already goes, too.

        Not everybody knows, and may look when the warning is being changed.
        """
        self.settle()
        one = data.draw(st.sampled_from(self.notes))
        if one.flubs:
            chosen = data.draw(st.sets(st.sampled_from(one.flubs), min_size=1))
            digests = frozenset(map(digest, chosen))
            for number in which:
                self.daemons[number].dismissed |= digests
            self.dismissed |= digests
            self.no_flubs |= digests
            self.look_by_turns(min(which), writes)

    def delete(self, warning: int) -> frozenset[str]:
        digests = found_in(self.server.warnings()[warning])
        self.server.delete(warning)
        return digests

    @rule(which=st.integers(0, 1), writes=st.integers(0, 2))
    def look_and_lose_the_connection(self, which, writes):
        with suppress(UnreachableError):
            self.daemons[which].look(self.daemons[which].mailbox(writes))

    @rule(which=st.integers(0, 1))
    def restart(self, which):
        self.daemons[which].desk = Desk()
        self.daemons[which].look(self.daemons[which].mailbox())

    @rule(which=st.integers(0, 1))
    def lose_the_memory(self, which):
        """What was dismissed may then be warned about once more, and nothing else happens."""
        self.daemons[which].memory_file.unlink(missing_ok=True)
        self.daemons[which].desk = Desk()
        self.forgotten |= self.dismissed

    @precondition(lambda self: self.server.messages())
    @rule(which=st.integers(0, 1), data=st.data())
    def look_while_the_server_forgets_to_list(self, which, data):
        """One look that misses some messages, or all of them, is not believed."""
        uids = sorted(self.server.messages())
        self.server.hidden = set(data.draw(st.lists(st.sampled_from(uids), min_size=1)))
        self.daemons[which].look(self.daemons[which].mailbox())

    @rule(which=st.integers(0, 1))
    def both_look_at_once(self, which):
        """The second daemon makes a whole pass between the first one's plan and its writes."""
        first, second = self.daemons[which], self.daemons[1 - which]
        mailbox = first.mailbox()
        mailbox.before_write = lambda: second.look(second.mailbox())
        first.look(mailbox)

    @rule(which=st.integers(0, 1), writes=st.integers(0, 2))
    def both_look_by_turns(self, which, writes):
        self.look_by_turns(which, writes)

    def look_by_turns(self, which: int, writes: int) -> None:
        """Have one look and plan after so many writes of the other, and write after the last."""
        first, second = self.daemons[which], self.daemons[1 - which]
        quick, slow = first.mailbox(), second.mailbox()
        planned, may_write = Event(), Event()

        def wait() -> None:
            planned.set()
            assert may_write.wait(60)

        def plan() -> None:
            slow.before_write = wait
            found.append(pool.submit(second.look, slow))
            found[0].add_done_callback(lambda _: planned.set())
            assert planned.wait(60)

        def after(count: int) -> None:
            quick.before_write = partial(after, count - 1) if count else plan

        found: list[Future[Pass]] = []
        with ThreadPoolExecutor(1) as pool:
            after(writes)
            first.look(quick)
            may_write.set()
        for one in found:
            one.result()

    @precondition(lambda self: self.notes)
    @rule(which=st.integers(0, 1), data=st.data())
    def look_slowly(self, which, data):
        """Between the plan and the writes of one the user saves, and the other looks."""
        slow, other = self.daemons[which], self.daemons[1 - which]
        mailbox, one = slow.mailbox(), data.draw(st.sampled_from(self.notes))

        def meanwhile() -> None:
            if one.taken_out:
                one.flubs.append(one.taken_out.pop())
            before = one.uid
            self.save(one)
            self.drop(before)
            other.look(other.mailbox())

        mailbox.before_write = meanwhile
        slow.look(mailbox)
        other.look(other.mailbox())

    @rule()
    def every_flagged_note_has_one_warning(self):
        self.settle()
        found = [found_in(stored) for stored in self.server.warnings().values()]
        left = [digests - self.forgotten for digests in found]
        wanted = [frozenset(map(digest, one.flubs)) - self.dismissed for one in self.notes]
        assert sorted(map(sorted, filter(None, left))) == sorted(map(sorted, filter(None, wanted)))
        assert len(found) <= len(self.notes)
        assert not self.no_flubs & frozenset[str]().union(*found)

    @invariant()
    def the_user_s_messages_are_untouched(self):
        assert {uid: stored.raw for uid, stored in self.server.own().items()} == self.saved


class AlteringMailbox(DraftsMailbox):
    """The same on a server that changes what it stores: unflub soon leaves it alone."""

    def __init__(self):
        super().__init__()
        self.chances = len(self.daemons)  # each may find it out

    @initialize(alters=st.sampled_from([dropping_fields, renaming]))
    def begin(self, alters):
        self.server.alters = alters

    @rule(which=st.integers(0, 1))
    def lose_the_memory(self, which):
        super().lose_the_memory(which)
        self.chances += 1

    @rule(which=st.integers(0, 1), writes=st.integers(0, 2))
    def look_and_lose_the_connection(self, which, writes):
        """Before it saw what came of it."""
        super().look_and_lose_the_connection(which, writes)
        self.chances += 1

    @rule()
    def every_flagged_note_has_one_warning(self):
        """Or none; there are as many as times to find out, however many notes and passes."""
        self.settle()
        assert len(self.server.warnings()) <= self.chances


TestDraftsMailbox = DraftsMailbox.TestCase
TestAlteringMailbox = AlteringMailbox.TestCase
# UNFLUB_EXAMPLES asks for many more, as `make soak` does.
TestDraftsMailbox.settings = TestAlteringMailbox.settings = settings(
    max_examples=int(os.environ.get("UNFLUB_EXAMPLES", "60")), stateful_step_count=25
)
