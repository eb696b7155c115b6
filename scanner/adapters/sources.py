"""Messages from outside: files, folders of files, mbox, Maildir, standard input.

What cannot be read becomes a `Message` that carries the error, so that a scan of a
thousand files goes on past the bad one and reports it.
"""

from __future__ import annotations

import os.path
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scanner.errors import UnreadableError

STANDARD_INPUT = "-"

_MOST_BYTES = 64 * 1024 * 1024
"""As much of one message as is kept in memory; the rest of it is read past."""

_MAILDIR = frozenset({"cur", "new", "tmp"})

_SEPARATOR = re.compile(rb"From (?:\S+@\S+[ \t]*$|.{0,200}\d\d:\d\d)")
"""RFC 4155: sender and time. "From the bottom of my heart" opens a note, not a mailbox."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as bytes, or the error that stood in the way of it.

    `source` is the path it came from, with "#n" for the n-th message of an mbox.
    """

    source: str
    raw: bytes = b""
    error: UnreadableError | None = None


def single(path: str) -> Message:
    """Read one message from a file, or from standard input for "-".

    Raises UnreadableError for a path that does not exist.
    """
    if path == STANDARD_INPUT:
        return _whole(_standard_input(), path)
    _require(path)
    opened = _opened(Path(path), pipes=True)
    if isinstance(opened, Message):
        return opened
    with opened as stream:
        return _whole(stream, path)


def walk(paths: Iterable[str]) -> Iterator[Message]:
    """Yield every message under `paths`, one after the other, "-" for standard input.

    Raises UnreadableError for a path that does not exist, before anything is read.
    """
    named = list(paths)
    for path in named:
        if path != STANDARD_INPUT:
            _require(path)
    return _all(named)


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise UnreadableError("standard input is closed; name a file, or send the message in")
    return sys.stdin.buffer


def _require(path: str) -> None:
    if not os.path.exists(path):  # noqa: PTH110 - says no to a name too long, too
        raise UnreadableError(f"There is no file or folder {path!r}; check the path.")


def _all(paths: list[str]) -> Iterator[Message]:
    for path in paths:
        if path == STANDARD_INPUT:
            yield from _of_stream(_standard_input(), STANDARD_INPUT)
        elif Path(path).is_dir():
            yield from _of_folder(Path(path))
        else:
            # A pipe that the user names is meant to be read: `unflub check <(command)`.
            yield from _of_file(Path(path), pipes=True)


def _of_folder(top: Path) -> Iterator[Message]:
    """Yield from every file below `top` in the order of names, from each folder once.

    A symbolic link to a folder is followed unless it leads to one already seen.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [top]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            entries = sorted(here.iterdir())
        except OSError as error:
            yield _unreadable(str(here), error)
            continue
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        files, folders = _mail_in(entries)
        for path in files:
            yield from _of_file(path)
        waiting.extend(reversed(folders))


def _mail_in(entries: list[Path]) -> tuple[list[Path], list[Path]]:
    """Files and folders that may hold mail.

    Beside cur, new and tmp of a Maildir a server keeps its own notes, and what lies in
    tmp is not delivered yet.
    """
    folders = [entry for entry in entries if _is_folder(entry)]
    if {folder.name for folder in folders} >= _MAILDIR:
        return [], [folder for folder in folders if folder.name != "tmp"]
    known = set(folders)
    return [entry for entry in entries if entry not in known], folders


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # not allowed to look: told when it is opened
        return False


def _of_file(path: Path, *, pipes: bool = False) -> Iterator[Message]:
    opened = _opened(path, pipes=pipes)
    if isinstance(opened, Message):
        yield opened
        return
    with opened as stream:
        yield from _of_stream(stream, str(path))


def _opened(path: Path, *, pipes: bool) -> BinaryIO | Message:
    """Open a file, or say as a message why it cannot be read."""
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode))):
            return _refused(str(path), "it is no regular file")
        return path.open("rb")
    except OSError as error:
        return _unreadable(str(path), error)


def _whole(stream: BinaryIO, source: str) -> Message:
    try:
        return Message(source, stream.read(_MOST_BYTES))
    except OSError as error:
        return _unreadable(source, error)


def _of_stream(stream: BinaryIO, source: str) -> Iterator[Message]:
    """Yield one message, or those of an mbox."""
    try:
        first = stream.readline(_MOST_BYTES)
        if _SEPARATOR.match(first):
            for number, raw in enumerate(_of_mbox(stream), start=1):
                yield Message(f"{source}#{number}", raw)
        elif first or not source.endswith(".mbox"):
            yield Message(source, first + stream.read(_MOST_BYTES))
    except OSError as error:
        yield _unreadable(source, error)


def _of_mbox(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the messages after the first "From " line, with one of them in memory.

    The standard library's mailbox.mbox reads the whole file for an index first.
    """
    lines: list[bytes] = []
    size = 0
    blank = False
    while line := stream.readline(_MOST_BYTES):
        if blank and _SEPARATOR.match(line):
            yield _joined(lines)
            lines, size, blank = [], 0, False
            continue
        blank = line in (b"\n", b"\r\n")
        size += len(line)
        if size <= _MOST_BYTES:
            lines.append(_unescaped(line))
    yield _joined(lines)


def _joined(lines: list[bytes]) -> bytes:
    """Join the lines of one message, without the blank one that parts it from the next."""
    if lines and not lines[-1].strip():
        lines.pop()
    return b"".join(lines)


def _unescaped(line: bytes) -> bytes:
    """Undo the ">" that mboxrd puts before a "From " line, at whatever depth."""
    return line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(b"From ") else line


def _unreadable(source: str, error: OSError) -> Message:
    return _refused(source, (error.strerror or type(error).__name__).lower())


def _refused(source: str, reason: str) -> Message:
    return Message(source, error=UnreadableError(f"broken: {reason}; it was left out."))
