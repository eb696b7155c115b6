"""Locks of the operating system, which are never left stale: one unflub an account, say."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import portalocker

from scanner.config import Seconds
from scanner.errors import ConfigurationError, UnreadableError

_LOOK: Seconds = 0.05  # how often to see whether a lock is free
_GLANCE: Seconds = 1  # `is_held` has the lock for a moment itself


@contextmanager
def held(path: Path, name: str) -> Iterator[None]:
    """Hold the lock of an account. Raises ConfigurationError where another process holds it."""
    with tried(path, _GLANCE) as taken:
        if not taken:
            raise ConfigurationError(
                f"account {name}: another unflub is watching it; "
                "stop that one first, `unflub status` shows how it is doing"
            )
        yield


@contextmanager
def tried(path: Path, patience: Seconds = 0) -> Iterator[bool]:
    """Try to take a lock for so long; tell whether it was had. Raises UnreadableError."""
    handle = _open(path)
    try:
        until = time.monotonic() + patience
        while not (taken := _take(handle)) and time.monotonic() < until:
            time.sleep(_LOOK)
        yield taken
    finally:
        os.close(handle)  # and the lock is gone, as it is when the process dies


@contextmanager
def awaited(path: Path, patience: Seconds = math.inf) -> Iterator[None]:
    """Hold a lock after whoever holds it now; go on without it where that takes too long.

    Raises UnreadableError.
    """
    with tried(path, patience):
        yield


def is_held(path: Path) -> bool:
    """Tell whether some process holds the lock now."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(handle)
    finally:
        os.close(handle)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnreadableError(
            f"the lock file {path} cannot be opened ({error.strerror}); make its folder writable"
        ) from None


def _take(handle: int) -> bool:
    try:
        portalocker.lock(handle, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except portalocker.AlreadyLocked:
        return False
    except portalocker.LockException:  # as some network file systems do
        raise UnreadableError(
            "the folder of unflub's state knows no locks; have $XDG_STATE_HOME name a local one"
        ) from None
    return True
