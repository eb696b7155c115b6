"""The main job on an embedded IMAP server: notes in Drafts, the real daemon, before and after."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from scanner import itself
from scanner.core.render import WARNS_ABOUT
from scanner.errors import ConfigurationError, UnreachableError

_USER, _PASSWORD, _ADDRESS = "sam", "demo", "sam@example.org"
_PATIENCE = 60.0

PYMAP = "import gc; gc.disable(); from pymap.main import main; main()"
"""How to start pymap 0.36: it keeps no reference to the task of a connection, which the garbage
collector of Python 3.13 therefore takes away in the middle of a command."""


@dataclass(frozen=True, slots=True)
class Note:
    """A draft of the demonstration."""

    subject: str
    recipient: str
    paragraphs: tuple[str, ...]

    def as_bytes(self) -> bytes:
        """Write it as a mail client saves it."""
        message = EmailMessage(policy=policy.SMTP)
        message["From"] = f"Sam <{_ADDRESS}>"
        message["To"] = self.recipient
        message["Subject"] = self.subject
        message.set_content("\n\n".join(self.paragraphs))
        return message.as_bytes()


FLUBBED = Note(
    "Thank you: Data Analyst interview",
    "priya@example.com",
    (
        "Dear Priya,",
        "Thank you for the conversation this morning. I enjoyed hearing how your team turns "
        "ward reports into a weekly forecast.",
        "I'm sorry I rambled on the question about missing data. What I should have said is "
        "that I would first look at why values are missing. I hope this won't count against me.",
        "I would be glad to join Lindholm Health with my four years of hospital reporting.",
        "Best wishes,\nSam",
    ),
)
MENDED = replace(FLUBBED, paragraphs=FLUBBED.paragraphs[:2] + FLUBBED.paragraphs[3:])
CLEAN = Note(
    "Thank you for yesterday",
    "tomas@example.com",
    (
        "Dear Tomas,",
        "Thank you for showing me around the workshop yesterday. Your idea of pairing "
        "apprentices across sites stayed with me, and I would love to help build it.",
        "Kind regards,\nSam",
    ),
)
OTHER = Note(
    "Saturday",
    "ida@example.net",
    ("Hi Ida,", "sorry I was late again on Friday! Are we still on for the lake?", "Sam"),
)


def run() -> Iterator[str]:
    """Yield the lines of the demonstration as it happens.

    Raises ConfigurationError where the embedded server is not installed, and UnreachableError
    where it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="unflub-demo-") as name, _server() as port:
        home, drafts = Path(name), _Drafts(port)
        for note in (FLUBBED, CLEAN, OTHER):
            drafts.save(note.as_bytes())
        yield f"An embedded mail server runs on 127.0.0.1:{port}. Its Drafts mailbox holds:"
        yield from drafts.table()
        yield "\nThe daemon starts: `unflub watch`"
        with _daemon(home, port):
            drafts.wait_for_warnings(1)
            yield "\nDrafts now holds:"
            yield from drafts.table()
            yield "\nThe warning draft reads:\n"
            yield from (f"  | {line}".rstrip() for line in drafts.warning_text().splitlines())
            yield "\nSam takes the passage out; the mail client saves the note anew."
            drafts.replace_first(MENDED.as_bytes())
            drafts.wait_for_warnings(0)
            yield "The warning draft is gone by itself. Drafts now holds:"
            yield from drafts.table()


@dataclass(frozen=True, slots=True)
class _Drafts:
    """The mailbox as the user's mail client sees it."""

    port: int

    def save(self, raw: bytes) -> None:
        with self._open() as client:
            client.append("Drafts", raw, flags=[b"\\Draft", b"\\Seen"])

    def replace_first(self, raw: bytes) -> None:
        """Save as mail clients do: the new message, then the old one away."""
        with self._open() as client:
            first = min(client.search())
            client.append("Drafts", raw, flags=[b"\\Draft", b"\\Seen"])
            client.delete_messages([first])
            client.uid_expunge([first])

    def table(self) -> Iterator[str]:
        for uid, message in sorted(self._all().items()):
            yield f"  uid {uid}  {message['Subject']}"

    def warning_text(self) -> str:
        (warning,) = self._warnings()
        body = warning.get_body(("plain",))
        return str(body.get_content()) if body else ""

    def wait_for_warnings(self, count: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while len(self._warnings()) != count:
            if time.monotonic() > deadline:
                raise UnreachableError("the daemon did not finish in time; run the demo again")
            self._wait_for_change()

    def _wait_for_change(self) -> None:
        with self._open() as client:
            client.idle()
            client.idle_check(timeout=0.5)
            client.idle_done()

    def _warnings(self) -> list[EmailMessage]:
        return [m for m in self._all().values() if m[WARNS_ABOUT]]

    def _all(self) -> dict[int, EmailMessage]:
        with self._open() as client:
            rows = client.fetch(client.search(), ["BODY.PEEK[]"])
        return {uid: _parsed(row[b"BODY[]"]) for uid, row in rows.items()}

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with IMAPClient("127.0.0.1", self.port, ssl=False) as client:
            client.login(_USER, _PASSWORD)
            client.select_folder("Drafts")
            yield client


def _parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what policy.default makes
    return message


@contextmanager
def _server() -> Iterator[int]:
    if find_spec("pymap") is None:
        raise ConfigurationError(
            "the demo needs its embedded mail server; install unflub with the extra `demo`"
        )
    port = _free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-tls"]
    services = ["--no-service", "admin", "--no-service", "managesieve"]
    login = ["dict", "--demo-user", _USER, "--demo-password", _PASSWORD]
    with _process(itself.python("-c", PYMAP, *options, *services, *login)):
        _create_drafts(port)
        yield port


@contextmanager
def _daemon(home: Path, port: int) -> Iterator[None]:
    file = home / "config.toml"
    file.write_text(
        f'settle_seconds = 0\n[accounts.demo]\naddress = "{_ADDRESS}"\nuser = "{_USER}"\n'
        f'host = "127.0.0.1"\nport = {port}\ntls = "none"\npassword_env = "UNFLUB_DEMO_PASSWORD"\n'
    )
    environment = {
        **os.environ,
        "UNFLUB_DEMO_PASSWORD": _PASSWORD,
        "XDG_STATE_HOME": str(home / "state"),
    }
    with _process(itself.command("watch", "--config", str(file)), environment):
        yield


@contextmanager
def _process(command: Sequence[str], environment: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603 - our own programs, without a shell
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _create_drafts(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with IMAPClient("127.0.0.1", port, ssl=False) as client:
                client.login(_USER, _PASSWORD)
                client.create_folder("Drafts")
                return
        except OSError:
            if time.monotonic() > deadline:
                raise UnreachableError(
                    "the embedded mail server did not start; run the demo again"
                ) from None
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
