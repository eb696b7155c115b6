"""Bytes of a message to a `Draft`: its headers and the text its author wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    """What unflub needs to know of one message.

    `text` is the *own text*: what the writer wrote, without quoted replies, forwarded
    messages, signatures, disclaimers or "Sent from my ..." lines; lines end in "\\n".
    `message_id` keeps its angle brackets and is empty where the message has none;
    addresses are bare (`user@host`) and in lower case.
    """

    text: str
    subject: str = ""
    message_id: str = ""
    sender: str = ""
    recipients: frozenset[str] = frozenset()


def parse(raw: bytes) -> Draft:
    """Read one RFC 5322 message."""
    raise NotImplementedError


def plain(text: str) -> Draft:
    """Take plain text for the body of a message without headers."""
    return Draft(text)
