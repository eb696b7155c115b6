"""Messages from outside: files, folders of files, mailboxes of mail programs, standard input.

What cannot be read becomes a `Message` that carries the error, so that a scan of a
thousand files goes on past the bad one and reports it.
"""

from __future__ import annotations

import errno
import gzip
import io
import os.path
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

from scanner.adapters import emlx, mbox, packed
from scanner.adapters.folders import MAILDIR_FLAGS, Entries, SourceKind, mail_in, shows
from scanner.adapters.single import (
    MOST_BYTES,
    STANDARD_INPUT,
    Message,
    Stream,
    opened,
    reason_of,
    refused,
    standard_input,
    unreadable,
)
from scanner.core.parse import begun, looks_like_message
from scanner.errors import UnreadableError
from scanner.errors import place as where

_BEGINNING = 64 * 1024
_BLOCK = io.DEFAULT_BUFFER_SIZE  # of what is packed so much is lost at most where it ends too early
_BROKEN = (OSError, EOFError, zlib.error)


def walk(
    paths: Iterable[str], kind: SourceKind = "auto", besides: Path | int | None = None
) -> Iterator[Message]:
    """Yield every message under `paths`, one after the other, "-" for standard input.

    A file that several of them lead to is read once.
    Of folders the file `besides`, a path or a file descriptor, is left out: what is written must
    not be read.
    Raises UnreadableError for a path that does not exist, before anything is read.
    """
    named = list(paths)
    require_all(named)
    return _all(named, kind, besides)


def require_all(paths: Iterable[str]) -> None:
    """Raise UnreadableError for a path that does not exist."""
    for path in paths:
        if path != STANDARD_INPUT and not _is_there(path):
            raise UnreadableError(f"There is no file or folder {path!r}; check the path.")


def _is_there(path: str) -> bool:
    """Tell whether a path leads anywhere, or cannot be followed, which is told when it is read."""
    try:
        os.lstat(path)
    except OSError as error:
        return error.errno in {errno.EACCES, errno.ELOOP}
    return True


def size(paths: Iterable[str], kind: SourceKind = "auto") -> int:
    """Count the bytes that there are to read, as far as that can be known before."""
    return sum(
        _size(found)
        for path, found in _files(list(paths), kind)
        if path != STANDARD_INPUT and isinstance(found, Path)
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # told when it is opened
        return 0


def _all(paths: list[str], kind: SourceKind, besides: Path | int | None) -> Iterator[Message]:
    written = None if besides is None else _regular(besides)
    for path, found in _files(paths, kind):
        if path == STANDARD_INPUT:
            yield from _of_stream(standard_input(), STANDARD_INPUT, kind)
        elif isinstance(found, Message):
            yield found
        else:
            # What the user names is meant to be read, a pipe, too: `unflub scan <(command)`.
            is_named = str(found) == str(Path(path))
            if is_named or written is None or _identity(found) != written:
                yield from _of_file(found, kind, pipes=is_named)


def _regular(file: Path | int) -> object | None:
    """Name a regular file as `_identity` does; nothing else is read from a folder."""
    try:
        status = os.stat(file)  # noqa: PTH116 - of a file descriptor, too
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _files(paths: list[str], kind: SourceKind) -> Iterator[tuple[str, Path | Message]]:
    """Yield what each path leads to, beside that path: nothing twice, where there are several."""
    seen: set[object] = set()
    for path in paths:
        is_folder = path != STANDARD_INPUT and os.path.isdir(path)  # noqa: PTH112 - never raises
        for found in _below(Path(path), kind) if is_folder else [Path(path)]:
            if len(paths) > 1:
                name = found.source if isinstance(found, Message) else _identity(found)
                if name in seen:
                    continue
                seen.add(name)
            yield path, found


def _identity(path: Path) -> object:
    """Name a file or folder in the same way, whichever path leads there."""
    try:
        status = path.stat()
    except OSError:  # told when it is opened
        return str(path)
    if status.st_ino and not stat.S_ISFIFO(status.st_mode):
        return status.st_dev, status.st_ino
    return os.path.realpath(path)  # some file systems of Windows number nothing


def _below(top: Path, named: SourceKind) -> Iterator[Path | Message]:
    """Yield every file below `top` in the order of names, from each folder once.

    A symbolic link to a folder is followed unless it leads to one already seen. A folder that
    cannot be read is a message that says so, and so is a link that leads back to where it lies,
    and `top` where files lie in it and none is mail of a kind that was named. If none was, an
    mbox is mail, whatever the folder looks like.
    """
    seen: set[object] = set()
    waiting = [(top, named)]
    fits, passed_over = named == "auto", False
    while waiting:
        here, kind = waiting.pop()
        name = _identity(here)
        if name in seen:
            if _leads_back(here):
                yield refused(str(here), "it is a link back to a folder that it lies in")
            continue
        try:
            entries = _entries(here)
            mail, below = mail_in(entries, kind)
        except OSError as error:
            yield unreadable(str(here), error)
            continue
        seen.add(name)
        fits = fits or bool(mail.files) or shows(entries, named)
        passed_over = passed_over or bool(entries.files)
        yield from mail.files
        if named == "auto":
            yield from filter(_is_mbox, sorted({*entries.files}.difference(mail.files)))
        waiting.extend((folder, below) for folder in reversed(mail.folders))
    if passed_over and not fits:
        said = f"no mail of the kind {named} lies in it; leave out --as {named}."
        yield Message(str(top), error=UnreadableError(said))


def _leads_back(path: Path) -> bool:
    above = Path(os.path.realpath(path.parent))
    return path.is_symlink() and above.is_relative_to(os.path.realpath(path))


def _is_mbox(path: Path) -> bool:
    file = opened(path, pipes=False)
    if isinstance(file, Message):
        return False
    with file as stream, suppress(OSError):
        return mbox.begins_as_mbox(stream.read(_BLOCK))
    return False


def _entries(folder: Path) -> Entries:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    folders = {entry.name for entry in entries if _is_folder(entry)}
    return Entries(
        [folder / entry.name for entry in entries if entry.name not in folders],
        [folder / entry.name for entry in entries if entry.name in folders],
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # not allowed to look: told when it is opened
        return False


def _of_file(path: Path, kind: SourceKind, *, pipes: bool) -> Iterator[Message]:
    file = opened(path, pipes=pipes)
    if isinstance(file, Message):
        renamed = _renamed(path)
        yield from _of_file(renamed, kind, pipes=False) if renamed else [file]
        return
    with file as stream:
        yield from _of_stream(stream, str(path), kind)


def _renamed(path: Path) -> Path | None:
    """Look for a message of a Maildir that was read or flagged since the folder was listed."""
    if path.parent.name not in {"cur", "new"} or os.path.lexists(path):
        return None
    unique = path.name.partition(MAILDIR_FLAGS)[0]
    now = path.parent.with_name("cur")
    try:
        names = [n for n in os.listdir(now) if n.partition(MAILDIR_FLAGS)[0] == unique]  # noqa: PTH208
    except OSError:
        return None
    return now / names[0] if names else None


def holds_mail(path: Path) -> bool:
    """Tell a file of mail, or one that is packed as mail may be: nothing to write over.

    Text without header fields looks like a report.
    """
    file = opened(path, pipes=False)
    if isinstance(file, Message):  # nothing is lost there
        return False
    with file as stream:
        beginning = stream.read(_BEGINNING)
    if packed.is_packed(str(path), beginning) or beginning.startswith(packed.GZIP):
        return True
    is_emlx = path.suffix == emlx.SUFFIX
    message = beginning.partition(b"\n")[2] if is_emlx else begun(beginning)
    return mbox.begins_as_mbox(beginning) or looks_like_message(message)


def _of_stream(
    file: Stream, source: str, kind: SourceKind, place: _Place | None = None
) -> Iterator[Message]:
    """Yield one message, or those of an mbox, from a file that may be compressed or packed."""
    place = place or _Place(file)
    may_hold_many = kind not in {"eml", "emlx"}
    try:
        buffered = _buffered(file)
        beginning = buffered.peek(4)
        if may_hold_many and packed.is_packed(source, beginning):
            yield from _unpacked(buffered, beginning, source, place)
            return
        stream = _decompressed(buffered)
        if may_hold_many:
            stream.read(mbox.before_first(stream.peek(4)))
        first = stream.readline(MOST_BYTES)
    except _BROKEN as error:
        yield unreadable(source, error)
        return
    if may_hold_many and mbox.is_separator(first):
        yield from _of_mbox(stream, source, place)
    elif kind == "mbox" and first:
        yield refused(source, 'it does not begin with a "From " line, as an mbox does')
    elif first or not _is_mailbox(source, kind):
        yield _one(first, stream, source, kind)


def _is_mailbox(source: str, kind: SourceKind) -> bool:
    """Tell a file that may be empty: a mailbox without messages."""
    has_index = os.path.exists(f"{source}.msf")  # noqa: PTH110
    return source.endswith((".mbox", ".mbox.gz")) or kind == "mbox" or has_index


def _unpacked(
    file: io.BufferedReader, beginning: bytes, source: str, place: _Place
) -> Iterator[Message]:
    """Yield the messages of the mailboxes in an archive file, named by their place in it."""
    try:
        for name, opener in packed.mailboxes(file, beginning):
            yield from _of_member(opener, f"{source}/{name}", place)
    except UnreadableError as error:
        yield Message(source, error=error)
    except Exception as error:  # noqa: BLE001 - the libraries raise anything on a damaged file
        yield _cut(source, f"the archive is damaged ({where(error)})")


def _of_member(opener: packed.Opener, source: str, place: _Place) -> Iterator[Message]:
    """Yield the messages of one mailbox in an archive; those beside it may be whole."""
    try:
        with opener() as content:
            yield from _of_stream(content, source, "mbox", place)
    except NotImplementedError:
        yield refused(source, "it is packed in a way not known here, so unpack it yourself")
    except Exception as error:  # noqa: BLE001 - see above
        yield _cut(source, f"it is damaged in the archive ({where(error)})")


def _buffered(file: Stream) -> io.BufferedReader:
    if isinstance(file, io.BufferedReader):
        return file
    return io.BufferedReader(cast("io.RawIOBase", file))


def _decompressed(buffered: io.BufferedReader) -> io.BufferedReader:
    if not buffered.peek(len(packed.GZIP)).startswith(packed.GZIP):
        return buffered
    return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=buffered)))


def _one(first: bytes, stream: Stream, source: str, kind: SourceKind) -> Message:
    try:
        raw = first + stream.read(MOST_BYTES)
        is_emlx = kind == "emlx" or (kind == "auto" and source.endswith(emlx.SUFFIX))
        return Message(source, emlx.unwrapped(raw) if is_emlx else begun(raw), read=len(raw))
    except UnreadableError as error:
        return Message(source, error=error)
    except _BROKEN as error:
        return unreadable(source, error)


def _of_mbox(stream: io.BufferedReader, source: str, place: _Place) -> Iterator[Message]:
    """Yield the messages of an mbox, and an error for the file where it ends too early."""
    lines = _Lines(stream)
    number, raw = 0, b""
    for number, raw in enumerate(mbox.split(lines), start=1):
        if not mbox.is_expunged(raw):
            yield Message(f"{source}#{number}", raw, read=place.moved())
    if lines.trouble:
        yield _cut(source, reason_of(lines.trouble))
    elif mbox.is_cut_short(raw, number - 1):
        yield _cut(source, f"it ends in the middle of message {number}")


class _Lines:
    """The lines of a stream as far as it can be read; `trouble` is what ended it early."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self.trouble: Exception | None = None
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            while block := self._stream.read1(_BLOCK):
                whole, end, begun = block.rpartition(b"\n")
                yield from mbox.pieces(whole + end)
                if begun:
                    yield from mbox.pieces(begun + self._stream.readline(MOST_BYTES))
        except _BROKEN as error:
            self.trouble = error


class _Place:
    """How far a file has been read, where it can tell; a pipe cannot."""

    def __init__(self, file: Stream) -> None:
        self._file = file if file.seekable() else None
        self._last = 0

    def moved(self) -> int:
        """Count the bytes since the last time."""
        if self._file is None:
            return 0
        before, self._last = self._last, self._file.tell()
        return self._last - before


def _cut(source: str, reason: str) -> Message:
    return Message(
        source, error=UnreadableError(f"broken: {reason}; only what comes before was read.")
    )
