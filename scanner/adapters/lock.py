"""Locks of the operating system, which are never left stale: one unflub an account."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scanner.errors import ConfigurationError, UnreadableError


@contextmanager
def held(path: Path, name: str) -> Iterator[None]:
    """Hold the lock of an account. Raises ConfigurationError where another process holds it."""
    with tried(path) as taken:
        if not taken:
            raise ConfigurationError(
                f"account {name}: another unflub is watching it; "
                "stop that one first, `unflub status` shows how it is doing"
            )
        yield


@contextmanager
def tried(path: Path) -> Iterator[bool]:
    """Hold a lock where nobody else does, and tell whether. Raises UnreadableError."""
    handle = _open(path)
    try:
        yield _take(handle)
    finally:
        os.close(handle)  # and the lock is gone, as it is when the process dies


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold a lock that others hold for a moment only. Raises UnreadableError."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock now."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _take(handle)
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnreadableError(
            f"the lock file {path} cannot be opened ({error.strerror}); make its folder writable"
        ) from None


def _take(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
