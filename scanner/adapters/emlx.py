"""Apple Mail's .emlx: the length of the message, the message, a property list after it."""

from __future__ import annotations

import re

from scanner.errors import UnreadableError

SUFFIX = ".emlx"

_LENGTH = re.compile(rb"[ \t]*(\d{1,12})[ \t]*\r?\n")


def unwrapped(raw: bytes) -> bytes:
    """Take the message out. Raises UnreadableError where it is not all there."""
    length = _LENGTH.match(raw)
    if length is None:
        raise UnreadableError("broken: it does not begin with a length, as .emlx files do.")
    message = raw[length.end() :][: int(length[1])]
    if len(message) < int(length[1]):
        raise UnreadableError("broken: the file ends in the middle of the message.")
    return message
