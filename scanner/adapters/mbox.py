"""The messages of an mbox (RFC 4155), one in memory at a time.

The standard library's mailbox.mbox reads the whole file for an index first.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from scanner.adapters.single import MOST_BYTES, Message
from scanner.core.header import raw_header
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
_ENCODING = re.compile(
    rb"^Content-Transfer-Encoding:\s*(base64|quoted-printable)\b", re.IGNORECASE | re.MULTILINE
)
_BROKEN_OFF = re.compile(rb"=[0-9A-Fa-f]?\Z")
_MOZILLA = b"X-Mozilla-Status:"
_MOZILLA_STATUS = re.compile(rb"^%b ([0-9a-fA-F]{4})" % _MOZILLA, re.MULTILINE)
_CONTENT_LENGTH = re.compile(
    rb"^Content-Length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
# A line that parts messages, or is escaped. The line end before it is what is looked for first.
_MARKED = re.compile(rb"\n(?=(>*+From .*+\n?))")
_BLANK = (b"\n", b"\r\n")
_ENDS_BLANK = tuple(b"\n" + line for line in _BLANK)
_FROM = re.compile(rb"^>*+From ", re.MULTILINE)
_UP_TO_BLANK = re.compile(rb"(?:.*+\n)*?\r?\n")
_QUOTE, _F = b">F"
_WRONG = 3
_MANY = 10
_EXPUNGED = 0x0008
_HEADER = 64 * 1024


def is_separator(line: bytes) -> bool:
    """Tell the line that stands before each message of an mbox."""
    return _SEPARATOR.match(line) is not None


def before_first(beginning: bytes) -> int:
    """Count the bytes before the first separator: blank lines, or the mark some editors leave."""
    found = _LEAD.match(beginning)
    return found.start(1) if found and is_separator(found[1]) else 0


def begins_as_mbox(beginning: bytes) -> bool:
    """Tell a file that begins with a separator, as far as can be seen."""
    return is_separator(beginning[before_first(beginning) :].partition(b"\n")[0])


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
    """Part whole lines for `split`, which looks at what may be a separator or be escaped alone."""
    found: list[bytes] = []
    at = 0
    for marked in _MARKED.finditer(b"\n" + lines):
        found += [lines[at : marked.start()], marked[1]]
        at = marked.end(1) - 1
    return list(filter(None, [*found, lines[at:]]))


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
        for given in rest:
            piece = _up_to_blank(given, again) if in_header else given
            first = piece[0]
            if first == _F and (
                is_separator(piece) if blank else kept and _begins(piece, rest, again)
            ):
                yield _joined(kept)
                kept, size, blank, in_header = [], 0, False, True
                continue
            blank = _ends_blank(piece)
            size += len(piece)
            if size <= MOST_BYTES:
                kept.append(_unescaped(piece) if first == _QUOTE else piece)
            if blank and in_header:
                in_header = False
                length = _claimed(kept) if wrong < _WRONG else 0
                if body := _measured(length, rest, again):
                    kept += body
                    size, blank = sum(map(len, kept)), _ends_blank(body[-1])
                elif length:
                    wrong += 1
        if not again:
            break
        rest = _and_again((), again)
    yield _joined(kept)


def _up_to_blank(piece: bytes, again: deque[bytes]) -> bytes:
    """Give a piece up to its first blank line, and put the rest back."""
    found = _UP_TO_BLANK.match(piece)
    if found is None or found.end() == len(piece):
        return piece
    again.appendleft(piece[found.end() :])
    return piece[: found.end()]


def _ends_blank(piece: bytes) -> bool:
    return piece.endswith(_ENDS_BLANK) or piece in _BLANK


def _begins(line: bytes, lines: Iterator[bytes], again: deque[bytes]) -> bool:
    """Tell a separator without a blank line before it by a whole date and the field behind it."""
    if _DATED.match(line) is None:
        return False
    following = next(lines, b"")
    if following:
        again.appendleft(following)
    return _FIELD.match(following) is not None


def _and_again(lines: Iterable[bytes], again: deque[bytes]) -> Iterator[bytes]:
    """Yield pieces, and before the next one those that somebody put back."""
    while again:
        yield again.popleft()
    for piece in lines:
        yield piece
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
    """Take pieces of this length, or none where no other message begins behind them."""
    if not length:
        return []
    body: list[bytes] = []
    total = 0
    while total < length and (piece := next(lines, b"")):
        end = length - total
        if end < len(piece) and piece[:end].endswith(b"\n"):
            again.appendleft(piece[end:])
            piece = piece[:end]
        body.append(piece)
        total += len(piece)
    after = list(islice(lines, 2))
    if total != length or not _is_end(body, after):
        again.extendleft(reversed([*body, *after]))
        return []
    again.extendleft(reversed(after))
    # Only mboxcl2 leaves such lines as they are; then a ">" was put there by the writer.
    is_bare = any(piece.startswith(b"From ") for piece in body)
    return body if is_bare else [_unescaped(piece) for piece in body]


def _is_end(body: Sequence[bytes], after: Sequence[bytes]) -> bool:
    """Tell whether the next two pieces, as far as there are any, begin another message."""
    if after and after[0] not in _BLANK:
        return _ends_blank(body[-1]) and is_separator(after[0])
    return len(after) <= 1 or is_separator(after[1])


def is_cut_short(raw: bytes, others: int = 0) -> bool:
    """Tell a last message that ends before its header, its parts, or its text do.

    `others` are the messages before it. A mailbox put together by hand may lack its last line end,
    but holds few; a program ends each message with an empty line (RFC 4155).
    """
    header = raw_header(raw)
    is_amid_line = bool(raw) and not raw.endswith(b"\n")
    if is_amid_line and header == raw:
        return _FIELD.match(raw) is not None
    _, _, body = raw[len(header) :].partition(b"\n")  # behind the blank line
    header = header.replace(b"\r\n", b"\n")
    if boundary := _BOUNDARY.search(header):
        return b"--%b--" % boundary[1].strip() not in body
    return is_amid_line and (
        others >= _MANY or _claimed([header]) > _most_written(body) or _breaks_off(header, body)
    )


def _most_written(body: bytes) -> int:
    """Give the most bytes that a body can have had in its file, where ">" were not yet taken."""
    return len(body) + len(_FROM.findall(body))


def _breaks_off(header: bytes, body: bytes) -> bool:
    """Tell an encoded body (RFC 2045, section 6) that ends amid what stands for a character."""
    encoding = _ENCODING.search(header)
    if encoding is None:
        return False
    if encoding[1].lower() == b"base64":
        return len(b"".join(body.split())) % 4 != 0
    return _BROKEN_OFF.search(body) is not None


def is_expunged(raw: bytes) -> bool:
    """Tell a message that Thunderbird has deleted, or replaced by a newer draft.

    It leaves such a message in its file until the folder is compacted.
    """
    if raw.find(_MOZILLA, 0, _HEADER) < 0:
        return False
    status = _MOZILLA_STATUS.search(raw_header(raw[:_HEADER]))
    return status is not None and bool(int(status[1], 16) & _EXPUNGED)


def _joined(pieces_of_one: list[bytes]) -> bytes:
    """Join the pieces of one message, without the blank line that parts it from the next."""
    raw = b"".join(pieces_of_one)
    last = raw.rfind(b"\n", 0, -1) + 1
    return raw if raw[last:].strip() else raw[:last]


def _unescaped(piece: bytes) -> bytes:
    """Undo the ">" put before a "From " line: one (mboxo), or one more (mboxrd)."""
    return piece[1:] if piece.lstrip(b">").startswith(b"From ") else piece
