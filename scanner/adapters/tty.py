"""The terminal of whoever sends a mail: found, asked, and left as it was.

A mail client may run the command that sends in a session of its own, without a terminal, and
wait for it (mutt does). Then it is asked on the terminal of that client, which is in its
foreground, and waits.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

assert sys.platform != "win32"  # noqa: S101 - the type checker, too, is to know

_Modes: TypeAlias = list[int | list[bytes | int]]

_ANCESTORS = 6  # how far up a mail client is looked for
_INTERRUPT, _END = b"\x03", b"\x04"  # Ctrl-C, Ctrl-D
_LONGEST = 100  # bytes of an answer
_CLEAR = b"\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class _Terminal:
    """A terminal, open for reading and writing; `client` is the process whose screen it shows."""

    handle: int
    client: int | None = None


def ask(text: str, question: str) -> str | None:
    """Show lines and ask for one; None where there is no terminal to ask on.

    Ctrl-C and Ctrl-D answer with nothing. Signals to end do so when the terminal is in order.
    """
    found = _found()
    if found is None:
        return None
    try:
        with _typing(found.handle):
            return _asked(found, text, question)
    except (OSError, termios.error):  # it is gone
        return None
    finally:
        with suppress(OSError):
            if found.client:
                os.write(found.handle, _CLEAR)
                os.kill(found.client, signal.SIGWINCH)  # has it draw its screen anew
        os.close(found.handle)


def _asked(found: _Terminal, text: str, question: str) -> str:
    clean = "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
    # What was typed before the question came is no answer to it.
    termios.tcflush(found.handle, termios.TCIFLUSH)
    shown = (_CLEAR if found.client else b"") + f"{clean}{question}".encode("utf-8", "replace")
    while shown:
        shown = shown[os.write(found.handle, shown) :]
    said = os.read(found.handle, _LONGEST)
    return "" if _INTERRUPT in said else said.decode("utf-8", "replace").strip()


def _found() -> _Terminal | None:
    handle = _opened("/dev/tty")
    if handle is None:
        return _lent()
    with suppress(OSError):  # it is gone
        if os.tcgetpgrp(handle) == os.getpgrp():
            return _Terminal(handle)
    os.close(handle)  # using it from the background would stop us, and the client with us
    return None


def _lent() -> _Terminal | None:
    """Open the terminal of the nearest ancestor that has one, and is in its foreground."""
    process = os.getppid()
    for _ in range(_ANCESTORS):
        try:
            parent, group, foreground, name = _seen(process)
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        if not name.startswith("?"):
            handle = _opened(f"/dev/{name}") if group == foreground else None
            return None if handle is None else _Terminal(handle, process)
        process = parent
    return None


def _seen(process: int) -> tuple[int, int, int, str]:
    """Look up parent, process group, its terminal's foreground group, and that terminal."""
    columns = "ppid=,pgid=,tpgid=,tty="
    found = subprocess.run(  # noqa: S603
        ["ps", "-o", columns, "-p", str(process)],  # noqa: S607 - where it lies differs
        capture_output=True, text=True, timeout=5, check=True,
    )  # fmt: skip
    parent, group, foreground, name = found.stdout.split()
    return int(parent), int(group), int(foreground), name


def _opened(path: str) -> int | None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    if os.isatty(handle):
        return handle
    os.close(handle)
    return None


@contextmanager
def _typing(handle: int) -> Iterator[None]:
    """Set the modes for typing a line, whatever a client left; signals end it tidily.

    Ctrl-C ends the line instead of sending a signal, which would reach the client alone.
    """
    before: _Modes = termios.tcgetattr(handle)
    handlers = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGHUP)}
    modes: _Modes = termios.tcgetattr(handle)
    characters = list(modes[6]) if isinstance(modes[6], list) else []
    characters[termios.VEOL], characters[termios.VEOF] = _INTERRUPT, _END
    characters[termios.VERASE] = b"\x7f"
    modes[0] = termios.ICRNL | termios.IXON
    modes[1] = termios.OPOST | termios.ONLCR
    modes[3] = termios.ICANON | termios.ECHO | termios.ECHOE | termios.ECHOK
    modes[6] = characters
    try:
        termios.tcsetattr(handle, termios.TCSADRAIN, modes)
        yield
    finally:
        with suppress(termios.error):  # what is left of a long line is nobody's to read
            termios.tcsetattr(handle, termios.TCSAFLUSH, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)
