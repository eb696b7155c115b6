"""What may be wrong on the way from the model to the Drafts mailbox, one check after another."""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import make_msgid
from functools import partial
from pathlib import Path
from typing import Any

from scanner import checking
from scanner.adapters import connection, credentials, mailboxes, state, status
from scanner.adapters.mailbox import HEADER_BATCH, ImapMailbox, batches, connect
from scanner.config import Account, Config, Seconds, load
from scanner.core import health
from scanner.core.number import number_of
from scanner.core.plan import OwnWarning
from scanner.core.providers import by_host
from scanner.core.render import PROBE, Envelope, is_probe, probe, recognise
from scanner.errors import (
    AlteredError,
    ConfigurationError,
    RefusedError,
    UnflubError,
    UnreachableError,
)
from scanner.learning import artifact, shelf
from scanner.passes import ALTERED

_SKEW: Seconds = 120
"""A clock that is off by more makes times wrong, and certificates and tokens next."""
_LOOK: Seconds = 30  # so long at most until the mailbox is listed anew
_ASK: Seconds = 2  # the same for a server that tells nothing by itself
_HELPFUL = frozenset({"IDLE", "UIDPLUS", "SPECIAL-USE"})
_NOTE = (
    b"Subject: Thank you\r\n\r\nDear Ms Lee,\r\n\r\nThank you for the interview. I am sorry that "
    b"I answered your question about the budget so badly.\r\n\r\nKind regards,\r\nAda\r\n"
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One check: of an account or ("") of the machine, what is so, or the trouble there is."""

    account: str
    what: str
    line: str
    trouble: UnflubError | None = None


def configured(path: Path, names: Sequence[str]) -> tuple[Config, Sequence[Account], Diagnosis]:
    """Read the configuration; where that is the trouble, it keeps nobody from the other checks."""
    settings = Config()
    try:
        settings = load(path)
        accounts = settings.chosen(names)
    except ConfigurationError as error:
        return settings, (), Diagnosis("", "configuration", str(error), error)
    return settings, accounts, Diagnosis("", "configuration", f"{path} can be read")


def examine(settings: Config, accounts: Sequence[Account]) -> Iterator[Diagnosis]:
    """Check model and accounts; of an account, what follows a trouble is not tried."""
    yield _tried("", "model", partial(_model, settings))
    if sys.platform != "win32":  # where no daemon answers checks
        yield _tried("", "checks", checking.presence)
    for account in accounts:
        with ExitStack() as stack:
            yield from _visited(_Visit(account, settings.timeout_seconds, stack))
        yield _tried(account.name, "daemon", partial(_daemon, account))


def _visited(visit: _Visit) -> Iterator[Diagnosis]:
    for what, check in visit.checks:
        found = _tried(visit.account.name, what, check)
        yield found
        if found.trouble:
            return


def _tried(account: str, what: str, check: Callable[[], str]) -> Diagnosis:
    try:
        return Diagnosis(account, what, check())
    except UnflubError as error:
        line = str(error).removeprefix(f"account {account}: ")
        return Diagnosis(account, what, line, error)


def _model(settings: Config) -> str:
    model = artifact.load(shelf.installed(settings.model_folder))
    from scanner.core.judge import Judge

    (verdict,) = Judge(model, settings.policy().thresholds(model.thresholds))([_NOTE])
    if isinstance(verdict, UnflubError):
        raise verdict
    return f"{model.version} loads, and reads a note"


def _daemon(account: Account) -> str:
    signs = status.report(account.name)
    found = health.health(signs, time.time())
    if found in ("watching", "starting"):
        return f"unflub is {found}"
    advice = health.ADVICE.get(found)
    what = advice or signs.error or "see `unflub status`"
    said = signs.error.removeprefix(f"account {account.name}: ")
    past = f" (it last said: {said})" if advice and said else ""
    raise UnreachableError(f"account {account.name}: {found}: {what}{past}")


class _Visit:
    """One connection to an account's server, taken as far as it goes."""

    def __init__(self, account: Account, timeout: Seconds, stack: ExitStack) -> None:
        self.account = account
        self._timeout = timeout
        self._stack = stack
        self._client: Any = None
        self._secret = ""
        self._box: ImapMailbox | None = None
        self._received: datetime | None = None
        self.checks = (
            ("DNS", self._dns),
            ("TLS", self._tls),
            ("password", self._password),
            ("login", self._login),
            ("abilities", self._abilities),
            ("Drafts", self._drafts),
            ("writing", self._writing),
            ("clock", self._clock),
        )

    def _dns(self) -> str:
        host, port = self.account.endpoint
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise UnreachableError(
                f"the name {host} leads nowhere; check it for a slip, and whether there is network"
            ) from None
        count = len({row[4][0] for row in found})
        return f"{host} has {count} address{'es' if count > 1 else ''}"

    def _tls(self) -> str:
        self._client = self._stack.enter_context(connection.opened(self.account, self._timeout))
        sock = self._client.socket()
        if not isinstance(sock, ssl.SSLSocket):
            return "none, and none needed: the server is this machine"
        host, port = self.account.endpoint
        return f"{sock.version()} with {host}:{port}, whose certificate is good"

    def _password(self) -> str:
        self._secret = credentials.password(self.account)
        return f"found in {credentials.source(self.account).name}"

    def _login(self) -> str:
        connection.log_in(self._client, self.account, self._secret)
        provider = by_host(*self.account.endpoint, self.account.address)
        return f"{provider.name if provider else 'the server'} lets you in"

    def _abilities(self) -> str:
        with connection.translated(self.account):
            able = {name.decode("ascii", "replace") for name in self._client.capabilities()}
        missing = sorted(_HELPFUL - able)
        return f"it does without {', '.join(missing)}" if missing else "it has all that helps"

    def _drafts(self) -> str:
        with connection.translated(self.account):
            folder = mailboxes.find(self._client, self.account, tell=True)
            self._box = ImapMailbox(self.account, self._client, folder)
        return f"{folder}, with {number_of(len(self._box.listing().uids), 'message')}"

    def _writing(self) -> str:
        box = self._the_box()
        memory = state.memory_of(self.account.name)
        if self._spoilt(box, _trials(box)):  # an earlier one: no more are added to it
            state.say_whether_it_alters(memory, alters=True)
            raise AlteredError(f"{ALTERED} (a trial lies there, too: delete that first)")
        message_id = make_msgid(domain="unflub.invalid")
        box.append(probe(Envelope(self.account.address, message_id, datetime.now(UTC))))
        uids = _trials(box)
        if not uids:
            raise RefusedError("what was written is not there; look at Drafts in a mail client")
        alters = self._spoilt(box, uids)
        state.say_whether_it_alters(memory, alters=alters)
        if alters:
            raise AlteredError(ALTERED)
        probes = [OwnWarning(uid, frozenset({PROBE}), "") for uid in uids]
        with connection.translated(self.account):
            self._client.normalise_times = False  # with its zone
            row = self._client.fetch([probes[-1].uid], ["INTERNALDATE"]).get(probes[-1].uid, {})
        self._received = row.get(b"INTERNALDATE")
        box.remove(probes)
        if _trials(box):
            raise RefusedError(
                "a draft can be written, but not taken away again; have the administrators give "
                "you the right to delete in Drafts, and delete the trial there yourself"
            )
        return "a draft can be written, and taken away again"

    @staticmethod
    def _spoilt(box: ImapMailbox, uids: Sequence[int]) -> bool:
        """Tell whether a trial is not as it was written."""
        found = map(recognise, box.messages(uids).values())
        return any(one is None or not one.sealed for one in found)

    def _the_box(self) -> ImapMailbox:
        assert self._box  # noqa: S101 - the check before this one opened it
        return self._box

    def _clock(self) -> str:
        if self._received is None:
            return "not compared with the server's"
        off = round((datetime.now(UTC) - self._received).total_seconds())
        if abs(off) > _SKEW:
            way = "ahead of" if off > 0 else "behind"
            raise ConfigurationError(
                f"this computer's clock is {abs(off)} s {way} the server's; set it by the network "
                "(on Linux: `timedatectl set-ntp true`)"
            )
        return "agrees with the server's"


def _trials(box: ImapMailbox) -> list[int]:
    asked = map(box.headers, batches(box.listing().uids, HEADER_BATCH))
    return sorted(uid for headers in asked for uid, raw in headers.items() if is_probe(raw))


def arrival(
    account: Account, timeout: Seconds, ready: Callable[[], None], patience: Seconds
) -> Seconds | None:
    """Wait for a draft of the user's; give how long it took, or None where it did not come.

    `ready` returns as the user saves it. Raises UnflubError.
    """
    secret = credentials.password(account)
    with connect(account, secret, timeout=timeout) as box:
        known = set(box.listing().uids)
        ready()
        began = time.monotonic()
        look = _LOOK if box.has_idle else _ASK
        while (left := began + patience - time.monotonic()) > 0:
            new = sorted(set(box.listing().uids) - known)
            if any(recognise(raw) is None for raw in box.headers(new).values()):
                return time.monotonic() - began
            known.update(new)  # warning drafts of ours
            box.wait(min(left, look))
    return None
