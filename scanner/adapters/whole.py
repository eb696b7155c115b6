"""Files that are written whole or not at all, private to the user."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scanner.errors import UnreadableError

ADVICE = "free some space, or make its folder writable"
PRIVATE = 0o600
"""The mode of what nobody else may read."""


def written(path: Path, content: bytes, advice: str = ADVICE) -> None:
    """Write a file, and make its folder; a link stays one. Raises UnreadableError."""
    with refusals(path, advice):
        target = path.resolve()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replaced(target, content)


@contextmanager
def refusals(path: Path, advice: str = ADVICE) -> Iterator[None]:
    """Say it in one line where the disk refuses to write something. Raises UnreadableError."""
    try:
        yield
    except OSError as error:
        raise UnreadableError(f"{path} cannot be written ({error.strerror}); {advice}") from None


def replaced(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file; `durable` waits until the disk has it. Raises OSError."""
    with replacing(path, durable=durable) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, durable: bool = True, mode: int = PRIVATE) -> Iterator[IO[bytes]]:
    """Open what takes the place of a file at the end, if all goes well. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            if mode != PRIVATE:  # of which it is; some file systems know no modes
                Path(name).chmod(mode)
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
