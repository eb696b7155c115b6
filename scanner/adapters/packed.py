"""The mailboxes inside an archive file: Google's Takeout comes as a .zip or a .tgz."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from scanner.errors import UnreadableError

TROUBLE = (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile)
"""What reading a damaged archive raises, at any moment."""

_ZIP = b"PK\x03\x04"
_MAILBOX = ".mbox"
_ENCRYPTED = 0x1
_TARS = (".tgz", ".tar.gz", ".tar")


def is_packed(name: str, beginning: bytes) -> bool:
    """Tell an archive file by its name or how it begins."""
    return beginning.startswith(_ZIP) or name.endswith(_TARS)


def mailboxes(file: BinaryIO, beginning: bytes) -> Iterator[tuple[str, BinaryIO]]:
    """Give name and content of each mailbox in it, one after the other, unpacked as it is read.

    Raises one of TROUBLE, or UnreadableError for one that is locked or holds no mailbox.
    """
    found = False
    members = _zipped(file) if beginning.startswith(_ZIP) else _taped(file)
    for member in members:
        found = True
        yield member
    if not found:
        raise UnreadableError("broken: there is no .mbox in this archive; it was left out.")


def _zipped(file: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(_MAILBOX):
                continue
            if member.flag_bits & _ENCRYPTED:
                raise UnreadableError("encrypted: unpack the archive with its password first.")
            with archive.open(member) as content:
                yield member.filename, cast("BinaryIO", content)


def _taped(file: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    # As a stream: the whole table of contents of a big archive would take a pass of its own.
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(_MAILBOX) else None
            if content:
                with content:
                    yield member.name, cast("BinaryIO", content)
