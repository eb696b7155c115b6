"""What a login that fails means: mend the password, or try again later."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scanner.adapters.connection import log_in
from scanner.adapters.mailbox import connect
from scanner.adapters.mailboxes import find, shown
from scanner.config import Account
from scanner.errors import (
    BusyError,
    ConfigurationError,
    CredentialsError,
    UnflubError,
    UnreachableError,
)


@contextmanager
def answering_login_with(answer: bytes) -> Iterator[int]:
    """A server of one connection that greets, and answers LOGIN so; "" is to hang up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            stream.flush()
            while line := stream.readline():
                tag, command, *_ = line.split()
                if command == b"LOGIN" and not answer:
                    return
                said = answer if command == b"LOGIN" else b"OK done"
                stream.write(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" " + said + b"\r\n")
                stream.flush()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        server.join(10)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"NO [AUTHENTICATIONFAILED] no", CredentialsError),
        (b"NO who are you", CredentialsError),
        (b"NO [UNAVAILABLE] later", BusyError),
        (b"NO [LIMIT] too many", BusyError),
        (b"", UnreachableError),
    ],
    ids=["wrong password", "no reason", "unavailable", "limit", "hung up"],
)
def test_only_a_refused_password_is_for_the_user_to_mend(answer, kind):
    """A server that is full, ill or gone is no wrong password: it is tried again."""
    with answering_login_with(answer) as port:
        account = Account("home", "me@example.org", "127.0.0.1", port=port, tls="none")
        with pytest.raises(UnflubError) as caught, connect(account, "hunter2", timeout=5):
            pass
    assert type(caught.value) is kind
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["imap..example.org", "x" * 80 + ".example.org", ".."])
def test_a_host_that_is_no_name_is_a_clear_line(host):
    """A slip in the configuration is no internal error."""
    with pytest.raises(UnreachableError), connect(Account("home", "a@example.org", host), "x"):
        pass


@pytest.mark.parametrize("file", ["/nowhere/none.pem", "~nobody-of-this-name/none.pem"])
def test_a_certificate_file_that_is_none_is_named(file):
    """The user is sent to the setting, not to the network."""
    account = Account("home", "a@example.org", "localhost", ca_file=file)
    with pytest.raises(UnflubError, match="ca_file") as caught, connect(account, "x"):
        pass
    assert caught.value.exit_status == 2


def test_a_server_that_does_not_begin_with_tls_is_told_in_plain_words(server):
    """As on the port of STARTTLS (RFC 8314 section 4.1); the library would tell of versions."""
    account = Account("home", "a@example.org", "localhost", port=server.port)
    with pytest.raises(UnflubError, match="starttls") as caught, connect(account, "x"):
        pass
    assert "SSL" not in str(caught.value)


class Desk:
    """A server that writes down which passwords it is given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def login(self, _: str, password: str) -> None:
        self.given.append(password)

    plain_login = login


@pytest.mark.parametrize(
    ("host", "given"),
    [
        ("imap.gmail.com", "abcdefghijklmnop"),
        ("imap.mail.yahoo.com", "abcdefghijklmnop"),
        ("imap.gmx.net", "abcd efgh\xa0ijkl mnop "),
        ("imap.example.org", "abcd efgh\xa0ijkl mnop "),
    ],
)
def test_an_app_password_may_be_pasted_as_it_is_shown(host, given):
    """In groups of four, which Gmail's IMAP refuses; other passwords may well hold spaces."""
    desk = Desk()
    log_in(desk, Account("home", "me@example.org", host), "abcd efgh\xa0ijkl mnop ")
    assert desk.given == [given]


class Client:
    """A server that lists these mailboxes; those with a star are marked as Drafts (RFC 6154)."""

    def __init__(self, *names: str, delimiter: bytes = b"/") -> None:
        self._names, self._delimiter = names, delimiter

    def list_folders(self):
        return [
            ((b"\\Drafts",) if "*" in name else (), self._delimiter, name.strip("*").encode())
            for name in self._names
        ]


@pytest.mark.parametrize(
    ("client", "found"),
    [
        (Client("Archive/Drafts", "Drafts", "INBOX"), "Drafts"),
        (Client("INBOX", "INBOX.Archive.Drafts", "INBOX.Drafts", delimiter=b"."), "INBOX.Drafts"),
        (Client("Other Users/anna/Drafts*", "Drafts", "[Gmail]/Entwurf*"), "[Gmail]/Entwurf"),
        (Client("Other Users/anna/Drafts", "INBOX", "Entwurf"), None),
        (Client("Archive/2019/Drafts", "INBOX"), None),
    ],
)
def test_of_several_drafts_those_at_the_top_are_meant(client, found):
    """Not those of an archive, nor of somebody else whose mail one may read."""
    account = Account("home", "me@example.org", "imap.example.org")
    if found:
        assert find(client, account) == found
        return
    with pytest.raises(ConfigurationError, match="name it as `drafts`"):
        find(client, account)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("imap.gmail.com", "tick “Show in IMAP” for Drafts, or name it as `drafts`"),
        ("imap.example.org", "no Drafts mailbox found; name it as `drafts`"),
    ],
)
def test_drafts_that_a_provider_does_not_show_are_asked_for(host, words):
    """Who ticked it off in Gmail is told where that is."""
    with pytest.raises(ConfigurationError, match=words):
        find(Client("INBOX"), Account("home", "me@example.org", host))


def test_names_of_mailboxes_cannot_steer_a_terminal():
    """A server may give any; a few are shown, cut short and without control characters."""
    assert shown(["b\x1b[31m\nforged", "a" * 1000]) == f"{'a' * 60}, b\ufffd[31m\ufffdforged"
    assert shown(map(str, range(100))).count(",") == 11
