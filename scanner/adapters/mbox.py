"""The messages of an mbox (RFC 4155), one in memory at a time.

The standard library's mailbox.mbox reads the whole file for an index first.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from scanner.adapters.single import MOST_BYTES, Message
from scanner.core.parse import looks_like_message
from scanner.errors import UnreadableError

# Sender, or sender and time; Thunderbird writes "From - " and a time, or nothing at all.
# "From the bottom of my heart" opens a note, not a mailbox.
_SEPARATOR = re.compile(rb"From (?:\S[^\s@]*+@\S++)?[ \t]*\r?$|From .{0,200}\d\d:\d\d")
_DATED = re.compile(rb"From \S+ +[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d")
_LEAD = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]*(From [^\n]*\n?)")
_BOUNDARY = re.compile(
    rb'^Content-Type:\s*multipart/[^;\s]+;(?:[^\n]|\n[ \t])*?boundary="?([^";\r\n]{1,100})',
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(rb"[!-9;-~]{1,200}:")
_MOZILLA_STATUS = re.compile(rb"^X-Mozilla-Status: ([0-9a-fA-F]{4})", re.MULTILINE)
_CONTENT_LENGTH = re.compile(
    rb"^Content-Length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
# Lines that mean nothing to a mailbox, as many as follow each other, or else a single line.
_PIECE = re.compile(rb"(?:(?!>*+From )[ \t\r\v\f]*+\S.*+\n)++|.*+\n|.++")
_BLANK = (b"\n", b"\r\n")
_CR, _QUOTE, _F = b"\r>F"
_WRONG = 3
_EXPUNGED = 0x0008
_HEADER = 64 * 1024


def is_separator(line: bytes) -> bool:
    """Tell the line that stands before each message of an mbox."""
    return _SEPARATOR.match(line) is not None


def before_first(beginning: bytes) -> int:
    """Count the bytes before the first separator: blank lines, or the mark some editors leave."""
    found = _LEAD.match(beginning)
    return found.start(1) if found and is_separator(found[1]) else 0


def lone(message: Message) -> Message:
    """Give a message back, or an error in its place where it is a mailbox of several.

    Whoever asks for one message would take the others for its text. What only quotes a separator
    has no header fields behind it.
    """
    if not _holds_several(message.raw):
        return message
    return Message(
        message.source,
        error=UnreadableError("it is a mailbox of several messages; use `unflub scan FILE`."),
    )


def _holds_several(raw: bytes) -> bool:
    raw = raw[before_first(raw) :]
    first, _, rest = raw.partition(b"\n")
    if not is_separator(first) or b"\nFrom " not in rest:
        return False
    return any(map(looks_like_message, islice(split(pieces(rest)), 1, None)))


def pieces(lines: bytes) -> list[bytes]:
    """Part whole lines for `split`, which needs to see only what may be a separator or is blank."""
    return _PIECE.findall(lines)


def split(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the messages whose lines, or `pieces`, follow the first separator, unescaped.

    A Content-Length (mboxcl, mboxcl2) is believed where the next message or the end is found just
    behind it; what looks like a separator before that is text. Where a few were wrong none is
    believed any more: each may cost a look through the rest of the file.
    """
    again: deque[bytes] = deque()
    rest = _and_again(lines, again)
    kept: list[bytes] = []
    size, blank, in_header, wrong = 0, False, True, 0
    while True:
        for line in rest:
            first = line[0]
            if first == _F and (
                is_separator(line) if blank else kept and _begins(line, rest, again)
            ):
                yield _joined(kept)
                kept, size, blank, in_header = [], 0, False, True
                continue
            blank = first <= _CR and line in _BLANK
            size += len(line)
            if size <= MOST_BYTES:
                kept.append(_unescaped(line) if first == _QUOTE else line)
            if blank and in_header:
                in_header = False
                length = _claimed(kept) if wrong < _WRONG else 0
                if body := _measured(length, rest, again):
                    kept += body
                    size, blank = sum(map(len, kept)), body[-1] in _BLANK
                elif length:
                    wrong += 1
        if not again:
            break
        rest = _and_again((), again)
    yield _joined(kept)


def _begins(line: bytes, lines: Iterator[bytes], again: deque[bytes]) -> bool:
    """Tell a separator without a blank line before it by a whole date and the field behind it."""
    if _DATED.match(line) is None:
        return False
    following = next(lines, b"")
    if following:
        again.appendleft(following)
    return _FIELD.match(following) is not None


def _and_again(lines: Iterable[bytes], again: deque[bytes]) -> Iterator[bytes]:
    """Yield lines, and before the next one those that somebody put back."""
    while again:
        yield again.popleft()
    for line in lines:
        yield line
        while again:
            yield again.popleft()


def _claimed(header: Sequence[bytes]) -> int:
    """Give the length of the body that a header says, or 0."""
    fields = b"".join(header)
    may_claim = b"content-length:" in fields.lower()
    found = _CONTENT_LENGTH.search(fields) if may_claim else None
    length = int(found[1]) if found else 0
    return length if length <= MOST_BYTES else 0


def _measured(length: int, lines: Iterator[bytes], again: deque[bytes]) -> list[bytes]:
    """Take lines of this length, or none where no other message begins behind them."""
    if not length:
        return []
    body: list[bytes] = []
    total = 0
    while total < length and (line := next(lines, b"")):
        body.append(line)
        total += len(line)
    after = list(islice(lines, 2))
    if total != length or not _is_end(body, after):
        again.extendleft(reversed([*body, *after]))
        return []
    again.extendleft(reversed(after))
    # Only mboxcl2 leaves such lines as they are; then a ">" was put there by the writer.
    is_bare = any(line.startswith(b"From ") for line in body)
    return body if is_bare else [_unescaped(line) for line in body]


def _is_end(body: Sequence[bytes], after: Sequence[bytes]) -> bool:
    """Tell whether the next two lines, as far as there are any, begin another message."""
    if after and after[0] not in _BLANK:
        return body[-1] in _BLANK and is_separator(after[0])
    return len(after) <= 1 or is_separator(after[1])


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
    header = raw[:_HEADER].partition(b"\n\n")[0]
    status = _MOZILLA_STATUS.search(header) if b"X-Mozilla-Status:" in header else None
    return status is not None and bool(int(status[1], 16) & _EXPUNGED)


def _joined(lines: list[bytes]) -> bytes:
    """Join the lines of one message, without the blank one that parts it from the next."""
    if lines and not lines[-1].strip():
        lines.pop()
    return b"".join(lines)


def _unescaped(line: bytes) -> bytes:
    """Undo the ">" put before a "From " line: one (mboxo), or one more (mboxrd)."""
    return line[1:] if line.lstrip(b">").startswith(b"From ") else line
