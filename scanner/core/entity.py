"""Messages that keep to the rules, taken apart in a few looks and not line by line."""

from __future__ import annotations

import re
from email.message import Message
from typing import Any

from scanner.core.fields import WANTED

_MOST_BYTES = 1024 * 1024
_MULTIPARTS = frozenset(
    f"multipart/{kind}" for kind in ("alternative", "mixed", "related", "signed")
)
# Possessive, as no other way to match is worth trying: a hostile field would have it try them all.
_VALUE = r"[ \t]*+([^\r\n]*+(?:\r?\n[ \t][^\r\n]*+)*+)"
_HEADER = re.compile(rf"(?:[!-9;-~]++:{_VALUE}\r?\n)++(?P<blank>\r?\n)")
_NAMES = ("content-type", "content-transfer-encoding", "content-disposition", *WANTED)
_ASKED_FOR = re.compile(rf"\n({'|'.join(_NAMES)}):{_VALUE}", re.IGNORECASE | re.ASCII)
_BOUNDARY = re.compile(r"multipart/[a-z]+;\s*+boundary=\"([\w=.+:/'-]{1,70}+)\"", re.ASCII)


class Entity(Message):
    """A message or a part of one (RFC 2045 section 2.4): the fields asked for, and the payload.

    It answers as the email package's own would, at once: a reader asks for each field often.
    """

    def __init__(self, fields: dict[str, str], content: str | list[Entity]) -> None:
        super().__init__()
        for field in fields.items():
            self.set_raw(*field)
        self._fields = fields
        self.content = content
        """The body as it came, or its parts; what `get_payload` gives of a body is guessed at."""
        self.set_payload(content)  # type: ignore[arg-type]  # list is invariant

    def get(self, name: str, failobj: Any = None) -> Any:
        """Give the value of a field, one with raw 8-bit characters as the email package does."""
        value = self._fields.get(name.lower())
        if value is None or value.isascii():
            return failobj if value is None else value
        return self.policy.header_fetch_parse(name, value)

    def get_boundary(self, failobj: Any = None) -> Any:
        """Give the parameter, which mostly is the only one and plain."""
        found = _BOUNDARY.fullmatch(self._fields.get("content-type", ""))
        return found[1] if found else super().get_boundary(failobj)


def well_formed(raw: bytes) -> Entity | None:
    """Take a message apart where it keeps to the rules; None where it takes a whole parser."""
    return None if len(raw) > _MOST_BYTES else _entity(raw.decode("ascii", "surrogateescape"))


def _entity(text: str) -> Entity | None:
    header = _HEADER.match(text)
    if header is None:
        return None
    fields: dict[str, str] = {}
    for name, value in _ASKED_FOR.findall("\n" + text[: header.start("blank")]):
        fields.setdefault(name.lower(), value)
    if not fields:
        return None
    entity = Entity(fields, text[header.end() :])
    kind = entity.get_content_type()
    if not kind.startswith(("multipart/", "message/")):
        return entity
    cut = _parts(text[header.end() :], entity) if kind in _MULTIPARTS else []
    parts = [part for one in cut if (part := _entity(one)) is not None]
    return Entity(fields, parts) if parts and len(parts) == len(cut) else None


def _parts(body: str, entity: Entity) -> list[str]:
    """Cut a multipart's body at its boundary (RFC 2046 section 5.1.1); nothing where in doubt.

    The whole parser goes line by line, and knows other ends of lines, too.
    """
    boundary = entity.get_boundary() or ""
    mark = "--" + boundary
    if not (boundary and boundary.isascii() and boundary.isprintable()) or "\r" + mark in body:
        return []
    parts = []
    for piece in ("\n" + body).split("\n" + mark)[1:]:
        rest_of_line, _, part = piece.partition("\n")
        match rest_of_line.removesuffix("\r").rstrip(" \t"):
            case "":
                parts.append(part.removesuffix("\r"))
            case "--":
                return parts
            case _:
                return []  # a longer boundary that begins with this one
    return []  # cut short
