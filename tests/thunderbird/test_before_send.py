"""Before Send, in Thunderbird itself: what is found is shown, and the user decides."""

from __future__ import annotations

import re

import pytest
from marionette_driver.keys import Keys
from support.letters import CLEAN, FLUBBED, answer, answer_in_html, in_html, in_list
from support.notes import FLUB, OTHER_FLUB

_VARIES = re.compile(rb"^(Message-ID|Date): .*\r\n|-{8,}\w+", re.MULTILINE)
"""What differs in two mails of the same words: names, times, and what parts them."""


def same(raw: bytes) -> bytes:
    return _VARIES.sub(b"", raw)


def go_on(desk, note, dialog, choice):
    dialog.press(choice)
    desk.thunderbird.wait_for(dialog.is_gone)
    if choice != "edit":
        desk.thunderbird.wait_for(lambda: not note.is_open())


@pytest.mark.parametrize(
    ("body", "html"),
    [(CLEAN, False), (answer(FLUBBED), False), (answer_in_html(FLUBBED), True)],
    ids=["clean", "quoting", "quoting-html"],
)
def test_what_has_no_flub_is_sent_with_one_click(desk, body, html):
    """Nothing is shown, and nothing is to be clicked away; also where a quoted note has one."""
    desk.add_on()
    note = desk.send(body, html=html)
    desk.wait_for_mail(1)
    desk.thunderbird.wait_for(lambda: not note.is_open())
    assert not list(desk.thunderbird.pages("dialog.html"))
    assert desk.told() == ""


@pytest.mark.parametrize("html", [False, True])
def test_to_edit_is_to_go_back_to_the_first_passage(desk, html):
    """The window stays as it was, and the cursor stands before the passage."""
    desk.add_on()
    note = desk.thunderbird.write(in_html(FLUBBED) if html else FLUBBED, html=html)
    before = note.text()
    note.send()
    dialog = desk.thunderbird.dialog()
    assert "I am sorry I rambled" in dialog.text()
    go_on(desk, note, dialog, "edit")
    desk.thunderbird.wait_for(note.is_editable)
    desk.thunderbird.wait_for(lambda: (note.after_cursor() or "").startswith("I am sorry I"))
    assert note.text() == before
    assert desk.outbox.raw == []


def test_a_passage_in_a_list_is_found_with_what_is_not_seen_of_it(desk):
    """Its quote has the mark of the second item, which no text has, and no soft hyphen."""
    desk.add_on()
    hyphened = FLUB.replace("rambled", "ram\u00adbled")
    body = in_list(hyphened, OTHER_FLUB)
    note = desk.send(body, html=True)
    dialog = desk.thunderbird.dialog()
    assert "2. " in dialog.text()
    go_on(desk, note, dialog, "edit")
    desk.thunderbird.wait_for(note.is_editable)
    desk.thunderbird.wait_for(lambda: note.after_cursor() == hyphened)


@pytest.mark.parametrize("html", [False, True])
def test_to_send_anyway_delivers_exactly_what_was_written(desk, html):
    """The mail is byte for byte that of a Thunderbird without the add-on."""
    body = in_html(FLUBBED) if html else FLUBBED
    plain = desk.send(body, html=html)
    desk.wait_for_mail(1)
    desk.thunderbird.wait_for(lambda: not plain.is_open())
    desk.add_on()
    note = desk.send(body, html=html)
    go_on(desk, note, desk.thunderbird.dialog(), "send")
    without, with_it = desk.wait_for_mail(2)
    assert b"I am sorry I rambled" in with_it

    assert same(with_it) == same(without)


def test_no_flub_is_remembered(desk):
    """The note goes, the passage is not brought up again, and no warning draft is written."""
    desk.add_on()
    note = desk.send(FLUBBED)
    go_on(desk, note, desk.thunderbird.dialog(), "dismiss")
    desk.wait_for_mail(1)
    desk.send(FLUBBED)
    desk.wait_for_mail(2)
    draft = desk.thunderbird.write(FLUBBED)
    draft.save()
    client = desk.household.client
    desk.wait_for_drafts(lambda client: client.own())
    desk.household.once()
    assert client.warnings() == {}


def test_escape_and_closing_the_window_send_nothing(desk):
    """Whoever does not choose has not sent."""
    desk.add_on()
    for leave in (lambda page: page.type(Keys.ESCAPE), lambda page: page.close()):
        note = desk.send(FLUBBED)
        dialog = desk.thunderbird.dialog()
        leave(dialog)
        desk.thunderbird.wait_for(dialog.is_gone)
        desk.thunderbird.wait_for(note.is_editable)
    assert desk.outbox.raw == []


def test_the_keyboard_is_enough(desk):
    """The safe choice has the focus; Tab goes from button to button, and Enter presses one."""
    desk.add_on()
    note = desk.send(FLUBBED)
    dialog = desk.thunderbird.dialog()
    desk.thunderbird.wait_for(lambda: dialog.focused() == "edit")
    dialog.type(Keys.TAB)
    desk.thunderbird.wait_for(lambda: dialog.focused() == "send")
    dialog.type(Keys.ENTER)
    desk.wait_for_mail(1)
    desk.thunderbird.wait_for(lambda: not note.is_open())


@pytest.mark.parametrize("dark", [False, True])
def test_who_sees_or_hears_otherwise_can_use_it(desk, dark):
    """axe-core finds nothing wrong with dialog and options, light or dark."""
    desk.thunderbird.prefer_dark(dark)
    desk.add_on()
    desk.send(FLUBBED)
    options = desk.thunderbird.options()
    desk.thunderbird.wait_for(lambda: "Connected with unflub" in options.text())
    for page in (options, desk.thunderbird.dialog()):
        assert page.is_dark() == dark
        assert page.language() == "en"  # of its words, whatever Thunderbird speaks
        assert page.violations() == []


def test_the_button_checks_now(desk):
    """It shows the passages of a flubbed note, and that there are none in a clean one."""
    desk.add_on()
    note = desk.thunderbird.write(FLUBBED)
    note.check()
    dialog = desk.thunderbird.dialog()
    assert "Send anyway" not in dialog.text()
    go_on(desk, note, dialog, "edit")
    note.rewrite(CLEAN)
    note.check()
    dialog = desk.thunderbird.dialog()
    assert "Nothing found." in dialog.text()
    dialog.press("close")
    desk.thunderbird.wait_for(dialog.is_gone)
    assert desk.outbox.raw == []


@pytest.mark.parametrize(
    "options", [{"on": False}, {"without": ["apology", "reanswer", "omission"]}]
)
def test_what_is_switched_off_is_not_shown(desk, options):
    """Neither the add-on, nor a kind of passage."""
    desk.add_on(**options)
    desk.send(FLUBBED)
    desk.wait_for_mail(1)


def test_the_options_are_kept(desk):
    """What one clicks in the options page decides what is shown."""
    desk.add_on()
    options = desk.thunderbird.options()
    desk.thunderbird.wait_for(lambda: "Connected with unflub" in options.text())
    options.press("on")
    desk.send(FLUBBED)
    desk.wait_for_mail(1)
