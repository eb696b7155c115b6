"""Raw messages to verdicts, in batches: the one way from bytes to an assessment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias, TypeVar

from scanner.core.assess import Assessment, assess
from scanner.core.classify import Classifier, Policy, Predictions, Thresholds
from scanner.core.draft import Draft, Sentences
from scanner.core.language import foreign
from scanner.core.parse import glance, read
from scanner.core.segment import segment
from scanner.core.verdict import Verdict, Verdicts
from scanner.errors import UnreadableError

T = TypeVar("T")

Gate: TypeAlias = Callable[[Sequence[Draft]], Sequence[bool]]
"""Tells at a glance which messages may be notes with a flub at all."""

Assessed: TypeAlias = Mapping[Sentences, Assessment]

_OTHER = Predictions(0.0, ())

# In characters: what is laid out in memory at a time, however many messages wait.
_PORTION = 100_000


@dataclass(frozen=True, slots=True)
class Judge:
    """A classifier, the thresholds by which it is believed, and the user's `policy` on categories.

    With a `gate`, a message is first glanced at, and only what passes is classified; what is
    flagged then is read with care. A gate must turn away nothing that the classifier would flag.
    """

    classifier: Classifier
    thresholds: Thresholds
    gate: Gate | None = None
    policy: Policy = field(default_factory=Policy)

    def __call__(self, messages: Sequence[bytes]) -> Verdicts:
        """Read and assess messages; what cannot be read is answered by its error, in place."""
        seen = self._at_a_glance(messages, self.gate) if self.gate else {}
        told = {n: one for n, one in seen.items() if not one.assessment.passages}
        known = {one.sentences: one.assessment for n, one in seen.items() if n not in told}
        rest = [raw for n, raw in enumerate(messages) if n not in told]
        careful = iter(self._with_care(rest, known))
        return [told[n] if n in told else next(careful) for n in range(len(messages))]

    def _at_a_glance(self, messages: Sequence[bytes], gate: Gate) -> dict[int, Verdict]:
        """Give verdicts by a glance; what cannot be told by one is left."""
        drafts = {n: draft for n, raw in enumerate(messages) if (draft := _glanced(raw))}
        passes = dict(zip(drafts, gate(list(drafts.values())), strict=True))
        cut = {n: segment(draft) for n, draft in drafts.items() if passes[n]}
        known = self._assessed(cut.values(), {})
        return {
            n: Verdict(draft, cut[n], known[cut[n]]) if passes[n] else self._other(draft)
            for n, draft in drafts.items()
        }

    def _other(self, draft: Draft) -> Verdict:
        sentences = Sentences(draft.subject, draft.text, ())
        return Verdict(draft, sentences, assess(sentences, _OTHER, self.thresholds))

    def _with_care(self, messages: Sequence[bytes], known: Assessed) -> Verdicts:
        """Read messages with care; what reads as it did at a glance is not classified again."""
        entries = [_read(raw) for raw in messages]
        cut = [entry[1] for entry in entries if not isinstance(entry, UnreadableError)]
        known = self._assessed(cut, known)
        return [
            entry if isinstance(entry, UnreadableError) else Verdict(*entry, known[entry[1]])
            for entry in entries
        ]

    def _assessed(self, messages: Iterable[Sentences], known: Assessed) -> Assessed:
        """Classify and assess what is not known yet."""
        new = [message for message in messages if message not in known]
        said = chain.from_iterable(map(self.classifier.predict, portions(new, _length, _PORTION)))
        return {**known} | {
            message: assess(message, self.policy.silenced(one), self.thresholds)
            for message, one in zip(new, said, strict=True)
        }


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
    return None if foreign(draft.text) else draft


def understand(raw: bytes) -> tuple[Draft, Sentences]:
    """Read a message and cut it into sentences.

    Raises UnreadableError for what cannot be read, or is not in English.
    """
    draft = _in_english(read(raw))
    return draft, segment(draft)


def _in_english(draft: Draft) -> Draft:
    if language := foreign(draft.text):
        raise UnreadableError(
            f"it is not in English (it looks like {language!r}), and unflub reads no other; "
            "read it once more yourself"
        )
    return draft
