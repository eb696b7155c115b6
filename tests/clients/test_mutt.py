"""The recipe for neomutt and mutt: `unflub sendmail` asks on the client's own terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pexpect
import pytest
from support.letters import FLUBBED
from support.notes import FLUB

QUESTION = r"Your choice \[b\]: "
RECIPE = re.search(
    r"```muttrc\n(.*?)```", (Path(__file__).parents[2] / "docs/clients.md").read_text(), re.DOTALL
)[1]

# Called with the header fields in the file, it adds one; else it writes the mail.
EDITOR = """#!/bin/sh
if grep -q ^Subject: "$1"; then sed -i '1i X-Unflub: send' "$1"; else cat {home}/body > "$1"; fi
"""


@pytest.fixture(params=["neomutt", "mutt"])
def compose(desk, request):
    """Start the client with a finished mail in its compose menu."""

    def start(body: str, more: str = "") -> pexpect.spawn:
        desk.write("body", body)
        editor = desk.write("editor", EDITOR.format(home=desk.home), 0o755)
        mail = desk.home / "mail"
        mail.mkdir()
        config = desk.write(
            "muttrc",
            f'set from="me@example.org" folder="{mail}" spoolfile="{mail}/inbox"\n'
            f'set record="{mail}/sent" mbox_type=Maildir confirmappend=no confirmcreate=no\n'
            "set fast_reply=yes\n"
            f'set editor="{editor}"\n{RECIPE}{more}\n',
        )
        client = desk.start(request.param, "-F", config, "-s", "Thank you", "panel@example.com")
        if request.param == "mutt":
            client.expect("panel@example.com")  # it asks whether that is right
            client.send("\r")
        client.expect("y:Send")
        client.expect("Approx")
        return client

    return start


def copies(desk) -> int:
    return len(list((desk.home / "mail" / "sent").glob("*/*")))


def test_ordinary_mail_is_sent_without_a_question(desk, compose):
    """One key sends it, once; the copy is kept as ever."""
    client = compose("Lunch at noon?\n")
    client.send("y")
    client.expect(pexpect.EOF)
    (message,) = desk.sent(client, 1)
    assert message.get_content().replace("\r\n", "\n") == "Lunch at noon?\n"
    assert copies(desk) == 1


def test_the_clients_own_options_come_before_the_recipients(desk, compose):
    """It puts them where `--` stands, or at the end; they are for what sends the mail."""
    client = compose("Lunch?\n", 'set use_envelope_from=yes envelope_from_address="me@example.net"')
    client.send("y")
    client.expect(pexpect.EOF)
    desk.sent(client, 1)
    assert desk.box.senders == ["me@example.net"]


def test_going_back_leads_to_the_compose_menu_and_sending_anyway_sends_once(desk, compose):
    """The client says that it was not sent, and shows its own screen again."""
    client = compose(FLUBBED)
    client.send("y")
    client.expect(QUESTION)
    assert FLUB.split(". ")[0].split()[-1] in client.before
    client.send("\r")
    client.expect("not sent: this thank-you note apologises")  # in its pager
    client.send("q")
    client.expect("y:Send")
    assert not desk.box.raw
    client.send("y")
    client.expect(QUESTION)
    client.send("s\r")
    client.expect(pexpect.EOF)
    (message,) = desk.sent(client, 1)
    assert message.get_content().replace("\r\n", "\n") == FLUBBED
    assert len(desk.box.raw) == copies(desk) == 1


def test_ctrl_c_at_the_question_goes_back(desk, compose):
    """Neither is the mail sent nor does the client end."""
    client = compose(FLUBBED)
    client.send("y")
    client.expect(QUESTION)
    client.send("\x03")
    client.expect("not sent")
    client.send("q")
    client.expect("y:Send")
    assert not desk.box.raw


def test_a_server_that_refuses_leaves_the_mail_with_the_client(desk, compose):
    """What msmtp says comes through, and the next try sends it, once."""
    client = compose(FLUBBED)
    desk.box.refuses = True
    client.send("y")
    client.expect(QUESTION)
    client.send("n\r")
    client.expect("451 4.3.0 not now")
    client.send("q")
    client.expect("y:Send")
    desk.box.refuses = False
    client.send("y")  # it was dismissed, so there is no question now
    client.expect(pexpect.EOF)
    assert len(desk.sent(client, 1)) == 1


def test_a_header_field_lets_it_through(desk, compose):
    """Added with "E", which edits the message with its header; there is no question then."""
    client = compose(FLUBBED)
    client.send("E")
    client.expect("y:Send")
    client.send("y")
    client.expect(pexpect.EOF)
    (message,) = desk.sent(client, 1)
    assert message["X-Unflub"] == "send"
