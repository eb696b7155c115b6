"""Mail clients on a pseudo-terminal, the real msmtp, and an SMTP server."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pexpect
import pytest
from support.program import PATIENCE, Program
from support.smtp import Postbox, postbox
from support.waiting import until


@dataclass(frozen=True)
class Desk:
    """A user with a mail client: a home, `unflub` and `msmtp` on the path, and a server."""

    program: Program
    box: Postbox

    @property
    def home(self) -> Path:
        return self.program.home

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def start(self, *command: str | Path) -> pexpect.spawn:
        """Start a client on a terminal of its own."""
        return pexpect.spawn(
            str(command[0]), [str(word) for word in command[1:]], timeout=PATIENCE,
            env={**self.program.surroundings(), "TERM": "xterm", "LANG": "C.UTF-8"},
            cwd=str(self.home), encoding="utf-8", dimensions=(50, 100),
        )  # fmt: skip

    def sent(self, client: pexpect.spawn, count: int) -> list[EmailMessage]:
        """Wait until so many messages arrived; a client whose screen nobody reads would stop."""

        def have_come() -> bool:
            client.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=0.1)
            return len(self.box.raw) >= count

        until(have_come)
        return self.box.messages


@pytest.fixture
def desk(program) -> Iterator[Desk]:
    """Everything ready to write a mail."""
    with postbox() as box:
        made = Desk(program, box)
        run = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m scanner "$@"\n'
        commands = made.write("bin/unflub", run, 0o755).parent
        program.environment["PATH"] = f"{commands}:/usr/local/bin:/usr/bin:/bin"
        made.write(
            ".msmtprc",
            f"account default\nhost 127.0.0.1\nport {box.port}\nfrom me@example.org\n"
            "tls off\nauth off\n",
        )
        yield made
