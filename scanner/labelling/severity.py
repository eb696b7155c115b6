"""How the flubs of a note sit in it, by the rule of the labelling guide."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.core.assess import assess
from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Sentences

_SURE = Thresholds(0.5, 0.5)


def severity(sentences: Sentences, categories: Sequence[str | None]) -> str:
    """Give none, folded or flub; `categories` has one entry a sentence, None for no flub."""
    certain = tuple(
        SentencePrediction(float(category is not None), category or CATEGORIES[0])
        for category in categories
    )
    return assess(sentences, Predictions(1, certain), _SURE).severity
