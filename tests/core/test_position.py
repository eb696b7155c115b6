"""The position and the employer that a note names: rather none than a wrong one."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.position import Position, find_position


@pytest.mark.parametrize(
    ("subject", "text", "title", "employer"),
    [
        ("", "Thanks for seeing me about the ward manager position at Larkfield Hospital.",
         "ward manager", "Larkfield Hospital"),
        ("", "I enjoyed our talk about the role of Data Analyst at Lindholm Health.",
         "Data Analyst", "Lindholm Health"),
        ("", "We spoke about the role of Senior Clerk, and I liked it.", "Senior Clerk", ""),
        ("Thank you: Ward Nurse", "Hello.", "Ward Nurse", ""),
        ("Re: Fwd: Thank you for the Data Analyst interview", "Hello.", "Data Analyst", ""),
        ("Interview follow-up - Staff Accountant", "Hello.", "Staff Accountant", ""),
        ("", "I would be glad to join Lindholm Health.", "", "Lindholm Health"),
        ("", "I would love working with the team at Marks & Sons.", "", "Marks & Sons"),
        ("", "Thank you for the interview at O'Neil's.", "", "O'Neil"),
        ("", "It was about the ward\nmanager position at\nLarkfield.", "ward manager", "Larkfield"),
    ],
)  # fmt: skip
def test_what_a_note_names_is_found(subject, text, title, employer):
    """In the subject or the text, across line breaks, the job and the employer are found."""
    assert find_position(subject, text) == Position(title, employer)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("", ""),
        ("Thank you", "Thank you for the interview at ten."),
        ("Thank you for today", "I am still interested in the position."),
        ("Following up on our interview", "Thank you for the second interview on Tuesday."),
        ("Today's interview", "I would love to join you at Monday's meeting."),
        ("Re: interview", "Thanks for this position and the other role."),
        ("Thanks", "The meeting at My place was nice."),
    ],
)
def test_what_a_note_does_not_name_is_left_open(subject, text):
    """A vague word is no job title, and a weekday no employer."""
    assert find_position(subject, text) == Position()


@given(st.text(), st.text())
def test_no_text_makes_it_fail(subject, text):
    """Whatever is found stands in the note."""
    found = find_position(subject, text)
    assert found.title in subject or found.title in " ".join(text.split())


@pytest.mark.parametrize("piece", ["a ", "position at A ", "for the a ", "join A and ", "- Thank "])
def test_long_texts_take_no_long_time(piece):
    """The patterns are bounded, so that no note is slow to look through."""
    began = time.monotonic()
    find_position(piece * 2000, piece * 20_000)
    assert time.monotonic() - began < 5
