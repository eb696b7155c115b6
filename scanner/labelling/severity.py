"""How the flubs of a note sit in it, by the rule of the labelling guide."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.core.draft import Sentences

# The guide's `folded`: "at most one short passage, after the value has been stated, turned into a
# positive point, under 1/3 of the body words". What it is turned into says who labels.
_SENTENCES = 2
_STATING_VALUE = 2
_SHARE = 1 / 3


def severity(sentences: Sentences, categories: Sequence[str | None]) -> str:
    """Give none, folded or flub; `categories` has one entry a sentence, None for no flub."""
    flubs = [number for number, category in enumerate(categories) if category]
    if not flubs:
        return "none"
    first, last = flubs[0], flubs[-1]
    passage = sentences.text[sentences.items[first].start : sentences.items[last].end]
    folded = (
        last - first + 1 == len(flubs) <= _SENTENCES
        and first >= _STATING_VALUE
        and len(passage.split()) < _SHARE * len(sentences.text.split())
    )
    return "folded" if folded else "flub"
