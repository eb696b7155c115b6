"""The warning draft's whole life, by the real daemon on a real Dovecot."""

from __future__ import annotations

import json
import re

import pytest
from support.client import MailClient, Stored, one_warning
from support.household import Household
from support.notes import CLEAN, FLUB, FLUBBED, OPENING, OTHER_FLUB, STRENGTH, note


def only(client: MailClient) -> tuple[int, Stored]:
    (found,) = client.own().items()
    return found


@pytest.fixture
def warned(household: Household) -> Household:
    """A flubbed note that has its warning draft."""
    household.client.save(FLUBBED)
    household.once()
    assert one_warning(household.client)
    return household


def test_a_flubbed_note_gets_one_warning_draft_while_the_daemon_idles(household):
    """The daemon notices a saved note by IDLE alone: sweep and poll are a day away."""
    household.configure(top="settle_seconds = 0\nsweep_seconds = 86400\npoll_seconds = 86400")
    with household.program.watching():
        household.client.save(FLUBBED)
        household.client.wait_until(one_warning)


def test_the_note_stays_byte_for_byte_and_flag_for_flag(household):
    """Neither the note nor its flags change, whether it had been seen or not."""
    household.client.save(FLUBBED, flags=(b"\\Draft",))
    household.client.save(note(OPENING, OTHER_FLUB, message_id="<2@x>", to="b@example.com"),
                          flags=(b"\\Draft", b"\\Seen", b"\\Flagged"))  # fmt: skip
    before = household.client.own()
    with household.program.watching():
        household.client.wait_until(lambda client: len(client.warnings()) == 2)
    household.once()
    assert household.client.own() == before


def test_the_warning_draft_has_the_headers_and_flags_of_the_contract(warned):
    """Flags, sender, thread and marks are as promised, and nobody is addressed."""
    stored = one_warning(warned.client)
    message = stored.message
    assert stored.flags == {b"\\Draft", b"\\Seen"}
    assert message["From"] == "me@example.org"
    assert message["To"] is message["Cc"] is message["Bcc"] is None
    assert message["Subject"].startswith("⚠ unflub:")
    assert "Thank you for the interview" in message["Subject"]
    assert message["In-Reply-To"] == message["References"] == "<note-1@client.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] not in {None, "<note-1@client.example>"}
    assert re.fullmatch(r"[0-9a-f]{16}( [0-9a-f]{16})*", message["X-Unflub-Warns-About"])
    assert message["X-Unflub-Version"]
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_both_parts_of_the_warning_are_complete(warned, subtype):
    """Text and HTML each quote the passage, explain it, and show the note without it."""
    body = " ".join(one_warning(warned.client).body(subtype).split())
    for words in (
        "Thank you for the interview",
        "I am sorry I rambled when you asked about the budget.",
        "words",
        "without it",
        "references",
        "the ward manager position at Larkfield Hospital",
        "Delete this warning draft",
    ):
        assert words.casefold() in body.casefold()
    without = body.casefold().split("the note without it")[1].split("what to do instead")[0]
    assert STRENGTH.casefold() in without
    assert "rambled" not in without


def test_the_html_part_loads_nothing_and_runs_nothing(warned):
    """There is no script, link, image or style from elsewhere in the HTML."""
    html = one_warning(warned.client).body("html")
    assert not re.search(r"<(script|img|link|iframe|object)|https?://|url\(|@import|\son\w+=", html)


def test_a_second_run_does_nothing(warned):
    """Once warned, a further pass changes no message."""
    before = warned.client.messages()
    assert "warned about 0, removed 0" in warned.once()
    assert warned.client.messages() == before


def test_a_dry_run_writes_nothing(household):
    """--dry-run says what it would do, and neither mailbox nor state changes."""
    household.client.save(FLUBBED)
    before = household.client.messages()
    assert "would have warned about 1 (uid 1)" in household.once("--dry-run")
    assert household.client.messages() == before
    assert not (household.program.home / "state").exists()


@pytest.mark.parametrize("message_id", ["<note-1@client.example>", "<note-2@client.example>", ""])
def test_autosave_under_a_new_uid_keeps_the_one_warning(warned, message_id):
    """The same note saved anew, under the same, another or no Message-ID, is the same note."""
    (before,) = warned.client.warnings()
    uid, _ = only(warned.client)
    warned.client.replace(uid, note(OPENING, FLUB, STRENGTH, message_id=message_id))
    warned.once()
    assert list(warned.client.warnings()) == [before]


@pytest.mark.parametrize("message_id", ["<note-1@client.example>", "<note-2@client.example>"])
@pytest.mark.parametrize("flagged", [True, False], ids=["deleted", "left"])
def test_older_copies_left_behind_do_not_double_the_warning(warned, message_id, flagged):
    """A client that leaves the old copy, flagged as deleted or not, sees one warning."""
    uid, _ = only(warned.client)
    warned.client.save(note(OPENING, FLUB, STRENGTH, message_id=message_id))
    if flagged:
        warned.client.mark_deleted(uid)
    warned.once()
    assert len(warned.client.warnings()) == 1


def test_an_edit_elsewhere_in_the_note_keeps_the_one_warning(warned):
    """Words added around the passage are no reason for a second warning."""
    uid, _ = only(warned.client)
    warned.client.replace(uid, note(OPENING, FLUB, STRENGTH, "I could start in May."))
    warned.once()
    assert len(warned.client.warnings()) == 1


def test_a_new_passage_renews_the_warning(warned):
    """With another passage there is still one warning, which now names both."""
    uid, _ = only(warned.client)
    warned.client.replace(uid, note(OPENING, FLUB, STRENGTH, OTHER_FLUB))
    warned.once()
    body = one_warning(warned.client).body("plain")
    assert "rambled" in body
    assert "certificate" in body


def test_fixing_the_passage_withdraws_the_warning(warned):
    """When the passage is gone, so is the warning."""
    uid, _ = only(warned.client)
    warned.client.replace(uid, CLEAN)
    warned.once()
    assert not warned.client.warnings()
    assert len(warned.client.own()) == 1


def test_a_fixed_note_beside_its_old_copy_withdraws_the_warning(warned):
    """The newest copy of a note counts, also while the old one lies beside it."""
    warned.client.save(note(OPENING, STRENGTH, message_id="<note-2@client.example>"))
    warned.once()
    assert not warned.client.warnings()


@pytest.mark.parametrize("action", [MailClient.send, MailClient.delete, MailClient.mark_deleted])
def test_sending_or_deleting_the_note_withdraws_the_warning(warned, action):
    """A note that is no draft any more needs no warning."""
    uid, _ = only(warned.client)
    with warned.program.watching():
        action(warned.client, uid)
        warned.client.wait_until(lambda client: not client.warnings())


@pytest.mark.parametrize("action", [MailClient.delete, MailClient.mark_deleted])
def test_deleting_the_warning_dismisses_it_across_a_restart(warned, action):
    """A deleted warning does not come back, also when the note is saved anew."""
    (warning,) = warned.client.warnings()
    action(warned.client, warning)
    assert "warned about 0, removed 0" in warned.once()
    uid, _ = only(warned.client)
    warned.client.replace(uid, note(OPENING, FLUB, STRENGTH, "I could start in May."))
    assert "warned about 0, removed 0" in warned.once()
    assert not warned.client.warnings()


def test_a_new_passage_is_warned_about_after_a_dismissal(warned):
    """What was dismissed stays so, and the new passage alone is named."""
    (warning,) = warned.client.warnings()
    warned.client.delete(warning)
    warned.once()
    uid, _ = only(warned.client)
    warned.client.replace(uid, note(OPENING, FLUB, STRENGTH, OTHER_FLUB))
    warned.once()
    marked = re.findall(r">>> (.*?) <<<", one_warning(warned.client).body("plain"), re.DOTALL)
    assert len(marked) == 1
    assert "certificate" in marked[0]


def test_two_notes_with_the_same_passage_have_a_warning_each(household):
    """Notes to different people are different notes, whatever they share."""
    household.client.save(FLUBBED)
    household.client.save(
        note(OPENING, FLUB, STRENGTH, message_id="<n2@x>", to="other@example.com")
    )
    household.once()
    assert len(household.client.warnings()) == 2
    assert "warned about 0, removed 0" in household.once()


def test_an_edited_warning_draft_is_never_removed(warned):
    """A warning that somebody wrote into is theirs from then on."""
    ((uid, stored),) = warned.client.warnings().items()
    message = stored.message
    message.get_body(("html",)).set_content("<p>My own words now.</p>", subtype="html")
    warned.client.replace(uid, message.as_bytes())
    note_uid, _ = only(warned.client)
    warned.client.delete(note_uid)
    assert "warned about 0, removed 0" in warned.once()
    assert len(warned.client.messages()) == 1


def test_a_double_warning_is_reduced_to_one(warned):
    """A crash between append and removal leaves two; the next pass leaves one."""
    (stored,) = warned.client.warnings().values()
    warned.client.save(stored.raw, flags=(b"\\Draft", b"\\Seen"))
    warned.once()
    assert len(warned.client.warnings()) == 1


def test_lost_local_state_costs_no_correctness(warned):
    """Without its memory unflub still knows what it warned about: the mailbox says it."""
    for file in (warned.program.home / "state").rglob("*.json"):
        file.unlink()
    assert "warned about 0, removed 0" in warned.once()


def test_a_warning_is_never_scanned_or_warned_about(warned):
    """The quotation in the warning is not taken for a note, even where the note is gone."""
    done = warned.program.run("scan", "--account", "home", "--format", "jsonl")
    assert done.returncode == 1, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["message_id"] for row in rows] == ["<note-1@client.example>"]
