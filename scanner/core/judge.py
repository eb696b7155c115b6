"""Raw messages to verdicts, in batches: the one way from bytes to an assessment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from scanner.core.assess import Assessment, assess
from scanner.core.classify import Classifier, Thresholds
from scanner.core.parse import Draft, read
from scanner.core.segment import Sentences, segment
from scanner.errors import UnreadableError

# In characters. The features of a text take some thousand times its size in memory.
_PORTION = 100_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A message that was read and assessed."""

    draft: Draft
    sentences: Sentences
    assessment: Assessment

    @property
    def is_empty(self) -> bool:
        """Whether there was no text of the writer's own to assess."""
        return not self.draft.text.strip()


@dataclass(frozen=True, slots=True)
class Judge:
    """A classifier and the thresholds of the chosen preset."""

    classifier: Classifier
    thresholds: Thresholds

    def __call__(self, messages: Sequence[bytes]) -> list[Verdict | UnreadableError]:
        """Read and assess messages; what cannot be read is answered by its error, in place."""
        read_ = [_read(raw) for raw in messages]
        readable = [entry[1] for entry in read_ if not isinstance(entry, UnreadableError)]
        portions = map(self.classifier.predict, _portions(readable))
        predictions = chain.from_iterable(portions)
        return [
            entry
            if isinstance(entry, UnreadableError)
            else Verdict(*entry, assess(entry[1], next(predictions), self.thresholds))
            for entry in read_
        ]


def _portions(messages: Sequence[Sentences]) -> Iterator[list[Sentences]]:
    """Part the messages so that no call of the classifier holds too much text at a time."""
    portion: list[Sentences] = []
    for message in messages:
        portion.append(message)
        if sum(len(m.text) for m in portion) > _PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def _read(raw: bytes) -> tuple[Draft, Sentences] | UnreadableError:
    try:
        draft = read(raw)
    except UnreadableError as error:
        return error
    return draft, segment(draft)
