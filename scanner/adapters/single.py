"""One message from outside: a file, or standard input."""

from __future__ import annotations

import io
import os.path
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from scanner.errors import UnreadableError

if TYPE_CHECKING:  # loaded where needed
    from scanner.core.origin import Direction

STANDARD_INPUT = "-"

MOST_BYTES = 64 * 1024 * 1024
"""As much of one message as is kept in memory; the rest of it is read past."""

Stream: TypeAlias = io.BufferedIOBase | BinaryIO


@dataclass(frozen=True, slots=True)
class Message:
    """One message as bytes, or the error that stood in the way of it.

    `source` is the path it came from, with "#n" for the n-th message of an mbox; `read` is how
    many bytes of the source were read since the message before, or 1 where messages are counted.
    `direction` is set where the source itself tells it.
    """

    source: str
    raw: bytes = field(default=b"", repr=False)  # not for the log of a worker elsewhere
    error: UnreadableError | None = None
    read: int = 0
    direction: Direction | None = None


def single(path: str) -> Message:
    """Read one message from a file, or from standard input for "-"."""
    if path == STANDARD_INPUT:
        return _whole(standard_input(), path)
    if os.path.isdir(path):  # noqa: PTH112 - says no to a name too long, too
        return Message(
            path, error=UnreadableError("it is a folder; `unflub scan FOLDER` reads folders.")
        )
    found = opened(Path(path), pipes=True)
    if isinstance(found, Message):
        return found
    with found as stream:
        return _whole(stream, path)


def standard_input() -> Stream:
    """Give standard input. Raises UnreadableError where it is closed."""
    if sys.stdin is None:
        raise UnreadableError("standard input is closed; name a file, or send the message in")
    return sys.stdin.buffer


def opened(path: Path, *, pipes: bool) -> BinaryIO | Message:
    """Open a file, or say as a message why it cannot be read."""
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode))):
            return refused(str(path), "it is no regular file")
        return path.open("rb")
    except OSError as error:
        return unreadable(str(path), error)


def _whole(stream: Stream, source: str) -> Message:
    try:
        return Message(source, stream.read(MOST_BYTES))
    except OSError as error:
        return unreadable(source, error)


def unreadable(source: str, error: Exception) -> Message:
    """Give what could not be read as a message that says so."""
    if isinstance(error, FileNotFoundError):
        return Message(source, error=UnreadableError("there is no such file; check the path."))
    return refused(source, reason_of(error))


def reason_of(error: Exception) -> str:
    """Say in a few words why something, compressed or not, cannot be read."""
    if isinstance(error, EOFError):
        return "the compressed file ends too early"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the compressed file is damaged"


def refused(source: str, reason: str) -> Message:
    """Give what is left out as a message that says why."""
    return Message(source, error=UnreadableError(f"broken: {reason}; it was left out."))
