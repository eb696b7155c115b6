"""A trial as the curves and tables that pictures are drawn from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES
from scanner.learning.measures import BINS, binned
from scanner.learning.trial import NONE, Table

Values = NDArray[np.float64]

NO_CATEGORY = "none"
LABELS = (*CATEGORIES, NO_CATEGORY)
"""The rows and columns of a confusion."""

_FEWEST = 10  # sentences in a bin: of fewer the share says nothing
_MOST_MIXED_UP = 3


class Line(NamedTuple):
    """Points of a curve."""

    x: Values
    y: Values


def precision_by_recall(rows: Table) -> Line:
    """Give the precision at each recall of the flub sentences in notes, whatever the preset."""
    from sklearn.metrics import precision_recall_curve

    notes = rows.in_note
    truth = rows.truth[notes] != NONE
    if not truth.any():
        return Line(np.zeros(0), np.zeros(0))
    precision, recall, _ = precision_recall_curve(truth, rows.chance[notes])
    return Line(recall, precision)


def operating_point(rows: Table) -> tuple[float, float]:
    """Give recall and precision, over the sentences of notes, of what the preset shows."""
    shown, there = (mask[rows.in_note] for mask in (rows.said != NONE, rows.truth != NONE))
    right = float((shown & there).sum())
    return right / max(int(there.sum()), 1), right / max(int(shown.sum()), 1)


def came_true(rows: Table) -> Line:
    """Give, by tenths of stated probability, the mean stated and the share that came true."""
    chance, truth = rows.chance[rows.in_note], rows.truth[rows.in_note] != NONE
    bins = binned(chance)
    sizes = np.bincount(bins, minlength=BINS)
    full = sizes >= _FEWEST
    stated, true = (np.bincount(bins, of, BINS)[full] / sizes[full] for of in (chance, truth))
    return Line(stated, true)


def confusion(rows: Table) -> NDArray[np.int64]:
    """Count labelled sentences by true category (rows) and shown one (columns), LABELS each."""
    counts = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(counts, (rows.truth[rows.counts], rows.said[rows.counts]), 1)
    return counts


def mix_ups(counts: NDArray[np.int64]) -> list[tuple[str, str, int]]:
    """List the three pairs of categories that are mixed up most: true one, shown one, how often."""
    among = counts[:-1, :-1].copy()
    np.fill_diagonal(among, 0)
    places = np.argsort(-among, axis=None, kind="stable")[:_MOST_MIXED_UP]
    pairs = zip(*np.unravel_index(places, among.shape), strict=True)
    return [(LABELS[i], LABELS[j], int(among[i, j])) for i, j in pairs if among[i, j]]
