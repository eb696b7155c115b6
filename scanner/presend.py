"""A message on its way to the program that sends it: held once, looked at, handed over whole.

It is read to its end before anything else happens, and the program takes the place of this
process with the very bytes on its standard input: it is sent once, or not at all.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import BinaryIO, NoReturn

from scanner import checking, config
from scanner.config import Seconds
from scanner.core.assess import without
from scanner.core.verdict import Verdict
from scanner.errors import ConfigurationError, UnflubError, UnreadableError

assert sys.platform != "win32"  # noqa: S101 - the type checker, too, is to know

HEADER = "X-Unflub"
"""The header field that lets a message through where it says "send"."""

_PATIENCE: Seconds = 30  # for a verdict; then the mail goes without
_MOST_HEADER = 256 * 1024
_CHUNK = 64 * 1024


class NotCheckedError(UnflubError):
    """The engine is missing, broken or slow: the mail goes all the same."""


def taken(stream: BinaryIO) -> BinaryIO:
    """Read a message to its end. Raises UnreadableError: half a message must not be sent."""
    try:
        held = _nowhere()
        while chunk := stream.read(_CHUNK):
            held.write(chunk)
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
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - just what the user named
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no name of a program"
        raise ConfigurationError(
            f"not sent: {command[0]} cannot be run: {reason}; name the program that sends"
        ) from None


def flaw(held: BinaryIO, preset: str | None, config_path: Path | None) -> Verdict | None:
    """Find what there is to ask about, which was not dismissed before.

    A message longer than the daemon reads of a draft is judged by its beginning, where its text
    is. Raises NotCheckedError.
    """
    held.seek(0)
    raw = held.read(checking.MOST)
    return _in_time(partial(_flaw, raw, preset, config_path))


def _flaw(raw: bytes, preset: str | None, config_path: Path | None) -> Verdict | None:
    if _is_let_through(raw):
        return None
    settings = config.optional(config_path)
    (verdict,) = checking.verdicts([raw], settings.policy(preset), settings.model_folder)
    if isinstance(verdict, UnreadableError) or not verdict.assessment.passages:
        return None
    from scanner.adapters import dismissals

    left = without(verdict.assessment, dismissals.everywhere())
    return replace(verdict, assessment=left) if left.passages else None


def _is_let_through(raw: bytes) -> bool:
    head = raw[:_MOST_HEADER]
    if HEADER.lower().encode() not in head.lower():
        return False
    from email.parser import BytesHeaderParser

    header = BytesHeaderParser().parsebytes(head)
    return str(header.get(HEADER, "")).strip().casefold() == "send"


def _in_time(find: Callable[[], Verdict | None]) -> Verdict | None:
    """Have it found in a thread, which is left behind where it takes too long."""
    outcome: SimpleQueue[Verdict | BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            outcome.put(find())
        except BaseException as error:  # noqa: BLE001 - it is told where it is waited for
            outcome.put(error)

    Thread(target=work, daemon=True).start()
    try:
        found = outcome.get(timeout=_PATIENCE)
    except Empty:
        trouble = "it takes too long"
    else:
        if not isinstance(found, BaseException):
            return found
        # Nothing of ours may stop a mail.
        slip = f"internal error {type(found).__name__}"
        trouble = str(found) if isinstance(found, UnflubError) else slip
    raise NotCheckedError(f"sent without a check: {trouble}")
