"""Why a sentence was flagged: the words that weigh most, by a classifier that is all words."""

from __future__ import annotations

import pytest

from scanner.core.advice import ADVICE, deed
from scanner.core.assess import assess
from scanner.core.classify import Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Draft, Sentences
from scanner.core.explain import explain
from scanner.core.segment import segment

KNOWN = {"rambled": 0.5, "sorry": 0.3, "budget": 0.05}


class Weights:
    """Adds up the weights of the words it knows."""

    def predict(self, messages: list[Sentences]) -> list[Predictions]:
        return [
            Predictions(
                float("Thank" in message.items[0].text),
                tuple(self._said(s.text) for s in message.items),
            )
            for message in messages
        ]

    @staticmethod
    def _said(text: str) -> SentencePrediction:
        chance = 0.05 + sum(weight for word, weight in KNOWN.items() if word in text)
        return SentencePrediction(chance, "apology")


MESSAGE = segment(Draft("Thank you all. I am sorry that I rambled about the budget."))


def explained(message: Sentences) -> dict[int, tuple[str, ...]]:
    [said] = Weights().predict([message])
    return explain(Weights(), message, assess(message, said, Thresholds(0.5, 0.5)), 0.5)


def test_the_words_that_weigh_most_come_first():
    """Leaving a word out shows its weight; words that change nothing are not named."""
    flagged = MESSAGE.items[1]
    assert explained(MESSAGE) == {flagged.start: ("rambled", "sorry", "budget")}


def test_a_word_that_makes_the_message_a_note_explains_no_sentence():
    """Without it nothing is said of the sentence, which is no sign of its weight."""
    message = segment(Draft("Thank you, sorry that I rambled about the budget."))
    assert explained(message) == {0: ("rambled", "sorry", "budget")}


def test_a_message_without_findings_needs_no_explanation():
    """Nothing flagged, nothing to explain."""
    assert explained(segment(Draft("Thank you all. I liked the budget."))) == {}


class Counting(Weights):
    """Counts the sentences that it is given."""

    def __init__(self) -> None:
        self.read = 0

    def predict(self, messages: list[Sentences]) -> list[Predictions]:
        self.read += sum(len(message.items) for message in messages)
        return super().predict(messages)


@pytest.mark.parametrize("before", [0, 200])
def test_of_a_long_message_only_what_stands_around_is_read_again(before):
    """Its beginning too, which makes it a note; and the words are the same as of a short one."""
    talk = "We went through the plans for the new hall and I liked each of them. "
    flub = "I am sorry that I rambled about the budget. "
    message = segment(Draft("Thank you all. " + talk * before + flub + talk * (200 - before)))
    [said] = Weights().predict([message])
    classifier = Counting()
    found = explain(classifier, message, assess(message, said, Thresholds(0.5, 0.5)), 0.5)
    assert list(found.values()) == [("rambled", "sorry", "budget")]
    assert classifier.read < 30 * (1 + len(flub.split()))


@pytest.mark.parametrize(
    ("category", "passage", "said"),
    [
        (
            "reanswer",
            "I was thinking about your question about the night shift and I would now say two.",
            "answers the question about the night shift again",
        ),
        (
            "reanswer",
            "You asked me about pricing, and here is the better answer.",
            "answers the question about pricing again",
        ),
        (
            "pretext",
            "Did my answer about\nmy budget make sense?",
            "reopens the question about your budget",
        ),
        (
            "reanswer",
            "Let me try that question about the rota again.",
            "answers the question about the rota again",
        ),
        (
            "self_criticism",
            "I did not answer the question about dementia very well.",
            "judges your answer about dementia",
        ),
        (
            "self_criticism",
            "When Mei asked about closures my mind went blank.",
            "judges your answer about closures",
        ),
        (
            "pretext",
            "Any questions about the years on my CV I left vague are welcome.",
            ADVICE["pretext"].name,
        ),
        (
            "reanswer",
            "You asked about the gap between 2017 and 2019.",
            ADVICE["reanswer"].name,
        ),
        (
            "reanswer",
            "I kept thinking about the window\nfunction question on the bus.",
            "answers the window function question again",
        ),
        (
            "self_criticism",
            "Sorry, your second question had me lost.",
            "judges your answer to the second question",
        ),
        (
            "self_criticism",
            "I am sorry that Priya's question threw me.",
            ADVICE["self_criticism"].name,
        ),
        (
            "reanswer",
            "I feel that after Tom's question I lost the thread.",
            ADVICE["reanswer"].name,
        ),
        ("reanswer", "May I ask the only question I had?", ADVICE["reanswer"].name),
        ("omission", "I did not mention the churn question.", ADVICE["omission"].name),
        ("reanswer", "My answer on Tuesday was about that.", ADVICE["reanswer"].name),
        ("correction", "My answer about why I left was wrong.", ADVICE["correction"].name),
        ("reanswer", "Your question about your team's rota stayed.", ADVICE["reanswer"].name),
        ("reanswer", "When you asked about mine, I froze.", ADVICE["reanswer"].name),
        ("reanswer", "I was asked about her team.", ADVICE["reanswer"].name),
        ("reanswer", "I would call three customers first.", ADVICE["reanswer"].name),
        ("apology", "Sorry for the question about the dog.", ADVICE["apology"].name),
    ],
)
def test_the_deed_names_its_topic_where_the_passage_does(category, passage, said):
    """A reason that names the question is believed sooner than a category."""
    assert deed(category, passage) == said
