"""Labelling mail of an account: mailboxes of a real server, and what the user dismissed there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from support.household import Household
from support.notes import CLEAN, FLUB, FLUBBED, note
from support.program import Program
from support.screen import ENTER, Screen


def terminal(household: Household) -> Program:
    program = household.program
    return replace(program, environment={**program.environment, "TERM": "xterm-256color"})


def stored(household: Household) -> list[dict]:
    folder = household.program.home / "data" / "unflub" / "examples"
    lines = [line for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines]


@pytest.fixture
def dismissed(household: Household) -> Household:
    """A note whose warning the user has deleted, which the daemon has seen, and another draft."""
    household.client.save(FLUBBED)
    household.client.save(
        note("We meet at noon.", message_id="<2@client.example>", to="bo@example.com")
    )
    household.once()
    household.client.delete(*household.client.warnings())
    household.once()
    return household


@pytest.mark.parametrize("sent", [False, True])
def test_a_dismissed_note_is_offered_as_one_without_flubs(dismissed, sent):
    """It is found by its digests in Drafts or in Sent; consent is asked for, no mail changes."""
    if sent:
        first = min(dismissed.client.messages())
        dismissed.client.send(first)
    before = dismissed.client.messages()
    screen = Screen(terminal(dismissed), "label", "--from-dismissed")
    screen.wait_for("[y/N]", "nothing leaves this machine")
    assert "warnings about 1 note." in screen.text
    screen.press("y" + ENTER)
    screen.wait_for("message 1 of 1", "- dismissed")
    screen.press(ENTER)
    screen.wait_for("All messages seen")
    screen.press("q")
    assert screen.end() == 0
    (example,) = stored(dismissed)
    assert (example["kind"], example["flubs"]) == ("thank_you", [])
    assert dismissed.client.messages() == before


def test_without_consent_nothing_is_learnt(dismissed):
    """Who says no has taught nothing."""
    screen = Screen(terminal(dismissed), "label", "--from-dismissed", "--account", "home")
    screen.wait_for("[y/N]")
    screen.press(ENTER)
    assert screen.end() == 0
    assert stored(dismissed) == []


def test_dismissed_notes_are_also_found_in_files(dismissed, tmp_path):
    """Where the note lies elsewhere by now, PATHs say where; it is offered once."""
    path = tmp_path / "old.eml"
    path.write_bytes(note("Some other words.", FLUB))
    screen = Screen(terminal(dismissed), "label", "--from-dismissed", path)
    screen.wait_for("[y/N]")
    screen.press("y" + ENTER)
    screen.wait_for("message 1 of 1")
    screen.press("n" * 9 + ENTER + ENTER)
    assert screen.end() == 0
    assert len(stored(dismissed)) == 1
    screen = Screen(terminal(dismissed), "label", "--from-dismissed", path)
    assert screen.end() == 5
    assert "or they are labelled" in screen.raw.replace("\r\n", " ")


def test_mailboxes_of_an_account_are_labelled_and_sorted(household):
    """`--account` takes mail from the server, `folders --account` two of its mailboxes."""
    with household.client.session() as imap:
        for name, raw in (("Fine", CLEAN), ("Flub", FLUBBED), ("Drafts", FLUBBED)):
            if name != "Drafts":
                imap.create_folder(name)
            imap.append(name, raw)
    arguments = ("label", "folders", "--account", "home", "--fine", "Fine", "--flub", "Flub")
    done = household.program.run(*arguments)
    assert "1 learnt as fine, 1 queued" in done.stdout, done.stderr
    for more in ((), ("--folder", "Flub")):
        screen = Screen(terminal(household), "label", "--account", "home", *more)
        screen.wait_for("message 1 of 1", "I am sorry I rambled")
        screen.press("q")
        assert screen.end() == 0
