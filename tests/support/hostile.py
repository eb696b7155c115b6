"""Messages that somebody made to break a reader: the files of tests/cases/hostile, and any more."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

CASES = sorted((Path(__file__).parent.parent / "cases" / "hostile").glob("*.eml"))

_CHARSETS = st.sampled_from(
    ["", "us-ascii", "utf-8", "iso-8859-1", "utf-7", "utf-16", "undefined", "unicode_escape",
     "punycode", "idna", "hex", "x\0", "a%00b", "x" * 99]
)  # fmt: skip
_WORDS = st.sampled_from(["", "a", "aGk=", "=\0", "=E4=", "+2AA-", "\\ud800", "ä", "''", "%00", "?"])
_ENCODED = st.builds("=?{}?{}?{}?=".format, _CHARSETS, st.sampled_from("bqx"), _WORDS)
_TEXTS = st.lists(st.one_of(_WORDS, _ENCODED, st.sampled_from('<>@()[]";, ')), max_size=5).map(
    "".join
)
_EXTENDED = st.builds("{}'{}'{}".format, _CHARSETS, _WORDS, st.one_of(_CHARSETS, _WORDS))
_PARAMETER = st.builds(
    "; {}{}={}".format,
    st.sampled_from(["charset", "name", "filename", "boundary", "format", "delsp"]),
    st.sampled_from(["", "*", "*0", "*0*", "*1*"]),
    st.one_of(_CHARSETS, _EXTENDED, _TEXTS),
)
_NUMBER = st.one_of(st.integers(-1, 99), st.sampled_from([1970, 2026, 10**4, 10**11, 10**30]))
_DATE = st.builds(
    "{}{} {} {} {}:{}:{} {}{}".format,
    st.sampled_from(["Thu, ", "Foo, ", ""]), _NUMBER, st.sampled_from(["Jan", "Feb", "Foo"]),
    _NUMBER, _NUMBER, _NUMBER, _NUMBER, st.sampled_from("+-"), _NUMBER,
)  # fmt: skip
_FIELD = st.one_of(
    st.builds("Date: {}".format, _DATE),
    st.builds(
        "{}: {}".format,
        st.sampled_from(["From", "To", "Subject", "Message-ID", "In-Reply-To", "X-Gmail-Labels"]),
        _TEXTS,
    ),
    st.builds("Subject: ⚠ unflub: {}".format, _TEXTS),
    st.builds("X-Unflub-Warns-About: 0123456789abcdef{}".format, _TEXTS),
    st.builds(
        "Content-Type: {}{}".format,
        st.sampled_from(["text/plain", "text/html", "multipart/mixed", "multipart/alternative"]),
        st.lists(_PARAMETER, max_size=3).map("".join),
    ),
    st.builds(
        "Content-Disposition: {}{}".format,
        st.sampled_from(["inline", "attachment", ""]),
        st.lists(_PARAMETER, max_size=2).map("".join),
    ),
    st.builds(
        "Content-Transfer-Encoding: {}".format,
        st.sampled_from(["base64", "quoted-printable", "8bit", "uuencode", "x"]),
    ),
)
_BODY = st.lists(
    st.one_of(
        st.binary(max_size=9),
        st.sampled_from([b"Dear Ann, that was a flub.\r\n", b"\r\n--b\r\n", b"SGVsbG8=", b"<p>&#0;"]),
    ),
    max_size=5,
).map(b"".join)


def _message(fields: list[str], depth: int, body: bytes) -> bytes:
    head = "".join(f"{field}\r\n" for field in fields).encode("utf-8", "replace")
    return head + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"\r\n" + body


MESSAGES = st.builds(
    _message, st.lists(_FIELD, max_size=8), st.sampled_from([0, 0, 0, 0, 1, 40, 1_000]), _BODY
)
"""Odd charsets and parameters (RFC 2231), NULs, absurd dates, messages in messages."""
