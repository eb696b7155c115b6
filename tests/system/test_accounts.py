"""Many accounts on one daemon, and what one in trouble does to the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import dovecot, proxy
from support.client import MailClient, one_warning
from support.household import Household, account_table
from support.notes import FLUBBED

MANY = 100


def configure(household: Household, clients: list[MailClient], port: int = 0) -> None:
    tables = "".join(
        account_table(f"a{number}", client.user, port or client.port)
        for number, client in enumerate(clients)
    )
    household.program.configure(f"settle_seconds = 0\n{tables}")


def clients_of(household: Household, count: int) -> list[MailClient]:
    user = household.client.user
    return [
        MailClient(household.server.port, f"{user}-{n}", dovecot.PASSWORD) for n in range(count)
    ]


def test_a_hundred_accounts_are_watched_by_one_daemon(household):
    """Each has a connection of its own and only one; the process stays small; it stops well."""
    clients = clients_of(household, MANY)
    with proxy.running(household.server.port) as through:
        configure(household, clients, through.port)
        with household.program.watching() as daemon:
            daemon.wait_for(" drafts read; ", MANY)
            for client in (clients[0], clients[MANY // 2], clients[-1]):
                client.save(FLUBBED)
                client.wait_until(one_warning)
            assert through.connections == MANY
            assert threads_of(daemon.process.pid) < MANY + 10
            assert daemon.stop() == 0


def threads_of(pid: int) -> int:
    return len(list((Path("/proc") / str(pid) / "task").iterdir()))


@pytest.mark.parametrize("fault", ["black hole", "garbage"])
def test_an_account_in_trouble_does_not_disturb_another(household, fault):
    """Whatever its server does, the other account's note gets its warning."""
    troubled, well = clients_of(household, 2)
    with proxy.running(household.server.port, fault, at=6) as through:
        configure(household, [troubled, well])
        path = household.program.home / "config.toml"
        path.write_text(path.read_text().replace(str(troubled.port), str(through.port), 1))
        with household.program.watching(wait=False) as daemon:
            assert through.struck.wait(60)
            well.save(FLUBBED)
            well.wait_until(one_warning)
            assert daemon.stop() == 0
