"""A fitted head moved by more rows: no further than these ask for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from scanner.learning import features
from scanner.learning.features import Mask
from scanner.learning.heads import Head, constant
from scanner.learning.matrices import Matrix, matrix
from scanner.learning.words import Floats

_CLOSE = 1e-7  # relative to the loss: closer moves no probability


def adapted(  # noqa: PLR0913 - what differs from one head to the next
    head: Head,
    counts: Matrix,
    dense: Floats,
    answers: Mask,
    inverse_strength: float,
    *,
    apart: bool = False,
    counting: Floats | float = 1.0,
    beside: Floats | float = 0.0,
) -> Head:
    """Move a head's weights of words no further than rows ask for.

    Its weights are the centre of the penalty (a prior), so what it learnt from mail that is
    not at hand is kept. The intercept and what the dense columns weigh, which all mail
    shares, stay. Rows that are `apart` have an intercept of their own while they are learnt
    from: that there are more flubs among them is no merit of their words. `inverse_strength` is
    that of the penalty, `counting` says how much each row counts, `beside` the log-odds to which
    the head's are added.
    """
    bare = features.bare(counts.shape[0])
    rows = matrix(counts, bare, head.idf).astype(np.float64)
    asked = np.unique(rows.indices)  # of other words nothing is said
    rest = (beside + dense @ head.dense[0] + head.intercept[0]).astype(np.float64)
    weights = head.words.astype(np.float64)
    level = sparse.csr_matrix(np.full((counts.shape[0], 1), apart, float))
    weights[0, asked] = _minimised(
        np.append(weights[0, asked], 0.0),
        sparse.hstack([rows[:, asked], level], format="csr"),
        rest, answers, inverse_strength, counting,
    )[:-1]  # fmt: skip
    return head._replace(words=weights.astype(np.float16).astype(np.float32))


def leaned(  # noqa: PLR0913 - what differs from one head to the next
    idf: Floats,
    dense: Floats,
    answers: Mask,
    inverse_strength: float,
    *,
    apart: Mask,
    counting: Floats,
    beside: Floats,
) -> Head:
    """Give a head that weighs the dense columns alone, added to what is said `beside`.

    Rows `apart`, `counting`, `beside` and the penalty are as in `adapted`.
    """
    rows = np.column_stack([dense, np.ones(len(dense)), apart]).astype(np.float64)
    start, rest = np.zeros(rows.shape[1]), beside.astype(np.float64)
    weights = _minimised(start, rows, rest, answers, inverse_strength, counting).astype(np.float32)
    silent = constant(0.0, idf, dense.shape[1])
    return silent._replace(dense=weights[None, :-2], intercept=weights[-2:-1])


def _minimised(  # noqa: PLR0913, PLR0917 - what the loss is made of
    start: NDArray[np.float64],
    rows: Matrix | NDArray[np.float64],
    rest: NDArray[np.float64],
    answers: Mask,
    inverse_strength: float,
    counting: Floats | float,
) -> NDArray[np.float64]:
    """Give the weights of least loss; where they start is the centre of the penalty."""
    found: NDArray[np.float64] = minimize(
        _penalised_loss, start, (start, rows, rest, answers, inverse_strength, counting),
        jac=True, method="L-BFGS-B", options={"ftol": _CLOSE},
    ).x  # fmt: skip
    return found


def _penalised_loss(  # noqa: PLR0913, PLR0917 - what minimize hands on
    weights: NDArray[np.float64],
    prior: NDArray[np.float64],
    rows: Matrix | NDArray[np.float64],
    rest: NDArray[np.float64],
    answers: Mask,
    inverse_strength: float,
    counting: Floats | float,
) -> tuple[float, NDArray[np.float64]]:
    odds = rows @ weights + rest
    moved = weights - prior
    losses = counting * np.logaddexp(0, np.where(answers, -odds, odds))
    slope = rows.T @ (counting * (expit(odds) - answers)) + moved / inverse_strength
    return float(losses.sum() + moved @ moved / (2 * inverse_strength)), slope
