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
        ("Thank you - yard manager at the depot", "Hello.", "yard manager", ""),
        ("Interview at Honeybrook Dental", "Hello.", "", "Honeybrook Dental"),
        ("Re: Post at Holmfield Primary", "Hello.", "", "Holmfield Primary"),
        ("", "Joining Lindholm Health would make me proud.", "", "Lindholm Health"),
        ("", "I would be glad to join Lindholm Health.", "", "Lindholm Health"),
        ("", "I would love working with the team at Marks & Sons.", "", "Marks & Sons"),
        ("", "Thank you for the interview at O'Neil's.", "", "O'Neil"),
        ("", "Thank you for the conversation about the research assistant position.",
         "research assistant", ""),
        ("", "It was good to discuss the Data Engineer role at Globex Corporation.",
         "Data Engineer", "Globex Corporation"),
        ("", "Thank you for discussing the cook's job with me.", "cook's", ""),
        ("", "Thank you for considering me for the front desk position at the Harbor Inn.",
         "front desk", "the Harbor Inn"),
        ("", "I write about the position of Legal Assistant at the Smith Law Firm.",
         "Legal Assistant", "the Smith Law Firm"),
        ("", "Thanks for the chat about the UX job at the Museum of Modern Art and the tour.",
         "UX", "the Museum of Modern Art"),
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


@pytest.mark.parametrize(
    ("subject", "text", "title"),
    [
        ("Customer service interview - thanks", "", "Customer service"),
        ("Thank you / Night Porter", "", "Night Porter"),
        ("re driver interview", "", "driver"),
        ("Wed interview: Technical Writer", "", "Technical Writer"),
        ("Thank you", "You asked about the part-time bookkeeper position.", "part-time bookkeeper"),
        ("Thank you", "We spoke about the role of a Data Analyst at Acme.", "Data Analyst"),
        ("Thanks for the 2nd interview", "It was about the 2nd grade job.", "2nd grade"),
    ],
)
def test_a_word_beside_the_title_does_not_hide_it(subject, text, title):
    """A field names a job before "interview", and what is vague alone may belong to a title."""
    assert find_position(subject, text).title == title


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Thank you for the Google interview", ""),
        ("Acme interview follow-up", ""),
        ("Thank you - Jane Doe interview", ""),
        ("Thank you for our onsite interview", ""),
        ("Thank you for the job interview", ""),
        ("Thank you for an enjoyable interview", ""),
        ("2nd interview", ""),
        ("Wed interview", ""),
        ("Re: telephone interview", ""),
        ("Thank you for the Northwind position", "I would love to join Northwind Health."),
        ("Thank you", "We spoke about the Harbor Inn role at the Harbor Inn."),
        ("Thank you", "You asked about a previous job."),
        ("Thank you", "Thank you for the exciting role."),
        ("Thank you", "I care about the remote position and for the full-time position."),
        ("Thank you", "Thank you for the conversation regarding Marketing Manager role."),
    ],
)
def test_what_stands_before_interview_is_no_title_for_that(subject, text):
    """The employer, a person, or the kind of interview or job is not the job."""
    assert find_position(subject, text).title == ""


@pytest.mark.parametrize(
    ("text", "employer"),
    [
        ("I enjoyed our conversation at Northwind Health and I am keen.", "Northwind Health"),
        ("Thank you for the interview at Acme Tuesday afternoon.", "Acme"),
        ("I have my bag from the interview at Acme and I'm keen.", "Acme"),
        ("Thank you for the interview at St. Luke's Hospital.", "St. Luke's Hospital"),
        ("We met about the post at Save The Children.", "Save The Children"),
        ("Thank you for my interview at Acme.", "Acme"),
        ("I hope that the team at Acme is well.", "Acme"),
        ("You read my application for the position at Acme.", "Acme"),
        ("I would be honoured to work at Acme.", "Acme"),
        ("I look forward to working with you at Acme.", "Acme"),
        ("When you asked about my last position at Initech, I froze. I would love to join Acme.",
         "Acme"),
        ("I enjoyed the conversation at Starbucks about the accountant role at Acme.", "Acme"),
        ("Thank you for the meeting at Costa. I would love to join Acme.", "Acme"),
    ],
)  # fmt: skip
def test_the_employer_is_the_one_that_interviews(text, employer):
    """Neither an earlier employer, a café nor what stands after the name gets into the letter."""
    assert find_position("Thank you", text).employer == employer


@pytest.mark.parametrize(
    "text",
    [
        "When you asked about my work at Initech, I froze.",
        "In my three years working at Globex I led the migration.",
        "I said that my team at Initech had five people.",
        "When I was on the team at Initech, we had fourteen. I led the team at Initech.",
        "I did the same job at Initech, and had the opportunity to intern at Globex.",
        "I've been in post at St Werburgh's, and six years in the post office at Naas.",
        "I was proud to work at Initech, and did that sort of work for years at Globex.",
        "I was late to join Zoom this morning, and late to join Teams.",
        "It was good to meet the team at Monday's interview.",
        "I should be glad to take up the post at Easter.",
        "It was good to meet the team at the Christmas party, and the team at the Career Fair.",
        "We spoke of a job at the Easter fair, and of my last job at the Crown Inn.",
        "Thanks for the interview at the Town Hall about the teller job at the Elm Street branch.",
        "Thank you for meeting me at Terminal 2. The team is at Series B, in work at District 4.",
    ],
)
def test_no_other_employer_is_taken_for_it(text):
    """The writer's own employers, days, rooms and programs for meetings are left out."""
    assert find_position("Thank you", text).employer == ""


@given(st.text(), st.text())
def test_no_text_makes_it_fail(subject, text):
    """Whatever is found stands in the note."""
    found = find_position(subject, text)
    assert found.title in subject or found.title in " ".join(text.split())


@pytest.mark.parametrize(
    "piece",
    [
        "a ",
        "position at A ",
        "job at the A B of ",
        "for the talk about the ",
        "for the a ",
        "join A and ",
        "- Thank ",
    ],
)
def test_long_texts_take_no_long_time(piece):
    """The patterns are bounded, so that no note is slow to look through."""
    began = time.thread_time()
    find_position(piece * 2000, piece * 20_000)
    assert time.thread_time() - began < 5
