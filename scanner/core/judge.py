"""Raw messages to verdicts, in batches: the one way from bytes to an assessment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias, TypeVar

from scanner.core.assess import assess
from scanner.core.classify import Classifier, Policy, Predictions, Thresholds
from scanner.core.draft import Draft, Sentences
from scanner.core.language import foreign, is_plainly_none
from scanner.core.parse import glance, read
from scanner.core.segment import segment, words
from scanner.core.verdict import Verdict, Verdicts
from scanner.errors import UnreadableError

T = TypeVar("T")

Gate: TypeAlias = Callable[[Sequence[str]], Sequence[bool]]
"""Tells by the words of messages which of them may be notes at all."""

_OTHER = Predictions(0.0, ())

# In characters: what is laid out in memory at a time, however many messages wait.
_PORTION = 100_000


@dataclass(frozen=True, slots=True)
class Judge:
    """A classifier, the thresholds by which it is believed, and the user's `policy` on categories.

    With a `gate`, a message is first glanced at, and only what passes is read with care, cut into
    sentences and classified. A gate must turn away nothing that the classifier would flag.
    """

    classifier: Classifier
    thresholds: Thresholds
    gate: Gate | None = None
    policy: Policy = field(default_factory=Policy)

    def __call__(self, messages: Sequence[bytes]) -> Verdicts:
        """Read and assess messages; what cannot be read is answered by its error, in place."""
        away = self._turned_away(messages, self.gate) if self.gate else {}
        rest = iter(self._assessed([raw for n, raw in enumerate(messages) if n not in away]))
        return [away[n] if n in away else next(rest) for n in range(len(messages))]

    def _turned_away(self, messages: Sequence[bytes], gate: Gate) -> dict[int, Verdict]:
        """Give verdicts on what is surely no note; what cannot be told by a glance is left."""
        drafts = {n: draft for n, raw in enumerate(messages) if (draft := _glanced(raw))}
        passes = gate([words(draft) for draft in drafts.values()])
        return {
            n: self._other(draft)
            for (n, draft), passed in zip(drafts.items(), passes, strict=True)
            if not passed
        }

    def _other(self, draft: Draft) -> Verdict:
        sentences = Sentences(draft.subject, draft.text, ())
        return Verdict(draft, sentences, assess(sentences, _OTHER, self.thresholds))

    def _assessed(self, messages: Sequence[bytes]) -> Verdicts:
        read_ = [_read(raw) for raw in messages]
        readable = [entry[1] for entry in read_ if not isinstance(entry, UnreadableError)]
        parts = portions(readable, _length, _PORTION)
        predictions = chain.from_iterable(map(self.classifier.predict, parts))
        return [
            entry
            if isinstance(entry, UnreadableError)
            else Verdict(
                *entry,
                assess(entry[1], self.policy.silenced(next(predictions)), self.thresholds),
            )
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


def _glanced(raw: bytes) -> Draft | None:
    """Read a message by the standard library alone, or not where there is anything odd."""
    try:
        draft = glance(raw)
    except UnreadableError:
        return None
    return draft if is_plainly_none(draft.text) else None


def understand(raw: bytes) -> tuple[Draft, Sentences]:
    """Read a message and cut it into sentences.

    Raises UnreadableError for what cannot be read, or is not in English.
    """
    draft = _in_english(read(raw))
    return draft, segment(draft)


def _in_english(draft: Draft) -> Draft:
    if language := foreign(draft.text):
        raise UnreadableError(
            f"it is not in English (but in {language!r}), and unflub reads no other language; "
            "read it once more yourself"
        )
    return draft
