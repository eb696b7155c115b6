"""Keeping what a process knows out of core files."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

if sys.platform != "win32":
    import resource

_PR_SET_DUMPABLE = 4


def no_core_file() -> None:
    """Have this process leave no core file, however it dies.

    The limit binds what it starts, too; Linux minds it only for files, and not where a program
    takes the core (core(5)), so there the process is also marked as not to be dumped (prctl(2)).
    Windows writes none that were not asked for (WER, LocalDumps).
    """
    if sys.platform != "win32":
        with suppress(OSError, ValueError):
            _, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
