"""The full-screen interface, driven by its keys, in Textual's own pilot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.widgets import Static

from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.errors import UnreadableError
from scanner.labelling.screen import Screen
from scanner.labelling.session import Item, begun

TEXT = "Dear Bo,\n\nThank you for the audition. I am sorry I came in late. I loved the hall.\n\nAda"
OTHER = "Hi all,\n\nThe key is with the caretaker. See you on Friday in the hall.\n\nAda"


def item(text: str, *suggested: str | None) -> Item:
    sentences = segment(Draft(text, "[b]Friday[/b]"))
    return Item(
        f"{len(text):032x}", sentences, "thank_you" if any(suggested) else "other", suggested
    )


class Store(dict[str, object]):
    """Keeps labels by message, as the store of examples does."""

    def keep(self, one: Item, example: object) -> None:
        self[one.name] = example


def drive(*keys: str, size=(80, 24), keep: Callable | None = None) -> tuple[Store, str]:
    """Press keys; give what was kept, and the text on the screen at the end."""
    store = Store()

    async def run() -> str:
        two = [item(TEXT, None, "apology", None), item(OTHER, None, None)]
        screen = Screen(begun(two), keep or store.keep)
        async with screen.run_test(size=size) as pilot:
            await pilot.press(*keys)
            await pilot.pause()
            parts = screen.query(Static).results()
            return "\n".join(str(part.render()) for part in parts if not part.has_class("rule"))

    return store, asyncio.run(run())


def labels(example) -> list[tuple[str, str]]:
    return [(x.text, x.category) for x in example.labels]


def test_a_note_takes_two_keys():
    """Space takes the suggestion, Enter keeps it and shows the next message."""
    store, shown = drive("space", "enter")
    (kept,) = store.values()
    assert labels(kept) == [("I am sorry I came in late.", "apology")]
    assert "message 2 of 2" in shown


def test_every_category_has_its_key():
    """A letter marks the sentence at hand, and goes on."""
    for key, category in {"r": "reanswer", "s": "self_criticism", "a": "apology", "e": "excuse",
                          "c": "correction", "o": "omission", "p": "plea", "t": "pretext",
                          "R": "reanswer"}.items():  # fmt: skip
        store, _ = drive("2", key, "enter")
        (kept,) = store.values()
        assert labels(kept) == [("I am sorry I came in late.", category)]


def test_sentences_are_chosen_by_arrow_or_number():
    """What is chosen is what is marked."""
    store, _ = drive("up", "o", "n", "3", "p", "enter")
    (kept,) = store.values()
    assert [category for _, category in labels(kept)] == ["omission", "plea"]


def test_undo_takes_a_kept_label_back():
    """A message that was done is as if it had never been; then it can be done anew."""
    store, shown = drive("space", "enter", "u")
    assert list(store.values()) == [None]
    assert "message 1 of 2" in shown
    store, _ = drive("space", "enter", "u", "u", "n", "enter")
    assert [labels(kept) for kept in store.values()] == [[]]


def test_the_end_is_said_and_can_be_undone():
    """After the last message the screen says so, and only b, u and q do something."""
    _, shown = drive("space", "enter", "enter", "r", "x", "7", "down")
    assert "All messages seen, 2 of 2 labelled now" in shown
    _, shown = drive("space", "enter", "enter", "b")
    assert "message 2 of 2" in shown


def test_help_shows_and_goes():
    """? explains the categories; any key goes back, and does nothing else."""
    _, shown = drive("?")
    assert "takes back or corrects something said" in shown
    store, shown = drive("?", "enter")
    assert "I am sorry I came in late." in shown
    assert not store


def test_unknown_keys_do_nothing():
    """No slip of a finger keeps, marks or breaks anything."""
    store, shown = drive("x", "escape", "f5", "left", "tab", "ctrl+a", "0", "~", "ä")
    assert not store
    assert "message 1 of 2" in shown


@pytest.mark.parametrize("size", [(20, 8), (80, 24), (200, 60)])
def test_any_size_shows_the_sentence_at_hand(size):
    """Also a very small terminal."""
    _, shown = drive("down", "up", size=size)
    assert ">" in shown


def test_what_looks_like_markup_is_text():
    """A subject with brackets is shown as it is."""
    _, shown = drive()
    assert "[b]Friday[/b]" in shown


def test_a_full_disk_ends_it_with_the_reason():
    """What the store raises comes out, and nothing of the message is shown in a traceback."""

    def full(*_: object) -> None:
        raise UnreadableError("the disk is full")

    with pytest.raises(UnreadableError, match="the disk is full"):
        drive("space", "enter", keep=full)
