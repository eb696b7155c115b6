"""Predictions plus thresholds to an `Assessment`: the passages of one message, and how bad."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from scanner.core.classify import Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Sentence, Sentences

Kind = Literal["thank_you", "other"]
Severity = Literal["none", "folded", "flub"]

_MORE_LIKELY_THAN_NOT = 0.5
# The guide says under a third; half, because in a note of two or three lines a few words decide
# that.
_SHORT = 0.5


@dataclass(frozen=True, slots=True)
class FlaggedSentence:
    """A sentence taken for a flub; `start` and `end` are offsets into the own text."""

    start: int
    end: int
    text: str
    category: str
    confidence: float

    @property
    def digest(self) -> str:
        """The sentence's identity through re-wrapping, re-spacing and other punctuation."""
        return digest(self.text)


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of neighbouring flagged sentences, with the category that dominates it."""

    start: int
    end: int
    text: str
    category: str
    confidence: float
    sentences: tuple[FlaggedSentence, ...]

    @property
    def categories(self) -> dict[str, float]:
        """The categories of its sentences in their order, with the confidence of the surest."""
        surest: dict[str, float] = {}
        for one in self.sentences:
            surest[one.category] = max(one.confidence, surest.get(one.category, 0.0))
        return surest


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the note; `number` counts the passages from 1 and is 0 between them."""

    text: str
    number: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything unflub says of one message; `share` is passage words over own-text words."""

    text: str
    kind: Kind
    kind_confidence: float
    severity: Severity
    share: float
    passages: tuple[Passage, ...]

    @property
    def percent(self) -> int:
        """The share in percent; a passage takes 1 at least."""
        return max(1, round(self.share * 100)) if self.passages else 0

    @property
    def digests(self) -> frozenset[str]:
        """The digests of all flagged sentences."""
        return frozenset(s.digest for p in self.passages for s in p.sentences)


def digest(text: str) -> str:
    """Name a sentence by its words alone, in 16 hexadecimal digits."""
    import hashlib

    words = " ".join(re.findall(r"\w+", text.casefold()))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def assess(sentences: Sentences, predictions: Predictions, thresholds: Thresholds) -> Assessment:
    """Decide: is it a note, which passages are flubs, and how they sit in it."""
    is_note = thresholds.is_note(predictions)
    passages = tuple(_passages(sentences, predictions, thresholds))
    share = _share(sentences.text, passages)
    return Assessment(
        text=sentences.text,
        kind="thank_you" if is_note else "other",
        kind_confidence=predictions.thank_you if is_note else 1 - predictions.thank_you,
        severity=_severity(passages, predictions.folded, share),
        share=share,
        passages=passages,
    )


def pieces(assessment: Assessment) -> Iterator[Piece]:
    """Take the own text apart into passages and what stands between them."""
    position = 0
    for number, passage in enumerate(assessment.passages, 1):
        yield Piece(assessment.text[position : passage.start], 0)
        yield Piece(passage.text, number)
        position = passage.end
    yield Piece(assessment.text[position:], 0)


def without(assessment: Assessment, dismissed: frozenset[str]) -> Assessment:
    """Give the assessment as if the sentences with these digests had not been flagged."""
    kept = (
        _passage(assessment.text, run)
        for passage in assessment.passages
        for run in _runs(passage.sentences, [s.digest not in dismissed for s in passage.sentences])
    )
    return _left(assessment, tuple(kept))


def only(assessment: Assessment, keep: Callable[[Passage], bool]) -> Assessment:
    """Give the assessment with those passages alone that are asked for."""
    return _left(assessment, tuple(filter(keep, assessment.passages)))


def _left(assessment: Assessment, passages: tuple[Passage, ...]) -> Assessment:
    return replace(
        assessment,
        severity=assessment.severity if passages else "none",
        share=_share(assessment.text, passages),
        passages=passages,
    )


def _passages(
    sentences: Sentences, predictions: Predictions, thresholds: Thresholds
) -> Iterator[Passage]:
    flagged = [
        _flagged(sentence, prediction)
        for sentence, prediction in zip(sentences.items, predictions.sentences, strict=True)
    ]
    for run in _runs(flagged, thresholds.flagged(predictions)):
        yield _passage(sentences.text, run)


def _runs(
    sentences: Sequence[FlaggedSentence], keep: Sequence[bool]
) -> Iterator[tuple[FlaggedSentence, ...]]:
    for kept, run in groupby(zip(keep, sentences, strict=True), key=lambda pair: pair[0]):
        if kept:
            yield tuple(sentence for _, sentence in run)


def _flagged(sentence: Sentence, prediction: SentencePrediction) -> FlaggedSentence:
    return FlaggedSentence(
        sentence.start, sentence.end, sentence.text, prediction.category, prediction.probability
    )


def _passage(text: str, sentences: tuple[FlaggedSentence, ...]) -> Passage:
    start, end = sentences[0].start, sentences[-1].end
    return Passage(
        start=start,
        end=end,
        text=text[start:end],
        category=_dominant(sentences),
        confidence=max(s.confidence for s in sentences),
        sentences=sentences,
    )


def _dominant(sentences: Sequence[FlaggedSentence]) -> str:
    weight: dict[str, float] = defaultdict(float)
    for sentence in sentences:
        weight[sentence.category] += sentence.confidence
    return max(weight, key=weight.__getitem__)


def _share(text: str, passages: Sequence[Passage]) -> float:
    words = len(text.split()) if passages else 0
    # Where no space parts the sentences, as in Chinese, a word may lie in two passages.
    return min(1.0, sum(len(p.text.split()) for p in passages) / words) if words else 0.0


def _severity(passages: Sequence[Passage], folded: float, share: float) -> Severity:
    """Tell how bad it is; what is folded in is "at most one short passage" (labelling guide)."""
    if not passages:
        return "none"
    is_one_short = len(passages) == 1 and share < _SHORT
    return "folded" if is_one_short and folded >= _MORE_LIKELY_THAN_NOT else "flub"
