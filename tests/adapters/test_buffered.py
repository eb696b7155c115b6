"""What came together with something else is not waited for: a scripted server, plain and with TLS.

A real server leaves it to chance what comes in one packet or in one TLS record.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from scanner.adapters.mailbox import connect
from scanner.config import Account

LONG = 60
ANSWERS = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n",
    b"LIST": b'* LIST (\\Drafts) "/" Drafts\r\n',
    b"EXAMINE": b"* 2 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 3] x\r\n",
    b"SEARCH": b"* SEARCH 1 2\r\n",
}
TOGETHER = {
    "with the +": b"+ idling\r\n* 3 EXISTS\r\n",
    "before the +": b"* 3 EXISTS\r\n+ idling\r\n",
    "after another line": b"+ idling\r\n* OK Still here\r\n* 1 EXPUNGE\r\n",
    "a flag": b"+ idling\r\n* OK Still here\r\n* 2 FETCH (FLAGS (\\Deleted))\r\n",
}


def converse(listener: socket.socket, context: ssl.SSLContext | None, together: bytes) -> None:
    """Serve one connection; IDLE is answered in a single write, and then nothing comes."""
    accepted, _ = listener.accept()
    with suppress(OSError):
        sock = context.wrap_socket(accepted, server_side=True) if context else accepted
        with sock, sock.makefile("rb") as lines:
            sock.sendall(b"* OK ready\r\n")
            for line in lines:
                tag, command, *_ = (line.upper().replace(b"UID ", b"") + b" .").split()
                if command == b"IDLE":
                    sock.sendall(together)
                    idle = tag
                elif tag == b"DONE":
                    sock.sendall(idle + b" OK done\r\n")
                else:
                    sock.sendall(ANSWERS.get(command, b"") + tag + b" OK done\r\n")


@contextmanager
def answering_idle_with(together: bytes, folder: Path, *, tls: bool) -> Iterator[Account]:
    authority, context = trustme.CA(), None
    authority.cert_pem.write_to_path(folder / "authority.pem")
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=converse, args=(listener, context, together), daemon=True)
        thread.start()
        yield Account(
            "home", "me@example.org", "localhost", "me", listener.getsockname()[1],
            "implicit" if tls else "none", ca_file=str(folder / "authority.pem"),
        )  # fmt: skip
        thread.join(10)


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("together", TOGETHER.values(), ids=TOGETHER)
def test_a_change_that_was_already_read_or_decrypted_wakes_at_once(tmp_path, together, tls):
    """The socket has nothing more to tell, and nobody waits for it."""
    with (
        answering_idle_with(together, tmp_path, tls=tls) as account,
        connect(account, "secret") as mailbox,
    ):
        mailbox.listing()
        began = time.monotonic()
        assert mailbox.wait(LONG) is True
        assert time.monotonic() - began < LONG / 2


@pytest.mark.parametrize(
    "together", [b"+ idling\r\n* 2 EXISTS\r\n", b"* 2 EXISTS\r\n+ idling\r\n* 2 EXISTS\r\n"]
)
def test_a_count_that_is_known_is_no_news(tmp_path, together):
    """Some servers repeat it at every command, which would have every wait end at once."""
    with (
        answering_idle_with(together, tmp_path, tls=False) as account,
        connect(account, "secret") as mailbox,
    ):
        mailbox.listing()
        assert mailbox.wait(0.1) is False


@pytest.mark.parametrize("command", [b"LOGIN", b"LIST", b"EXAMINE", b"SEARCH"])
def test_an_alert_is_told_whatever_it_comes_beside(tmp_path, monkeypatch, command):
    """Most servers have it beside the login; EXAMINE makes the library forget what came before."""
    monkeypatch.setitem(ANSWERS, command, b"* OK [ALERT] Hello\r\n" + ANSWERS.get(command, b""))
    with (
        answering_idle_with(b"+ idling\r\n", tmp_path, tls=False) as account,
        connect(account, "secret") as mailbox,
    ):
        mailbox.listing()
        assert "has an alert for you [ALERT]" in mailbox.take_alert()


def test_an_alert_is_told_once_and_without_its_words(tmp_path):
    """They are for the user (RFC 9051 section 7.1), and may hold an address."""
    said = b"+ idling\r\n* OK [ALERT] quetzal@example.org is over its limit\r\n* 3 EXISTS\r\n"
    with (
        answering_idle_with(said, tmp_path, tls=False) as account,
        connect(account, "secret") as mailbox,
    ):
        mailbox.listing()
        assert mailbox.take_alert() == ""
        assert mailbox.wait(LONG)
        alert = mailbox.take_alert()
        assert "has an alert for you [ALERT]" in alert
        assert "quetzal" not in alert
        assert mailbox.take_alert() == ""
