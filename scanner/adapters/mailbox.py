r"""One IMAP mailbox (RFC 9051, RFC 3501): list cheaply, fetch what changed, append, remove ours.

Reading uses EXAMINE and BODY.PEEK, so that it changes nothing, not even `\Seen` or `\Recent`.
"""

from __future__ import annotations

import imaplib
import re
import select
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError

from scanner.adapters.sources import Message
from scanner.config import Account, Seconds
from scanner.core.plan import OwnWarning
from scanner.core.render import WARNS_ABOUT, recognise
from scanner.errors import ConfigurationError, CredentialsError, UnflubError, UnreachableError

# A note is a few kilobytes; what comes after this many bytes of a draft is attachments.
FETCH_LIMIT = 256 * 1024
_HEADERS = f"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT IN-REPLY-TO {WARNS_ABOUT.upper()})]"
_BODY = f"BODY.PEEK[]<0.{FETCH_LIMIT}>"
_CHANGES = frozenset({b"EXISTS", b"EXPUNGE", b"FETCH", b"VANISHED"})
_NEWS = ("EXISTS", "EXPUNGE", "FETCH")
_CONNECT_SECONDS = 15
# Response codes that tell of the server's own trouble, not of a wrong password (RFC 5530).
_PASSING = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG")
_BATCH = 20
# How mail clients name the Drafts mailbox where the server does not mark it (RFC 6154).
_DRAFTS_NAMES = frozenset(
    name.casefold()
    for name in (
        "Drafts", "Draft", "Draft messages", "Entwürfe", "Brouillons", "Borradores", "Bozze",
        "Rascunhos", "Concepten", "Utkast", "Kladder", "Luonnokset", "Szkice", "Robocze",
        "Koncepty", "Черновики", "Чернетки", "下書き", "草稿", "草稿箱", "임시보관함",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    r"""The UIDs of all messages not flagged `\Deleted`, valid under this UIDVALIDITY."""

    uidvalidity: int
    uids: tuple[int, ...]


class Mailbox(Protocol):
    """What the daemon needs of a mailbox. Every method may raise UnreachableError."""

    def listing(self) -> Listing:
        r"""List the messages not flagged `\Deleted`."""
        ...

    def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch the header fields that tell a warning draft and a note's identity."""
        ...

    def messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch whole messages, up to FETCH_LIMIT bytes each; vanished ones are left out."""
        ...

    def append(self, raw: bytes) -> None:
        """Store a warning draft, flagged as a draft that was seen."""
        ...

    def remove(self, warnings: Sequence[OwnWarning]) -> None:
        """Remove warning drafts of ours; one that is not as we wrote it is left alone."""
        ...

    def wait(self, seconds: Seconds, interrupt: socket.socket | None = None) -> bool:
        """Wait until the mailbox may have changed (true), or for so long, or until interrupted."""
        ...


def batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut UIDs into runs that are fetched at a time, so that a full mailbox fits the memory."""
    return (uids[i : i + _BATCH] for i in range(0, len(uids), _BATCH))


@contextmanager
def connect(
    account: Account, secret: str, *, timeout: Seconds = 30, folder: str = ""
) -> Iterator[ImapMailbox]:
    """Log in and open a mailbox read-only: `folder`, or else the Drafts mailbox.

    Raises CredentialsError, UnreachableError, or ConfigurationError when there is no such
    mailbox.
    """
    with _translated(account):
        client = _open(account, timeout)
    try:
        with _translated(account):
            _log_in(client, account, secret)
            mailbox = ImapMailbox(account, client, _find(client, account, folder))
        yield mailbox
    finally:
        _leave(client)


class ImapMailbox:
    """A mailbox on a real server; it follows the `Mailbox` protocol."""

    def __init__(self, account: Account, client: Any, folder: str) -> None:
        self.folder = folder
        self._account = account
        self._client = client
        self._listed: tuple[int, ...] = ()
        self._uidvalidity = self._examine()

    def listing(self) -> Listing:
        """List the messages by one SEARCH."""
        with _translated(self._account):
            # Servers may show what came in since the last command only from the next one on.
            self._client.noop()
            self._forget_news()
            self._listed = self._search()
        return Listing(self._uidvalidity, self._listed)

    def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch a few header fields of each message."""
        return self._fetch(uids, _HEADERS)

    def messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch each message up to FETCH_LIMIT bytes."""
        return self._fetch(uids, _BODY)

    def append(self, raw: bytes) -> None:
        """Store a warning draft by one APPEND."""
        with _translated(self._account):
            self._client.append(self.folder, raw, flags=[b"\\Draft", b"\\Seen"])

    def remove(self, warnings: Sequence[OwnWarning]) -> None:
        """Expunge warnings of ours under a SELECT of its own, then EXAMINE again."""
        with _translated(self._account):
            known = self._uidvalidity
            try:
                if self._select() == known:
                    self._expunge([w.uid for w in warnings if self._is_still_ours(w)])
            finally:
                self._uidvalidity = self._examine()

    def wait(self, seconds: Seconds, interrupt: socket.socket | None = None) -> bool:
        """Wait by IDLE (RFC 2177); without it just so long, and the caller looks for itself."""
        with _translated(self._account):
            if self._search() != self._listed or self._has_news():
                return True
        if not self.has_idle:
            _await([interrupt] if interrupt else [], seconds)
            return False
        with _translated(self._account):
            self._client.idle()
            if not self._is_buffered():
                _await([self._client.socket(), *([interrupt] if interrupt else [])], seconds)
            _, responses = self._client.idle_done()
        return any(_CHANGES.intersection(response) for response in responses)

    def walk(self) -> Iterator[Message]:
        """Read all messages, a few at a time, for a scan."""
        for batch in batches(self.listing().uids):
            for uid, raw in self.messages(batch).items():
                yield Message(self._source(uid), raw)

    @property
    def has_idle(self) -> bool:
        """Whether the server reports changes by itself (RFC 2177)."""
        with _translated(self._account):
            return bool(self._client.has_capability("IDLE"))

    def _source(self, uid: int) -> str:
        """Name a message by a URL in the manner of RFC 5092."""
        user, host = quote(self._account.login, safe=""), self._account.host
        return f"imap://{user}@{host}/{quote(self.folder)};uid={uid}"

    def _examine(self) -> int:
        return self._uidvalidity_of(self._client.select_folder(self.folder, readonly=True))

    def _select(self) -> int:
        return self._uidvalidity_of(self._client.select_folder(self.folder))

    @staticmethod
    def _uidvalidity_of(response: Mapping[bytes, Any]) -> int:
        return int(response.get(b"UIDVALIDITY", 0))

    def _fetch(self, uids: Sequence[int], item: str) -> dict[int, bytes]:
        if not uids:
            return {}
        with _translated(self._account):
            rows = self._client.fetch(list(uids), [item])
        bodies = {uid: _body(row) for uid, row in rows.items()}
        return {uid: body for uid, body in bodies.items() if body is not None}

    def _is_still_ours(self, warning: OwnWarning) -> bool:
        """Look once more, under the same SELECT, before anything is removed."""
        body = self._fetch([warning.uid], _BODY).get(warning.uid)
        found = recognise(body) if body is not None else None
        return found is not None and found.sealed and found.digests == warning.digests

    def _expunge(self, uids: Sequence[int]) -> None:
        if not uids:
            return
        self._client.add_flags(list(uids), [b"\\Deleted"], silent=True)
        # Without UIDPLUS (RFC 4315) EXPUNGE would take the user's deleted messages along.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(list(uids))

    # A server reports a change once, in answer to whatever command comes next (RFC 9051
    # section 5.2). imaplib keeps what came beside other answers; without a look at it a note
    # saved during a fetch would go unnoticed until the next sweep.
    def _search(self) -> tuple[int, ...]:
        return tuple(self._client.search(["UNDELETED"]))

    def _forget_news(self) -> None:
        for kind in _NEWS:
            self._client._imap.response(kind)  # noqa: SLF001 - imapclient has no such call

    def _has_news(self) -> bool:
        untagged = self._client._imap.untagged_responses  # noqa: SLF001
        return any(untagged.get(kind) for kind in _NEWS)

    def _is_buffered(self) -> bool:
        """Tell whether bytes were read from the socket, or decrypted, but not looked at."""
        sock = self._client.socket()
        sock.settimeout(0)
        try:
            return bool(self._client._imap.file.peek(1))  # noqa: SLF001 - likewise
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self._client._set_read_timeout()  # noqa: SLF001


def _await(sockets: Sequence[socket.socket], seconds: Seconds) -> None:
    select.select(sockets, [], [], max(0, seconds))


def _open(account: Account, timeout: Seconds) -> Any:
    host, port = account.endpoint
    context = _trust(account)
    client = IMAPClient(
        host,
        port,
        ssl=account.tls == "implicit",
        ssl_context=context,
        timeout=SocketTimeout(connect=min(_CONNECT_SECONDS, timeout), read=timeout),
    )
    if account.tls == "starttls":
        try:
            client.starttls(ssl_context=context)
        except BaseException:
            _leave(client, politely=False)
            raise
    return client


def _trust(account: Account) -> ssl.SSLContext:
    """Verify certificates, by the named authority or the platform's."""
    file = Path(account.ca_file).expanduser() if account.ca_file else None
    try:
        return ssl.create_default_context(cafile=file)
    except OSError:  # SSLError among them
        raise ConfigurationError(
            f"account {account.name}: ca_file holds no certificate that can be read; "
            "name a PEM file"
        ) from None


def _log_in(client: Any, account: Account, secret: str) -> None:
    # LOGIN is ASCII (RFC 3501 section 6.2.3); SASL PLAIN carries UTF-8 (RFC 4616).
    if (account.login + secret).isascii():
        client.login(account.login, secret)
    else:
        client.plain_login(account.login, secret)


def _leave(client: Any, *, politely: bool = True) -> None:
    if politely:
        with suppress(imaplib.IMAP4.error, OSError):
            client.logout()
    with suppress(imaplib.IMAP4.error, OSError):
        client.shutdown()


def _find(client: Any, account: Account, folder: str) -> str:
    rows = [
        (frozenset(flag.decode("ascii", "replace").casefold() for flag in flags), delimiter, name)
        for flags, delimiter, name in client.list_folders()
    ]
    names = [name for flags, _, name in rows if not flags & {"\\noselect", "\\nonexistent"}]
    if wanted := folder or account.drafts:
        if wanted in names or wanted.upper() == "INBOX":
            return wanted
        raise ConfigurationError(
            f"account {account.name}: the server has no mailbox {wanted!r}; "
            f"it has {', '.join(sorted(names)[:12])}"
        )
    for flags, _, name in rows:
        if "\\drafts" in flags:
            return str(name)
    for _, delimiter, name in rows:
        if name in names and _last(name, delimiter) in _DRAFTS_NAMES:
            return str(name)
    raise ConfigurationError(
        f"account {account.name}: no Drafts mailbox found; name it as `drafts` in the "
        f"configuration; the server has {', '.join(sorted(names)[:12])}"
    )


def _last(name: str, delimiter: bytes | None) -> str:
    parts = name.split(delimiter.decode("ascii", "replace")) if delimiter else [name]
    return str(parts[-1]).casefold()


def _body(row: Mapping[bytes, Any]) -> bytes | None:
    """Find the one body section in a FETCH response; servers spell its name in their own way."""
    return next((v for k, v in row.items() if k.startswith(b"BODY[") and v is not None), None)


@contextmanager
def _translated(account: Account) -> Iterator[None]:
    """Turn the libraries' errors into ours, without repeating what the server said.

    A server's words may hold addresses; of them only the response code is kept.
    """
    try:
        yield
    except UnflubError:
        raise
    except LoginError as error:
        # imapclient calls a connection that broke during the login a refused login, too.
        if isinstance(error.__context__, imaplib.IMAP4.abort):
            raise _unreachable(account, error.__context__) from None
        raise _login_refused(account, str(error)) from None
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(
            f"account {account.name}: the certificate of {account.host} is not to be trusted "
            f"({error.verify_message}); check the host name, or set ca_file"
        ) from None
    except (imaplib.IMAP4.abort, OSError, UnicodeError) as error:
        raise _unreachable(account, error) from None
    except imaplib.IMAP4.error as error:
        raise UnreachableError(
            f"account {account.name}: {_place(account)} refused a command{_code(str(error))}; "
            "try again later, or look at the mailbox in a mail client"
        ) from None


def _unreachable(account: Account, error: BaseException) -> UnreachableError:
    return UnreachableError(
        f"account {account.name}: no connection to {_place(account)} ({_reason(error)}); "
        "check the network and the account's host and port"
    )


def _login_refused(account: Account, words: str) -> UnflubError:
    code = _code(words)
    if any(name in code for name in _PASSING):
        return UnreachableError(
            f"account {account.name}: {_place(account)} lets nobody in now{code}; try again later"
        )
    return CredentialsError(
        f"account {account.name}: {_place(account)} refused the user name or password{code}; "
        f"check them, or store the password anew with `unflub login {account.name}`"
    )


def _place(account: Account) -> str:
    host, port = account.endpoint
    return f"{host}:{port}"


def _reason(error: BaseException) -> str:
    if isinstance(error, UnicodeError):
        return "the host is no name"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it was closed"


def _code(words: str) -> str:
    """Give the response code ("[AUTHENTICATIONFAILED]") of a server's answer, if any."""
    match = re.search(r"\[[A-Z-]{3,40}\]", words)
    return f" {match.group()}" if match else ""
