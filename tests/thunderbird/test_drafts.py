"""The daemon's own job with Thunderbird as the client, alone and beside the add-on."""

from __future__ import annotations

from support.client import one_warning
from support.letters import CLEAN, FLUBBED, OTHERWISE


def digests(stored):
    return stored.message["X-Unflub-Warns-About"]


def test_save_autosave_edit_send(desk):
    """One warning draft appears, stays through an autosave, is renewed, and goes with the note."""
    client = desk.household.client
    with desk.household.program.watching():
        note = desk.thunderbird.write(FLUBBED)
        note.save()
        first = desk.wait_for_drafts(one_warning)
        saved = set(client.own())
        note.type("Hello again.\n")
        note.autosave()
        desk.wait_for_drafts(lambda client: len(client.own()) == 1 and set(client.own()) != saved)
        assert digests(desk.wait_for_drafts(one_warning)) == digests(first)
        note.rewrite(OTHERWISE)
        note.save()
        desk.wait_for_drafts(
            lambda client: (found := one_warning(client)) and digests(found) != digests(first)
        )
        desk.wait_for_drafts(lambda client: note.saved_as() in client.own())
        note.send()
        desk.wait_for_mail(1)
        desk.wait_for_drafts(lambda client: not client.messages())


def test_the_watcher_and_the_add_on_do_not_warn_twice(desk):
    """A draft that has its warning brings one dialog; after *Not a flub* both are silent."""
    client = desk.household.client
    desk.add_on()
    with desk.household.program.watching():
        note = desk.thunderbird.write(FLUBBED)
        note.save()
        desk.wait_for_drafts(one_warning)
        note.send()
        dialog = desk.thunderbird.dialog()
        assert len(list(desk.thunderbird.pages("dialog.html"))) == 1
        assert len(client.warnings()) == 1
        dialog.press("edit")
        desk.thunderbird.wait_for(note.is_editable)
        note.send()
        desk.thunderbird.dialog().press("dismiss")
        desk.wait_for_mail(1)
        desk.wait_for_drafts(lambda client: not client.messages())
        desk.thunderbird.write(FLUBBED).save()
        desk.wait_for_drafts(lambda client: client.own())
        desk.thunderbird.write(OTHERWISE, subject="Another").save()
        warning = desk.wait_for_drafts(one_warning)  # about this one: a pass saw the other, too
        assert "my certificate in the interview" in " ".join(warning.body("plain").split())


def test_a_running_daemon_answers_the_add_on(desk):
    """The verdict is the daemon's, and the same."""
    desk.add_on()
    with desk.household.program.watching():
        desk.send(FLUBBED)
        assert "I am sorry I rambled" in desk.thunderbird.dialog().text()
        desk.send(CLEAN)
        desk.wait_for_mail(1)
