"""Where the header of a message ends (RFC 5322 section 2.1)."""

from __future__ import annotations

import re

_END = re.compile(rb"\n\r?\n")  # what begins with one known byte is found fast


def raw_header(raw: bytes) -> bytes:
    """Give the lines above the first blank one, as they are; all of them where there is none."""
    if raw.startswith((b"\n", b"\r\n")):
        return b""
    end = _END.search(raw)
    return raw[: end.start() + 1] if end else raw
