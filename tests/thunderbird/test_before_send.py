"""Before Send, in Thunderbird itself: what is found is shown, and the user decides."""

from __future__ import annotations

import pytest
from support.notes import FLUB, OPENING, STRENGTH

pytestmark = pytest.mark.system

CLOSING = "Kind regards,\nAda\n"


def written(*paragraphs: str) -> str:
    return "\n\n".join(("Dear Ms Okafor,", *paragraphs, CLOSING))


CLEAN = written(OPENING, STRENGTH)
FLUBBED = written(OPENING, FLUB, STRENGTH)


def test_a_clean_note_is_sent_with_one_click(desk):
    """Nothing is shown, and nothing is to be clicked away."""
    desk.add_on()
    note = desk.thunderbird.write(CLEAN)
    note.send()
    desk.outbox.wait_for(1)
    desk.thunderbird.wait_for(lambda: not note.is_open())
    assert not list(desk.thunderbird.pages("dialog.html"))
    assert desk.told() == ""


def test_to_edit_is_to_go_back_to_the_first_passage(desk):
    """The window stays as it was, and the cursor stands before the passage."""
    desk.add_on()
    note = desk.thunderbird.write(FLUBBED)
    before = note.text()
    note.send()
    dialog = desk.thunderbird.dialog()
    assert "I am sorry I rambled" in dialog.text()
    dialog.press("edit")
    desk.thunderbird.wait_for(dialog.is_gone)
    desk.thunderbird.wait_for(note.is_editable)
    desk.thunderbird.wait_for(lambda: (note.after_cursor() or "").startswith("I am sorry I"))
    assert note.text() == before
    assert desk.outbox.sent == []
