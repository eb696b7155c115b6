"""What the offsets of somebody else's labels count, found out by looking at the text.

Tools count code points or UTF-16 units, and a line end as one or as two, and their files do not
say which. A label is believed where it fits: by the text that stands beside it, else by the
sentences it marks. Where two ways of counting fit as well, other messages of the file decide;
where nothing decides, nothing is guessed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from scanner.core.parse import plain
from scanner.core.segment import segment

Place: TypeAlias = tuple[int, int]

_TOKEN = re.compile(r"\r\n|.", re.DOTALL)
_ASTRAL = 0xFFFF
# How well a span fits: its text, or whole sentences; the same words, otherwise spaced; words of
# which none is cut; or not at all.
_EXACT, _SAME, _WORDS, _WRONG = 3, 2, 1, 0


@dataclass(frozen=True, slots=True)
class Span:
    """A label as a file has it: offsets of an unknown kind, and the marked text where it says."""

    start: int
    end: int
    category: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Marked:
    """A message and the spans marked in it; `utf16` where the file says how it counts."""

    text: str
    spans: tuple[Span, ...]
    utf16: bool | None


class Misfit(NamedTuple):
    """Why spans cannot be placed; `numbers` names them, from 1."""

    reason: Literal["does not match its text", "may mean two places"]
    numbers: tuple[int, ...]


class _Counting(NamedTuple):
    utf16: bool
    line_end: Literal["as it stands", "one", "two"]


_COUNTINGS = tuple(
    _Counting(utf16, end) for end in ("as it stands", "one", "two") for utf16 in (False, True)
)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Where the spans lie by some ways of counting, which all lead there, and how well they fit."""

    places: tuple[Place, ...]
    fits: tuple[int, ...]
    countings: list[_Counting] = field(default_factory=list)

    @property
    def exact(self) -> int:
        return self.fits.count(_EXACT)


def unified(text: str) -> str:
    r"""Give text whose lines end in "\n"."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def placed(file: Iterable[Marked]) -> list[tuple[Place, ...] | Misfit]:
    """Find where the spans of each message of a file lie in its unified text, in code points."""
    tried = [(message, _fits(message)) for message in file]
    votes = Counter(c for message, fits in tried for c in _proven(message, fits))
    return [_chosen(message, fits, votes) for message, fits in tried]


def standing(text: str) -> Iterator[Place]:
    """Find those sentences of the writer's own text that stand in the whole text as they are."""
    at = 0
    for sentence in segment(plain(text)).items:
        start = text.find(sentence.text, at)
        if start >= 0:
            at = start + len(sentence.text)
            yield start, at


def _fits(message: Marked) -> list[_Fit]:
    """Try every way of counting; those that lead to the same places are one."""
    text = unified(message.text)
    starts, ends = _edges(text) if any(s.text is None for s in message.spans) else (set(), set())
    found: dict[tuple[Place, ...], _Fit] = {}
    for counting in _COUNTINGS:
        at = _indices(message.text, counting)
        places = tuple((at.get(s.start, -1), at.get(s.end, -1)) for s in message.spans)
        if places not in found:
            pairs = zip(message.spans, places, strict=True)
            fits = tuple(_fit(text, span, place, starts, ends) for span, place in pairs)
            found[places] = _Fit(places, fits)
        found[places].countings.append(counting)
    return list(found.values())


def _proven(message: Marked, fits: Sequence[_Fit]) -> list[_Counting]:
    """Give the ways of counting that one message shows to be right, where others are wrong."""
    best = _best(message, fits, Counter())
    proves = len(best) == 1 and len(fits) > 1 and _WORDS not in best[0].fits
    return best[0].countings if proves else []


def _chosen(
    message: Marked, fits: Sequence[_Fit], votes: Counter[_Counting]
) -> tuple[Place, ...] | Misfit:
    best = _best(message, fits, votes)
    numbers = range(1, len(message.spans) + 1)
    if not best:
        nearest = max(fits, key=lambda fit: (_votes(fit, votes), sum(map(bool, fit.fits))))
        wrong = tuple(n for n, fits in zip(numbers, nearest.fits, strict=True) if not fits)
        return Misfit("does not match its text", wrong)
    if len(best) > 1:
        return Misfit("may mean two places", tuple(numbers))
    if _WORDS in best[0].fits and votes and not _votes(best[0], votes):
        # Some words are marked, but only by a way of counting that fits nothing else in the file.
        wrong = tuple(n for n, fit in zip(numbers, best[0].fits, strict=True) if fit == _WORDS)
        return Misfit("does not match its text", wrong)
    return best[0].places


def _best(message: Marked, fits: Sequence[_Fit], votes: Counter[_Counting]) -> list[_Fit]:
    """Give the fits that nothing is better than."""

    def worth(fit: _Fit) -> tuple[int, int, bool]:
        declared = any(counting.utf16 == message.utf16 for counting in fit.countings)
        return fit.exact, _votes(fit, votes), declared

    possible = [fit for fit in fits if _WRONG not in fit.fits]
    most = max(map(worth, possible), default=None)
    return [fit for fit in possible if worth(fit) == most]


def _votes(fit: _Fit, votes: Counter[_Counting]) -> int:
    return max(votes[counting] for counting in fit.countings)


def _indices(text: str, counting: _Counting) -> dict[int, int]:
    """Map offsets, as they are counted, to indices into the unified text."""
    at, indices = 0, {0: 0}
    for index, token in enumerate(_TOKEN.findall(text), start=1):
        at += _width(token, counting)
        indices[at] = index
    return indices


def _width(token: str, counting: _Counting) -> int:
    if token in {"\n", "\r", "\r\n"}:
        return {"as it stands": len(token), "one": 1, "two": 2}[counting.line_end]
    return 2 if counting.utf16 and ord(token) > _ASTRAL else 1


def _fit(text: str, span: Span, place: Place, starts: set[int], ends: set[int]) -> int:
    start, end = place
    if not 0 <= start < end:
        return _WRONG
    if span.text is not None:
        if text[start:end] == unified(span.text):
            return _EXACT
        return _SAME if _squeezed(text[start:end]) == _squeezed(span.text) else _WRONG
    # A mouse easily takes the space beside a sentence along.
    first, last = end - len(text[start:end].lstrip()), start + len(text[start:end].rstrip())
    # In a lone space the two cross: one sentence ends before it, and the next begins behind it.
    if first < last and first in starts and last in ends:
        return _EXACT
    return _WORDS if _holds_words(text, start, end) else _WRONG


def _squeezed(text: str) -> str:
    r"""Leave white space out, also where a tool writes a line end as "\" and "n"."""
    return "".join(text.replace("\\n", " ").split())


def _holds_words(text: str, start: int, end: int) -> bool:
    """Tell whether a span has words in it and cuts none."""
    cuts = any(
        text[at - 1 : at].isalnum() and text[at : at + 1].isalnum() for at in (start, end) if at
    )
    return not cuts and any(character.isalnum() for character in text[start:end])


def _edges(text: str) -> tuple[set[int], set[int]]:
    """Give where the sentences of the writer's own text begin and end in the whole text."""
    places = list(standing(text))
    return {start for start, _ in places}, {end for _, end in places}
