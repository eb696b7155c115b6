"""`unflub sendmail` before the real msmtp: the server gets what it gets without."""

from __future__ import annotations

import pytest
from support.notes import CLEAN, FLUBBED

HARD = b"To: panel@example.com\nSubject: =?utf-8?q?=C3=A4?=\n\n.\n..\n\xff\x00 8 bits\nno end"


@pytest.fixture(autouse=True)
def nothing_added(desk) -> None:
    """msmtp leaves header fields as they are."""
    with (desk.home / ".msmtprc").open("a") as file:
        for name in ("from", "date", "msgid"):
            file.write(f"set_{name}_header off\n")


@pytest.mark.parametrize("raw", [CLEAN, HARD], ids=["clean", "hard"])
def test_the_server_gets_the_same(desk, raw):
    """With recipients from the header or from the command."""
    (desk.home / "note.eml").write_bytes(raw)
    for to in ("-t", "-- panel@example.com"):
        for before in ("", "unflub sendmail "):
            done = desk.program.finished(["sh", "-c", f"{before}msmtp {to} < note.eml"])
            assert (done.returncode, done.stderr) == (0, "")
    assert len(desk.box.raw) == 4
    assert len(set(desk.box.raw)) == 1


def test_what_msmtp_says_is_what_the_client_hears(desk):
    """Status and words, where the server takes nothing."""
    desk.box.refuses = True
    (desk.home / "note.eml").write_bytes(CLEAN)
    told = [
        desk.program.finished(["sh", "-c", f"{before}msmtp -t < note.eml"])
        for before in ("", "unflub sendmail ")
    ]
    assert told[0].returncode == told[1].returncode != 0
    assert told[0].stderr == told[1].stderr != ""


def test_a_held_note_is_not_sent(desk):
    """There is no terminal in this test."""
    (desk.home / "note.eml").write_bytes(FLUBBED)
    line = "setsid -w unflub sendmail --no-question msmtp -t < note.eml"
    assert desk.program.finished(["sh", "-c", line]).returncode == 75
    assert not desk.box.raw
