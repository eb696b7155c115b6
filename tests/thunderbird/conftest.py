"""A desk with Thunderbird on it: an account, an outbox, the add-on, and unflub itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.client import MailClient
from support.desktop import desktop, screen
from support.household import Household
from support.screen_reader import Thing, listening
from support.smtp import Postbox, postbox
from support.thunderbird import PATIENCE, Composing, Thunderbird, thunderbird

from scanner.core.registration import ADD_ON, HOST

# What the add-on waits for by default is no matter on a machine that runs all tests at once.
PATIENT = 60


@dataclass(frozen=True)
class Desk:
    """Someone at work: what they write with, what was sent, and what the desktop told them."""

    thunderbird: Thunderbird
    household: Household
    outbox: Postbox
    told: Callable[[], str]
    heard: Thing | None
    """All that a screen reader is told, where one listens."""

    @property
    def launcher(self) -> Path:
        """What Thunderbird starts, as `unflub plugin install` wrote it."""
        return self.household.program.home / "data" / "unflub" / "native-host"

    @property
    def manifest(self) -> Path:
        """By which Thunderbird finds that."""
        return self.household.program.home / ".mozilla/native-messaging-hosts" / f"{HOST}.json"

    def add_on(self, **options: object) -> None:
        """Install the add-on, as `unflub plugin install` made it."""
        self.thunderbird.install(self.household.program.home / "unflub.xpi")
        self.thunderbird.set_options(ADD_ON, **{"patience": PATIENT, **options})

    def send(self, body: str, *, html: bool = False) -> Composing:
        """Write a note and press Send."""
        note = self.thunderbird.write(body, html=html)
        note.send()
        return note

    def wait_for_mail(self, count: int) -> list[bytes]:
        """Wait until so many mails were delivered."""
        self.thunderbird.wait_for(lambda: len(self.outbox.raw) >= count)
        return self.outbox.raw

    def wait_for_drafts(self, condition: Callable[[MailClient], Any]) -> Any:
        """Wait until something holds of what lies in Drafts."""
        return self.household.client.wait_until(condition, PATIENCE)

    def wait_until_told(self, words: str) -> None:
        self.thunderbird.wait_for(lambda: words in self.told())


@pytest.fixture
def with_screen_reader() -> bool:
    """Whether a screen reader listens: it slows a program down."""
    return False


@pytest.fixture
def desk(tmp_path: Path, household: Household, *, with_screen_reader: bool) -> Iterator[Desk]:
    """Thunderbird with unflub registered, and without the add-on as yet."""
    program = household.program
    assert program.run("plugin", "install", "thunderbird").returncode == 0
    assert program.run("plugin", "pack", "thunderbird", "unflub.xpi").returncode == 0
    with ExitStack() as stack:
        session = stack.enter_context(desktop(tmp_path / "session"))
        told = stack.enter_context(session.notifications())
        display = stack.enter_context(screen())
        sent = stack.enter_context(postbox())
        environment = {**program.surroundings(), **session.environment, "DISPLAY": display}
        heard = None
        if with_screen_reader:
            heard = stack.enter_context(listening(session, display))
            environment["GNOME_ACCESSIBILITY"] = "1"
        running = stack.enter_context(
            thunderbird(tmp_path / "profile", household.client, sent.port, environment)
        )
        yield Desk(running, household, sent, told, heard)
