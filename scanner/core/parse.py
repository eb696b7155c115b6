"""Bytes of a message to a `Draft`: its headers and the text its author wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import AnyStr

from scanner.core.body import Body, body, encrypted, guessed, quick_body
from scanner.core.draft import Draft
from scanner.core.entity import well_formed
from scanner.core.fields import Fields, header_fields, quick_fields
from scanner.core.owntext import own_text
from scanner.errors import UnreadableError, place

# What is read of one message at most. Each bound is far above any note, and keeps the
# time for a hostile message under a second.
_BYTES = 32 * 1024 * 1024
_LINES = 100_000
_CONTAINERS = 40
_BOUNDARIES = 2_000
_OWN_TEXT = 200_000
_TEXT_LINES = 10_000

# What opens a part, and how often it may.
_PARTS = {b"boundary=": _CONTAINERS, b"message/rfc822": _CONTAINERS, b"\n--": _BOUNDARIES}
_SURE = 3  # fields with a well-known name
_LEAD = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*")
_BLANK = re.compile(rb"\n[ \t\r\v\f]*\n|\r[ \t\v\f]*\r")
_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_WELL_KNOWN = frozenset(
    b"from to cc bcc subject date message-id mime-version content-type received reply-to sender"
    b" return-path delivered-to in-reply-to references content-transfer-encoding"
    b" content-disposition".split()
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_ASCII_CONTROL = bytes(code for code in range(128) if _CONTROL.match(chr(code)))
_PGP_MESSAGE = re.compile(r"^-----BEGIN PGP MESSAGE-----\s*$", re.MULTILINE)


def read(raw: bytes) -> Draft:
    """Read a message, or plain text that has no header fields. Raises as `parse` does."""
    with _whatever_it_holds():
        raw = begun(raw)
        return parse(raw) if looks_like_message(raw) else plain(guessed(raw[: 4 * _OWN_TEXT]))


def glance(raw: bytes) -> Draft:
    """Read as `read` does, in a fifth of the time: by the standard library, without mail-parser."""
    with _whatever_it_holds():
        raw = begun(raw)
        bounded = _bounded(raw)
        message: Message | None = well_formed(bounded)
        if message is None:
            if not looks_like_message(raw):
                return read(raw)
            message = message_from_bytes(bounded)
        return _whole(raw, bounded, _drafted(message, quick_fields, quick_body))


def begun(raw: bytes) -> bytes:
    """Give a message from its header on, without the mark or blank lines some editors put there.

    Plain text is given as it is: the mark tells its charset.
    """
    lead = _LEAD.match(raw)
    rest = raw[lead.end() :] if lead and lead.end() else raw
    return rest if rest is raw or looks_like_message(rest) else raw


def looks_like_message(raw: bytes) -> bool:
    """Tell a message (RFC 5322 section 2.2) from plain text.

    Every line before the first blank one is a field or goes on from one, and a field
    has a well-known name; an mbox "From " line may stand before them. A line that is
    no field is forgiven after three such fields.
    """
    known = 0
    for number, line in enumerate(_header_lines(raw)):
        if not line.strip():
            break
        if (number == 0 and line.startswith(b"From ")) or (number and line[:1] in b" \t"):
            continue
        field = _FIELD.match(line)
        if field is None:
            return known >= _SURE
        known += field[1].lower() in _WELL_KNOWN
    return known > 0


def _header_lines(raw: bytes) -> list[bytes]:
    """Give the lines up to the first blank one, and it."""
    raw = raw[:1_000_000]
    blank = _BLANK.search(raw)
    return raw[: blank.end() if blank else None].splitlines()


def plain(text: str) -> Draft:
    """Take plain text for the body of a message without headers. Raises as `parse` does."""
    return Draft(_own(text))


def parse(raw: bytes) -> Draft:
    """Read one RFC 5322 message.

    Raises UnreadableError for an encrypted or a broken message, and nothing else.
    """
    with _whatever_it_holds():
        bounded = _bounded(raw)
        draft = _drafted(message_from_bytes(bounded), header_fields, body)
        return _whole(raw, bounded, draft)


@contextmanager
def _whatever_it_holds() -> Iterator[None]:
    """Raise UnreadableError and nothing else: the libraries raise anything on hostile mail."""
    try:
        yield
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError(
            "broken: its parts are nested too deeply; save the draft again to check it."
        ) from None
    except Exception as error:  # noqa: BLE001 - see above
        raise UnreadableError(
            f"broken: it cannot be read ({place(error)}); read it once more yourself."
        ) from None


def _drafted(
    message: Message, fields_of: Callable[[Message], Fields], body_of: Callable[[Message], Body]
) -> Draft:
    fields = fields_of(message)
    text, is_to_the_end = body_of(message)
    own = _own(text)
    last = own.rpartition("\n")[2].strip()
    return Draft(own, *fields, is_over=not (is_to_the_end and text.rstrip().endswith(last)))


def _whole(raw: bytes, bounded: bytes, draft: Draft) -> Draft:
    """Give the draft back, unless its text may stand in what `_bounded` cut off.

    Where lines or bytes were too many instead, that is an attachment.
    """
    if not draft.text and raw[len(bounded) :].lower().startswith(tuple(_PARTS)):
        raise UnreadableError(
            "broken: it has too many parts to find its text; read it once more yourself."
        )
    return draft


def _bounded(raw: bytes) -> bytes:
    """Cut a message where reading on would take too long; the parts up to there stay whole."""
    raw = raw[:_BYTES]
    lowered = raw.lower()
    ends = (
        *(_nth(lowered, mark, count) for mark, count in _PARTS.items()),
        _nth(raw, b"\n", _LINES),
    )
    return raw[: min((end for end in ends if end is not None), default=None)]


def _nth(raw: AnyStr, mark: AnyStr, count: int) -> int | None:
    """Find where `mark` stands for the `count`-th time."""
    if len(raw) < count * len(mark) or raw.count(mark) < count:
        return None
    at = -1
    for _ in range(count):
        at = raw.find(mark, at + 1)
    return at


def _own(text: str) -> str:
    own = own_text(_clean(text))[:_OWN_TEXT].rstrip()
    if "-----BEGIN PGP MESSAGE-----" in own and _PGP_MESSAGE.search(own):
        raise encrypted()  # inline PGP (RFC 9580 section 6.2)
    return own


def _clean(text: str) -> str:
    r"""Give text in "\n" lines without control characters, which could steer a terminal."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")[: 4 * _OWN_TEXT]
    text = text[: _nth(text, "\n", _TEXT_LINES)]
    cleaned = _without_controls(text)
    if len(text) - len(cleaned) + cleaned.count("\N{REPLACEMENT CHARACTER}") > len(text) // 10:
        raise UnreadableError("broken: it is not text; open it in the program that made it.")
    return cleaned if cleaned.isascii() else cleaned.encode("utf-8", "replace").decode("utf-8")


def _without_controls(text: str) -> str:
    if text.isascii():  # several times as fast
        return text.encode("ascii").translate(None, _ASCII_CONTROL).decode("ascii")
    return _CONTROL.sub("", text)
