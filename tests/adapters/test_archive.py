"""Mailboxes of an IMAP account as an archive: on a real server, whose mail must stay as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import pytest
from imapclient import IMAPClient
from support import dovecot, proxy
from support.notes import CLEAN, FLUBBED

from scanner.adapters.archive import Archive, open_archive
from scanner.adapters.sources import walk
from scanner.config import Account
from scanner.core.parse import read
from scanner.core.selection import Selection
from scanner.errors import ConfigurationError, UnflubError, UnreadableError

CASES = Path(__file__).parent.parent / "cases" / "own_text"
_users = count(1)


@pytest.fixture
def user() -> str:
    return f"archive{next(_users)}"


@contextmanager
def client(server: dovecot.Dovecot, user: str) -> Iterator[IMAPClient]:
    with IMAPClient("127.0.0.1", server.port, ssl=False) as imap:
        imap.login(user, dovecot.PASSWORD)
        yield imap


def fill(server: dovecot.Dovecot, user: str, *names: str, raws: tuple[bytes, ...] = (CLEAN,)):
    """Put messages into mailboxes, made where they are not there."""
    with client(server, user) as imap:
        for name in names:
            if not imap.folder_exists(name):
                imap.create_folder(name)
            for raw in raws:
                imap.append(name, raw)


@contextmanager
def archive(port: int, user: str) -> Iterator[Archive]:
    account = Account("home", "me@example.org", "127.0.0.1", user, port, "none")
    with open_archive(account, dovecot.PASSWORD) as opened:
        yield opened


def read_all(opened: Archive, *patterns: str, every: bool = False, **wanted):
    """Read what is asked for, from mailboxes by pattern."""
    found = opened.search(opened.folders(patterns, every=every), Selection(**wanted))
    return list(opened.walk(found))


def names(messages) -> list[str]:
    """Give the mailbox and UID of each message."""
    sources = (message.source.partition("127.0.0.1/")[2] for message in messages)
    return [re.sub(r";UIDVALIDITY=\d+/", "", source) for source in sources]


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        ((), ["Drafts"]),
        (("Sent",), ["Sent"]),
        (("inbox",), ["INBOX"]),
        (("Jobs",), ["Jobs"]),
        (("Jobs/*",), ["Jobs/North", "Jobs/North/Old", "Jobs/Süd"]),
        (("Jobs/%",), ["Jobs/North", "Jobs/Süd"]),
        (("%",), ["Drafts", "INBOX", "Jobs", "Sent", "Trash", "What*"]),
        (("What*",), ["What*"]),
        (("Jobs/S*", "Sent", "Jobs/%"), ["Jobs/Süd", "Sent", "Jobs/North"]),
    ],
)
def test_mailboxes_are_chosen_by_name_or_pattern(server, user, patterns, found):
    """As in LIST, * stands for anything and % stops at the next level; a name means itself."""
    fill(server, user, "Jobs", "Jobs/North", "Jobs/North/Old", "Jobs/Süd", "What*", "Whatever/x")
    with archive(server.port, user) as opened:
        chosen = [folder.name for folder in opened.folders(patterns)]
    assert (chosen if len(patterns) > 1 else sorted(chosen)) == found


def test_a_pattern_without_a_mailbox_is_an_error_that_names_those_there_are(server, user):
    """A slip of the keyboard is no empty archive."""
    with archive(server.port, user) as opened, pytest.raises(ConfigurationError, match="Drafts"):
        opened.folders(["Sentt*"])


def test_every_mailbox_means_every_one(server, user):
    """Each message of each has a row, named by its mailbox and UID."""
    fill(server, user, "INBOX", "Sent", "Jobs/Nörd", raws=(CLEAN, FLUBBED))
    with archive(server.port, user) as opened:
        found = read_all(opened, every=True)
    assert sorted(names(found)) == [
        "INBOX;UID=1", "INBOX;UID=2", "Jobs/N%C3%B6rd;UID=1", "Jobs/N%C3%B6rd;UID=2",
        "Sent;UID=1", "Sent;UID=2",
    ]  # fmt: skip
    assert {read(message.raw).text for message in found} == {
        read(CLEAN).text, read(FLUBBED).text,
    }  # fmt: skip


def test_the_role_of_a_mailbox_tells_who_wrote(server, user):
    """SPECIAL-USE says it of Sent and Drafts, RFC 9051 of INBOX; others are told by addresses."""
    fill(server, user, "Sent", "Drafts", "INBOX", "Jobs")
    with archive(server.port, user) as opened:
        told = {folder.name: folder.direction for folder in opened.folders([], every=True)}
    assert told == {
        "Sent": "outgoing", "Drafts": "outgoing", "INBOX": "incoming", "Jobs": None, "Trash": None,
    }  # fmt: skip


def dated(day: str, sender: str, to: str) -> bytes:
    return f"From: {sender}\r\nTo: {to}\r\nDate: {day} 12:00:00 +0000\r\n\r\nHi\r\n".encode()


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"since": date(2025, 3, 2)},
        {"before": date(2025, 3, 2)},
        {"since": date(2025, 3, 1), "before": date(2025, 3, 3)},
        {"sender": "EVE@"},
        {"sender": "zoë"},
        {"to": "ann"},
        {"to": "ann", "since": date(2025, 3, 3)},
        {"to": "nobody"},
    ],
    ids=str,
)
def test_the_server_finds_what_is_found_in_files(server, user, tmp_path, wanted):
    """What --since, --before, --from and --to mean does not hang on where the mail lies."""
    raws = [
        dated("Sat, 1 Mar 2025", "eve@example.org", "Ann <ann@example.com>"),
        dated("Sun, 2 Mar 2025", "=?utf-8?q?Zo=C3=AB?= <zoe@example.org>", "bob@example.com"),
        dated("Mon, 3 Mar 2025", "eve@example.org", "bob@example.com, annie@example.com"),
    ]
    for number, raw in enumerate(raws):
        (tmp_path / f"{number}.eml").write_bytes(raw)
    fill(server, user, "Jobs", raws=tuple(raws))
    selection = Selection(**wanted)
    local = [m.raw for m in walk([str(tmp_path)]) if selection.takes(m.raw)]
    with archive(server.port, user) as opened:
        assert [message.raw for message in read_all(opened, "Jobs", **wanted)] == local


def test_a_message_reads_as_it_does_from_a_file(server, user):
    """Fetched in parts, every kind of message has the own text it has as a whole."""
    files = sorted(CASES.glob("*.eml"))
    fill(server, user, "Cases", raws=tuple(path.read_bytes() for path in files))
    with archive(server.port, user) as opened:
        for path, message in zip(files, read_all(opened, "Cases"), strict=True):
            assert outcome(message.raw) == outcome(path.read_bytes()), path.name


def outcome(raw: bytes) -> object:
    try:
        return read(raw)
    except UnflubError as error:
        return str(error)


def state(server: dovecot.Dovecot, user: str) -> dict[str, dict[int, object]]:
    """Everything the server holds: flags, and every byte."""
    with client(server, user) as imap:
        held = {}
        for _, _, name in imap.list_folders():
            imap.select_folder(name, readonly=True)
            rows = imap.fetch(imap.search(), ["FLAGS", "BODY.PEEK[]"])
            held[name] = {uid: (set(row[b"FLAGS"]), row[b"BODY[]"]) for uid, row in rows.items()}
    return held


def test_a_scan_leaves_every_flag_and_every_byte(server, user):
    r"""Neither \Seen nor \Recent goes, in whatever mailbox."""
    fill(server, user, "INBOX", "Sent", "Jobs", raws=(CLEAN, FLUBBED, with_attachment(10)))
    before = state(server, user)
    with archive(server.port, user) as opened:
        assert len(read_all(opened, every=True)) == 9
    after = state(server, user)
    assert after == before
    assert all(flags <= {b"\\Recent"} for rows in after.values() for flags, _ in rows.values())


def with_attachment(size: int, text: str = "A line of text.") -> bytes:
    message = EmailMessage()
    message["Subject"] = "Minutes"
    message.set_content(text)
    message.add_attachment(b"\0" * size, "application", "pdf", filename="minutes.pdf")
    return message.as_bytes()


def test_attachments_are_not_transferred(server, user):
    """Of 20 MB in twenty messages a hundredth comes over the line, and every text is there."""
    raws = [with_attachment(750_000, f"Number {number}.") for number in range(20)]
    fill(server, user, "Big", raws=tuple(raws))
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        texts = [read(message.raw).text for message in read_all(opened, "Big")]
        assert through.received < sum(map(len, raws)) / 100
    assert texts == [f"Number {number}." for number in range(20)]


def test_commands_are_sent_without_waiting_for_answers(server, user):
    """Those for the texts of a batch and for the next headers go out before any is answered."""
    fill(server, user, "Many", raws=(CLEAN, with_attachment(10), FLUBBED) * 40)
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        messages = opened.walk(opened.search(opened.folders(["Many"]), Selection()))
        before = len(through.steps)
        # After EXAMINE and the first headers: two kinds of texts, and the next headers.
        through.held = range(before + 3, before + 5)
        assert len(list(messages)) == 120
        assert through.steps[before:] == ["EXAMINE"] + ["FETCH"] * (1 + 3 + 2)


def test_what_was_done_is_not_asked_for_again(server, user):
    """A scan that goes on costs what is left."""
    fill(server, user, "Jobs", raws=(CLEAN,) * 3)
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        found = opened.search(opened.folders(["Jobs"]), Selection())
        assert names(opened.walk(found, lambda s: not s.endswith("=2"))) == ["Jobs;UID=2"]
        through.steps.clear()
        assert not list(opened.walk(found, lambda _: True))
        assert through.steps == ["EXAMINE"]


def test_a_message_that_is_gone_is_a_row_with_an_error(server, user):
    """Somebody expunges it during the scan; the others are read."""
    fill(server, user, "Jobs", raws=(CLEAN,) * 3)
    with archive(server.port, user) as opened:
        found = opened.search(opened.folders(["Jobs"]), Selection())
        with client(server, user) as imap:
            imap.select_folder("Jobs")
            imap.delete_messages([2])
            imap.expunge()
        messages = list(opened.walk(found))
    assert [bool(message.error) for message in messages] == [False, True, False]
    assert "does not give it out" in str(messages[1].error)


def test_a_mailbox_that_is_gone_or_another_is_a_row_with_an_error(server, user):
    """UIDs of the one that was searched mean nothing there."""
    fill(server, user, "Gone", "Anew", "Jobs")
    with archive(server.port, user) as opened:
        found = opened.search(opened.folders(["Gone", "Anew", "Jobs"]), Selection())
        with client(server, user) as imap:
            imap.delete_folder("Gone")
            imap.delete_folder("Anew")
        fill(server, user, "Anew")
        messages = list(opened.walk(found))
    assert names(messages) == ["Gone", "Anew", "Jobs;UID=1"]
    assert [isinstance(m.error, UnreadableError) for m in messages] == [True, True, False]


def test_an_answer_beyond_understanding_costs_one_message_at_most(server, user):
    """Nonsense among the answers has the batch asked for again, one by one."""
    fill(server, user, "Jobs", raws=(CLEAN,) * 3)
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        found = opened.search(opened.folders(["Jobs"]), Selection())
        through.fault, through.at = "nonsense", len(through.steps) + 1  # EXAMINE, then FETCH
        messages = list(opened.walk(found))
    assert [message.raw for message in messages] == [CLEAN] * 3


def test_a_structure_beyond_any_depth_costs_its_message_no_reading(server, user):
    """It is fetched as a whole, and the scan goes on."""
    fill(server, user, "Jobs", raws=(CLEAN,) * 3)
    deep = b"(" * 3000 + b")" * 3000
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        through.rewrite = lambda answer: re.sub(
            rb"(UID 2 RFC822.SIZE \d+ BODYSTRUCTURE ).*?( BODY\[HEADER\])", rb"\1" + deep + rb"\2",
            answer,
        )  # fmt: skip
        messages = read_all(opened, "Jobs")
    assert [message.raw for message in messages] == [CLEAN] * 3


def test_a_size_that_is_no_number_costs_nothing(server, user):
    """It only says how many messages are fetched together."""
    fill(server, user, "Jobs", raws=(CLEAN,) * 3)
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        through.rewrite = lambda said: re.sub(rb"RFC822.SIZE \d+", b"RFC822.SIZE many", said)
        messages = read_all(opened, "Jobs")
    assert [message.raw for message in messages] == [CLEAN] * 3


@pytest.mark.parametrize("name", [b'"R&D"', b'"Q&A, 2019"', b"&2D0-"])
def test_a_mailbox_of_an_ill_formed_name_is_a_row_and_no_other_is_lost(server, user, name):
    """Some servers keep names that are no modified UTF-7 (RFC 3501 section 5.1.3)."""
    fill(server, user, "INBOX", "Süd")
    with proxy.running(server.port) as through:
        through.rewrite = lambda said: re.sub(rb'"/" "?Trash"?', b'"/" ' + name, said)
        with archive(through.port, user) as opened:
            assert [folder.name for folder in opened.folders(())] == ["Drafts"]
            found = read_all(opened, every=True)
    (broken,) = [message for message in found if message.error]
    assert len(found) == 3
    assert "does not open this mailbox" in str(broken.error)


def test_a_broken_connection_is_an_error_of_ours_after_what_was_read(server, user):
    """The rows so far are there, and a scan can be resumed."""
    fill(server, user, "Jobs", raws=(CLEAN,) * 150)
    with proxy.running(server.port) as through:
        got = []
        with (  # noqa: PT012 - the error comes in the middle
            pytest.raises(UnflubError, match="no connection"),
            archive(through.port, user) as opened,
        ):
            for message in opened.walk(opened.search(opened.folders(["Jobs"]), Selection())):
                got.append(message)
                if len(got) == 1:
                    through.cut()
    assert 0 < len(got) < 150


VIRTUAL = {"Everything": [b"\\All"], "Starred": [b"\\Flagged"], "Important": [b"\\Important"]}


@contextmanager
def archive_with_everything(port: int, user: str) -> Iterator[Archive]:
    """Open an archive of which some mailboxes are virtual ones, as Gmail has them."""
    with archive(port, user) as opened:
        # Dovecot keeps roles of a user's own mailboxes as metadata (RFC 6154 section 5.4).
        assert not opened.client.has_capability("METADATA")  # so the role is told by hand
        listed = opened.client.list_folders()
        opened.client.list_folders = lambda: [
            ((*flags, *VIRTUAL.get(name, ())), delimiter, name) for flags, delimiter, name in listed
        ]
        yield opened


def test_what_a_virtual_mailbox_shows_again_is_read_once(server, user):
    """Gmail's All Mail holds everything once more, and some mail that lies nowhere else."""
    other = CLEAN.replace(b"<note-1@", b"<note-2@")
    fill(server, user, "INBOX", raws=(CLEAN, CLEAN.replace(b"Message-ID", b"X-Nothing")))
    fill(server, user, "Everything", raws=(CLEAN, other))
    with archive_with_everything(server.port, user) as opened:
        found = read_all(opened, every=True)
    assert names(found) == ["INBOX;UID=1", "INBOX;UID=2", "Everything;UID=2"]


def test_what_several_virtual_mailboxes_show_is_read_once(server, user):
    """A message with a star is in All Mail, too, and important on top of that."""
    one, two, three = (CLEAN.replace(b"<note-1@", b"<note-%d@" % n) for n in range(3))
    fill(server, user, "INBOX", raws=(one,))
    fill(server, user, "Everything", raws=(one, two, three))
    fill(server, user, "Starred", raws=(two,))
    fill(server, user, "Important", raws=(one, three))
    with archive_with_everything(server.port, user) as opened:
        found = read_all(opened, every=True)
    assert sorted(message.raw.count(b"<note-") for message in found) == [1, 1, 1]
    assert len({re.search(rb"<note-\d@", message.raw)[0] for message in found}) == 3


@pytest.mark.parametrize("rows", range(6))
def test_a_scan_that_goes_on_reads_nothing_of_a_virtual_mailbox_twice(server, user, rows):
    """Wherever it broke off, both together read what a whole one does."""
    one, two, three, four, five = (CLEAN.replace(b"<note-1@", b"<note-%d@" % n) for n in range(5))
    fill(server, user, "INBOX", raws=(one, two))
    fill(server, user, "Sent", raws=(three,))
    fill(server, user, "Everything", raws=(one, two, three, four))
    fill(server, user, "Starred", raws=(four, five))
    with archive_with_everything(server.port, user) as opened:
        found = opened.search(opened.folders([], every=True), Selection())
        whole = [message.source for message in opened.walk(found)]
    with archive_with_everything(server.port, user) as opened:
        found = opened.search(opened.folders([], every=True), Selection())
        rest = [message.source for message in opened.walk(found, whole[:rows].__contains__)]
    assert len(whole) == 5
    assert whole[:rows] + rest == whole


def test_numbers_of_a_huge_mailbox_are_asked_for_in_parts(server, user, monkeypatch):
    """imaplib reads no line of a million bytes."""
    monkeypatch.setattr("scanner.adapters.archive._SEARCHED", 2)
    fill(server, user, "Jobs", raws=(CLEAN,) * 5)
    with proxy.running(server.port) as through, archive(through.port, user) as opened:
        assert len(read_all(opened, "Jobs")) == 5
        assert through.steps.count("SEARCH") == 3
