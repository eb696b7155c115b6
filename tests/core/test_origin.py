"""Who wrote a message, and when, by where it lies and what it says."""

from __future__ import annotations

import pytest

from scanner.core.draft import Draft
from scanner.core.origin import day, direction

OWN = frozenset({"me@example.org"})
MINE = Draft("Hi", sender="me@example.org", recipients=frozenset({"you@example.com"}))
YOURS = Draft("Hi", sender="you@example.com", recipients=OWN)
OTHERS = Draft("Hi", sender="you@example.com", recipients=frozenset({"list@example.com"}))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("mail/Sent/1.eml", "outgoing"),
        ("Maildir/.INBOX.Drafts/cur/1:2,S", "outgoing"),
        ("Maildir/.INBOX.Sent Items/new/1", "outgoing"),
        ("Takeout/Mail/Sent.mbox#12", "outgoing"),
        ("V10/UUID/Sent Messages.mbox/UUID/Data/Messages/1.emlx", "outgoing"),
        ("Mail/Local Folders/Inbox.sbd/Sent-1#3", "outgoing"),
        ("old/Gesendet.mbox.gz#2", "outgoing"),
        ("Mail/Local Folders/Inbox#3", "incoming"),
        ("mail/Inbox/sent.eml", "incoming"),
        ("mail/Sent/inbox.txt", "outgoing"),
        ("Sent/copies/INBOX.mbox#1", "incoming"),
        ("imap://me@mail.example/%5BGmail%5D/Sent%20Mail;UIDVALIDITY=3/;UID=7", "outgoing"),
        ("imap://me@mail.example/INBOX;UIDVALIDITY=3/;UID=7", "incoming"),
        ("Inbox 2023.mbox#1", "incoming"),
        ("Inbox (1).mbox#1", "incoming"),
        ("Inbox 2023/1.eml", "incoming"),
        ("Sent 2023/1.eml", "outgoing"),
    ],
)
def test_the_folder_tells_the_direction(source, expected):
    """The innermost folder with a known name counts, whatever the addresses are."""
    contrary = YOURS if expected == "outgoing" else MINE
    assert direction(source, b"", contrary, OWN) == expected


@pytest.mark.parametrize(
    ("draft", "expected"),
    [(MINE, "outgoing"), (YOURS, "incoming"), (OTHERS, "incoming"), (Draft("Hi"), "outgoing")],
)
@pytest.mark.parametrize(
    "source", ["archive.mbox#1", "imap://inbox@sent/Archive;UIDVALIDITY=3/;UID=7"]
)
def test_addresses_tell_where_the_folder_does_not(source, draft, expected):
    """From me is outgoing, from another incoming; what names no sender is taken for written."""
    assert direction(source, b"", draft, OWN) == expected
    assert direction(source, b"", draft, frozenset()) == "outgoing"


@pytest.mark.parametrize(
    ("source", "header"),
    [
        ("archive.mbox#1", b"Return-Path: <you@example.com>"),
        ("Archives.sbd/2025#1", b"Delivered-To: me@example.org"),
        ("takeout.mbox#1", b"X-Gmail-Labels: Archived,Opened"),
        ("takeout.mbox#1", b"X-Gmail-Labels: Candidates/2025"),
        ("mail/Maildir/cur/1:2,S", b"Subject: x"),
    ],
)
def test_what_was_delivered_was_received(source, header):
    """Where nobody's addresses are known, its header says so, or the folder of deliveries."""
    raw = header + b"\r\n\r\nHi\n"
    assert direction(source, raw, OTHERS, frozenset()) == "incoming"
    assert direction(source, raw, MINE, OWN) == "outgoing"


@pytest.mark.parametrize("source", ["archive.mbox#1", "Maildir/.Jobs/cur/1:2,S", "Maildir/a.eml"])
def test_what_bears_no_sign_of_a_delivery_is_taken_for_written(source):
    """One that is quoted in the text is none."""
    raw = b"Subject: x\n\nReturn-Path: <you@example.com>\n"
    assert direction(source, raw, OTHERS, frozenset()) == "outgoing"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (b"Important,Sent", "outgoing"),
        (b"=?UTF-8?Q?Inbox,Bewerbung_f=C3=BCr?=", "incoming"),
        (b"Archived", "incoming"),
        (b"=?x?q?Sent?=", "outgoing"),
        (b"=?UTF-8?Q?Ar=C5=9Fiv,G=C3=B6nderilmi=C5=9F_Postalar?=", "outgoing"),
        (b"=?utf-8?b?a?=", "incoming"),
    ],
)
def test_takeout_names_the_folders_of_each_message(labels, expected):
    """One file holds all mail, and a header field says where each message lay."""
    raw = b"Subject: x\nX-Gmail-Labels: " + labels + b"\n\nHi\n"
    assert direction("All mail Including Spam and Trash.mbox#1", raw, YOURS, OWN) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Date: Tue, 4 Mar 2025 10:00:00 +0000\n\nHi\n", "2025-03-04"),
        (b"Date: yesterday\n\nHi\n", ""),
        (b"Subject: x\n\nDate: Tue, 4 Mar 2025 10:00:00 +0000\n", ""),
        (b"", ""),
    ],
)
def test_the_day_is_that_of_the_date(raw, expected):
    """Where there is no date, there is no day."""
    assert day(raw) == expected
