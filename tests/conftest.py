"""Real servers and the real program, ready for a test."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from support import dovecot
from support.client import MailClient
from support.program import Program

# Continuous integration tries the same examples every time; a run by hand looks for new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

_users = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[dovecot.Dovecot]:
    """A Dovecot with everything it can do."""
    with tempfile.TemporaryDirectory(prefix="unflub-dovecot-") as folder:
        running = dovecot.start(Path(folder))
        yield running
        running.stop()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The command with an empty home."""
    return Program(tmp_path, {"TEST_PASSWORD": dovecot.PASSWORD})


@dataclass(frozen=True)
class Household:
    """A user with a mailbox on a server, a mail client, and unflub configured for it."""

    client: MailClient
    program: Program
    server: dovecot.Dovecot

    def configure(self, *, top: str = "settle_seconds = 0", **account: str) -> None:
        lines = {
            "address": '"me@example.org"',
            "user": f'"{self.client.user}"',
            "host": '"127.0.0.1"',
            "port": str(self.server.port),
            "tls": '"none"',
            "password_env": '"TEST_PASSWORD"',
            **account,
        }
        table = "\n".join(f"{key} = {value}" for key, value in lines.items() if value)
        self.program.configure(f"{top}\n[accounts.home]\n{table}\n")

    def once(self, *arguments: str) -> str:
        """Make one pass; give what it logged."""
        done = self.program.run("watch", "--once", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr


@pytest.fixture
def household(server: dovecot.Dovecot, program: Program) -> Household:
    """A fresh user on the shared server."""
    return household_on(server, program)


def household_on(server: dovecot.Dovecot, program: Program, drafts: str = "Drafts") -> Household:
    client = MailClient(server.port, f"user{next(_users)}", dovecot.PASSWORD, drafts)
    made = Household(client, program, server)
    made.configure()
    return made
