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
# A line is a field or goes on from one (RFC 5322 section 2.2.3); the first is a field.
_HEADER = re.compile(r"(?![ \t])(?:(?:[!-9;-~]++:|[ \t]).*+\n)++(?P<blank>\r?\n)")
_NAMES = ("content-type", "content-transfer-encoding", "content-disposition", *WANTED)
_INITIALS = "".join(sorted({name[0] for name in _NAMES}))  # most other fields are known by theirs
_ASKED_FOR = re.compile(
    rf"\n(?=[{_INITIALS}])({'|'.join(_NAMES)}):[ \t]*+(.*+(?:\n[ \t].*+)*+)",
    re.IGNORECASE | re.ASCII,
)
_BOUNDARY = re.compile(r"multipart/[a-z]+;\s*+boundary=\"([\w=.+:/'-]{1,70}+)\"", re.ASCII)


class Entity(Message):
    """A message or a part of one (RFC 2045 section 2.4): the fields asked for, and the payload.

    It answers as the email package's own would, at once: a reader asks for each field often.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__()
        for field in fields.items():
            self.set_raw(*field)
        self._fields = fields
        self.body = ""
        """The body as it came, where it has no parts; `get_payload` guesses at it."""

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

    def get_filename(self, failobj: Any = None) -> Any:
        """Give the parameter of either field, where one may have it (RFC 2231 section 3)."""
        said = self._fields.get("content-disposition", "") + self._fields.get("content-type", "")
        may_name = "name" in said.lower() or "*" in said
        return super().get_filename(failobj) if may_name else failobj


def well_formed(raw: bytes) -> Entity | None:
    """Take a message apart where it keeps to the rules; None where it takes a whole parser."""
    return None if len(raw) > _MOST_BYTES else _entity(raw.decode("ascii", "surrogateescape"))


def _entity(text: str) -> Entity | None:
    header = _HEADER.match(text)
    fields = _fields(text[: header.start("blank")]) if header else {}
    if header is None or not fields:
        return None
    entity = Entity(fields)
    kind = entity.get_content_type()
    if not kind.startswith(("multipart/", "message/")):
        entity.body = text[header.end() :]
        entity.set_payload(entity.body)
        return entity
    cut = _parts(text[header.end() - 1 :], entity) if kind in _MULTIPARTS else []
    parts = [part for one in cut if (part := _entity(one)) is not None]
    if not parts or len(parts) < len(cut):
        return None
    for part in parts:
        entity.attach(part)
    return entity


def _fields(header: str) -> dict[str, str]:
    """Give the fields that are asked for, the first of each name in lower case; none in doubt."""
    ends_in_cr = "\r" in header
    if ends_in_cr and header.count("\r") > header.count("\r\n"):
        return {}
    fields: dict[str, str] = {}
    for name, value in _ASKED_FOR.findall("\n" + header):
        fields.setdefault(name.lower(), value.removesuffix("\r") if ends_in_cr else value)
    return fields


def _parts(body: str, entity: Entity) -> list[str]:
    """Cut a multipart's body at its boundary (RFC 2046 section 5.1.1); none in doubt.

    `body` begins with the line end above it, for its first line may be a boundary. In doubt is what
    the email package might cut otherwise, as it takes a lone CR for the end of a line, too.
    """
    boundary = entity.get_boundary() or ""
    mark = "--" + boundary
    if not (boundary and boundary.isascii() and boundary.isprintable()) or "\r" + mark in body:
        return []
    parts = []
    for piece in body.split("\n" + mark)[1:]:
        rest_of_line, _, part = piece.partition("\n")
        match rest_of_line.removesuffix("\r").rstrip(" \t"):
            case "":
                parts.append(part.removesuffix("\r"))
            case "--":
                return parts
            case _:
                return []  # a longer boundary that begins with this one
    return []  # cut short
