"""Why a sentence was flagged: the words without which it would look most innocent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from scanner.core.assess import Assessment
from scanner.core.classify import Classifier
from scanner.core.draft import Sentences

_WORD = re.compile(r"\w[\w'’-]*")
_MOST = 3
# Of words: about as many as a classifier reads at once.
_AROUND = 300
# In log-odds: a word that changes less explains nothing.
_LEAST = 0.1
_CERTAIN = 1e-6


def explain(
    classifier: Classifier, message: Sentences, assessment: Assessment, least: float
) -> dict[int, tuple[str, ...]]:
    """Give, by the start of each flagged sentence, the words that weigh most in it.

    A word weighs as much as the sentence's log-odds fall when it alone is left out and the
    message is read again: of a long one its beginning, which tells what it is, and what stands
    around the sentence. Where it then is no note any more (its probability falls below
    `least`), nothing was said of the sentence.
    """
    flagged = {s.start for passage in assessment.passages for s in passage.sentences}
    return {
        sentence.start: _explained(classifier, *_around(message, place), least)
        for place, sentence in enumerate(message.items)
        if sentence.start in flagged
    }


def _explained(
    classifier: Classifier, message: Sentences, place: int, least: float
) -> tuple[str, ...]:
    """Give the words that weigh most in one sentence."""
    variants = list(_variants(message, place))
    [before, *after] = classifier.predict([message, *(variant for _, variant in variants)])
    odds = _log_odds(before.sentences[place].probability)
    falls = [
        odds - _log_odds(said.sentences[place].probability) if said.thank_you >= least else 0.0
        for said in after
    ]
    return _heaviest([word for word, _ in variants], falls)


def _around(message: Sentences, place: int) -> tuple[Sentences, int]:
    """Leave of a message what is near to a sentence or to the beginning; give its place there."""
    lengths = [len(sentence.text.split()) for sentence in message.items]
    nearest = sorted(range(len(lengths)), key=lambda n: (n != place, min(n, abs(n - place))))
    ends = accumulate(lengths[n] for n in nearest)
    near = {n for n, end in zip(nearest, ends, strict=True) if n == place or end <= _AROUND}
    kept = sorted(near)
    return replace(message, items=tuple(message.items[n] for n in kept)), kept.index(place)


def _variants(message: Sentences, place: int) -> Iterator[tuple[str, Sentences]]:
    """Give each word of a sentence, and the message without it."""
    sentence = message.items[place]
    for match in _WORD.finditer(sentence.text):
        text = sentence.text[: match.start()] + sentence.text[match.end() :]
        changed = replace(sentence, text=text)
        items = (*message.items[:place], changed, *message.items[place + 1 :])
        yield match.group(), replace(message, items=items)


def _heaviest(words: list[str], falls: list[float]) -> tuple[str, ...]:
    ranked = sorted(zip(falls, words, strict=True), key=lambda pair: -pair[0])
    return tuple(word for fall, word in ranked[:_MOST] if fall >= _LEAST)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _CERTAIN), 1 - _CERTAIN)
    return math.log(inside / (1 - inside))
