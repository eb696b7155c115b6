"""Raw messages to verdicts, in batches: the one way from bytes to an assessment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from scanner.core.assess import Assessment, assess
from scanner.core.classify import Classifier, Thresholds
from scanner.core.language import foreign
from scanner.core.parse import Draft, read
from scanner.core.segment import Sentences, segment
from scanner.errors import UnreadableError

T = TypeVar("T")

# In characters: what is laid out in memory at a time, however many messages wait.
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
        parts = portions(readable, _length, _PORTION)
        predictions = chain.from_iterable(map(self.classifier.predict, parts))
        return [
            entry
            if isinstance(entry, UnreadableError)
            else Verdict(*entry, assess(entry[1], next(predictions), self.thresholds))
            for entry in read_
        ]


def portions(items: Iterable[T], size: Callable[[T], int], most: int) -> Iterator[list[T]]:
    """Part items in order so that each part ends with the item that takes it past `most`."""
    portion: list[T] = []
    total = 0
    for item in items:
        portion.append(item)
        total += size(item)
        if total > most:
            yield portion
            portion, total = [], 0
    if portion:
        yield portion


def _length(sentences: Sentences) -> int:
    return len(sentences.text)


def _read(raw: bytes) -> tuple[Draft, Sentences] | UnreadableError:
    try:
        return understand(raw)
    except UnreadableError as error:
        return error


def understand(raw: bytes) -> tuple[Draft, Sentences]:
    """Read a message and cut it into sentences.

    Raises UnreadableError for what cannot be read, or is not in English.
    """
    draft = read(raw)
    if language := foreign(draft.text):
        raise UnreadableError(
            f"not checked: it is not in English (but in {language!r}), and unflub reads no other "
            "language; read it once more yourself"
        )
    return draft, segment(draft)
