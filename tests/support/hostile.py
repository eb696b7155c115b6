"""Messages that somebody made to break a reader: the files of tests/cases/hostile, and any more."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

CASES = sorted((Path(__file__).parent.parent / "cases" / "hostile").glob("*.eml"))

_DEEP = 2_500
"""More messages in one another than Python calls functions, also where hypothesis lets it more."""


def _joined(template: str, *values: SearchStrategy[object]) -> SearchStrategy[str]:
    return st.builds(template.format, *values)


def _some(values: SearchStrategy[str], most: int) -> SearchStrategy[str]:
    return st.lists(values, max_size=most).map("".join)


_CHARSETS = st.sampled_from(
    ["", "us-ascii", "utf-8", "iso-8859-1", "utf-7", "utf-16", "undefined", "unicode_escape",
     "punycode", "idna", "hex", "x\0", "a%00b", "x" * 99]
)  # fmt: skip
_WORDS = st.sampled_from(
    ["", "a", "aGk=", "=\0", "=E4=", "+2AA-", "\\ud800", "ä", "''", "%00", "?"]
)
_ENCODED = _joined("=?{}?{}?{}?=", _CHARSETS, st.sampled_from("bqx"), _WORDS)
_TEXTS = _some(st.one_of(_WORDS, _ENCODED, st.sampled_from('<>@()[]";, ')), 5)
_EXTENDED = _joined("{}'{}'{}", _CHARSETS, _WORDS, st.one_of(_CHARSETS, _WORDS))
_PARAMETERS = _some(
    _joined(
        "; {}{}={}",
        st.sampled_from(["charset", "charset", "name", "filename", "boundary", "format", "delsp"]),
        st.sampled_from(["", "*", "*", "*0", "*0*", "*1*"]),
        st.one_of(_CHARSETS, _EXTENDED, _TEXTS),
    ),
    3,
)
_NUMBERS = st.one_of(st.integers(-1, 99), st.sampled_from([1970, 2026, 10**4, 10**11, 10**30]))
_DATES = _joined(
    "{}{} {} {} {}:{}:{} {}{}",
    st.sampled_from(["Thu, ", "Foo, ", ""]), _NUMBERS, st.sampled_from(["Jan", "Feb", "Foo"]),
    _NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, st.sampled_from("+-"), _NUMBERS,
)  # fmt: skip
_KINDS = st.sampled_from(["text/plain", "text/plain", "text/html", "multipart/alternative"])
_ENCODINGS = st.sampled_from(["base64", "quoted-printable", "8bit", "uuencode", "x"])
_NAMES = st.sampled_from(["From", "To", "Message-ID", "In-Reply-To", "X-Gmail-Labels"])
_FIELDS = st.one_of(
    _joined("Date: {}", _DATES),
    _joined("{}: {}", _NAMES, _TEXTS),
    _joined("Subject: {}{}", st.sampled_from(["", "⚠ unflub: "]), _TEXTS),
    _joined("X-Unflub-Warns-About: 0123456789abcdef{}", _TEXTS),
    _joined("Content-Type: {}{}", _KINDS, _PARAMETERS),
    _joined("Content-Disposition: {}{}", st.sampled_from(["inline", "attachment"]), _PARAMETERS),
    _joined("Content-Transfer-Encoding: {}", _ENCODINGS),
)
_BODIES = st.lists(
    st.one_of(
        st.binary(max_size=9),
        st.sampled_from([b"Dear Ann, that was a flub.\r\n", b"caf\xe9", b"SGVsbG8=", b"<p>&#0;"]),
    ),
    max_size=5,
).map(b"".join)


def _message(fields: list[str], depth: int, body: bytes) -> bytes:
    head = "".join(f"{field}\r\n" for field in fields).encode()
    return head + b"Content-Type: message/rfc822\r\n\r\n" * depth + b"\r\n" + body


def _of_parts(parts: list[bytes]) -> bytes:
    head = b"Content-Type: multipart/mixed; boundary=b\r\n"
    return head + b"\r\n--b\r\n".join(parts) + b"\r\n--b--\r\n"


_SIMPLE = st.builds(
    _message, st.lists(_FIELDS, max_size=8), st.sampled_from([*[0] * 9, 40, _DEEP]), _BODIES
)
MESSAGES = st.one_of(_SIMPLE, st.lists(_SIMPLE, min_size=1, max_size=4).map(_of_parts))
"""Odd charsets and parameters (RFC 2231), NULs, absurd dates, messages in messages."""


_LINE_ENDS = st.sampled_from([*["\n"] * 8, "\r\n", "\r\r\n", "\r", "\f\n", " \n"])
_BOUNDARIES = st.sampled_from(["x", "x", "xy", "x--", "--", "a b", "ä", "?", "a\n b"])
_LEAVES = _joined(
    "{}{}{}",
    st.sampled_from(["", "", "Content-Type: text/plain\n", "Content-Type: application/pdf\n"]),
    _LINE_ENDS,
    st.sampled_from(["One", "Two\n", "Three\r\n\r\n", "--x\n"]),
)


@st.composite
def _multipart(draw: DrawFn, parts: SearchStrategy[str]) -> str:
    kind, mark = (
        draw(st.sampled_from(["mixed", "mixed", "alternative", "digest"])),
        draw(_BOUNDARIES),
    )
    text = f'Content-Type: multipart/{kind}; boundary="{mark}"{draw(_LINE_ENDS)}{draw(_LINE_ENDS)}'
    for part in draw(st.lists(parts, min_size=1, max_size=3)):
        text += f"--{mark}{draw(_LINE_ENDS)}{part}{draw(_LINE_ENDS)}"
    return text + draw(st.sampled_from([f"--{mark}--", f"--{mark} --", f"--{mark}", ""])) + "\n"


MULTIPARTS = st.recursive(_LEAVES, _multipart, max_leaves=5).map(
    lambda text: f"From: a@b.example\n{text}".encode()
)
"""Messages of parts, nearly as RFC 2046 wants them."""
