"""From the bytes of messages to verdicts, in batches."""

from __future__ import annotations

from collections.abc import Sequence

from support.notes import OPENING, note
from support.phrases import JUDGE, PhraseClassifier

from scanner.core.classify import Predictions
from scanner.core.draft import Sentences
from scanner.core.judge import Judge
from scanner.core.verdict import Verdict
from scanner.errors import UnreadableError

FLUBBED = note(OPENING, "That was a flub.")
ENCRYPTED = note("-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----")


def test_verdicts_come_in_the_order_of_the_messages():
    """What cannot be read is answered in its place and takes nobody else's verdict."""
    clean = note(OPENING)
    first, second, third, fourth = JUDGE([ENCRYPTED, FLUBBED, ENCRYPTED, clean])
    assert isinstance(first, UnreadableError)
    assert isinstance(third, UnreadableError)
    assert isinstance(second, Verdict)
    assert isinstance(fourth, Verdict)
    assert [p.text for p in second.assessment.passages] == ["That was a flub."]
    assert second.assessment.text == second.draft.text == second.sentences.text
    assert fourth.assessment.passages == ()


def test_nothing_to_judge_is_no_error():
    """An empty batch, or one without a readable message, has its empty answer."""
    assert JUDGE([]) == []
    assert len(JUDGE([ENCRYPTED])) == 1


def test_a_message_without_text_of_its_own_is_empty():
    """Only quoted text is nothing to assess; a word of the writer's is."""
    quoted = b"Subject: Re: x\nMessage-ID: <1@x>\n\n> You wrote of a flub.\n"
    (empty, full) = JUDGE([quoted, FLUBBED])
    assert isinstance(empty, Verdict)
    assert isinstance(full, Verdict)
    assert (empty.is_empty, full.is_empty) == (True, False)


def test_plain_text_is_read_like_a_message():
    """What has no header fields is the body of a note."""
    (verdict,) = JUDGE([b"Dear all,\n\nThat was a flub.\n"])
    assert isinstance(verdict, Verdict)
    assert len(verdict.assessment.passages) == 1


def test_a_note_in_another_language_is_not_checked_and_not_clean():
    """What is not English is reported as such: the classifier cannot read it."""
    words = "Vielen Dank für das Gespräch am Dienstag. Meine Antwort zum Haushalt war leider "
    (answer,) = JUDGE([note(words + "recht verworren, das tut mir wirklich sehr leid.")])
    assert isinstance(answer, UnreadableError)
    assert str(answer).startswith("it is not in English (it looks like 'de')")


class Measuring(PhraseClassifier):
    """Notes how much text it was given at a time."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        self.given.append(sum(len(message.text) for message in messages))
        return super().predict(messages)


def test_long_texts_are_judged_a_few_at_a_time():
    """A batch of big messages takes no more memory than one or two of them."""
    classifier = Measuring()
    size = 60_000
    long = note(*["A line of many words. " * 40] * (size // 880), "That was a flub.")
    verdicts = Judge(classifier, JUDGE.thresholds)([long] * 10)
    assert [bool(v.assessment.passages) for v in verdicts if isinstance(v, Verdict)] == [True] * 10
    assert len(classifier.given) > 1
    assert max(classifier.given) < 4 * size
