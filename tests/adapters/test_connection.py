"""What the libraries' errors mean, and what of a server's words is kept."""

from __future__ import annotations

import imaplib
import select
import socket
from dataclasses import replace

import pytest
from imapclient.exceptions import LoginError
from support import proxy

from scanner.adapters.connection import opened, translated
from scanner.config import Account
from scanner.errors import (
    BusyError,
    CredentialsError,
    ExpiredError,
    RefusedError,
    UnflubError,
    UnreachableError,
)

ACCOUNT = Account("home", "me@example.org", "imap.example.org")
ABORT, ERROR = imaplib.IMAP4.abort, imaplib.IMAP4.error


def meaning(error: Exception) -> UnflubError:
    with pytest.raises(UnflubError) as raised, translated(ACCOUNT):
        raise error
    return raised.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (LoginError("[AUTHENTICATIONFAILED] who?"), CredentialsError),
        (LoginError("no such user"), CredentialsError),
        (LoginError("[UNAVAILABLE] the directory is away"), BusyError),
        (LoginError("[LIMIT] too many connections"), BusyError),
        (LoginError("[ALERT] Log in in your browser"), BusyError),
        (ABORT("[UNAVAILABLE] going down"), BusyError),
        (ABORT("socket error: EOF"), UnreachableError),
        (ERROR("append failed: [OVERQUOTA] full"), RefusedError),
        (ERROR("append failed: [LIMIT] slowly"), BusyError),
        (ERROR("fetch failed: no"), RefusedError),
        (ERROR("BAD Request is throttled. Suggested Backoff Time: 1 milliseconds"), BusyError),
        (ABORT("[OVERQUOTA] Account exceeded command or bandwidth limits."), BusyError),
        (ERROR("EXAMINE: BAD User is authenticated but not connected."), BusyError),
        (ABORT("Session invalidated - AccessTokenExpired"), ExpiredError),
        (ABORT("Session expired, please login again."), ExpiredError),
        (imaplib.IMAP4.readonly("Drafts is not writable"), RefusedError),
        (TimeoutError("timed out"), UnreachableError),
        (socket.gaierror(-2, "Name or service not known"), UnreachableError),
        (ConnectionResetError(104, "Connection reset by peer"), UnreachableError),
        (ValueError("garbage"), UnreachableError),
        (RecursionError(), UnreachableError),
    ],
)
def test_each_fault_is_what_it_means(error, kind):
    """A class says how long to wait, and whether only the user can mend it."""
    assert type(meaning(error)) is kind


def test_what_to_do_is_said_by_the_response_code():
    """A full mailbox wants space, an alert wants to be read."""
    assert "free some space" in str(meaning(ERROR("[OVERQUOTA] full")))
    assert "to read it" in str(meaning(LoginError("[ALERT] x")))


@pytest.mark.parametrize("kind", [ABORT, ERROR, LoginError, ValueError])
def test_a_server_s_words_are_not_repeated(kind):
    """They may hold addresses or text; only the response code is kept."""
    assert "quetzal" not in str(meaning(kind("[NOPERM] quetzal@example.org said: quetzal")))


def test_what_a_server_says_before_it_hangs_up_is_heard(server):
    """It says so between two commands; the next one finds the line dead, and why."""
    with proxy.running(server.port) as through:
        account = replace(ACCOUNT, host="127.0.0.1", port=through.port, tls="none")
        with opened(account, 10) as client:
            through.end("Session expired, please login again.", abruptly=True)
            wait_until_dead(client.socket())
            with pytest.raises(ExpiredError), translated(account):
                client.noop()


def wait_until_dead(sock: socket.socket) -> None:
    poll = select.poll()
    poll.register(sock, 0)  # a dead line is told of unasked
    assert poll.poll(10_000)
