"""A private local socket: the daemon answers the other programs of its user, and nobody else's.

A line of JSON asks and a line of JSON answers, within bounds of size and time; nothing is ever
unpickled. The socket lies in the state folder, which the daemon may write to as a service, too.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time

TYPE_CHECKING = False  # of the module typing, which would have everybody wait
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, TypeAlias

    from scanner.config import Seconds

    Values: TypeAlias = dict[str, Any]  # a JSON object

MOST = 8 * 2**20
"""Bytes of a question or an answer."""

MOST_MESSAGE = MOST // 4
"""Bytes of messages that a daemon is asked about: a line holds them in base64, and its answer."""

_CHUNK = 2**16
_REST: Seconds = 60
"""So long a daemon that was silent is not asked again: a process may live for days."""

_SILENT: dict[str, Seconds] = {}
"""Until when each place is not asked."""

_PLACES = ("HOME", "UNFLUB_CONFIG", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def path() -> Path:
    """Where the daemon's socket lies."""
    import platformdirs

    return platformdirs.user_state_path("unflub") / "check.sock"


def guess() -> str:
    """Where it most likely lies: `path`, without loading what knows every platform."""
    folder = os.path.expanduser(  # noqa: PTH111
        "~/Library/Application Support" if sys.platform == "darwin" else "~/.local/state"
    )
    return f"{os.environ.get('XDG_STATE_HOME') or folder}/unflub/check.sock"


def surroundings() -> Values:
    """Give what of the environment says where things lie: two who differ see other things.

    A relative path means another place to whoever works in another folder.
    """
    named = {name: os.environ.get(name) for name in _PLACES}
    return {name: place and os.path.abspath(place) for name, place in named.items()}  # noqa: PTH100


def ask(question: Values, seconds: Seconds, place: str | None = None) -> Values | None:
    """Ask the daemon, at `place` or where it is; None where none answers within so long.

    One that was silent for so long (stopped by Ctrl-Z, say) is left alone for a minute.
    """
    place = place or str(path())
    if sys.platform == "win32":  # Python knows no such sockets there
        return None
    now = time.monotonic()
    if now < _SILENT.get(place, now):
        return None
    deadline = now + seconds
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(seconds)
            sock.connect(place)
            if not is_ours(sock):
                return None
            sock.sendall(line(question))
            return received(sock, deadline)
    except TimeoutError:
        _SILENT[place] = time.monotonic() + _REST
        return None
    except (OSError, ValueError):
        return None


def line(values: Values) -> bytes:
    """Write a question or an answer. Raises ValueError where it is too long."""
    written = json.dumps(values).encode() + b"\n"
    if len(written) > MOST:
        raise ValueError("too long")
    return written


def received(sock: socket.socket, deadline: Seconds) -> Values:
    """Take in one line. Raises OSError or ValueError where it is none, too late, or too long."""
    chunks: list[bytes] = []
    size = 0
    while not chunks or not chunks[-1].endswith(b"\n"):
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = sock.recv(_CHUNK)
        size += len(chunk)
        if not chunk or size > MOST:
            raise ValueError("cut short, or too long")
        chunks.append(chunk)
    try:
        values = json.loads(b"".join(chunks))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("no object")  # noqa: TRY004 - as whatever else is wrong with it
    return values


def is_ours(sock: socket.socket) -> bool:
    """Tell whether a process of this user is at the other end."""
    if sys.platform == "win32":
        return False
    return peer(sock) == os.getuid()


def peer(sock: socket.socket) -> int:
    """Tell who is at the other end, as the kernel says: the user's number.

    unix(7), SO_PEERCRED: process, user, group; unix(4) of macOS and FreeBSD, LOCAL_PEERCRED: a
    version, the user, and more.
    """
    if sys.platform == "linux":
        level, option, form = socket.SOL_SOCKET, socket.SO_PEERCRED, "3i"
    else:
        level, option, form = 0, getattr(socket, "LOCAL_PEERCRED", 1), "2I"
    return int(struct.unpack(form, sock.getsockopt(level, option, struct.calcsize(form)))[1])
