"""What the estimators see: one list of features, for training and for prediction alike.

Words and character n-grams are hashed (scikit-learn's `HashingVectorizer`, MurmurHash3), so
there is no vocabulary to store: a model file holds no word of anybody's mail, stays small
and loads at once. Sentences of one message see each other through `neighbours`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from scanner.core.segment import Sentences

VERSION = 2
"""Counts up whenever a feature changes: models made from other features are refused."""

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Matrix: TypeAlias = sparse.csr_matrix

_PUNCTUATION = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\u00ad": ""}
)
_WORD = r"(?u)\b\w[\w']*"
_COUNTS = {"alternate_sign": False, "norm": None, "dtype": np.float32}
_WORDS = HashingVectorizer(ngram_range=(1, 2), token_pattern=_WORD, n_features=2**18, **_COUNTS)
_CHARACTERS = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=2**18, **_COUNTS)

# Of neighbours and of the whole note a sentence sees less than of itself.
_CHARACTER_WEIGHT = 0.6
_NEIGHBOUR_WEIGHT = 0.5
_NOTE_WEIGHT = 0.6
_LAYOUT_WEIGHT = 0.5

_LENGTHS = (0, 4, 8, 15, 25, 40)
_PARTS = 5
_EDGE = 3
_MARKS = _PARTS + 2 * _EDGE + len(_LENGTHS) + 6
_ODDS_LIMIT = 9.0
_ODDS_BEYOND_EDGE = 4.0


@dataclass(frozen=True, slots=True)
class Weighting:
    """TF-IDF over the hashed columns that enough training rows know."""

    columns: NDArray[np.int64]
    tfidf: TfidfTransformer

    def transform(self, counts: Matrix) -> Matrix:
        """Weigh counts: rows of unit length, of which unknown columns are then dropped.

        What a text says in unknown words so takes its part: a text of which hardly anything
        is known comes out short, and is judged by little more than the intercept.
        """
        # What TfidfTransformer.transform does, without its checks of every input: they
        # would take longer than the work on a single message.
        weighed = counts.copy()
        weighed.data = (np.log(counts.data) + 1) * self.tfidf.idf_[counts.indices]
        return unit_rows(weighed)[:, self.columns]


@dataclass(frozen=True, slots=True)
class Rows:
    """All sentences of a batch of messages, one row each, in order.

    `message` is each row's message (an index into the batch), `place` its place in there,
    `length` the number of rows its message has.
    """

    texts: list[str]
    message: NDArray[np.int64]
    place: NDArray[np.int64]
    length: NDArray[np.int64]
    marks: Floats


@dataclass(frozen=True, slots=True)
class Counts:
    """The raw, unweighted features of `rows`: they depend on no training."""

    rows: Rows
    words: Matrix
    characters: Matrix


def unit_rows(matrix: Matrix) -> Matrix:
    """Bring each row to unit length; empty rows stay empty."""
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    lengths = np.sqrt(np.bincount(row, np.square(matrix.data), matrix.shape[0]))
    data = (matrix.data / np.maximum(lengths, 1e-12)[row]).astype(np.float32)
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def normalised(text: str) -> str:
    """One line, plain quotes and dashes: how a client wraps and prettifies must not matter."""
    return " ".join(text.translate(_PUNCTUATION).split())


def fit_weighting(counts: Matrix, minimum: int = 2) -> Weighting:
    """Learn document frequencies; columns in fewer than `minimum` rows are dropped."""
    columns = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) >= minimum)
    return Weighting(columns, TfidfTransformer(sublinear_tf=True).fit(counts))


def kind_counts(messages: Sequence[Sentences]) -> Matrix:
    """Count the words of each message's subject and sentences.

    Salutation and closing are no sentences: how somebody greets does not say why he writes.
    """
    return _hashed(
        _WORDS,
        [
            normalised(" ".join([message.subject, *(s.text for s in message.items)]))
            for message in messages
        ],
    )


def count(messages: Sequence[Sentences]) -> Counts:
    """Count what the sentences of a batch hold."""
    rows = _rows(messages)
    return Counts(rows, _hashed(_WORDS, rows.texts), _hashed(_CHARACTERS, rows.texts))


def sentence_matrix(counts: Counts, words: Weighting, characters: Weighting) -> Matrix:
    """Weigh and join: own words and characters, both neighbours, the whole note, layout.

    Rows are brought back to unit length: a sentence is short, one unknown name should not
    weaken the rest of it.
    """
    own = unit_rows(words.transform(counts.words))
    columns = [
        own,
        _CHARACTER_WEIGHT * unit_rows(characters.transform(counts.characters)),
        _NEIGHBOUR_WEIGHT * _neighbours(own, counts.rows, -1),
        _NEIGHBOUR_WEIGHT * _neighbours(own, counts.rows, +1),
        _NOTE_WEIGHT * unit_rows(_whole_notes(own, counts.rows)),
        _LAYOUT_WEIGHT * sparse.csr_matrix(counts.rows.marks),
    ]
    return sparse.hstack(columns, format="csr", dtype=np.float32)


def take(counts: Counts, messages: NDArray[np.bool_]) -> Counts:
    """Keep the rows of the messages marked; messages are numbered anew."""
    old = counts.rows
    chosen = np.flatnonzero(messages[old.message])
    rows = Rows(
        [old.texts[row] for row in chosen],
        (np.cumsum(messages) - 1)[old.message[chosen]],
        old.place[chosen],
        old.length[chosen],
        old.marks[chosen],
    )
    return Counts(rows, counts.words[chosen], counts.characters[chosen])


def _hashed(vectorizer: HashingVectorizer, texts: Sequence[str]) -> Matrix:
    if not texts:
        return sparse.csr_matrix((0, vectorizer.n_features), dtype=np.float32)
    return vectorizer.transform(texts)


def _rows(messages: Sequence[Sentences]) -> Rows:
    lengths = np.array([len(message.items) for message in messages], dtype=np.int64)
    place = [n for message in messages for n in range(len(message.items))]
    texts = [normalised(s.text) for message in messages for s in message.items]
    marks = [mark for message in messages for mark in _marks(message)]
    return Rows(
        texts,
        np.repeat(np.arange(len(messages)), lengths),
        np.array(place, dtype=np.int64),
        np.repeat(lengths, lengths),
        np.array(marks, dtype=np.float32).reshape(len(texts), _MARKS),
    )


def _marks(message: Sentences) -> list[list[bool]]:
    """Lay out each sentence of a message as yes-or-no answers."""
    count = len(message.items)
    marks = []
    for place, sentence in enumerate(message.items):
        before = message.text[: sentence.start].rstrip(" \t*-•")
        words = sentence.text.split()
        part = place * _PARTS // count
        length = sum(len(words) >= bound for bound in _LENGTHS) - 1
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


def _neighbours(matrix: Matrix, rows: Rows, step: int) -> Matrix:
    """Give each row its neighbour's features, or none at the edge of its message."""
    place = rows.place + step
    inside = (place >= 0) & (place < rows.length)
    source = np.flatnonzero(inside) + step
    target = np.flatnonzero(inside)
    shape = (len(rows.place), len(rows.place))
    move = sparse.csr_matrix((np.ones(len(source), np.float32), (target, source)), shape=shape)
    return move @ matrix


def _whole_notes(matrix: Matrix, rows: Rows) -> Matrix:
    """Give each row the sum over its message."""
    count = len(rows.message)
    ones = np.ones(count, np.float32)
    shape = (int(rows.message.max(initial=-1)) + 1, count)
    belongs = sparse.csr_matrix((ones, (rows.message, np.arange(count))), shape=shape)
    return (belongs @ matrix)[rows.message]


def second_look(log_odds: Floats, rows: Rows) -> Floats:
    """Describe each sentence by what a first reading said of it, its neighbours and its note.

    Flubs come in runs, so a doubtful sentence between two flubs is one, and one that stands
    alone in a note without any other sign seldom is.
    """
    log_odds = np.clip(log_odds, -_ODDS_LIMIT, _ODDS_LIMIT)
    near = [_shifted(log_odds, rows, step) for step in (-2, -1, 1, 2)]
    count = int(rows.message.max(initial=-1)) + 1
    highest = np.full(count, -_ODDS_LIMIT)
    np.maximum.at(highest, rows.message, log_odds)
    probability = 1 / (1 + np.exp(-log_odds))
    expected = np.bincount(rows.message, probability, count)
    columns = [
        log_odds,
        *near,
        np.maximum(near[1], near[2]),
        np.minimum(near[1], near[2]),
        highest[rows.message],
        expected[rows.message],
        expected[rows.message] / rows.length,
    ]
    return np.column_stack([*columns, rows.marks]).astype(np.float32)


def _shifted(log_odds: Floats, rows: Rows, step: int) -> Floats:
    inside = (rows.place + step >= 0) & (rows.place + step < rows.length)
    shifted = np.full(len(log_odds), -_ODDS_BEYOND_EDGE, dtype=np.float32)
    shifted[inside] = log_odds[np.flatnonzero(inside) + step]
    return shifted
