"""Two daemons and a busy user take turns at each step of theirs, and daemons are killed anywhere.

`tests/system/test_killed.py` kills the real program a few times. Here, in memory, others may act
between any two steps, and chance tries many ways: `UNFLUB_EXAMPLES` asks for more of them, as
`make soak` does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.client import Stored
from support.fake_mailbox import FakeMailbox, FakeServer
from support.phrases import JUDGE
from support.turns import Actor, step
from support.writer import Writer

from scanner.core.plan import OwnWarning
from scanner.desk import Desk
from scanner.passes import Pass, PassTerms, one_pass

_PASSAGES = ((), ("My flub.",), ("Another flub.",), ("My flub.", "Another flub."))


class SteppingMailbox(FakeMailbox):
    """Whatever is asked of it takes a turn, and an APPEND may be done before it is told so."""

    def listing(self, *, sweep: bool = False):
        step()
        return super().listing(sweep=sweep)

    def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        step()
        return super().headers(uids)

    def messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        step()
        return super().messages(uids)

    def append(self, raw: bytes) -> None:
        step()
        super().append(raw)
        step()

    def remove(self, warnings: Sequence[OwnWarning]) -> None:
        for warning in warnings:
            step()
            super().remove([warning])


@dataclass(frozen=True)
class SteppingClient:
    """The user's mail client at that server."""

    server: FakeServer

    def save(self, raw: bytes) -> None:
        step()
        self.server.save(raw)

    def delete(self, uid: int) -> None:
        step()
        self.server.delete(uid)

    def own(self) -> dict[int, Stored]:
        return self.server.own()

    def warnings(self) -> dict[int, Stored]:
        return self.server.warnings()


@dataclass(frozen=True)
class Daemon:
    """One home on the mailbox; every start of it is an `Actor`."""

    server: FakeServer
    memory_file: Path

    def watch(self) -> None:
        mailbox, desk = SteppingMailbox(self.server), Desk()
        while True:
            self.look(mailbox, desk)

    def look(self, mailbox: FakeMailbox, desk: Desk) -> Pass:
        return one_pass(mailbox, desk, JUDGE, PassTerms("me@example.org", self.memory_file))

    def look_until_content(self) -> None:
        mailbox, desk = FakeMailbox(self.server), Desk()
        while self.look(mailbox, desk).actions:
            pass


@pytest.mark.parametrize("seed", range(int(os.environ.get("UNFLUB_EXAMPLES", "30"))))
def test_killed_daemons_leave_every_flagged_note_its_one_warning(seed, tmp_path):
    """However their steps, and the user's, fall between one another."""
    chance, server = random.Random(seed), FakeServer()
    daemons = [Daemon(server, tmp_path / f"{name}.json") for name in ("laptop", "desktop")]
    writer = Writer(SteppingClient(server), _PASSAGES, seed=seed)
    user = Actor(lambda: [writer.save() for _ in range(chance.randrange(20, 80))])
    running = [Actor(daemon.watch) for daemon in daemons]
    weights = [chance.choice((1, 2, 4)) for _ in (user, *running)]
    risk = chance.choice((0.003, 0.01, 0.03))
    while not user.has_ended:
        chance.choices((user, *running), weights)[0].go_on()
        if chance.random() < risk:
            for place in chance.choice(((0,), (1,), (0, 1))):
                running[place].kill()
                running[place] = Actor(daemons[place].watch)
    for one in running:
        one.kill()
    for daemon in (*daemons, *daemons):
        daemon.look_until_content()
    assert writer.is_content(), (writer.flagged, server.warnings())
