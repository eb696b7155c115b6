"""A classifier so small that a test can say what it will find."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.core.assess import Assessment, assess, digest
from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Draft, Sentences
from scanner.core.judge import Judge
from scanner.core.plan import AssessedDraft
from scanner.core.segment import segment
from scanner.core.verdict import Verdict


class PhraseClassifier:
    """Takes every message for a note, and each sentence with the word "flub" for a flub.

    A flub's category is the first one that the sentence names, else "reanswer"; a message
    that says "lunch" is no note, and in one that says "value" a flub is folded in.
    """

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        return [
            Predictions(
                0.0 if "lunch" in message.text else 1.0,
                tuple(_prediction(sentence.text) for sentence in message.items),
                folded=0.9 if "value" in message.text else 0.1,
            )
            for message in messages
        ]


def _prediction(text: str) -> SentencePrediction:
    category = next((c for c in CATEGORIES if c in text), "reanswer")
    return SentencePrediction(0.9 if "flub" in text.casefold() else 0.1, category)


JUDGE = Judge(PhraseClassifier(), Thresholds(kind=0.5, flub=0.5))


def assessed_draft(uid: int, raw: bytes) -> AssessedDraft:
    """A draft as the daemon knows it after reading it."""
    (verdict,) = JUDGE([raw])
    assert isinstance(verdict, Verdict)
    digests = frozenset(digest(sentence.text) for sentence in verdict.sentences.items)
    return AssessedDraft(uid, verdict.draft, verdict.assessment, digests)


def assessed(draft: Draft) -> Assessment:
    """Assess a draft that was not read from bytes."""
    sentences = segment(draft)
    (predictions,) = JUDGE.classifier.predict([sentences])
    return assess(sentences, predictions, JUDGE.thresholds)
