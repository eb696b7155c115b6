"""Bytes to drafts: header fields, unreadable messages, bounds, and telling mail from text."""

import logging
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import hostile

from scanner.core.draft import Draft
from scanner.core.parse import begun, glance, looks_like_message, parse, plain, read
from scanner.errors import UnreadableError

CASES = sorted((Path(__file__).parent.parent / "cases" / "own_text").glob("*.eml"))
HEAD = b"From: ines@example.org\nSubject: Hello\nMIME-Version: 1.0\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\n\n"
HTML = b"Content-Type: text/html; charset=utf-8\n\n"
PGP_MIME = (
    b'Content-Type: multipart/encrypted; boundary="e"\n\n--e\n'
    b"Content-Type: application/pgp-encrypted\n\nVersion: 1\n--e\n"
    b"Content-Type: application/octet-stream\n\nxyz\n--e--\n"
)
SMIME = b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIAG\n"
PGP_INLINE = TEXT + b"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n"

MEGABYTES = 5_000_000
HOSTILE = {
    "one line": TEXT + b"a" * MEGABYTES,
    "empty lines": TEXT + b"\n" * MEGABYTES,
    "attributions": TEXT + (b"On 2024 " + b"x " * 180 + b":\n") * 8_000,
    "footers": TEXT + b"Sent from my phone\n" * 250_000,
    "parts": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhi\n" * 400_000,
    "nesting": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)
    ),
    "messages in messages": b"Content-Type: message/rfc822\n\n" * 5_000,
    "tags": b"Content-Type: text/html\n\n" + b"<br>" * (MEGABYTES // 4),
    "tables": b"Content-Type: text/html\n\n" + b"<table><tr><td>x" * (MEGABYTES // 16),
    "encoded words": b"Subject: " + b"=?a?q?" * (MEGABYTES // 6) + b"\n\nhi",
    "addresses": b"To: " + b"(<" * (MEGABYTES // 2) + b"\n\nhi",
    "fields": b"".join(b"X-%d: y\n" % n for n in range(300_000)) + b"\nhi",
}


def test_header_fields_are_decoded():
    """Subject, Message-ID and bare lower-case addresses come out of the header."""
    raw = (
        b"from: =?utf-8?q?In=C3=A8s?= <Ines@Example.ORG>\nSUBJECT: =?utf-8?b?Q2Fmw6k=?= today\n"
        b"message-id: <1.a@example.org>\nTo: Tomas <tomas@example.com>,\n  mara@example.com\n"
        b"Cc: Team: li@example.com, jo@example.com;\nBcc: <zed@example.com>\n\nHello.\n"
    )
    assert parse(raw) == Draft(
        "Hello.",
        "Café today",
        "<1.a@example.org>",
        "ines@example.org",
        frozenset(f"{name}@example.com" for name in ("tomas", "mara", "li", "jo", "zed")),
        ("tomas@example.com", "mara@example.com"),
    )


def test_missing_fields_are_empty():
    """A message without header fields is its text alone."""
    assert parse(b"\nHello.\n") == Draft("Hello.")


@pytest.mark.parametrize("value", [b"Fr\xe4ulein", "Fräulein".encode()])
def test_raw_eight_bit_subject_is_decoded(value):
    """A subject in raw Latin-1 or UTF-8 is read, though RFC 5322 forbids it."""
    assert parse(b"Subject: " + value + b"\n\nHello.").subject == "Fräulein"


def test_subject_holds_no_control_characters():
    """An encoded line break in a subject becomes a space."""
    assert parse(b"Subject: =?utf-8?q?a=0D=0Ab=1B[31m?=\n\nHi.").subject == "a b [31m"


def test_half_typed_recipient_is_left_out():
    """A draft may hold an address that is not finished; it is no recipient yet."""
    assert parse(b"To: toma, li@example.com\n\nHi.").recipients == {"li@example.com"}


@pytest.mark.parametrize(
    "body", [PGP_MIME, SMIME, PGP_INLINE], ids=["PGP/MIME", "S/MIME", "inline"]
)
def test_encrypted_message_is_unreadable(body):
    """PGP/MIME, S/MIME and inline PGP are reported as encrypted, never as clean."""
    with pytest.raises(UnreadableError, match=r"^encrypted"):
        parse(HEAD + body)


def test_encrypted_text_without_header_fields_is_unreadable():
    """As a client hands over a body before Send."""
    with pytest.raises(UnreadableError, match=r"^encrypted"):
        read(PGP_INLINE.partition(b"\n\n")[2])


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 40, b"\0" * 5_000])
def test_bytes_that_are_no_text_are_broken(raw):
    """A picture or a disk image is reported as broken."""
    with pytest.raises(UnreadableError, match=r"^broken"):
        read(raw)


def test_reason_tells_nothing_of_the_message():
    """The reason is one line without words of the message, because it is logged."""
    with pytest.raises(UnreadableError) as caught:
        parse(HEAD + PGP_MIME)
    assert "Hello" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"", HEAD + TEXT, HEAD + TEXT + b"> only a quote\n"])
def test_message_without_own_text_is_a_draft_with_none(raw):
    """Nothing written yet is no error; the text is empty."""
    assert parse(raw).text == ""


def test_text_behind_too_many_parts_is_not_called_empty():
    """What is cut off was not read, so nobody knows whether the writer wrote there."""
    nested = [
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(300)
    ]
    for reader in (read, glance):
        assert reader(TEXT + b"Hello.\n" + b"".join(nested)).text.startswith("Hello.")
        with pytest.raises(UnreadableError, match="too many parts"):
            reader(HEAD + b"".join(nested) + b"\nHello.\n")
        mixed = b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\n\n--x\n"
        attached = b"Content-Type: image/png\n\n" + (b"iVBORw0K" * 9 + b"\n") * 10_000 + b"--x--\n"
        assert reader(HEAD + mixed + attached).text == ""


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf\n"])
def test_what_an_editor_puts_before_the_header_is_none_of_the_message(before):
    """Its fields are read, and offsets count from the same first character."""
    raw = HEAD + TEXT + b"Hello.\n"
    assert read(before + raw) == glance(before + raw) == read(raw)
    assert begun(before + b"Hello.\n") == before + b"Hello.\n"


def test_malformed_header_is_not_logged(caplog, capsys):
    """mail-parser's complaints about a header do not reach a log or the terminal."""
    caplog.set_level(logging.DEBUG)
    parse(b"Subject: =?utf-8?b?====secret?=\nFrom: =?shift_jis?b?secret?=\n\nHi.")
    out, err = capsys.readouterr()
    assert "secret" not in caplog.text + out + err


def test_text_is_cut_at_a_bound():
    """Own text longer than any note is cut."""
    assert len(parse(TEXT + b"word " * 200_000).text) <= 200_000


def test_a_picture_within_the_html_takes_no_room():
    """What stands below it is read, however large it is."""
    picture = b'<img src="data:image/png;base64,' + (b"iVBORw0K" * 9 + b"\n") * 10_000 + b'">'
    raw = b"Content-Type: text/html\n\n<p>Hello.</p>" + picture + b"<p>Bye.</p>"
    assert read(raw).text == glance(raw).text == "Hello.\n\nBye."


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_hostile_message_takes_bounded_time(raw):
    """Five megabytes of whatever is dearest to read are done within seconds."""
    start = time.process_time()
    parse_or_refuse(raw)
    assert time.process_time() - start < 4


@given(st.sampled_from(CASES), st.data())
def test_mutated_message_parses_or_is_unreadable(path, data):
    """Damage anywhere in a message raises UnreadableError or nothing."""
    raw = path.read_bytes()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    parse_or_refuse(raw[:start] + data.draw(st.binary(max_size=40)) + raw[end:])


@given(st.one_of(hostile.MESSAGES, st.binary(max_size=300)))
def test_arbitrary_bytes_parse_or_are_unreadable(raw):
    """Any bytes at all raise UnreadableError or nothing."""
    parse_or_refuse(raw)


@given(st.sampled_from(CASES), st.integers(0, 2_000))
def test_truncated_message_is_read_as_far_as_it_goes(path, length):
    """A message fetched with a limit raises UnreadableError or nothing."""
    parse_or_refuse(path.read_bytes()[:length])


def parse_or_refuse(raw):
    """Read it both ways; text and errors can be written down, and an error says what is wrong."""
    for reader in (parse, read):
        reason = "broken"
        try:
            outcome = reader(raw).text
        except UnreadableError as error:
            outcome = reason = str(error)
        assert reason.startswith(("encrypted", "broken"))
        assert outcome.encode() is not None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Subject: Hi\n\nHello.", True),
        (b"subject : Hi\r\n\r\nHello.", True),
        (b"From ines@example.org Tue Mar  4 10:12:00 2025\nSubject: Hi\n\nHello.", True),
        (b"X-Odd: 1\n folded\nTo: li@example.com\n\nHello.", True),
        (b"From: a@example.org\nTo: b@example.org\nSubject: x\nbad line\n\nHello.", True),
        (b"Note: buy milk\n\nHello.", False),
        (b"Dear Tomas,\n\nSubject: Hi\n", False),
        (b"\nSubject: Hi\n\nHello.", False),
        (b"", False),
    ],
)
def test_message_is_told_from_plain_text(raw, expected):
    """Header fields with a well-known name before the first blank line make a message."""
    assert looks_like_message(raw) is expected


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_plain_text_is_read_in_any_common_charset(charset):
    """Plain text may come in UTF-8, UTF-16 with its mark, or Windows-1252."""
    assert read("Dear Zoë – thanks.".encode(charset)).text == "Dear Zoë – thanks."


def test_plain_text_has_its_quotes_cut():
    """Plain text is taken for the body of a message, quotes and all."""
    assert plain("Hello.\r\n\r\n> quoted\r\n").text == "Hello."


def test_text_deep_in_html_is_read():
    """Threads of answers grow deep; by itself libxml2 stops at 256 elements in one another."""
    assert parse(HEAD + HTML + b"<div>" * 300 + b"Thank you.").text == "Thank you."


@pytest.mark.parametrize("depth", [1_500, 8_000])
def test_text_too_deep_in_html_is_no_empty_text(depth):
    """It is told of as not checked."""
    with pytest.raises(UnreadableError, match="nested too deeply"):
        parse(HEAD + HTML + b"<div>" * depth + b"Thank you.")
