"""The encoder's early exit: taught to tell notes with a flub from mail that may be left off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from scanner.core.draft import Sentences
from scanner.learning import nesting
from scanner.learning.corpus import Projected
from scanner.learning.encoder import Encoder
from scanner.learning.features import Mask
from scanner.learning.folds import folds
from scanner.learning.nesting import Weights
from scanner.learning.progress import Progress
from scanner.learning.readings import NOT_ASKED
from scanner.learning.windows import Tokens
from scanner.learning.words import Floats

# Chosen on held-out writers: the inverse strength of the penalty, and how much a message of the
# corpus counts that is no note. It is written as notes are, and may well be read to the end.
_C = 0.1
_OTHER = 0.03
# The exit is there for the share of ordinary mail that is most like notes, so each of it counts
# for many.
_MOST_LIKE_NOTES = 0.06
_SUCH_MAIL = 20.0

_FOLDS = 16
_STEPS = 400  # of the solver, at most


def teach(
    graph: Path,
    tokens: Tokens,
    projected: Sequence[Projected],
    background: Sequence[Sentences],
    progress: Progress,
) -> list[float]:
    """Teach a graph's exit by a corpus and ordinary mail; clean notes teach it nothing.

    Gives for each message, the corpus's first, the log-odds at exits that were taught without its
    writer, or NOT_ASKED where the exit is not asked.
    """
    messages = [*(one.sentences for one in projected), *background]
    beginnings = [tokens.windows(message)[0].beginning for message in messages]
    means = Encoder(graph, tokens).means(beginnings, progress)
    has_flub = np.zeros(len(messages), bool)
    has_flub[: len(projected)] = [any(one.categories) for one in projected]
    counts = np.ones(len(messages), np.float32)
    counts[: len(projected)] = [_count(one) for one in projected]
    said = np.zeros(len(messages), np.float32)
    for part in _parts(projected, len(messages)):
        without = _taught(means, has_flub, counts * ~part, len(projected))
        said[part] = means[part] @ without.mean + without.added
    nesting.teach(graph, _taught(means, has_flub, counts, len(projected)))
    pairs = zip(beginnings, said.tolist(), strict=True)
    return [odds if window.tells_early else NOT_ASKED for window, odds in pairs]


def _count(one: Projected) -> float:
    if any(one.categories):
        return 1.0
    return 0.0 if one.example.kind == "thank_you" else _OTHER


def _parts(projected: Sequence[Projected], messages: int) -> list[Mask]:
    """Deal the writers, and what is not theirs, to parts."""
    theirs = folds(np.array([one.example.writer for one in projected]), _FOLDS)
    turns = np.arange(messages - len(projected)) % len(theirs)
    return [np.concatenate([its, turns == number]) for number, its in enumerate(theirs)]


def _taught(means: Floats, has_flub: Mask, counts: Floats, labelled: int) -> Weights:
    """Fit it twice: the first fit finds the ordinary mail that is most like notes.

    Ordinary mail comes after the `labelled` messages, of which there are so many.
    """
    weights = _fitted(means, has_flub, counts)
    ordinary = np.flatnonzero(counts[labelled:]) + labelled
    if not len(ordinary):
        return weights
    odds = means[ordinary] @ weights.mean
    alike = ordinary[odds >= np.quantile(odds, 1 - _MOST_LIKE_NOTES)]
    counts = counts.copy()
    counts[alike] *= _SUCH_MAIL
    return _fitted(means, has_flub, counts)


def _fitted(means: Floats, has_flub: Mask, counts: Floats) -> Weights:
    rows = np.flatnonzero(counts)
    if has_flub[rows].all() or not has_flub[rows].any():
        return nesting.untaught(means.shape[1])
    scaler = StandardScaler().fit(means[rows])
    estimator = LogisticRegression(C=_C, max_iter=_STEPS)
    estimator.fit(scaler.transform(means[rows]), has_flub[rows], sample_weight=counts[rows])
    weights = (estimator.coef_[0] / scaler.scale_).astype(np.float32)
    return Weights(weights, float(estimator.intercept_[0] - scaler.mean_ @ weights))
