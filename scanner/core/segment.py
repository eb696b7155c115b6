"""A draft's own text, cut into the sentences that can be labelled, as exact spans."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.core.parse import Draft


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: `start` and `end` are character offsets into the own text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of one draft's body, in order; salutation and closing are left out.

    For every sentence `text[start:end] == sentence.text`, and sentences never overlap.
    """

    subject: str
    text: str
    items: tuple[Sentence, ...]


def segment(draft: Draft) -> Sentences:
    """Cut the own text of `draft` into sentences."""
    import re

    items = tuple(
        Sentence(m.start(), m.end(), m.group())
        for m in re.finditer(r"[^\s.!?][^.!?\n]*[.!?]*", draft.text)
    )
    return Sentences(draft.subject, draft.text, items)
