"""The messages of an mbox (RFC 4155), one in memory at a time.

The standard library's mailbox.mbox reads the whole file for an index first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

MOST_BYTES = 64 * 1024 * 1024
"""As much of one message as is kept in memory; the rest of it is read past."""

# Sender, or sender and time; Thunderbird writes "From - " and a time, or nothing at all.
# "From the bottom of my heart" opens a note, not a mailbox.
_SEPARATOR = re.compile(rb"From (?:\S+@\S+)?[ \t]*\r?$|From .{0,200}\d\d:\d\d")
_BOUNDARY = re.compile(
    rb'^Content-Type:\s*multipart/[^;\s]+;(?:[^\n]|\n[ \t])*?boundary="?([^";\r\n]{1,100})',
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(rb"[!-9;-~]{1,200}:")
_MOZILLA_STATUS = re.compile(rb"^X-Mozilla-Status: ([0-9a-fA-F]{4})", re.MULTILINE)
_EXPUNGED = 0x0008
_HEADER = 64 * 1024


def is_separator(line: bytes) -> bool:
    """Tell the line that stands before each message of an mbox."""
    return _SEPARATOR.match(line) is not None


def split(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the messages whose lines follow the first separator, unescaped."""
    kept: list[bytes] = []
    size = 0
    blank = False
    for line in lines:
        if blank and line.startswith(b"From ") and is_separator(line):
            yield _joined(kept)
            kept, size, blank = [], 0, False
            continue
        blank = line in (b"\n", b"\r\n")
        size += len(line)
        if size <= MOST_BYTES:
            kept.append(_unescaped(line) if line.startswith(b">") else line)
    yield _joined(kept)


def is_cut_short(raw: bytes) -> bool:
    """Tell a last message that ends before its header, or the last of its parts, does."""
    header, blank, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    if not blank and raw and not raw.endswith(b"\n"):
        return _FIELD.match(raw) is not None
    boundary = _BOUNDARY.search(header)
    return boundary is not None and b"--%b--" % boundary[1].strip() not in body


def is_expunged(raw: bytes) -> bool:
    """Tell a message that Thunderbird has deleted, or replaced by a newer draft.

    It leaves such a message in its file until the folder is compacted.
    """
    status = _MOZILLA_STATUS.search(raw[:_HEADER].partition(b"\n\n")[0])
    return status is not None and bool(int(status[1], 16) & _EXPUNGED)


def _joined(lines: list[bytes]) -> bytes:
    """Join the lines of one message, without the blank one that parts it from the next."""
    if lines and not lines[-1].strip():
        lines.pop()
    return b"".join(lines)


def _unescaped(line: bytes) -> bytes:
    """Undo the ">" put before a "From " line: one (mboxo), or one more (mboxrd)."""
    return line[1:] if line.lstrip(b">").startswith(b"From ") else line
