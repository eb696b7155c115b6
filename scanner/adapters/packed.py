"""The mailboxes inside an archive file: Google's Takeout comes as a .zip or a .tgz."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import BinaryIO, TypeAlias, cast

from scanner.errors import UnreadableError

Opener: TypeAlias = Callable[[], BinaryIO]
Member: TypeAlias = tuple[str, Opener]
"""A mailbox in an archive: its name, and what opens it."""

GZIP = b"\x1f\x8b"
"""How a file begins that gzip packed."""

_ZIP = b"PK\x03\x04"
# In the first block of a tar; only those of the seventies have none.
_MAGIC, _MAGIC_AT = b"ustar", 257
_AS_GZIP = zlib.MAX_WBITS | 16
_MAILBOX = ".mbox"
# Beside each file macOS packs another, which holds what its own file system knows of the first.
_APPLE_DOUBLE = "._"
_ENCRYPTED = 0x1
_TARS = (".tgz", ".tar.gz", ".tar")


def is_packed(name: str, beginning: bytes) -> bool:
    """Tell an archive file by how it begins, or that it is meant to be one by its name."""
    return beginning.startswith(_ZIP) or _is_tar(beginning) or name.endswith(_TARS)


def _is_tar(beginning: bytes) -> bool:
    if beginning.startswith(GZIP):
        with suppress(zlib.error):
            beginning = zlib.decompressobj(_AS_GZIP).decompress(beginning, tarfile.BLOCKSIZE)
    name, magic = beginning[:_MAGIC_AT], beginning[_MAGIC_AT:]
    return magic.startswith(_MAGIC) and b"\0" in name  # no text has that


def mailboxes(file: BinaryIO, beginning: bytes) -> Iterator[Member]:
    """Give each mailbox in it, to be opened before the next one, and unpacked as it is read.

    Raises UnreadableError for one that is locked or holds no mailbox; a damaged one makes the
    libraries raise anything, here or when a mailbox is opened or read.
    """
    found = False
    members = _zipped(file) if beginning.startswith(_ZIP) else _taped(file)
    for member in members:
        found = True
        yield member
    if not found:
        raise UnreadableError("broken: there is no .mbox in this archive; it was left out.")


def _zipped(file: BinaryIO) -> Iterator[Member]:
    if not file.seekable():  # the table of contents is at the end
        raise UnreadableError("broken: a .zip cannot be read from a pipe; name the file instead.")
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not _is_mailbox(member.filename):
                continue
            if member.flag_bits & _ENCRYPTED:
                raise UnreadableError("encrypted: unpack the archive with its password first.")
            yield member.filename, cast("Opener", partial(archive.open, member))


def _taped(file: BinaryIO) -> Iterator[Member]:
    # As a stream: the whole table of contents of a big archive would take a pass of its own.
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            if member.isreg() and _is_mailbox(member.name):
                yield member.name, cast("Opener", partial(archive.extractfile, member))


def _is_mailbox(name: str) -> bool:
    return name.endswith(_MAILBOX) and not name.rpartition("/")[2].startswith(_APPLE_DOUBLE)
