"""How a browser talks with a native program: a length of four bytes, then JSON.

The length is in the byte order of the machine (MDN, "Native messaging"); a browser takes no more
than 1 MB, and what it sends is bounded here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from scanner.errors import UnreadableError

LONGEST = 4 * 2**20
"""Bytes of a message that are read; a note is of a few thousand."""

_LENGTH = struct.Struct("=I")


def framed(values: Any) -> bytes:
    """Write a message."""
    content = json.dumps(values).encode()
    return _LENGTH.pack(len(content)) + content


def read(source: Callable[[int], bytes]) -> bytes | None:
    """Read a message's JSON, or None where no more come.

    `source` gives as many bytes as it is asked for, and fewer only at the end. Raises
    UnreadableError for what is too long, or ends in the middle: nothing after it can be read.
    """
    head = source(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise UnreadableError("what the mail client sent ends in the middle; restart it")
    (length,) = _LENGTH.unpack(head)
    if length > LONGEST:
        raise UnreadableError(f"what the mail client sent is too long ({length} bytes); restart it")
    content = source(length)
    if len(content) < length:
        raise UnreadableError("what the mail client sent ends in the middle; restart it")
    return content
