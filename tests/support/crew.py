"""A watcher at work in this process, with a mailbox of a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scanner.config import Account, Config
from scanner.watcher import Watcher
from support.client import MailClient
from support.phrases import JUDGE


def account_of(client: MailClient, port: int = 0, **settings: Any) -> Account:
    """Give the account of a mail client's user, through a proxy's port perhaps."""
    given = {"password_env": "TEST_PASSWORD", **settings}
    port = port or client.port
    return Account("home", "me@example.org", "127.0.0.1", client.user, port, "none", **given)


@contextmanager
def at_work(account: Account, *, judge: Any = JUDGE, **settings: Any) -> Iterator[Watcher]:
    """Watch until the end; the password is in the environment, as the account says."""
    config = Config(
        **{"settle_seconds": 0, "timeout_seconds": 5, "notify": False, **settings},
        accounts=(account,),
    )
    watcher = Watcher(config, account, judge, pace=0.02)
    thread = threading.Thread(target=watcher.forever, daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        watcher.bell.stop()
        thread.join(10)
        watcher.cut()
        thread.join(10)
        assert not thread.is_alive()
        watcher.unlock()
        watcher.bell.close()
