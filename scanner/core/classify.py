"""What a classifier says about a message, and the protocol every classifier follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol, get_args

from scanner.core.draft import Sentences

CATEGORIES = (
    "reanswer",
    "self_criticism",
    "apology",
    "excuse",
    "correction",
    "omission",
    "plea",
    "pretext",
)
"""The eight categories of a flub sentence, as in the labelling guide."""

Preset = Literal["cautious", "balanced", "strict"]
PRESETS: tuple[str, ...] = get_args(Preset)
"""The presets every model has thresholds for."""

DEFAULT_PRESET: Final = "balanced"


@dataclass(frozen=True, slots=True)
class SentencePrediction:
    """One sentence: how probable a flub it is (0 to 1), and which category it would be."""

    probability: float
    category: str


@dataclass(frozen=True, slots=True)
class Predictions:
    """One message: how probably it is a post-interview note, and each sentence's prediction.

    `sentences` is as long as the `Sentences` it was made from, and in the same order. `folded` is
    how probably what flub there may be is folded in, turned into a positive point.
    """

    thank_you: float
    sentences: tuple[SentencePrediction, ...]
    folded: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on a message is a note (`kind`) and a sentence a flub (`flub`).

    `also` takes the place of `flub` for the other sentences of a note that has a flub: where
    something was explained, a doubtful sentence seldom stands for itself. What is less than
    `sure` to be a note gets no warning: nobody wants one on ordinary mail.
    """

    kind: float
    flub: float
    also: float = 1.0
    sure: float = 0.0

    def is_note(self, said: Predictions) -> bool:
        """Tell whether a message is a note."""
        return said.thank_you >= self.kind

    def flagged(self, said: Predictions) -> list[bool]:
        """Tell of each sentence of a message whether it is a flub; those of no note are none."""
        chances = [sentence.probability for sentence in said.sentences]
        if said.thank_you < self.sure or not self.is_note(said):
            return [False] * len(chances)
        found = any(chance >= self.flub for chance in chances)
        least = min(self.flub, self.also) if found else self.flub
        return [chance >= least for chance in chances]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user wants to be warned about.

    `threshold` is from which probability on a sentence is a flub, in place of the preset's, also
    beside another one; the categories in `off` are never spoken of.
    """

    preset: str = DEFAULT_PRESET
    threshold: float | None = None
    off: frozenset[str] = frozenset()

    def thresholds(self, presets: Mapping[str, Thresholds]) -> Thresholds:
        """Choose among a model's thresholds."""
        chosen = presets[self.preset]
        if self.threshold is None:
            return chosen
        return replace(chosen, flub=self.threshold, also=self.threshold)

    def silenced(self, said: Predictions) -> Predictions:
        """Give predictions in which sentences of the categories that are off are no flubs."""
        if not self.off:
            return said
        kept = (
            replace(s, probability=0.0) if s.category in self.off else s for s in said.sentences
        )
        return replace(said, sentences=tuple(kept))


class Classifier(Protocol):
    """Reads messages in batches; answers one `Predictions` per message, in order."""

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        """Predict for each message, in order."""
        ...
