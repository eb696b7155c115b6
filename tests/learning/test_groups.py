"""Groups of messages that may not be parted."""

from __future__ import annotations

import dataclasses

import pytest

from scanner.learning import corpus, groups
from scanner.learning.corpus import Example

LETTER = (
    "Thank you for showing me the signal box on Friday. The levers from 1911 are a marvel, and "
    "so is how calmly your people work them. I would gladly learn that trade from them. "
    "My night shifts at the depot have taught me to stay awake and to write everything down."
)


def projected(text: str, writer: str, name: str = "1", pair: str | None = None):
    example = Example(name, "thank_you", "Signal box", text, (), "none", writer, pair)
    return corpus.project(example)


def names(*messages, anonymous=()) -> list[int]:
    """Give each message the number of its group, in order of appearance."""
    found = groups.grouped(messages, anonymous).tolist()
    return [sorted(set(found), key=found.index).index(name) for name in found]


def test_a_writer_is_a_group():
    """Messages of one writer stay together, whatever they say."""
    assert names(projected(LETTER, "a"), projected("Short.", "a"), projected("Brief.", "b")) == [
        0, 0, 1,
    ]  # fmt: skip


def test_near_duplicates_join_their_writers():
    """A note with another name in it is the same note, and its writers stand on one side."""
    copied = LETTER.replace("Friday", "Monday").replace("gladly ", "")
    found = names(projected(LETTER, "a"), projected("Short.", "b"), projected(copied, "b"))
    assert found == [0, 0, 0]


def test_notes_of_a_file_of_many_people_are_parted_unless_alike():
    """Only copies and pairs stay together where a file's name says nothing of who wrote."""
    messages = (
        projected(LETTER, "export", "1"),
        projected(LETTER.upper(), "export", "2"),
        projected("The kettle whistled while we talked.", "export", "3", pair="p"),
        projected("Your questions about night work were fair.", "export", "4", pair="p"),
        projected("Another day, another desk.", "export", "5"),
    )
    assert names(*messages, anonymous={"export"}) == [0, 0, 1, 1, 2]


def test_a_copy_joins_the_shipped_writer(everything):
    """Who imports our own notes does not have them on both sides."""
    shipped = [corpus.project(one) for one in everything if one.writer in {"t5", "t8"}]
    mine = corpus.project(dataclasses.replace(shipped[7].example, writer="mine", id="x"))
    found = groups.grouped([*shipped, mine], {"mine"})
    assert found[-1] == shipped[7].example.writer
    assert set(found.tolist()) == {"t5", "t8"}


def test_later_versions_of_some_messages_are_known():
    """What was saved before a note was done, or sent after a last change, is alike to it."""
    note, other = (projected(text, "a").sentences for text in (LETTER, "The kettle whistled."))
    later = projected(f"{LETTER} I look forward to Friday.", "b").sentences
    assert groups.alike([later, other, note], [note]).tolist() == [True, False, True]
    assert groups.alike([later], []).tolist() == [False]
    assert groups.alike([], [note]).tolist() == []


@pytest.mark.parametrize("messages", [(), (projected("", "a"),)])
def test_nothing_is_a_group_of_its_own(messages):
    """No message, and one without words, do no harm."""
    assert names(*messages) == [0] * len(messages)
