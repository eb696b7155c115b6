"""The header fields (RFC 5322 section 3.6) that unflub asks for, decoded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from typing import NamedTuple, TypeAlias
from unicodedata import normalize

from scanner.core.header import raw_header

_HEADER = 256 * 1024
"""So many bytes of a header are parsed."""

_UNSTRUCTURED = 1_000
"""A longer subject or Message-ID is cut."""

_ADDRESSES = 10_000
"""A longer address list is cut at the last comma before; decoding is not linear in it."""

_ENCODED = 10_000
"""In a longer field encoded words are left as they are, for the same reason."""

_DESTINATIONS = ("to", "cc", "bcc")
_LIMITS = {
    "subject": _UNSTRUCTURED,
    **dict.fromkeys(("from", *_DESTINATIONS), _ADDRESSES),
    "message-id": _UNSTRUCTURED,
}
WANTED = tuple(_LIMITS)
"""The fields that are asked for, in lower case."""
# A list of addresses, each bare or behind a name, that any parser reads the same way. It is
# matched without going back, so that a long field takes no longer than its length.
_ADDRESS = re.compile(r"[\w.+='-]{1,64}+@[\w.-]{1,255}+", re.ASCII)
_QUOTED = r"\"[^\"\\\r\n]{0,200}+\""
_NAME = rf"(?:{_QUOTED}|[\w' -]{{0,200}}+)\s*+"
_NAMED = rf"(?:{_NAME}<{_ADDRESS.pattern}>|{_ADDRESS.pattern})\s*+"
_PLAIN = re.compile(rf"\s*+{_NAMED}(?:,\s*+{_NAMED})*+", re.ASCII)
_UNQUOTED = re.compile(rf"{_QUOTED}|({_ADDRESS.pattern})", re.ASCII)
_DOTS = re.compile(r"^\.|\.\.|\.@|@\.|\.$")
_MSG_ID = re.compile(r"<[^<>\s]{1,990}>")
_UNPRINTABLE = dict.fromkeys((*range(32), *range(127, 160)), " ")

_Wanted: TypeAlias = dict[str, str]


class Fields(NamedTuple):
    """Subject, Message-ID and the bare, lower-case addresses of one message; `to` in order."""

    subject: str
    message_id: str
    sender: str
    recipients: frozenset[str]
    to: tuple[str, ...]


def parsed_header(raw: bytes) -> Message:
    """Parse a message's header, and nothing of its body."""
    from email.parser import BytesHeaderParser

    return BytesHeaderParser().parsebytes(raw_header(raw[:_HEADER]))


def header_fields(message: Message) -> Fields:
    """Decode the fields by mail-parser, or by the standard library where that fails."""
    wanted = _wanted(message)
    try:
        return _fields(wanted, *_by_mail_parser(wanted))
    except Exception:  # noqa: BLE001 - mail-parser raises AttributeError and others
        return _fields(wanted, *_by_standard_library(wanted))


def quick_fields(message: Message) -> Fields:
    """Decode the fields by the standard library, and plain addresses without it."""
    wanted = _wanted(message)
    return _fields(wanted, *_by_standard_library(wanted))


def _fields(wanted: _Wanted, subject: str, addresses: dict[str, list[str]]) -> Fields:
    senders = addresses["from"]
    found = _MSG_ID.search(wanted.get("message-id", ""))
    return Fields(
        subject=" ".join(_printable(subject).split()),
        message_id=found[0] if found else "",
        sender=senders[0] if senders else "",
        recipients=frozenset(one for name in _DESTINATIONS for one in addresses[name]),
        to=tuple(addresses["to"]),
    )


def _printable(text: str) -> str:
    return text if text.isprintable() else text.translate(_UNPRINTABLE)


def _wanted(message: Message) -> _Wanted:
    """Keep the first of each wanted field: mail-parser works on every field it is given."""
    wanted: _Wanted = {}
    for name, value in message.raw_items():
        key = name.lower()
        if key in _LIMITS and key not in wanted:
            wanted[key] = _cut(_unfolded(str(value)), _LIMITS[key])
    return wanted


def _unfolded(value: str) -> str:
    """Undo folding (RFC 5322 section 2.2.3) and decode raw 8-bit characters."""
    value = value.replace("\r", "").replace("\n", "")
    if value.isascii():
        return value
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _cut(value: str, limit: int) -> str:
    if len(value) <= limit:
        return value
    return value[:limit].rpartition(",")[0] or value[:limit]


def _by_mail_parser(wanted: _Wanted) -> tuple[str, dict[str, list[str]]]:
    header = Message()
    for name, value in wanted.items():
        header[name] = value
    from scanner.core.mail_parser import Parser

    parser = Parser(header)
    addresses = {
        "from": parser.from_,
        "to": parser.to,
        "cc": parser.cc,
        "bcc": parser.bcc,
    }
    return str(parser.subject), {
        name: _bare(address for _, address in found) for name, found in addresses.items()
    }


def _by_standard_library(wanted: _Wanted) -> tuple[str, dict[str, list[str]]]:
    subject = decoded(wanted.get("subject", ""))
    return subject, {name: _addresses(wanted.get(name)) for name in ("from", *_DESTINATIONS)}


def decoded(value: str) -> str:
    """Decode encoded words (RFC 2047) with as little fuss as mail-parser does.

    What cannot be decoded is given as it is; no value makes it raise.
    """
    if "=?" not in value or len(value) > _ENCODED:
        return normalize("NFC", value)
    try:
        parts = (_text(part, charset) for part, charset in decode_header(value))
        text = "".join(normalize("NFC", part) for part in parts)
        text.encode()  # utf-7 and others may hold halves of characters, which are no text
    except (HeaderParseError, UnicodeError):
        return value
    return text


def _text(part: str | bytes, charset: str | None) -> str:
    if isinstance(part, str):
        return part
    try:
        return part.decode(charset or "utf-8")
    except (LookupError, ValueError):  # no such charset, no such text, or a NUL in the name
        return part.decode("utf-8", "ignore")


def _addresses(value: str | None) -> list[str]:
    if not value:
        return []
    if _PLAIN.fullmatch(value):
        found = filter(None, _UNQUOTED.findall(value))
        return [one.lower() for one in found if _has_dots_within(one)]
    parsed = (address for _, address in getaddresses([value]))
    return _bare(address for address in parsed if not _DOTS.search(address))


def _has_dots_within(address: str) -> bool:
    """Tell an address whose dots stand between other characters (RFC 5322 section 3.2.3)."""
    return ".." not in f".{address.replace('@', '.')}."


def _bare(addresses: Iterable[str]) -> list[str]:
    """Keep the addresses that a message can be sent to: in a draft some are half typed."""
    lowered = (address.strip().lower() for address in addresses)
    return [one for one in lowered if one.find("@") > 0 and len(one.split()) == 1]
