"""What a pass costs the network: round trips and bytes, counted between daemon and server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from itertools import count

import pytest
from support import dovecot, proxy
from support.client import MailClient
from support.notes import OPENING, note
from support.phrases import JUDGE

from scanner.adapters.mailbox import ImapMailbox, connect
from scanner.config import Account
from scanner.desk import Desk
from scanner.passes import PassTerms, one_pass

_users = count(1)


@pytest.fixture(params=["QRESYNC", "CONDSTORE", ""], scope="module")
def able(request) -> Iterator[dovecot.Dovecot]:
    """Dovecots that tell what changed, whether anything did, or neither."""
    told = {"QRESYNC": "ENABLE CONDSTORE QRESYNC", "CONDSTORE": "ENABLE CONDSTORE", "": ""}
    capability = f"IMAP4rev1 IDLE UIDPLUS SPECIAL-USE {told[request.param]}".strip()
    with dovecot.running(capability=capability) as running:
        yield running


@contextmanager
def through_proxy(server: dovecot.Dovecot) -> Iterator[tuple[MailClient, ImapMailbox, proxy.Proxy]]:
    client = MailClient(server.port, f"cost{next(_users)}", dovecot.PASSWORD)
    client.save(note(OPENING, message_id="<first@x>"))
    with proxy.running(server.port) as through:
        account = Account("c", "me@example.org", "127.0.0.1", client.user, through.port, "none")
        with connect(account, dovecot.PASSWORD) as mailbox:
            yield client, mailbox, through


@pytest.mark.parametrize("sweep", [False, True])
def test_a_pass_over_an_unchanged_mailbox_is_a_round_trip_or_two(able, tmp_path, sweep):
    """However full it is, nothing is fetched again; a sweep lists it once more."""
    with through_proxy(able) as (client, mailbox, through):
        for number in range(30):
            client.save(note(OPENING, message_id=f"<{number}@x>", to=f"{number}@example.com"))
        desk, terms = Desk(), PassTerms("me@example.org", tmp_path / "c.json", sweep=sweep)
        for _ in range(2):  # Dovecot begins to count changes when it is first asked for them
            one_pass(mailbox, desk, JUDGE, terms)
        through.steps.clear()
        one_pass(mailbox, desk, JUDGE, terms)
        tells = "CONDSTORE" in str(mailbox.capabilities)
        assert through.steps == (["EXAMINE"] if tells and not sweep else ["EXAMINE", "SEARCH"])


def test_a_change_is_told_without_listing_everything_where_the_server_can(able, tmp_path):
    """With QRESYNC one round trip tells of a new draft, and of one that is gone."""
    with through_proxy(able) as (client, mailbox, through):
        desk, terms = Desk(), PassTerms("me@example.org", tmp_path / "c.json")
        one_pass(mailbox, desk, JUDGE, terms)
        client.save(note(OPENING, message_id="<second@x>", to="second@example.com"))
        client.delete(1)
        through.steps.clear()
        assert one_pass(mailbox, desk, JUDGE, terms).drafts == 1
        listing = ["EXAMINE"] if "QRESYNC" in mailbox.capabilities else ["EXAMINE", "SEARCH"]
        assert through.steps == [*listing, "FETCH", "FETCH"]


def test_a_draft_with_a_big_attachment_costs_little(server, tmp_path):
    """Of 25 MB less than 64 KB is transferred, and the note in it is warned about."""
    message = MIMEMultipart("mixed")
    message["Subject"], message["Message-ID"] = "Thank you", "<big@x>"
    message["To"] = "panel@example.com"
    message.attach(MIMEText(f"Dear Ms Okafor,\n\n{OPENING} That was a flub.\n"))
    message.attach(MIMEApplication(b"\0" * 25_000_000, "pdf"))
    with through_proxy(server) as (client, mailbox, through):
        client.save(message.as_bytes())
        before = through.received
        terms = PassTerms("me@example.org", tmp_path / "c.json")
        assert len(one_pass(mailbox, Desk(), JUDGE, terms).actions) == 1
        assert through.received - before < 64_000
        assert len(client.warnings()) == 1
