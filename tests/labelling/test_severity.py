"""The rule of the labelling guide for how the flubs of a note sit in it."""

from __future__ import annotations

import pytest

from scanner.core.draft import Sentence, Sentences
from scanner.labelling.severity import severity

SENTENCE = "Five words, every one alike."


def note(count: int) -> Sentences:
    """Give a note of so many sentences after a salutation."""
    start = len("Dear all,\n\n")
    places = [start + n * (len(SENTENCE) + 1) for n in range(count)]
    items = tuple(Sentence(at, at + len(SENTENCE), SENTENCE) for at in places)
    return Sentences("Thanks", "Dear all,\n\n" + " ".join([SENTENCE] * count), items)


@pytest.mark.parametrize(
    ("flubs", "ruled"),
    [
        ("......", "none"),
        ("...x..", "folded"),
        ("...xx...", "folded"),
        ("....x", "folded"),
        (".x....", "flub"),
        ("...xxx....", "flub"),
        ("..x.x...", "flub"),
        ("..xx", "flub"),
    ],
)
def test_one_short_passage_after_the_stated_value_is_folded(flubs: str, ruled: str):
    """At most two sentences, not before the third, under a third of the words."""
    assert severity(note(len(flubs)), ["plea" if x == "x" else None for x in flubs]) == ruled
