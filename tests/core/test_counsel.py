"""What candidates and employers are told to do."""

from __future__ import annotations

import pytest
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core.advice import ADVICE
from scanner.core.classify import CATEGORIES
from scanner.core.counsel import counsel, reason


def assessed(category: str):
    (verdict,) = JUDGE([note(OPENING, f"This {category} was a flub.", STRENGTH)])
    return verdict.assessment


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_employer_gets_words_to_ask_with(category):
    """Both letters name the position, and each category asks in its own words."""
    told = counsel("Thank you", assessed(category), "incoming")
    candidate, references = told.letters
    assert (candidate.title, references.title) == ("To the candidate", "To every reference")
    for letter in told.letters:
        assert "the ward manager position" in letter.text
        assert "[the topic]" in letter.text
    assert "one or two times" in candidate.text
    assert "Examples help most" in references.text
    others = [counsel("", assessed(c), "incoming").letters for c in CATEGORIES if c != category]
    assert all(
        letter.text not in {o.text for pair in others for o in pair} for letter in told.letters
    )


def test_the_candidate_is_asked_about_the_topic_that_the_note_names():
    """The references are not told it: that is for the employer to say."""
    flub = "My answer about the night shift was a flub."
    (verdict,) = JUDGE([note(OPENING, flub, STRENGTH)])
    candidate, references = counsel("", verdict.assessment, "incoming").letters
    assert "I mean what you said about the night shift." in candidate.text
    assert "night shift" not in references.text


def test_the_references_are_not_told_what_the_candidate_wrote():
    """A letter to others must not pass on a worry that was confided."""
    for category in CATEGORIES:
        text = counsel("", assessed(category), "incoming").letters[1].text
        assert "note" not in text
        assert "interview," not in text


def test_a_candidate_gets_a_text_for_a_reference():
    """It names the position and the employer, and the note is not to be explained once more."""
    told = counsel("Thank you", assessed("excuse"), "outgoing")
    (letter,) = told.letters
    assert "the ward manager position at Larkfield Hospital" in letter.text
    assert any("references" in step for step in told.steps)


def test_reasons_speak_to_who_reads_them():
    """A candidate learns why the note is weaker, an employer that it is no verdict."""
    (passage,) = assessed("self_criticism").passages
    assert reason(passage, "outgoing") == (
        "It judges your own performance", ADVICE["self_criticism"].reason
    )  # fmt: skip
    what, why = reason(passage, "incoming")
    assert what == "The writer judges their own performance"
    assert "ask before you weigh it" in why
