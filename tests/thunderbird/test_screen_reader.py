"""What a screen reader is told of the add-on's pages, over AT-SPI, by Thunderbird itself."""

from __future__ import annotations

from contextlib import suppress

import pytest
from marionette_driver.keys import Keys
from support.letters import FLUBBED
from support.notes import FLUB
from support.screen_reader import Gone, Thing

HEADING = "Before you send it: one thought"


@pytest.fixture
def with_screen_reader() -> bool:
    """One listens here."""
    return True


def found(desk, role: str, name: str) -> Thing:
    """Wait until something is told of by that name, in whichever window."""

    def look() -> Thing | None:
        with suppress(Gone):
            windows = [one for program in desk.heard.parts() for one in program.parts()]
            near = [one for one in windows if one.name.startswith(name)]
            return next((t for one in near for t in heard(one, role) if t.name == name), None)
        return None

    return desk.thunderbird.wait_for(look)


def heard(place: Thing, *roles: str) -> list[Thing]:
    """What has such a role there, in the order of reading."""
    return [one for one in place.inside() if one.role in roles]


def named(place: Thing, *roles: str) -> list[tuple[str, str]]:
    return [(one.role, one.name) for one in heard(place, *roles)]


def test_the_dialog_says_what_was_found_and_what_one_can_do(desk):
    """Its name and why it came; headings, the passage, and buttons with what they do."""
    desk.add_on()
    desk.send(FLUBBED)
    dialog = found(desk, "dialog", HEADING)
    assert dialog.description.startswith("One passage goes back to something from the interview.")
    assert named(dialog, "heading") == [
        ("heading", HEADING), ("heading", "Why this passage"), ("heading", "What to do instead"),
    ]  # fmt: skip
    passages, _ = heard(dialog, "list")
    (passage,) = heard(passages, "list item")
    deed, quote, reason = heard(passage, "paragraph", "block quote")
    assert deed.text == (
        "It apologises for something in the interview and says what you forgot to mention."
    )
    assert quote.text == f"“{FLUB}”"
    assert reason.text.startswith("An apology asks the reader")
    edit, send, dismiss = heard(dialog, "push button")
    assert [one.name for one in (edit, send, dismiss)] == [
        "Go back and edit", "Send anyway", "Not a flub",
    ]  # fmt: skip
    assert dismiss.description.endswith("does not bring these passages up again.")


def test_the_focus_is_told_as_it_moves(desk):
    """It begins at the safe choice; Tab goes through the buttons, and back to the findings."""
    desk.add_on()
    desk.send(FLUBBED)
    page = desk.thunderbird.dialog()
    dialog = found(desk, "dialog", HEADING)
    back = Keys.SHIFT + Keys.TAB
    for key, name in (
        ("", "Go back and edit"), (Keys.TAB, "Send anyway"), (Keys.TAB, "Not a flub"),
        (back, "Send anyway"), (back, "Go back and edit"), (back, HEADING),
    ):  # fmt: skip
        if key:
            page.type(key)
        desk.thunderbird.wait_for(lambda name=name: focused(dialog) == [name])


def focused(place: Thing) -> list[str]:
    return [one.name for one in place.inside() if "focused" in one.states]


def test_every_field_of_the_options_has_its_name(desk):
    """And a state that can be told; the connection's test says how it went."""
    desk.add_on()
    options = desk.thunderbird.options()
    desk.thunderbird.wait_for(lambda: "Connected with unflub" in options.text())
    page = found(desk, "document web", "unflub")
    assert named(page, "combo box", "spin button", "push button") == [
        ("combo box", "How sure unflub must be before it speaks up"),
        ("spin button", "Wait for the program at most (seconds)"),
        ("push button", "Test the connection"),
    ]
    on, *kinds = heard(page, "check box")
    assert on.name == "Check every note before it is sent"
    (group,) = heard(page, "panel")
    assert group.name.startswith("Speak up about a passage that")
    assert [one.name for one in heard(group, "check box")] == [one.name for one in kinds]
    assert len({one.name for one in kinds} - {""}) == 8
    desk.thunderbird.wait_for(lambda: all("checked" in one.states for one in (on, *kinds)))
    (told,) = heard(page, "statusbar")
    assert told.text.startswith("Connected with unflub")
    options.press("on")
    desk.thunderbird.wait_for(lambda: "checked" not in on.states)
