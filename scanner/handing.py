"""A message on its way to the program that sends it: held once, and handed over whole.

It is read to its end before anything else happens, and the program takes the place of this
process with the very bytes on its standard input: it is sent once, or not at all.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from itertools import takewhile

from scanner.errors import ConfigurationError, UnreadableError

TYPE_CHECKING = False  # of the module typing, which would have everybody wait
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO, NoReturn

assert sys.platform != "win32"  # noqa: S101 - the type checker, too, is to know

_CHUNK = 64 * 1024


def taken(stream: BinaryIO) -> BinaryIO:
    """Read a message to its end. Raises UnreadableError: half a message must not be sent."""
    with suppress(OSError):  # it is no file of the system
        os.set_blocking(stream.fileno(), True)  # else what comes late would seem the end
    try:
        held = _nowhere()
        while held.write(stream.read(_CHUNK)) == _CHUNK:
            pass  # after its end a terminal could be read on
        held.flush()
    except OSError as error:
        raise UnreadableError(
            f"not sent: the message cannot be read to its end ({error.strerror}); send it again"
        ) from None
    return held


def _nowhere() -> BinaryIO:
    """Give a file without a name: in memory where the system can, so that no disk sees it."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("message"), "w+b")
    from tempfile import TemporaryFile

    return TemporaryFile()


def carries_message(command: Sequence[str]) -> bool:
    """Tell whether the program reads a message: in modes such as -bs and -bp it does not."""
    options = takewhile(lambda word: word != "--", command[1:])
    return all(word[2:3] in {"", "m"} for word in options if word.startswith("-b"))


def hand_over(command: Sequence[str], held: BinaryIO | None = None) -> NoReturn:
    """Become the program that sends, with the message on standard input.

    Raises ConfigurationError where there is no such program.
    """
    if held is not None:
        held.seek(0)
        os.dup2(held.fileno(), 0)
    ignored = (signal.SIGPIPE, signal.SIGXFSZ)  # by Python, which needs it so
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - just what the user named
    except (OSError, ValueError) as error:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)
        if held is not None:
            held.seek(0, os.SEEK_END)  # who reads on must not meet the message a second time
        reason = getattr(error, "strerror", None) or "it is no name of a program"
        raise ConfigurationError(
            f"not sent: {command[0]} cannot be run: {reason}; name the program that sends"
        ) from None
