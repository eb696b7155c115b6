"""Where `unflub` starts: what is asked before Send, a running daemon does as a whole.

It has everything loaded, and this loads next to nothing: neither click nor pathlib nor typing. The
words of the command go to the daemon as they are, and it says which message it wants, and then what
is to be printed or run. Whatever it does not say, the command does by itself.
"""

from __future__ import annotations

import binascii
import io
import os
import stat
import sys

from scanner import __version__
from scanner.adapters import local

TYPE_CHECKING = False  # of the module typing, which would have everybody wait
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 2  # seconds for each of two answers

_COMMANDS = ("check", "sendmail")
_INTERRUPTED = 130
_CHUNK = 2**16


def main() -> None:
    """Run the command line."""
    try:
        _run_command_line()
    except KeyboardInterrupt:
        try:
            os.write(sys.stderr.fileno(), b"\nunflub: interrupted\n")
        finally:  # the line may have no place; the exit status has
            sys.exit(_INTERRUPTED)


def _run_command_line() -> None:
    if sys.argv[1:2] and sys.argv[1] in _COMMANDS and "_UNFLUB_COMPLETE" not in os.environ:
        try:  # noqa: SIM105 - contextlib is a module more to load
            _by_daemon(sys.argv[1:])
        except Exception:  # noqa: BLE001, S110 - whatever it is, the command needs no daemon
            pass
    from scanner import cli

    cli.main()


def _by_daemon(arguments: list[str]) -> None:
    """Have it done, and end; come back where it is not done."""
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        return
    errand = {
        "version": __version__,
        "arguments": arguments,
        "surroundings": local.surroundings(),
        "in_color": not (os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb")
        and sys.stdout.isatty(),
    }
    wanted = _answer(errand).get("wants")
    if not isinstance(wanted, str):
        return
    raw = _standard_input() if wanted == "-" else _file(wanted)
    if raw is None:
        return
    done = _answer({**errand, "message": binascii.b2a_base64(raw, newline=False).decode()})
    match done:
        case {"runs": [_, *_] as command} if command == arguments[-len(command) :]:
            _run(command, raw)
        case {"prints": str(text), "status": int(status)} if _printed(text, done.get("encoding")):
            sys.exit(status)


def _answer(errand: dict[str, Any]) -> dict[str, Any]:
    return local.ask(errand, PATIENCE, local.guess()) or {}


def _standard_input() -> bytes | None:
    """Read a message, and leave it to be read again; None for one that is too long or broken."""
    if sys.platform == "win32":
        return None
    os.set_blocking(0, True)  # else what comes late would seem an error
    chunks: list[bytes] = []
    size = 0
    ended = False
    trouble: OSError | None = None
    try:
        while size <= local.MOST_MESSAGE and not ended:
            chunks.append(os.read(0, _CHUNK))
            size += len(chunks[-1])
            ended = not chunks[-1]
    except OSError as error:
        trouble = error
    finally:  # nobody may take the rest of a message for a whole one
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Again(b"".join(chunks), ended, trouble)))
    return b"".join(chunks) if ended else None


class _Again(io.RawIOBase):
    """Standard input from its beginning: what was read of it, then what there is still.

    What has `ended` is not read on, as a terminal could be.
    """

    def __init__(self, held: bytes, ended: bool, trouble: OSError | None) -> None:  # noqa: FBT001
        self._held = io.BytesIO(held)
        self._ended = ended
        self._trouble = trouble

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._held.readinto(buffer)
        if count or self._ended or not len(buffer):
            return count
        if self._trouble:
            raise self._trouble
        rest = os.read(0, len(buffer))
        buffer[: len(rest)] = rest
        return len(rest)


def _file(path: str) -> bytes | None:
    """Read a message from a regular file of no great length, and no other."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            return None
        with open(path, "rb") as file:  # noqa: PTH123
            raw = file.read(local.MOST_MESSAGE + 1)
    except (OSError, ValueError):
        return None
    return raw if len(raw) <= local.MOST_MESSAGE else None


def _printed(text: str, encoding: Any) -> bool:
    """Print it, or not: then there is trouble of which the command knows what to say."""
    rest = text.encode(encoding or sys.stdout.encoding, "backslashreplace")
    try:
        while rest:
            rest = rest[os.write(sys.stdout.fileno(), rest) :]
    except OSError:
        return False
    return True


def _run(command: list[str], raw: bytes) -> None:
    """Become the program that sends; come back where there is none."""
    if sys.platform == "win32":
        return
    from scanner import handing
    from scanner.errors import UnflubError

    try:
        handing.hand_over(command, handing.taken(io.BytesIO(raw)))
    except UnflubError:
        return
