"""Words of many texts as sparse rows, for scikit-learn, and what heads say of them all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from scanner.learning import words
from scanner.learning.heads import First, Head
from scanner.learning.words import COLUMNS, Floats

_IDF_STEPS = 16

Matrix: TypeAlias = sparse.csr_matrix


def odds(head: Head, counts: Matrix, dense: Floats) -> Floats:
    """Give what `Head.odds` gives, of many rows at once."""
    weights = np.hstack([head.words, head.dense]).astype(np.float32)
    said: Floats = matrix(counts, dense, head.idf) @ weights.T + head.intercept
    return said.astype(np.float32)


def vstack(*matrices: Matrix) -> Matrix:
    """Put rows under rows."""
    return sparse.vstack(matrices, format="csr")


def counted(texts: Sequence[str]) -> Matrix:
    """Count the words of texts, a row each, as `words.bag` does."""
    return _summed([words.columns(text) for text in texts])


def present(texts: Sequence[str]) -> Matrix:
    """Mark the single words of texts, a row each."""
    return _summed([np.array(list(words.single(text)), np.int64) for text in texts])


def _summed(rows: Sequence[NDArray[np.int64]]) -> Matrix:
    """Count how often each column is named in a row."""
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.zeros(0, np.int64), *rows])
    ones = np.ones(len(columns), np.float32)
    counts = sparse.csr_matrix((ones, columns, ends), shape=(len(rows), COLUMNS))
    counts.sum_duplicates()
    return counts


def first_odds(first: First, marks: Matrix) -> Floats:
    """Give what `First.odds` gives, of many rows at once."""
    said: Floats = marks @ (first.weights * first.step) + first.intercept
    return said.astype(np.float32)


def inverse_frequencies(counts: Matrix) -> Floats:
    """Give each column's smoothed inverse document frequency, as `TfidfTransformer` does.

    In sixteenths: many are alike then, and take little room.
    """
    rows = counts.shape[0]
    frequency = np.bincount(counts.indices, minlength=COLUMNS)
    idf: Floats = np.log((1 + rows) / (1 + frequency)) + 1
    return (np.rint(_IDF_STEPS * idf) / _IDF_STEPS).astype(np.float32)


def matrix(counts: Matrix, dense: Floats, idf: Floats) -> Matrix:
    """Weigh counts by TF-IDF, rows of unit length, and put the dense columns beside them."""
    weighed = counts.copy()
    weighed.data = (np.log(counts.data) + 1) * idf[counts.indices]
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(row, np.square(weighed.data), counts.shape[0]))
    weighed.data = (weighed.data / np.maximum(lengths, 1e-12)[row]).astype(np.float32)
    return sparse.hstack([weighed, sparse.csr_matrix(dense)], format="csr", dtype=np.float32)
