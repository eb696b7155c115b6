"""A real pymap server, the one the demo embeds: one user, mail in memory."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient

from scanner.demo import PYMAP
from support.client import MailClient

USER, PASSWORD = "sam", "correct-horse"
_PATIENCE = 30


@contextmanager
def running() -> Iterator[int]:
    """Run a server; give its port."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PYMAP, "--host", "127.0.0.1", "--port", str(port),
         "--no-tls", "--no-service", "admin", "--no-service", "managesieve",
         "dict", "--demo-user", USER, "--demo-password", PASSWORD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_until_up(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(_PATIENCE)


@dataclass(frozen=True)
class PymapClient(MailClient):
    """A mail client that stays logged in, since pymap takes long to check a password."""

    imap: Any = None

    @contextmanager
    def _open(self) -> Iterator[Any]:
        self.imap.noop()
        yield self.imap


@contextmanager
def client(port: int, folder: str) -> Iterator[PymapClient]:
    """The user's mail client on a new folder."""
    with IMAPClient("127.0.0.1", port, ssl=False, timeout=_PATIENCE) as imap:
        imap.login(USER, PASSWORD)
        imap.create_folder(folder)
        imap.select_folder(folder)
        yield PymapClient(port, USER, PASSWORD, folder, imap)


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "pymap ended"
            assert time.monotonic() < deadline, "pymap did not start"
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
