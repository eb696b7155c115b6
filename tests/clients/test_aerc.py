"""The recipe for aerc: a flub note comes back to the review screen."""

from __future__ import annotations

import re
from pathlib import Path

import pexpect
import pytest
from support.letters import FLUBBED

OUTGOING, BINDING = re.findall(
    r"```ini\n(.*?)```", (Path(__file__).parents[2] / "docs/clients.md").read_text(), re.DOTALL
)
REVIEW = "Send this email"


@pytest.fixture
def compose(desk):
    """Start aerc with a finished mail on its review screen."""

    def start(body: str) -> pexpect.spawn:
        for folder in ("INBOX", "Sent", "Drafts"):
            for part in ("cur", "new", "tmp"):
                (desk.home / "mail" / folder / part).mkdir(parents=True)
        desk.write("body", body)
        editor = desk.write("editor", f'#!/bin/sh\ncat {desk.home}/body >> "$1"\n', 0o755)
        desk.program.environment["EDITOR"] = str(editor)
        desk.write(
            "config/aerc/accounts.conf",
            f"[me]\nsource = maildir://{desk.home}/mail\ndefault = INBOX\n"
            f"from = Me <me@example.org>\ncopy-to = Sent\n{OUTGOING}",
        )
        binds = Path("/usr/share/aerc/binds.conf").read_text()
        assert "[compose::review]\n" in binds
        desk.write("config/aerc/binds.conf", binds.replace("[compose::review]\n", BINDING))
        client = desk.start("aerc")
        client.expect("no messages")
        client.send(":compose -H 'To: panel@example.com' -H 'Subject: Thank you'\r")
        client.expect(REVIEW)
        return client

    return start


def test_ordinary_mail_is_sent(desk, compose):
    """One key sends it."""
    client = compose("Lunch at noon?\n")
    client.send("y")
    (message,) = desk.sent(client, 1)
    assert message.get_content().strip() == "Lunch at noon?"


def test_a_flub_note_comes_back_and_can_be_sent_anyway(desk, compose):
    """aerc keeps it, and another key lets it through, once."""
    client = compose(FLUBBED)
    client.send("y")
    client.expect("Sending")
    while client.expect([REVIEW, pexpect.TIMEOUT], timeout=0.5):
        client.send("\x0c")  # Ctrl-L: aerc only draws when something happens
    assert not desk.box.raw
    client.send("Y")
    (message,) = desk.sent(client, 1)
    assert message["X-Unflub"] == "send"
    assert message.get_content().replace("\r\n", "\n").strip() == FLUBBED.strip()
