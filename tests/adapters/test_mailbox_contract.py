"""What every mailbox must do, in memory or on a real server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as finished
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.mime.image import MIMEImage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from functools import cache
from itertools import count
from typing import Any

import pytest
from support import cyrus, dovecot, proxy, pymap
from support.client import MailClient
from support.fake_mailbox import FakeMailbox, FakeServer
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE, assessed_draft
from support.ports import wait_until_up

from scanner.adapters.mailbox import FETCH_LIMIT, Mailbox, connect
from scanner.config import Account
from scanner.core.parse import read
from scanner.core.plan import OwnWarning
from scanner.core.render import Envelope, recognise, render
from scanner.desk import Desk
from scanner.passes import PassTerms, one_pass
from scanner.watcher import Bell

LONG = 30.0
NOTE = note(OPENING, "That was a flub.", STRENGTH)
_numbers = count(1)


def warning_draft(*said: str) -> tuple[bytes, frozenset[str]]:
    about = assessed_draft(1, note(OPENING, *said, STRENGTH))
    envelope = Envelope("me@example.org", "<w@example.org>", datetime.now(UTC))
    return render(about.draft, about.assessment, envelope), about.assessment.digests


WARNING, DIGESTS = warning_draft("That was a flub.")
LONG_TALK = f"We all agreed {'👍' * 1500}. " * 11


@dataclass(frozen=True)
class Setting:
    """A mailbox, and the user's client on the same one."""

    mailbox: Mailbox
    client: Any
    lacks: str = ""

    def save(self, *raws: bytes) -> list[int]:
        """Save as the user; give all UIDs there are."""
        for raw in raws:
            self.client.save(raw)
        return list(self.client.messages())

    def warning(self, uid: int) -> OwnWarning:
        return OwnWarning(uid, DIGESTS, "")


@pytest.fixture(scope="module")
def pymap_port() -> Iterator[int]:
    with pymap.running() as port:
        yield port


@pytest.fixture(scope="module")
def cyrus_server() -> Iterator[cyrus.Cyrus]:
    with cyrus.running() as running:
        yield running


ABILITIES = ("IDLE", "UIDPLUS", "CONDSTORE", "SPECIAL-USE", "LITERAL+")
"""What a server may lack; without CONDSTORE there is no QRESYNC either."""


@pytest.fixture(scope="module")
def without() -> Iterator[Callable[[str], dovecot.Dovecot]]:
    """Dovecots that have everything but one thing."""
    with ExitStack() as stack:

        @cache
        def start(ability: str) -> dovecot.Dovecot:
            left = {*ABILITIES, "QRESYNC", "ENABLE", "MOVE", "UNSELECT"} - {ability}
            left -= {"QRESYNC"} if ability == "CONDSTORE" else set()
            capability = " ".join(("IMAP4rev1", *sorted(left)))
            return stack.enter_context(dovecot.running(capability=capability))

        yield start


WITHOUT = "dovecot without "


@pytest.fixture(
    params=["fake", "dovecot", "cyrus", "pymap", *(WITHOUT + ability for ability in ABILITIES)]
)
def setting(request) -> Iterator[Setting]:
    """Each of the mailboxes that must keep the contract, empty."""
    with _setting(request, request.param) as made:
        yield made


@contextmanager
def _setting(request, kind: str) -> Iterator[Setting]:
    if kind == "fake":
        server = FakeServer()
        yield Setting(FakeMailbox(server), server)
    elif kind == "dovecot":
        with on_dovecot(request.getfixturevalue("server")) as made:
            yield made
    elif kind.startswith(WITHOUT):
        ability = kind.removeprefix(WITHOUT)
        with on_dovecot(request.getfixturevalue("without")(ability)) as made:
            yield replace(made, lacks=ability)
    elif kind == "cyrus":
        running = request.getfixturevalue("cyrus_server")
        user, port = f"contract{next(_numbers)}", running.port
        # Its master closes a service for a while where children die early, as under load.
        wait_until_up(running.process, port)
        account = Account("c", "me@example.org", "127.0.0.1", user, port, "none")
        with connect(account, "any") as mailbox:
            yield Setting(mailbox, MailClient(port, user, "any"))
    else:
        port, folder = request.getfixturevalue("pymap_port"), f"Folder{next(_numbers)}"
        account = Account(
            "p", "me@example.org", "127.0.0.1", pymap.USER, port, "none", drafts=folder
        )
        with pymap.client(port, folder) as client, connect(account, pymap.PASSWORD) as mailbox:
            yield Setting(mailbox, client)


@contextmanager
def on_dovecot(server: dovecot.Dovecot, through: proxy.Proxy | None = None) -> Iterator[Setting]:
    user, port = f"contract{next(_numbers)}", through.port if through else server.port
    account = Account("d", "me@example.org", "127.0.0.1", user, port, "none")
    with connect(account, dovecot.PASSWORD) as mailbox:
        yield Setting(mailbox, MailClient(server.port, user, dovecot.PASSWORD))


@contextmanager
def waiting(setting: Setting) -> Iterator[Future[bool]]:
    """Wait on another thread; with IDLE the answer must come long before the time is over."""
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        yield pool.submit(setting.mailbox.wait, 3 if setting.lacks == "IDLE" else LONG)
        assert time.monotonic() - began < LONG / 2


def test_a_listing_names_all_messages_but_those_flagged_deleted(setting):
    """What the user deleted does not count, expunged or not."""
    first, second, third = setting.save(NOTE, NOTE, NOTE)
    setting.client.mark_deleted(second)
    before = setting.mailbox.listing()
    setting.client.delete(third)
    after = setting.mailbox.listing()
    assert before.uids == (first, third)
    assert after.uids == (first,)
    assert before.uidvalidity == after.uidvalidity > 0


def test_the_headers_tell_a_warning_draft_and_the_identity_of_a_note(setting):
    """The few fields that are fetched are enough to tell a warning and a Message-ID."""
    plain, warning = setting.save(NOTE, WARNING)
    setting.mailbox.listing()
    headers = setting.mailbox.headers([plain, warning])
    assert b"<note-1@client.example>" in headers[plain]
    assert recognise(headers[plain]) is None
    found = recognise(headers[warning])
    assert found
    assert found.digests == DIGESTS
    assert found.about == "<note-1@client.example>"
    assert all(len(header) < 1000 for header in headers.values())


def test_messages_come_byte_for_byte_and_reading_them_changes_nothing(setting):
    """The bytes are the user's, and no flag changes by reading."""
    uids = setting.save(NOTE, WARNING)
    before = setting.client.messages()
    setting.mailbox.listing()
    setting.mailbox.headers(uids)
    assert setting.mailbox.messages(uids) == dict(zip(uids, (NOTE, WARNING), strict=True))
    assert setting.client.messages() == before


def test_what_has_vanished_is_left_out(setting):
    """A message that another client expunged is no error; a server may show it once more."""
    first, second = setting.save(NOTE, NOTE)
    assert setting.mailbox.listing().uids == (first, second)
    setting.client.delete(second)
    asked = [first, second, second + 100]
    whole = {first: NOTE, second: NOTE}
    assert setting.mailbox.messages(asked) in (whole, {first: NOTE})
    assert setting.mailbox.listing().uids == (first,)
    assert setting.mailbox.messages(asked) == {first: NOTE}
    assert list(setting.mailbox.headers(asked)) == [first]
    assert setting.mailbox.messages([second]) == setting.mailbox.headers([]) == {}


def test_a_big_text_is_cut(setting):
    """Of an endless text only the beginning is fetched."""
    big = NOTE + b"A line of the novel.\r\n" * (FETCH_LIMIT // 20)
    (uid,) = setting.save(big)
    setting.mailbox.listing()
    setting.mailbox.headers([uid])
    (raw,) = setting.mailbox.messages([uid]).values()
    assert FETCH_LIMIT <= len(raw) < FETCH_LIMIT + len(NOTE)
    assert raw == big[: len(raw)]


@pytest.mark.parametrize("text_first", [True, False])
def test_of_a_big_message_the_texts_are_fetched_and_nothing_else(setting, text_first):
    """Wherever the attachment lies, the note reads as it does whole."""
    text, picture = MIMEText("That was a flub.\n"), MIMEImage(b"\0" * 200_000, "png")
    forwarded = MIMEMessage(message_from_bytes(NOTE))
    message = MIMEMultipart("mixed")
    message["Subject"], message["Message-ID"] = "With a picture", "<big@x>"
    both = MIMEMultipart("alternative", _subparts=[text, MIMEText("<p>That was a flub.", "html")])
    for part in (both, picture, forwarded) if text_first else (picture, forwarded, both):
        message.attach(part)
    big = message.as_bytes(policy=policy.SMTP)
    (uid,) = setting.save(big)
    setting.mailbox.listing()
    setting.mailbox.headers([uid])
    (raw,) = setting.mailbox.messages([uid]).values()
    assert read(raw) == read(big)
    assert len(raw) < 5000


def test_a_sweep_lists_what_a_look_lists(setting):
    """Believing nothing seen before gives the same answer, after every kind of change."""
    uids = setting.save(NOTE, NOTE, NOTE, NOTE)
    setting.mailbox.listing()
    setting.client.mark_deleted(uids[0])
    assert setting.mailbox.listing() == setting.mailbox.listing(sweep=True)
    setting.client.delete(uids[0])
    setting.client.delete(uids[2])
    setting.save(NOTE)
    assert setting.mailbox.listing() == setting.mailbox.listing(sweep=True)
    assert len(setting.mailbox.listing().uids) == 3


def test_an_appended_warning_lies_there_as_a_seen_draft(setting):
    """Bytes and flags are those of the contract, and nothing else changes."""
    (uid,) = setting.save(NOTE)
    before = setting.client.messages()[uid]
    setting.mailbox.append(WARNING)
    after = setting.client.messages()
    assert after.pop(uid) == before
    (stored,) = after.values()
    assert stored.raw == WARNING
    assert stored.flags == {b"\\Draft", b"\\Seen"}
    assert len(setting.mailbox.listing().uids) == 2


def test_only_an_unchanged_warning_of_ours_is_removed(setting):
    """Whatever else is asked to go stays: edited warnings, notes, other and deleted messages."""
    edited = WARNING.replace(b"Subject: ", b"To: panel@example.com\r\nSubject: ")
    other, _ = warning_draft("That was another flub.")
    uids = setting.save(NOTE, WARNING, edited, other, NOTE)
    setting.client.mark_deleted(uids[4])
    before = setting.client.messages()
    setting.mailbox.remove([setting.warning(uid) for uid in (*uids, 999)])
    assert before.pop(uids[1])
    left = setting.client.messages()
    if setting.lacks == "UIDPLUS":  # then nothing is expunged at all
        assert left.pop(uids[1]).flags >= {b"\\Deleted"}
    assert left == before
    assert setting.mailbox.listing().uids == (uids[0], uids[2], uids[3])


def test_a_warning_is_written_once_and_taken_away_when_its_note_is_mended(setting, tmp_path):
    """Whole passes do what they are for on every server, whatever it lacks."""
    (uid,) = setting.save(NOTE)
    desk, terms = Desk(), PassTerms("me@example.org", tmp_path / "memory.json")
    done = [len(one_pass(setting.mailbox, desk, JUDGE, terms).actions) for _ in range(2)]
    assert done == [1, 0]
    assert len(setting.mailbox.listing().uids) == 2
    setting.client.replace(uid, note(OPENING, STRENGTH))
    done = [len(one_pass(setting.mailbox, desk, JUDGE, terms).actions) for _ in range(2)]
    assert done == [1, 0]
    assert len(setting.mailbox.listing().uids) == 1


@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "over a new connection"])
def test_a_warning_about_a_very_long_note_is_removed_too(setting, seen):
    """However big it is, all of its words are looked at before, and none beyond them."""
    big, digests = warning_draft(LONG_TALK, "That was a flub.", LONG_TALK)
    (uid,) = setting.save(big)
    setting.mailbox.listing()
    if seen:
        setting.mailbox.headers([uid])
    assert len(big) > FETCH_LIMIT
    setting.mailbox.remove([OwnWarning(uid, digests, "")])
    assert setting.mailbox.listing().uids == ()


@pytest.mark.parametrize("change", ["save", "delete", "mark_deleted"])
def test_waiting_ends_when_another_client_changes_the_mailbox(setting, change):
    """A message that comes, goes, or is flagged as deleted wakes the waiter."""
    uids = setting.save(*[NOTE] * 20)
    setting.mailbox.listing()
    with waiting(setting) as answer:
        # pymap tells in IDLE only what changes from then on, and nobody sees when that is.
        for uid in uids:
            getattr(setting.client, change)(NOTE if change == "save" else uid)
            if finished([answer], timeout=0.5).done:
                break
        assert answer.result() is True


@pytest.mark.parametrize("change", ["save", "delete", "mark_deleted"])
@pytest.mark.parametrize("fetches", [True, False])
def test_waiting_ends_at_once_for_what_came_before(setting, fetches, change):
    """What another client did while messages were fetched, or just after, is not overlooked."""
    first, second = setting.save(NOTE, NOTE)
    setting.mailbox.listing()
    getattr(setting.client, change)(NOTE if change == "save" else second)
    if fetches:
        setting.mailbox.messages([first])
    with waiting(setting) as answer:
        assert answer.result() is True
    assert len(setting.mailbox.listing().uids) == (3 if change == "save" else 1)


def test_waiting_in_vain_takes_its_time_and_no_more(setting):
    """In a quiet mailbox a wait lasts as long as was asked for; afterwards all still works."""
    setting.save(NOTE)
    setting.mailbox.listing()
    began = time.monotonic()
    assert setting.mailbox.wait(0.3) is False
    assert 0.3 <= time.monotonic() - began < 10
    assert len(setting.mailbox.listing().uids) == 1


def test_an_interrupted_wait_ends_at_once(setting):
    """A request to stop does not wait for the server."""
    setting.mailbox.listing()
    bell, began = Bell(), time.monotonic()
    bell.stop()
    assert setting.mailbox.wait(LONG, bell.waiter) is False
    assert time.monotonic() - began < LONG / 2


@pytest.mark.parametrize(
    ("told", "odd", "read"),
    [
        (rb"RFC822.SIZE \d+", b"RFC822.SIZE many", [NOTE]),
        (rb"BODY\[\]<0> \{.*?\r\n\)", b"BODY[]<0> 7)", []),
    ],
    ids=["a size that is no number", "a number for a text"],
)
def test_what_is_told_in_the_wrong_form_is_taken_for_not_told(server, told, odd, read):
    """However odd a server is, it costs one message at most."""
    with proxy.running(server.port) as through, on_dovecot(server, through) as setting:
        uids = setting.save(NOTE)
        through.rewrite = lambda said: re.sub(told, odd, said, flags=re.DOTALL)
        assert list(setting.mailbox.messages(uids).values()) == read
        assert recognise(b"".join(setting.mailbox.headers(uids).values())) is None


@pytest.mark.parametrize("section", [rb"1", rb"1.MIME"])
def test_a_big_message_whose_text_is_not_given_is_not_taken_for_empty(server, section):
    """It would seem clean, and its warning would be taken away."""
    message = MIMEMultipart("mixed", _subparts=[MIMEText("That was a flub.\n")])
    message.attach(MIMEImage(b"\0" * 200_000, "png"))
    withheld = re.compile(rb"(BODY\[%b\]<0>) \{\d+\}\r\n.*?(?=\)| BODY\[)" % section, re.DOTALL)
    with proxy.running(server.port) as through, on_dovecot(server, through) as setting:
        (uid,) = setting.save(message.as_bytes(policy=policy.SMTP))
        assert b"That was a flub." in setting.mailbox.messages([uid])[uid]
        through.rewrite = lambda said: withheld.sub(rb"\1 NIL", said)
        assert setting.mailbox.messages([uid]) == {}
