"""A draft's own text, cut into the sentences that can be labelled, as exact spans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scanner.core.frame import body_units, postscript_marker
from scanner.core.lines import Unit, item_marker
from scanner.core.parse import Draft
from scanner.core.sentences import boundaries


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
    text = draft.text
    items = tuple(one for unit in body_units(text) for one in _sentences(text, unit))
    return Sentences(draft.subject, text, items)


def _sentences(text: str, unit: Unit) -> Iterator[Sentence]:
    """Give the sentences of one unit, without its bullet, its number or its "P.S."."""
    start = unit.start + item_marker(text[unit.start : unit.end])
    start += postscript_marker(text[start : unit.end])
    # A line break inside a unit is a soft one: a space to whoever splits sentences.
    unwrapped = text[start : unit.end].replace("\n", " ")
    for begin, end in boundaries(unwrapped):
        sentence = _stripped(text, start + begin, start + end)
        if any(character.isalnum() for character in sentence.text):
            yield sentence


def _stripped(text: str, start: int, end: int) -> Sentence:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    stripped = piece.strip()
    return Sentence(start, start + len(stripped), stripped)
