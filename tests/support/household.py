"""A user of a server, with a mail client and unflub configured for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from support.client import MailClient
from support.dovecot import PASSWORD, Dovecot
from support.program import Program

_users = count(1)


@dataclass(frozen=True)
class Household:
    """A user with a mailbox on a server, a mail client, and unflub configured for it."""

    client: MailClient
    program: Program
    server: Dovecot

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


def household_on(server: Dovecot, program: Program, drafts: str = "Drafts") -> Household:
    """Give a fresh user."""
    client = MailClient(server.port, f"user{next(_users)}", PASSWORD, drafts)
    made = Household(client, program, server)
    made.configure()
    return made
