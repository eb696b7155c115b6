"""Keeping what a process knows out of core files, and what libraries say out of every log."""

from __future__ import annotations

import logging
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
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def no_words_of_libraries() -> None:
    """Have libraries log into nothing: imapclient, for one, repeats what servers say.

    Without a handler anywhere Python would write their warnings to standard error.
    """
    logging.getLogger().addHandler(logging.NullHandler())
