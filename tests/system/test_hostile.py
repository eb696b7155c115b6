"""Hostile mail, and what must stay private: bounded, told apart, and never repeated."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from support import hostile, proxy
from support.household import Household
from support.notes import FLUB, FLUBBED, OPENING, STRENGTH, note

MIB = 1024 * 1024
HEAD = b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
MARKERS = ("Zanzibar-subject", "Quetzal-text", "xylophone.example", "correct-horse", "kumquat-id")


def nested(depth: int) -> bytes:
    heads = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(depth)
    )
    return HEAD + heads + b"\r\nThat was a flub.\r\n"


def many_parts(count: int) -> bytes:
    part = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    return (
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * count + b"--b--\r\n"
    )


def bomb() -> bytes:
    squeezed = base64.encodebytes(zlib.compress(b"flub " * 20 * MIB, 9)).replace(b"\n", b"\r\n")
    again = base64.encodebytes(b"A" * 3 * MIB).replace(b"\n", b"\r\n")
    encoding = b"Content-Transfer-Encoding: base64\r\nContent-Type: text/html\r\n\r\n"
    return HEAD + encoding + squeezed + again


def text(content: bytes, kind: bytes = b"text/plain") -> bytes:
    return HEAD + b"Content-Type: " + kind + b"; charset=utf-8\r\n\r\n" + content + b"\r\n"


def monsters() -> dict[str, bytes]:
    """Hundreds of megabytes, made when they are wanted: every test process imports this file."""
    return {
        "10,000 nested parts": nested(10_000),
        "10,000 parts": many_parts(10_000),
        "200 MB": text(
            (b"Dear all, this line is of the novel. " * 2 + b"\r\n") * (200 * MIB // 76)
        ),
        "5 MB in a line": text(b"a flub and " * (5 * MIB // 11)),
        "5 MB subject": b"Subject: " + b"=?utf-8?q?x?= " * 400_000 + b"\r\n" + HEAD + b"\r\nx",
        "bomb": bomb(),
        "deep HTML": text(b"<div>" * 100_000 + b"flub", b"text/html"),
        "quotes": text(b"> " * 200_000 + b"\r\nOn " + b"wrote: on " * 50_000),
        "spaces": text(b"Kind regards" + b" " * 300_000 + b"\r\n-- " + b"\r\n" * 200_000),
        "addresses": HEAD
        + b"To: " + b"a@b," * 300_000 + b"\r\nReferences: <" + b"<" * 99_999 + b"\r\n\r\n",
        "letters": text(b"a" * 200_000 + b"!" + b".'\"" * 50_000),
    }  # fmt: skip


def high_water(pid: int) -> float:
    """As much memory as a process ever had resident, in MiB."""
    status = (Path("/proc") / str(pid) / "status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def test_monsters_cost_little_and_the_daemon_goes_on(household):
    """Transfer and memory stay bounded, and the note among them is warned about."""
    many = monsters()
    for monster in many.values():
        household.client.save(monster)
    household.client.save(FLUBBED)
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        with household.program.watching(wait=False) as daemon:
            household.client.wait_until(lambda client: client.has_warnings(), patience=200)
            assert high_water(daemon.process.pid) < 150
            assert daemon.stop() == 0
        assert through.received < len(many) * MIB // 2
    log = daemon.log.read_text()
    assert "internal error" not in log
    assert "; not checked" in log


def test_hostile_drafts_do_not_keep_the_note_among_them_from_its_warning(household):
    """Whatever reading one of them meets, the pass goes on, and each is left as it is."""
    drafts = [path.read_bytes() for path in hostile.CASES]
    for draft in drafts:
        household.client.save(draft.replace(b"\0", b"?"))  # IMAP takes no NUL
    household.client.save(FLUBBED)
    assert "warned about 1 (" in household.once()


def test_a_note_below_an_endless_header_is_not_checked(household):
    """It is not taken for clean, though its own fields lie beyond what is fetched."""
    household.client.save(b"X-Long: " + b"x\r\n " * 70_000 + b"x\r\n" + FLUBBED)
    assert "; not checked 1 (" in household.once()


def test_nothing_of_a_note_gets_into_the_header_of_its_warning(household):
    """Line ends in an encoded subject or in a Message-ID begin no field of their own."""
    injected = note(OPENING, FLUB, STRENGTH, subject="PLACE", message_id="").replace(
        b"Subject: PLACE",
        b"Subject: =?utf-8?q?Thanks=0D=0ABcc:_everybody@example.com=0D=0A?=\r\n"
        b" =?utf-8?b?" + base64.b64encode(b"x\r\nX-Evil: yes\r\n\r\nbody") + b"?=\r\n"
        b"Message-ID: <a@b>\r\n\tBcc: other@example.com",
    )
    household.client.save(injected)
    household.once()
    (stored,) = household.client.warnings().values()
    message = stored.message
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert message["From"] == "me@example.org"
    assert not message.defects


def test_a_script_in_a_note_is_shown_and_not_run(household):
    """What is markup in the note's words is text in the warning."""
    evil = 'We met <script>alert(1)</script> & "<img src=x onerror=alert(2)>" today.'
    household.client.save(
        note(OPENING, evil, FLUB, STRENGTH, subject="Thank you for the interview <script>")
    )
    household.once()
    (stored,) = household.client.warnings().values()
    html = stored.body("html")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def marked() -> bytes:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = f"me@{MARKERS[2]}"
    message["To"] = f"panel@{MARKERS[2]}"
    message["Subject"] = f"Thank you {MARKERS[0]}"
    message["Message-ID"] = f"<{MARKERS[4]}@{MARKERS[2]}>"
    message.set_content(f"Dear Ms Okafor,\n\n{OPENING} {MARKERS[1]}.\n\n{FLUB}\n\n{STRENGTH}\n")
    return message.as_bytes()


def everything_written(household: Household, *logs: str) -> str:
    state = household.program.home / "state"
    files = [path.read_text(errors="replace") for path in state.rglob("*") if path.is_file()]
    assert files
    return "\n".join([*logs, *files])


def test_nothing_private_is_logged_or_kept(household):
    """Neither when all is well, nor in any trouble, and nor in what `status` says."""
    quick = "settle_seconds = 0\ntimeout_seconds = 2"
    household.configure(top=quick, address=f'"me@{MARKERS[2]}"')
    household.client.save(marked())
    encrypted = (
        marked().replace(b"text/plain", b"application/pkcs7-mime").replace(b"<kumq", b"<2kumq")
    )
    household.client.save(encrypted)
    said = [household.program.run("watch", "--dry-run", "--once").stderr]
    for fault in ("bye", "garbage"):
        with proxy.running(household.server.port, fault, at=11) as through:
            household.configure(top=quick, address=f'"me@{MARKERS[2]}"', port=str(through.port))
            said.append(household.program.run("watch", "--once").stderr)
    household.configure(address=f'"me@{MARKERS[2]}"')
    with household.program.watching() as daemon:
        household.client.wait_until(lambda client: client.warnings())
        said += [household.program.run("status").stdout]
    household.program.environment["TEST_PASSWORD"] = MARKERS[3] + "-wrong"
    said += [daemon.log.read_text(), household.program.run("watch").stderr]
    written = everything_written(household, *said)
    assert [marker for marker in MARKERS if marker.lower() in written.lower()] == []


def test_the_words_of_a_server_are_repeated_nowhere(household):
    """A refusal may name the user and a subject, in letters that make a library of ours warn."""
    refusal = f"NO [OVERQUOTA] für me@{MARKERS[2]} gesperrt, Betreff: {MARKERS[0]}".encode()
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        through.rewrite = lambda answer: re.sub(
            rb"OK (\[READ-ONLY\] )?(Select|Examine)[^\r]*", refusal, answer
        )
        done = [
            household.program.run(*command)
            for command in (
                ("watch", "--once"), ("watch", "--once", "--log", "unflub.log"),
                ("scan", "--account", "home"), ("doctor",),
            )
        ]  # fmt: skip
    said = "".join(one.stdout + one.stderr for one in done)
    said += (household.program.home / "unflub.log").read_text()
    assert "[OVERQUOTA]" in said
    assert [marker for marker in MARKERS if marker in said] == []


_AUDIT = """
import os, sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        with open(os.environ["AUDIT"], "a") as file:
            print(event, arguments[1:] if event.startswith("socket.c") else arguments, file=file)
sys.addaudithook(hook)
"""


def test_the_only_connection_is_that_to_the_configured_server(household):
    """Every connection of the daemon and of the process that judges is seen by an audit hook."""
    home = household.program.home
    (home / "sitecustomize.py").write_text(_AUDIT)
    household.program.environment.update(PYTHONPATH=str(home), AUDIT=str(home / "audit"))
    household.client.save(FLUBBED)
    household.client.save(note("Look: https://tracker.example/x.png", message_id="<t@x>"))
    with household.program.watching() as daemon:
        household.client.wait_until(lambda client: client.warnings())
        assert daemon.stop() == 0
    lines = (home / "audit").read_text().splitlines()
    assert lines
    port = household.server.port
    allowed = {
        f"socket.connect (('127.0.0.1', {port}),)",
        f"socket.getaddrinfo ('127.0.0.1', {port}",
    }
    assert [line for line in lines if not line.startswith(tuple(allowed))] == []


def test_the_kernel_sees_no_other_connection(household):
    """Nor do libraries open one that are not written in Python: every system call is traced.

    A sweep a second, and twenty of them: what reports to its makers may wait before it begins.
    """
    home, port = household.program.home, household.server.port
    household.configure(top="settle_seconds = 0\nsweep_seconds = 1")
    traced = home / "traced"
    calls = "connect,sendto,sendmsg,sendmmsg"
    traced.write_text(
        f'#!/bin/sh\nexec strace -D -f -qq -o {home}/calls -e trace={calls} {sys.executable} "$@"\n'
    )
    traced.chmod(0o755)
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode:
        pytest.skip("no process may be traced here")
    household.client.save(FLUBBED)
    with replace(household.program, interpreter=traced).watching() as daemon:
        household.client.wait_until(lambda client: client.warnings())
        daemon.wait_for(" drafts read; ", daemon.passes() + 20)
        assert daemon.stop() == 0
    named = [line for line in (home / "calls").read_text().splitlines() if "AF_INET" in line]
    allowed = f'sin_port=htons({port}), sin_addr=inet_addr("127.0.0.1")'
    assert named
    assert [line for line in named if allowed not in line] == []
