"""What the heads see beside words: one list of features, for training and prediction alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES
from scanner.core.draft import Sentences
from scanner.learning.odds import expit
from scanner.learning.readings import Reading
from scanner.learning.words import Floats

VERSION = 5
"""Counts up whenever a feature changes: models made from other features are refused."""

Mask: TypeAlias = NDArray[np.bool_]

_LENGTHS = (0, 4, 8, 15, 25, 40)
_PARTS = 5
_EDGE = 3
_NEAR = (-2, -1, 1, 2)
_BESIDE = (-1, 1)
_SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.45, 0.6)
_FIRST_AT = (1, 2, 3, 4, 5, 6)
_LIKELIEST = 3
_LIKELY = 0.5

# Log-odds beyond these say no more; beyond the edge of a message there is surely no flub.
_LIMIT = 8.0
_BEYOND_EDGE = -4.0
# Brings the dense columns to about the size of a TF-IDF weight, for one penalty on both.
_SCALE = 0.25


def bare(rows: int) -> Floats:
    """Give rows without dense columns: the gate knows words alone."""
    return np.zeros((rows, 0), np.float32)


def of_messages(read: Sequence[Reading]) -> Floats:
    """Describe each message by what the encoder says of it as a whole, and of its worst sentence.

    What looks like a flub speaks for a note, where the words leave it open.
    """
    columns = [(reading.kind, _highest(reading)) for reading in read]
    dense = np.array(columns, np.float32).reshape(len(read), MESSAGE_COLUMNS)
    return (_SCALE * np.clip(dense, -_LIMIT, _LIMIT)).astype(np.float32)


MESSAGE_COLUMNS = 2


def of_sentences(messages: Sequence[Sentences], read: Sequence[Reading]) -> Floats:
    """Describe each sentence by its reading, its neighbours', its note's, and its layout.

    Flubs come in runs: a doubtful sentence between two flubs is one, and one that stands
    alone in a note without any other sign seldom is.
    """
    message = messages_of(messages)
    said = np.concatenate([np.zeros(0, np.float32), *(one.sentences[:, 0] for one in read)])
    odds = _clipped(said)
    near = [_shifted(odds, step, message) for step in _NEAR]
    beside = [odds, *near, np.maximum(near[1], near[2]), np.minimum(near[1], near[2])]
    kind, highest = of_messages(read)[message].T
    categories = np.vstack([np.zeros((0, len(CATEGORIES))), *map(_categories, read)])
    marks = [of_one for one in messages for of_one in _marks(one)]
    layout = np.array(marks, np.float32).reshape(len(message), _MARKS)
    scaled = [*(_SCALE * column for column in beside), highest, kind, _SCALE * categories]
    return np.column_stack([*scaled, layout]).astype(np.float32)


def messages_of(messages: Sequence[Sentences]) -> NDArray[np.int64]:
    """Give each sentence's message, an index."""
    return np.repeat(np.arange(len(messages)), [len(message.items) for message in messages])


def in_context(dense: Floats, odds: Floats, message: NDArray[np.int64]) -> Floats:
    """Put beside each sentence's dense columns its log-odds to be a flub, and its neighbours'.

    `message` is each sentence's, an index.
    """
    odds = _clipped(odds)
    near = [_shifted(odds, step, message) for step in _BESIDE]
    return np.column_stack([dense, *(_SCALE * column for column in (odds, *near))])


def of_flubs(messages: Sequence[Sentences], read: Sequence[Reading]) -> Floats:
    """Describe how what looks like a flub sits in each message: where, how much, and of what sort.

    One short passage late in a note is folded in more often than three from its beginning on.
    """
    rows = [_sits(*pair) for pair in zip(messages, read, strict=True)]
    return np.array(rows, np.float32).reshape(len(rows), FLUB_COLUMNS)


FLUB_COLUMNS = _LIKELIEST + len(_SHARES) + len(_FIRST_AT) + len(CATEGORIES) + 5


def _sits(message: Sentences, reading: Reading) -> list[float]:
    count = len(message.items)
    if not count:
        return [0.0] * FLUB_COLUMNS
    odds = _clipped(reading.sentences[:, 0])
    chances = expit(odds)
    lengths = np.array([len(sentence.text.split()) for sentence in message.items], np.float32)
    words = max(1.0, float(lengths.sum()))
    share = chances @ lengths / words
    likely = np.flatnonzero(chances >= min(_LIKELY, chances.max()))
    first, left = int(likely[0]), count - 1 - int(likely[-1])
    likeliest = np.sort(np.append(odds, [-_LIMIT] * _LIKELIEST))[::-1][:_LIKELIEST]
    return [
        *(_SCALE * likeliest),
        *(share >= bound for bound in _SHARES),
        *(first >= place for place in _FIRST_AT),
        *(chances @ np.exp(_categories(reading)) / chances.sum()),
        3 * share,
        np.log(count),
        np.log(words) / 2,
        first / count,
        left / count,
    ]


def _highest(reading: Reading) -> float:
    return float(reading.sentences[:, 0].max(initial=-_LIMIT))


def _categories(reading: Reading) -> Floats:
    """Give the log-probabilities of the categories, as far apart as they matter.

    A message at a time: of many at once numpy rounds the last bit otherwise, which a network's
    fit makes much of.
    """
    odds = reading.sentences[:, 1:]
    odds = odds - odds.max(axis=1, keepdims=True)
    return _clipped(odds - np.log(np.exp(odds).sum(axis=1, keepdims=True)))


def _clipped(odds: Floats) -> Floats:
    return np.clip(odds, -_LIMIT, _LIMIT)


def _shifted(odds: Floats, step: int, message: NDArray[np.int64]) -> Floats:
    shifted = np.full(len(odds), _BEYOND_EDGE, np.float32)
    places = np.arange(len(odds)) + step
    inside = np.flatnonzero((places >= 0) & (places < len(odds)))
    inside = inside[message[inside] == message[places[inside]]]
    shifted[inside] = odds[places[inside]]
    return shifted


_MARKS = _PARTS + 2 * _EDGE + len(_LENGTHS) + 6


def _marks(message: Sentences) -> list[list[bool]]:
    """Lay out each sentence of a message as yes-or-no answers."""
    count = len(message.items)
    marks = []
    for place, sentence in enumerate(message.items):
        before = message.text[: sentence.start].rstrip(" \t*-•")
        length = sum(len(sentence.text.split()) >= bound for bound in _LENGTHS) - 1
        part = place * _PARTS // count
        marks.append(
            [part == n for n in range(_PARTS)]
            + [place == n for n in range(_EDGE)]
            + [count - 1 - place == n for n in range(_EDGE)]
            + [length == n for n in range(len(_LENGTHS))]
            + [
                before.endswith("\n\n"),
                before.endswith("\n") and before != message.text[: sentence.start],
                sentence.text.rstrip().endswith("?"),
                "P.S" in message.text[max(0, sentence.start - 40) : sentence.start + 5],
                count < _PARTS,
                count > 2 * _PARTS,
            ]
        )
    return marks
