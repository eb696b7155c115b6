"""`unflub scan --account`: mailboxes of a real server, by the real command."""

from __future__ import annotations

import json
import re

import pytest
from support.household import Household
from support.notes import CLEAN, FLUBBED, note
from support.terminal import on_terminal

OWN = FLUBBED.replace(b"panel@example.com", b"me@example.org")


@pytest.fixture
def filled(household: Household) -> Household:
    """Notes in mailboxes of every role."""
    with household.client.session() as imap:
        imap.create_folder("Jobs")
        imap.create_folder("Jobs/2025")
        for name, raw in (
            ("Drafts", FLUBBED), ("Drafts", CLEAN), ("Sent", OWN), ("INBOX", FLUBBED),
            ("Jobs", OWN), ("Jobs/2025", FLUBBED),
        ):  # fmt: skip
            imap.append(name, raw)
    return household


def scan(household: Household, *arguments: str) -> tuple[int, list[dict[str, object]]]:
    done = household.program.run("scan", "--account", "home", "--format", "jsonl", *arguments)
    assert not done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_without_a_mailbox_named_drafts_are_scanned(filled):
    """Which drafts are waiting to hurt me?"""
    status, rows = scan(filled)
    user = filled.client.user
    assert [re.sub(r"=\d+/", "=3/", str(row["source"])) for row in rows] == [
        f"imap://{user}@127.0.0.1/Drafts;UIDVALIDITY=3/;UID={uid}" for uid in (1, 2)
    ]
    assert ([row["severity"] for row in rows], status) == (["flub", "none"], 1)


def test_direction_comes_from_the_role_else_from_the_addresses(filled):
    """Sent and Drafts were written, INBOX received; elsewhere From and To tell."""
    _, rows = scan(filled, "--all-folders")
    told = {re.sub(r".*127.0.0.1/|;.*", "", str(row["source"])): row["direction"] for row in rows}
    assert told == {
        "Drafts": "outgoing", "Sent": "outgoing", "INBOX": "incoming", "Jobs": "outgoing",
        "Jobs/2025": "outgoing",
    }  # fmt: skip
    _, rows = scan(filled, "--folder", "Sent", "--direction", "incoming")
    assert [row["direction"] for row in rows] == ["incoming"]


def test_mailboxes_and_messages_are_chosen(filled):
    """By pattern, and by what the server finds."""
    assert len(scan(filled, "--folder", "Jobs*", "--folder", "Sent")[1]) == 3
    assert len(scan(filled, "--all-folders", "--to", "panel@")[1]) == 4
    assert scan(filled, "--all-folders", "--since", "2025-01-01", "--from", "nobody@") == (0, [])


def test_the_same_choice_of_messages_is_made_in_files(program, tmp_path):
    """Dates and addresses mean the same there."""
    for name, date, to in (("a", "4", "ann@x.example"), ("b", "5", "bob@x.example")):
        raw = f"Date: Tue, {date} Mar 2025 10:00:00 +0000\r\n".encode() + note("Hello.", to=to)
        (tmp_path / f"{name}.eml").write_bytes(raw)

    def found(*arguments: str) -> str:
        done = program.run("scan", "--format", "jsonl", *arguments, tmp_path)
        return "".join(json.loads(line)["source"][-5] for line in done.stdout.splitlines())

    assert found("--since", "2025-03-05") == found("--to", "BOB") == "b"
    assert found("--before", "2025-03-05") == "a"
    assert found("--from", "me@example.org") == "ab"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--account", "home", "--folder", "Sennt"], "it has Drafts, INBOX"),
        (["--account", "home", "--since", "yesterday"], "yesterday"),
        (["--folder", "Sent", "."], "--account"),
        (["--account", "home", "."], "either"),
    ],
)
def test_a_wrong_choice_is_one_line_that_helps(household, arguments, words):
    """Nothing is scanned in place of what was meant."""
    done = household.program.run("scan", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_interrupted_scan_of_an_account_goes_on(filled):
    """Rows are known by mailbox and UID."""
    arguments = ("scan", "--account", "home", "--all-folders", "--format", "jsonl")
    whole = filled.program.run(*arguments).stdout
    path = filled.program.home / "rows.jsonl"
    path.write_text("".join(whole.splitlines(keepends=True)[:2]))
    assert filled.program.run(*arguments, "--resume", path).returncode == 1
    assert path.read_text() == whole


def test_mail_of_a_mailbox_made_anew_is_not_taken_for_done(filled):
    """Its UIDs begin with 1 again; what tells it from the one before is its UIDVALIDITY."""
    path = filled.program.home / "rows.jsonl"
    arguments = ("scan", "--account", "home", "--folder", "Jobs/2025", "--format", "jsonl")
    filled.program.run(*arguments, "--resume", path)
    with filled.client.session() as imap:
        imap.delete_folder("Jobs/2025")
        imap.create_folder("Jobs/2025")
        imap.append("Jobs/2025", CLEAN)
    filled.program.run(*arguments, "--resume", path)
    rows = map(json.loads, path.read_text().splitlines())
    assert [row["severity"] for row in rows] == ["flub", "none"]


def test_a_terminal_sees_how_many_messages_there_are(filled):
    """The bar counts messages, whose number the server has told."""
    _, shown = on_terminal(filled.program, "stderr", "scan", "--account", "home", "--all-folders")
    assert b"6 messages" in shown
    assert b"100%" in shown
