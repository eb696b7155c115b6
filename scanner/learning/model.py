"""The classifier: gate, encoder and heads, one behind the other, as a verdict needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scanner.core import segment
from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Draft, Sentences
from scanner.learning import words
from scanner.learning.gate import COLUMNS, Gate, glimpse
from scanner.learning.heads import Heads
from scanner.learning.on_demand import OnDemand
from scanner.learning.readings import Reading
from scanner.learning.words import Bag, message_text, whole_text

if TYPE_CHECKING:  # with scikit-learn, which a verdict does without
    from scanner.learning.estimators import FittedHeads


@dataclass(frozen=True, slots=True)
class Model:
    """A trained classifier with the thresholds it was chosen with.

    `gate` says which messages are read at all. `metadata` is what `model.json` says beside
    them: corpus hash, seed, scores and so on. `estimators` are there only right after training.
    """

    version: str
    heads: Heads
    gate: Gate
    thresholds: Mapping[str, Thresholds]
    encoder: OnDemand
    metadata: Mapping[str, Any] = field(default_factory=dict)
    estimators: FittedHeads | None = None

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        """Predict for each message, in order.

        A message that is turned away at the gate, or left off by the encoder, is no note (0.0).
        The sentences of what no preset takes for a note are not looked at: 0.0 as well.
        """
        said = [_unread(message) for message in messages]
        looks = self._worth_reading(messages)

        def goes_on(number: int, beginning: Reading) -> bool:
            return self._may_be_a_note(looks[number], beginning)

        read = self.encoder.sift([look.message for look in looks], self.gate.exit, goes_on)
        for look, reading in zip(looks, read, strict=True):
            if reading:
                said[look.number] = self._said(look, reading)
        return said

    def reads(self, messages: Sequence[Sentences]) -> list[bool]:
        """Tell of each message whether it passes the gate."""
        passed = {look.number for look in self._worth_reading(messages)}
        return [number in passed for number in range(len(messages))]

    def may_be_notes(self, drafts: Sequence[Draft]) -> list[bool]:
        """Tell the same of drafts; most need not be cut into sentences for it."""
        passed = np.zeros(len(drafts), bool)
        odds = self.heads.first.odds([whole_text(draft) for draft in drafts])
        left = np.flatnonzero(np.array(odds) >= self.gate.first)
        bags = [words.bag(segment.words(drafts[number])) for number in left.tolist()]
        left = left[self.heads.closer_odds(bags) >= self.gate.closer]
        passed[left] = self.reads([segment.segment(drafts[number]) for number in left.tolist()])
        return passed.tolist()

    def _worth_reading(self, messages: Sequence[Sentences]) -> list[_Look]:
        """Give the messages that pass the gate, with what was found out on the way."""
        first = self.heads.first.odds([whole_text(message) for message in messages])
        looks = [
            look
            for number, odds in enumerate(first)
            if odds >= self.gate.first and (look := self._closer(number, messages[number], odds))
        ]
        seen = np.array([look.glimpse for look in looks], np.float32).reshape(-1, COLUMNS)
        passed = self.gate.passes(seen).tolist()
        return [look for look, passes in zip(looks, passed, strict=True) if passes]

    def _closer(self, number: int, message: Sentences, first: float) -> _Look | None:
        """Look closer at a message, and at its sentences if it still may be a note."""
        bag = words.bag(message_text(message))
        closer = float(self.heads.closer_odds([bag])[0])
        if closer < self.gate.closer:
            return None
        note = float(self.heads.note_odds([bag])[0])
        sentences = [words.bag(sentence.text) for sentence in message.items]
        seen = glimpse(first, note, self.heads.hints(sentences), closer)
        return _Look(number, message, bag, note, sentences, seen)

    def _may_be_a_note(self, look: _Look, beginning: Reading) -> bool:
        """Tell by the beginning of a message whether it can still be a note, whatever follows."""
        return max(self._kind(look, beginning), self._kind(look, beginning.surest)) >= self._least

    def _kind(self, look: _Look, reading: Reading) -> float:
        note = np.array([look.note], np.float32)
        return float(self.heads.kind_probability([look.words], [reading], note)[0])

    @property
    def _least(self) -> float:
        """What every preset asks of a note at least."""
        return min(at.kind for at in self.thresholds.values())

    def _said(self, look: _Look, reading: Reading) -> Predictions:
        kind = self._kind(look, reading)
        if kind < self._least:
            return _unread(look.message, kind)
        chances, categories = self.heads.sentences(look.message, look.sentences, reading)
        sentences = [
            SentencePrediction(chance, CATEGORIES[category])
            for chance, category in zip(chances.tolist(), categories, strict=True)
        ]
        folded = self.heads.folded_probability(look.message, look.words, reading)
        return Predictions(kind, tuple(sentences), folded)


class _Look(NamedTuple):
    """A message in a batch: its words, and the odds of a note by them; its sentences' words."""

    number: int
    message: Sentences
    words: Bag
    note: float
    sentences: list[Bag]
    glimpse: list[float]


def _unread(message: Sentences, kind: float = 0.0) -> Predictions:
    return Predictions(kind, (SentencePrediction(0.0, CATEGORIES[0]),) * len(message.items))
