"""Ports for the servers of tests, which run side by side in several processes."""

from __future__ import annotations

import random
import socket
import subprocess
from contextlib import suppress

from support.waiting import until

# Below what systems hand out to clients (32768 and up on Linux), so that a server that is started
# again finds its port as it left it.
_PORTS = range(15_000, 32_000)
_guards: list[socket.socket] = []


def free_port() -> int:
    """Reserve a port for this process.

    A port is free for a while between being chosen and the server's bind. So a guard on another
    loopback address holds it as long as this process lives: without, two test processes may choose
    the same port, and one then uses the other's server until that is stopped.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.2", port))
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", port))
        except OSError:
            guard.close()
        else:
            _guards.append(guard)
            return port
    raise OSError("no free port")


def wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait for the greeting of an IMAP server (RFC 9051 section 7.1.1)."""

    def greets() -> bool:
        assert process.poll() is None, "the server ended; see its log"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            return sock.recv(4) == b"* OK"
        return False

    until(greets)
