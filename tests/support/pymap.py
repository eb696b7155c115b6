"""A real pymap server, the one the demo embeds: one user, mail in memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient

from scanner.demo import PYMAP
from support.client import MailClient
from support.ports import free_port, wait_until_up

USER, PASSWORD = "sam", "correct-horse"
_PATIENCE = 30


@contextmanager
def running() -> Iterator[int]:
    """Run a server; give its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PYMAP, "--host", "127.0.0.1", "--port", str(port),
         "--no-tls", "--no-service", "admin", "--no-service", "managesieve",
         "dict", "--demo-user", USER, "--demo-password", PASSWORD],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until_up(process, port)
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
