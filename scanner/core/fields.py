"""The header fields (RFC 5322 section 3.6) that unflub asks for, decoded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

from scanner.core.mail_parser import Parser

_UNSTRUCTURED = 1_000
"""A longer subject is cut."""

_ADDRESSES = 10_000
"""A longer address list is cut at the last comma before; decoding is not linear in it."""

_DESTINATIONS = ("to", "cc", "bcc")
_WANTED = ("subject", "from", *_DESTINATIONS, "message-id")
_MSG_ID = re.compile(r"<[^<>\s]{1,990}>")
_UNPRINTABLE = dict.fromkeys((*range(32), *range(127, 160)), " ")


@dataclass(frozen=True, slots=True)
class Fields:
    """Subject, Message-ID and the bare, lower-case addresses of one message."""

    subject: str
    message_id: str
    sender: str
    recipients: frozenset[str]


def header_fields(message: Message) -> Fields:
    """Decode the fields by mail-parser, or by the standard library where that fails."""
    header = _wanted(message)
    try:
        subject, addresses = _by_mail_parser(header)
    except Exception:  # noqa: BLE001 - mail-parser raises AttributeError and others
        subject, addresses = _by_standard_library(header)
    senders = _bare(addresses["from"])
    found = _MSG_ID.search(header["message-id"] or "")
    return Fields(
        subject=" ".join(subject.translate(_UNPRINTABLE).split()),
        message_id=found[0] if found else "",
        sender=senders[0] if senders else "",
        recipients=frozenset(_bare(one for name in _DESTINATIONS for one in addresses[name])),
    )


def _wanted(message: Message) -> Message:
    """Keep the wanted fields alone: mail-parser works on every field it is given."""
    header = Message()
    for name, value in message.raw_items():
        if name.lower() in _WANTED and name not in header:
            limit = _ADDRESSES if name.lower() in ("from", *_DESTINATIONS) else _UNSTRUCTURED
            header[name] = _cut(_unfolded(str(value)), limit)
    return header


def _unfolded(value: str) -> str:
    """Undo folding (RFC 5322 section 2.2.3) and decode raw 8-bit characters."""
    value = re.sub(r"[\r\n]+", "", value)
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _cut(value: str, limit: int) -> str:
    if len(value) <= limit:
        return value
    return value[:limit].rpartition(",")[0] or value[:limit]


def _by_mail_parser(header: Message) -> tuple[str, dict[str, list[str]]]:
    parser = Parser(header)
    addresses = {
        "from": parser.from_,
        "to": parser.to,
        "cc": parser.cc,
        "bcc": parser.bcc,
    }
    return str(parser.subject), {
        name: [address for _, address in found] for name, found in addresses.items()
    }


def _by_standard_library(header: Message) -> tuple[str, dict[str, list[str]]]:
    try:
        subject = str(make_header(decode_header(header["subject"] or "")))
    except (LookupError, ValueError):
        subject = header["subject"]
    addresses = {
        name: [address for _, address in getaddresses([header[name] or ""])]
        for name in ("from", *_DESTINATIONS)
    }
    return subject, addresses


def _bare(addresses: Iterable[str]) -> list[str]:
    """Addresses a message can be sent to; what is half typed in a draft is left out."""
    lowered = (address.strip().lower() for address in addresses)
    return [address for address in lowered if "@" in address and len(address.split()) == 1]
