"""A message as the encoder reads it: windows of word pieces, one separator after each sentence.

`[CLS] subject [SEP] sentence [SEP] sentence [SEP] …`: what the encoder says at a sentence's
separator is about that sentence, what it says at `[CLS]` is about the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scanner.core.draft import Sentences
from scanner.learning.words import normalised

LENGTH = 384
"""In word pieces; the base model was made for up to 512, and few notes are longer than this."""

_OVERLAP = 96

_BEGINNING = 128
"""In word pieces: so many are enough to tell most long mail that is no note."""

_TELLING = range(33, 193)
"""In word pieces: of some notes with a flub a line is too little, and few are longer than this."""

BEFORE = 2
"""So many answers come before those of the sentences: the message's, and the subject's."""

_LONGEST_SENTENCE = 120
_LONGEST_SUBJECT = 40


Part: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a message: `pieces` to read, and where to read the answers.

    `subject` is the place of the separator after the subject, `ends` are those of the separators
    of the sentences `first`, `first + 1`, ….
    """

    pieces: tuple[int, ...]
    subject: int
    first: int
    ends: tuple[int, ...]

    @classmethod
    def of(cls, head: Sequence[int], parts: Sequence[Sequence[int]], first: int = 0) -> Window:
        """Put together what opens a message and some of its sentences."""
        pieces, ends = [*head], []
        for part in parts:
            pieces += part
            ends.append(len(pieces) - 1)
        return cls(tuple(pieces), len(head) - 1, first, tuple(ends))

    @property
    def asked(self) -> tuple[int, ...]:
        """Give the places of the answers: the message's, the subject's, then each sentence's."""
        return (0, self.subject, *self.ends)

    @property
    def beginning(self) -> Window:
        """The first sentences, of a window that is more than twice as long as these may be."""
        if len(self.pieces) <= 2 * _BEGINNING:
            return self
        ends = tuple(end for end in self.ends if end < _BEGINNING) or self.ends[:1]
        return replace(self, pieces=self.pieces[: ends[-1] + 1], ends=ends)

    @property
    def tells_early(self) -> bool:
        """Whether the encoder's early exit is asked: too little tells nothing."""
        return len(self.pieces) in _TELLING


class Tokens:
    """Cuts text into word pieces of one vocabulary (a `tokenizer.json`)."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._start, self._end = (_number(tokenizer, name) for name in ("[CLS]", "[SEP]"))

    @classmethod
    def load(cls, path: Path) -> Tokens:
        """Read a vocabulary; raises whatever `tokenizers` raises for one it cannot read."""
        return cls(Tokenizer.from_file(str(path)))

    def windows(self, message: Sentences) -> list[Window]:
        """Lay out a message; a long one takes several windows that overlap."""
        return laid_out(*self.parts(message))

    def parts(self, message: Sentences) -> tuple[Part, list[Part]]:
        """Cut a message: its subject, and each of its sentences with the separator after it."""
        texts = [message.subject, *(sentence.text for sentence in message.items)]
        cut = self._tokenizer.encode_batch([normalised(t) for t in texts], add_special_tokens=False)
        subject, *sentences = (encoding.ids for encoding in cut)
        head = (self._start, *subject[:_LONGEST_SUBJECT], self._end)
        return head, [(*ids[:_LONGEST_SENTENCE], self._end) for ids in sentences]


def laid_out(head: Part, parts: Sequence[Part]) -> list[Window]:
    """Lay out one message by its parts; a long one takes several windows that overlap."""
    windows, first = [], 0
    while True:
        last = _last(parts, first, LENGTH - len(head))
        windows.append(Window.of(head, parts[first:last], first))
        if last >= len(parts):
            return windows
        first = max(first + 1, _back(parts, last))


def inputs(window: Window) -> dict[str, NDArray[np.int64]]:
    """Give what the graph is given: the pieces, and where it is to answer."""
    return {
        "pieces": np.array([window.pieces], np.int64),
        "asked": np.array(window.asked, np.int64),
    }


def _number(tokenizer: Tokenizer, name: str) -> int:
    number = tokenizer.token_to_id(name)
    if number is None:
        raise ValueError(f"the vocabulary lacks {name}")
    return int(number)


def _last(parts: Sequence[Sequence[int]], first: int, room: int) -> int:
    """Give the end of the run of sentences from `first` on that fits, at least one."""
    last = first
    while last < len(parts) and (room := room - len(parts[last])) >= 0:
        last += 1
    return max(last, min(first + 1, len(parts)))


def _back(parts: Sequence[Sequence[int]], last: int) -> int:
    """Give the sentence to start the next window with, so that both have enough around them."""
    room, first = _OVERLAP, last
    while first > 0 and (room := room - len(parts[first - 1])) >= 0:
        first -= 1
    return first
