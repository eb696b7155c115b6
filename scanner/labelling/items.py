"""Mail to what is labelled: the writer's own sentences, and what the model makes of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scanner.adapters.single import Message
from scanner.core.assess import digest
from scanner.core.classify import Predictions, Thresholds
from scanner.core.draft import Draft, Sentences
from scanner.core.judge import portions, understand
from scanner.core.parse import plain
from scanner.core.segment import segment
from scanner.errors import UnreadableError
from scanner.examples import Kept, key
from scanner.labelling.session import Item
from scanner.learning.model import Model
from scanner.learning.progress import Progress
from scanner.rows import is_own

_EVEN = 0.5
_PORTION = 50_000  # characters that are read between two looks at the bar


@dataclass(slots=True)
class Gathered:
    """Messages by the key of each among the examples, and how many could not be read."""

    messages: dict[str, Sentences] = field(default_factory=dict)
    unreadable: int = 0


def gathered(messages: Iterable[Message]) -> Gathered:
    """Read messages, each once; unflub's own are passed over, and those without own text."""
    made = Gathered()
    for message in messages:
        if message.error:
            made.unreadable += 1
        elif not is_own(message.raw):
            try:
                draft, _ = understand(message.raw)
                sentences = settled(draft)
                made.messages.setdefault(key(sentences.subject, sentences.text), sentences)
            except UnreadableError:
                made.unreadable += 1
    made.messages = {name: one for name, one in made.messages.items() if one.items}
    return made


def settled(draft: Draft) -> Sentences:
    """Cut a draft as training will cut its text, which takes it for that of a whole message."""
    text = draft.text
    while (again := plain(text).text) != text:
        text = again
    return segment(Draft(text, draft.subject))


def items(
    messages: Mapping[str, Sentences],
    predictions: Iterable[Predictions],
    thresholds: Thresholds,
    labelled: Kept,
    dismissed: frozenset[str],
) -> list[Item]:
    """Put together messages, what the model says of them, and what the user has said.

    That is their labels so far, and the digests of sentences whose warning was dismissed.
    """
    return [
        replace(
            _item(name, sentences, said, thresholds),
            before=labelled.get(name),
            dismissed=dismissed_in(sentences, dismissed),
        )
        for (name, sentences), said in zip(messages.items(), predictions, strict=True)
    ]


def doubtful_first(made: Iterable[Item]) -> list[Item]:
    """Put those first whose label teaches most."""
    return sorted(made, key=lambda item: -item.doubt)


def predicted(messages: Sequence[Sentences], model: Model, progress: Progress) -> list[Predictions]:
    """Have the model read messages, some at a time."""
    done: list[Predictions] = []
    for portion in portions(messages, lambda one: len(one.text), _PORTION):
        done += model.predict(portion)
        progress(len(done), len(messages), "")
    return done


def uncertainty(said: Predictions) -> float:
    """Tell how much a label would teach: in bits, of whether it is a note and of its sentences.

    The entropy of the kind, and as far as it may be a note, that of its most doubtful sentence.
    """
    most = max((_entropy(one.probability) for one in said.sentences), default=0.0)
    return _entropy(said.thank_you) + said.thank_you * most


def dismissed_in(sentences: Sentences, dismissed: frozenset[str]) -> frozenset[int]:
    """Find the sentences whose warning was dismissed, by their numbers from 0."""
    return frozenset(n for n, one in enumerate(sentences.items) if digest(one.text) in dismissed)


def _item(name: str, sentences: Sentences, said: Predictions, thresholds: Thresholds) -> Item:
    is_note = said.thank_you >= _EVEN  # warnings ask for more, but here a person decides
    flagged = thresholds.flagged(replace(said, thank_you=1.0))
    pairs = zip(said.sentences, flagged, strict=True)
    return Item(
        name,
        sentences,
        "thank_you" if is_note else "other",
        tuple(one.category if is_flagged else None for one, is_flagged in pairs),
        said.thank_you if is_note else 1 - said.thank_you,
        uncertainty(said),
    )


def _entropy(chance: float) -> float:
    if not 0 < chance < 1:
        return 0.0
    return -chance * math.log2(chance) - (1 - chance) * math.log2(1 - chance)
