"""A user of a server, with a mail client and unflub configured for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from support.client import MailClient
from support.dovecot import PASSWORD, Dovecot
from support.program import Program

_users = count(1)


def account_table(name: str, user: str, port: int, /, **settings: str) -> str:
    """Write an account of a server on this machine as TOML; a setting that is "" is left out."""
    lines = {
        "address": '"me@example.org"',
        "user": f'"{user}"',
        "host": '"127.0.0.1"',
        "port": str(port),
        "tls": '"none"',
        "password_env": '"TEST_PASSWORD"',
        **settings,
    }
    table = "".join(f"{key} = {value}\n" for key, value in lines.items() if value)
    return f"[accounts.{name}]\n{table}"


@dataclass(frozen=True)
class Household:
    """A user with a mailbox on a server, a mail client, and unflub configured for it."""

    client: MailClient
    program: Program
    server: Dovecot

    def configure(self, *, top: str = "settle_seconds = 0", **account: str) -> None:
        table = account_table("home", self.client.user, self.server.port, **account)
        self.program.configure(f"{top}\n{table}")

    def over(self, tls: str) -> dict[str, str]:
        """Give the settings of an account that is reached over TLS: "implicit" or "starttls"."""
        port = self.server.tls_port if tls == "implicit" else self.server.port
        return {
            "host": '"localhost"',
            "port": str(port),
            "tls": f'"{tls}"',
            "ca_file": f'"{self.server.authority}"',
        }

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
