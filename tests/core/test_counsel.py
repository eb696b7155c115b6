"""What candidates and employers are told to do."""

from __future__ import annotations

import pytest
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core.advice import ADVICE
from scanner.core.classify import CATEGORIES
from scanner.core.counsel import counsel, reasons


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
    """So are the references, where it is nobody's: what is the candidate's is not for them."""
    for named, told, others in (
        ("the night shift", "the night shift", "deals with the night shift when"),
        ("my illness", "your illness", "deals with [the topic] when"),
    ):
        flub = f"My answer about {named} was a flub."
        (verdict,) = JUDGE([note(OPENING, flub, STRENGTH)])
        candidate, references = counsel("", verdict.assessment, "incoming").letters
        assert f"I mean what you said about {told}." in candidate.text
        assert others in references.text
        assert "illness" not in references.text


def test_the_letters_take_up_every_passage():
    """Each concern once, with all its topics, in the order of the note."""
    flubs = (
        "My answer about pricing was a flub.", "That excuse was a flub.",
        "My answer about the night shift was a flub.",
    )  # fmt: skip
    apart = [paragraph for flub in flubs for paragraph in (flub, STRENGTH)]
    (verdict,) = JUDGE([note(OPENING, *apart)])
    candidate, references = counsel("", verdict.assessment, "incoming").letters
    assert candidate.text.count("I mean what you said about") == 2
    assert "about pricing and the night shift. I ask to hear the answer" in candidate.text
    assert "\n\nSomething seems to have stood in your way" in candidate.text
    assert "when you dealt with each of these: " in candidate.text
    assert (
        "how [candidate] deals with pricing and the night shift when there is little time to "
        "think; and how [candidate] manages [the topic] when something gets in the way. "
    ) in references.text


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
    (to_candidate,) = reasons(passage, "outgoing")
    assert to_candidate.deed == "It judges your own performance"
    assert to_candidate.why == ADVICE["self_criticism"].reason
    (to_employer,) = reasons(passage, "incoming")
    assert to_employer.deed == "The writer judges their own performance"
    assert "ask before you weigh it" in to_employer.why


def test_a_passage_has_a_reason_for_each_category_of_its_sentences():
    """In their order, each once; the main one alone would leave the others unsaid."""
    flubs = "That excuse was a flub. My answer about pay was a flub. An excuse, a flub."
    (verdict,) = JUDGE([note(OPENING, flubs, STRENGTH)])
    (passage,) = verdict.assessment.passages
    assert passage.category == "excuse"
    assert [(one.category, one.confidence, one.deed) for one in reasons(passage, "outgoing")] == [
        ("excuse", 0.9, "It gives the reason for something that went wrong"),
        ("reanswer", 0.9, "It answers the question about pay again"),
    ]
    assert [bool(one.why) for one in reasons(passage, "outgoing")] == [True, True]
    assert [bool(one.why) for one in reasons(passage, "incoming")] == [False, True]
