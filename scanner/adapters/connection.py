"""One connection to an IMAP server: opened, secured, logged in, and left; and what can go wrong.

Every operation has a time-out, and every trouble of the libraries becomes one of ours.
"""

from __future__ import annotations

import imaplib
import selectors
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import CapabilityError, LoginError, ProtocolError

from scanner.adapters import credentials
from scanner.config import Account, Seconds, expanded
from scanner.core import answers
from scanner.core.answers import Source
from scanner.core.providers import by_host
from scanner.errors import (
    BusyError,
    ConfigurationError,
    CredentialsError,
    ExpiredError,
    RefusedError,
    UnflubError,
    UnreachableError,
    UntrustedError,
)

GARBLED = (
    ProtocolError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
)  # fmt: skip
"""What the libraries raise of an answer that is no IMAP."""

_CONNECT: Seconds = 15
_GOODBYE: Seconds = 1  # LOGOUT is a courtesy
# Response codes that tell of the server's own trouble, not of a wrong password or command
# (RFC 5530 section 3).
_PASSING = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN")
# Unlike select() poll() knows any number of open files, and unlike epoll() needs none of its own.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
# Seconds of silence, between questions, and questions in vain, until the system gives a peer up.
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))


class Line:
    """The line to a server, which another thread may cut, however far the connection has come."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def hold(self, sock: socket.socket) -> None:
        """Keep hold of a socket, whatever TLS makes of it; it is ours to close."""
        self._socket = sock.dup()

    def cut(self) -> None:
        """End the connection; whoever waits on it is told at once."""
        if self._socket:
            with suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go."""
        if self._socket:
            self._socket.close()


@contextmanager
def connection(
    account: Account,
    secret: str,
    timeout: Seconds,
    line: Line | None = None,
    source: Source | None = None,
) -> Iterator[Any]:
    """Log in, and LOGOUT at the end, or just close where the connection broke.

    By `line` another thread may cut the connection. Where the secret is not from the account's
    own source, `source` says from which.
    Raises CredentialsError, UnreachableError, or ConfigurationError.
    """
    with opened(account, timeout, line) as client:
        log_in(client, account, secret, source)
        yield client


@contextmanager
def opened(account: Account, timeout: Seconds, line: Line | None = None) -> Iterator[Any]:
    """Connect and secure the connection. Raises UnreachableError, or ConfigurationError."""
    with closing(line or Line()) as held:
        with translated(account):
            client = _open(account, timeout, held)
        try:
            yield client
        except BaseException:
            _close(client)
            raise
        _leave(client)


def log_in(client: Any, account: Account, secret: str, source: Source | None = None) -> None:
    """Log in, by password or access token. Raises CredentialsError or UnreachableError."""
    with translated(account, source):
        if account.has_token:
            _log_in_by_token(client, account, secret)
            return
        secret = _bare(account, secret)
        # LOGIN is ASCII (RFC 3501 section 6.2.3); SASL PLAIN carries UTF-8 (RFC 4616).
        if (account.login + secret).isascii():
            client.login(account.login, secret)
        else:
            client.plain_login(account.login, secret)


def _bare(account: Account, password: str) -> str:
    """Leave out the spaces with which providers show an app password; Gmail refuses them."""
    provider = by_host(*account.endpoint)
    if provider is None or provider.secret != "app password":  # noqa: S105 - a kind of secret
        return password
    return "".join(password.split())


def _log_in_by_token(client: Any, account: Account, token: str) -> None:
    """Use the standard's mechanism (RFC 7628), else the one that came before it."""
    if client.has_capability("AUTH=OAUTHBEARER"):
        client.oauthbearer_login(account.login, token)
    else:
        client.oauth2_login(account.login, token)


def _leave(client: Any) -> None:
    """Say goodbye, for a second at most, and close."""
    with suppress(imaplib.IMAP4.error, OSError, *GARBLED):
        client.socket().settimeout(_GOODBYE)
        client.logout()
    _close(client)


def alert(account: Account) -> str:
    """Say that the server has words for the user, without repeating them."""
    return (
        f"account {account.name}: {_place(account)} has an alert for you [ALERT]; "
        "log in with a mail client or in the browser to read it"
    )


def readable(sockets: Sequence[socket.socket], seconds: Seconds) -> bool:
    """Wait until one of the sockets has something, for so long at most; tell whether."""
    if not sockets:  # which Windows refuses to wait for
        time.sleep(max(0, seconds))
        return False
    with _Selector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(max(0, seconds)))


@contextmanager
def translated(account: Account, source: Source | None = None) -> Iterator[None]:
    """Turn the libraries' errors into ours, without repeating what the server said.

    A server's words may hold addresses; of them only the response code is kept.
    """
    try:
        yield
    except UnflubError:
        raise
    except Exception as error:
        if ours := _as_ours(account, error, source):
            raise ours from None
        raise


def _as_ours(  # noqa: PLR0911 - a table
    account: Account, error: Exception, source: Source | None = None
) -> UnflubError | None:
    if isinstance(error, LoginError):
        # imapclient calls a connection that broke during the login a refused login, too.
        if isinstance(error.__context__, imaplib.IMAP4.abort | OSError):
            return _as_ours(account, error.__context__)
        return _login_refused(account, str(error), source)
    if isinstance(error, ssl.SSLError):
        return _insecure(account, error)
    if isinstance(error, CapabilityError):
        return UnreachableError(
            f"account {account.name}: {_place(account)} offers no STARTTLS, so nothing was sent; "
            'set tls = "implicit" if it has that, or ask its administrators'
        )
    if isinstance(error, imaplib.IMAP4.readonly):
        return _refused(account, "[READ-ONLY]")
    if isinstance(error, imaplib.IMAP4.abort | OSError):
        return _broken(account, error)
    if isinstance(error, UnicodeError):
        return _unreachable(account, "the host is no name, or the answer no text")
    if isinstance(error, GARBLED):
        return _unreachable(account, "its answer is no IMAP")
    if isinstance(error, imaplib.IMAP4.error):
        return _refused(account, str(error))
    return None


def _insecure(account: Account, error: ssl.SSLError) -> UnflubError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(account, error.verify_message)
    if error.reason == "WRONG_VERSION_NUMBER":
        return UnreachableError(
            f"account {account.name}: {_place(account)} does not begin with TLS; check the port, "
            'or if it is right set tls = "starttls"'
        )
    return _broken(account, error)


def _untrusted(account: Account, why: str) -> UnflubError:
    expired = "expired" in why or "not yet valid" in why
    advice = "check the host name, or set ca_file"
    if expired:
        advice = "see whether this computer's clock is right, else tell its administrators"
    kind = UnreachableError if expired else UntrustedError
    return kind(
        f"account {account.name}: the certificate of {account.host} is not to be trusted "
        f"({why}); {advice}"
    )


def _broken(account: Account, error: BaseException) -> UnflubError:
    # A BYE (RFC 9051 section 7.1.5) may say why.
    words = str(error) if isinstance(error, imaplib.IMAP4.abort) else ""
    if answers.is_expired(words):
        return ExpiredError(
            f"account {account.name}: {_place(account)} wants a login anew; it is tried again"
        )
    code = answers.code(words)
    if _is_passing(words):
        return _busy(account, code)
    return _unreachable(account, f"{_reason(error)}{code}")


def _is_passing(words: str) -> bool:
    """Tell a server that wants to be left alone for a while."""
    return any(name in answers.code(words) for name in _PASSING) or answers.is_too_much(words)


def _refused(account: Account, words: str) -> UnflubError:
    if answers.is_shut_out(words):
        return _login_refused(account, words)
    code = answers.code(words)
    if _is_passing(words):
        return _busy(account, code)
    advice = "try again later, or look at the mailbox in a mail client"
    if "OVERQUOTA" in code:
        advice = "free some space on the server"
    return RefusedError(
        f"account {account.name}: {_place(account)} refused a command{code}; {advice}"
    )


def _busy(account: Account, code: str) -> UnflubError:
    return BusyError(
        f"account {account.name}: {_place(account)} lets nobody in now{code}; "
        "it is tried again later"
    )


def _unreachable(account: Account, reason: str) -> UnflubError:
    return UnreachableError(
        f"account {account.name}: no connection to {_place(account)} ({reason}); "
        "check the network and the account's host and port"
    )


def _login_refused(account: Account, words: str, source: Source | None = None) -> UnflubError:
    provider = by_host(*account.endpoint, account.address)
    source = source or credentials.source(account)
    meaning = answers.meaning(words, provider, account.name, source)
    who = provider.name if provider else _place(account)
    kind = BusyError if meaning.passing else CredentialsError
    return kind(
        f"account {account.name}: {who} {meaning.cause}{answers.code(words)}; {meaning.remedy}"
    )


def _place(account: Account) -> str:
    host, port = account.endpoint
    return f"{host}:{port}"


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it was closed"


class _Client(IMAPClient):  # type: ignore[misc]  # it ships no types
    """An IMAPClient that hands out its line before the server has said a word."""

    def __init__(self, line: Line, *arguments: Any, **options: Any) -> None:
        self._line = line
        super().__init__(*arguments, **options)

    def _create_IMAP4(self) -> imaplib.IMAP4:  # noqa: N802 - its name for it
        context = self.ssl_context if self.ssl else None
        return _Imap(self.host, self.port, self._timeout.connect, context, self._line)


class _Imap(imaplib.IMAP4):
    alerted = False
    """Whether the server had words for the user (RFC 9051 section 7.1) that nobody told of yet."""

    def __init__(
        self, host: str, port: int, timeout: float, context: ssl.SSLContext | None, line: Line
    ) -> None:
        self._context, self._line = context, line
        super().__init__(host, port, timeout)

    def send(self, data: Any) -> None:
        """Send; if the line is dead, a BYE that came before (RFC 9051 section 7.1.5) says why."""
        try:
            super().send(data)
        except OSError:
            with suppress(imaplib.IMAP4.error, OSError):
                while True:  # up to the end of what the server said
                    self._get_response()
            self._check_bye()
            raise

    def _append_untagged(self, typ: str, dat: Any) -> None:
        """Note an alert, as EXAMINE has imaplib forget what came before it."""
        self.alerted |= typ == "ALERT"
        super()._append_untagged(typ, dat)  # type: ignore[misc]  # it is not in the stubs

    def _create_socket(self, timeout: float | None) -> socket.socket:
        sock = socket.create_connection((self.host, self.port), timeout)
        self._line.hold(sock)
        return self._context.wrap_socket(sock, server_hostname=self.host) if self._context else sock


def _open(account: Account, timeout: Seconds, line: Line) -> Any:
    host, port = account.endpoint
    # The platform's authorities take longer to load than all the rest of a login.
    context = _trust(account) if account.tls != "none" else None
    client = _Client(
        line,
        host,
        port,
        ssl=account.tls == "implicit",
        ssl_context=context,
        timeout=SocketTimeout(connect=min(_CONNECT, timeout), read=timeout),
    )
    try:
        _keep_alive(client.socket())
        if account.tls == "starttls":
            client.starttls(ssl_context=context)
    except BaseException:
        _close(client)
        raise
    return client


def _keep_alive(sock: socket.socket) -> None:
    """Have the system find out about a peer that went away in silence (RFC 9293 section 3.8.4)."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _trust(account: Account) -> ssl.SSLContext:
    """Verify certificates, by the named authority or the platform's."""
    file = expanded(account.ca_file) if account.ca_file else None
    try:
        return ssl.create_default_context(cafile=file)
    except OSError:  # SSLError among them
        raise ConfigurationError(
            f"account {account.name}: ca_file holds no certificate that can be read; "
            "name a PEM file"
        ) from None


def _close(client: Any) -> None:
    with suppress(imaplib.IMAP4.error, OSError, AttributeError):
        client.shutdown()
