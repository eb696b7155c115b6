"""scikit-learn fits the heads here; `Head` is what is left of an estimator for the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit

from scanner.learning import features, words
from scanner.learning.context import Context, Layer
from scanner.learning.corpus import SEED
from scanner.learning.features import Mask
from scanner.learning.heads import First, Head, constant
from scanner.learning.words import COLUMNS, Floats

if TYPE_CHECKING:  # loaded where a head is fitted: it takes a second or two
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    Estimator: TypeAlias = LogisticRegression | LinearSVC

_STEPS = 128
_IDF_STEPS = 16
_CLOSE = 1e-7  # relative to the loss: closer moves no probability

# Of the networks of `context`; chosen on held-out writers.
_NETWORKS = 3
_WIDTHS = (32, 16)
_DECAY = 1.0
_RATE = 2e-3
_BATCH = 512
_EPOCHS = 12  # more of them learn the corpus by heart
_ANY_GAIN = 1e9

Matrix: TypeAlias = sparse.csr_matrix


@dataclass(frozen=True, slots=True)
class Fitted:
    """An estimator over [words, dense columns], and the weights of words it was fitted with."""

    estimator: Estimator
    idf: Floats

    @property
    def head(self) -> Head:
        """The same as plain arrays."""
        weights = self.estimator.coef_.astype(np.float32)
        intercept = self.estimator.intercept_.astype(np.float32)
        return Head(self.idf, weights[:, :COLUMNS], weights[:, COLUMNS:], intercept)

    def odds(self, counts: Matrix, dense: Floats) -> Floats:
        """Give scikit-learn's decision function, shape (rows,) or (rows, answers)."""
        odds: Floats = self.estimator.decision_function(matrix(counts, dense, self.idf))
        return odds.astype(np.float32)


@dataclass(frozen=True, slots=True)
class FittedFirst:
    """An estimator over single words, each there or not."""

    estimator: LogisticRegression

    @property
    def first(self) -> First:
        """The same as plain arrays."""
        weights = self.estimator.coef_[0]
        step = _step(weights)
        whole = np.rint(weights / step).astype(np.int8)
        return First(whole, step, float(self.estimator.intercept_[0]))


@dataclass(frozen=True, slots=True)
class FittedContext:
    """Networks that set out from other chances, on columns of mean 0 and variance 1; or none."""

    scaler: StandardScaler | None = None
    networks: Sequence[MLPClassifier] = ()

    @property
    def context(self) -> Context:
        """The same as plain arrays; the first layer brings the columns to their scale."""
        if self.scaler is None:
            return Context(())
        weights = [one.coefs_ for one in self.networks]
        biases = [one.intercepts_ for one in self.networks]
        layers = [
            Layer(np.stack(of_each), np.stack(theirs)[:, None])
            for of_each, theirs in zip(
                zip(*weights, strict=True), zip(*biases, strict=True), strict=True
            )
        ]
        scaled = layers[0].weights / self.scaler.scale_[:, None]
        shift = (self.scaler.mean_ @ scaled)[:, None]
        layers[0] = Layer(scaled, layers[0].biases - shift)
        return Context(tuple(Layer(*(part.astype(np.float32) for part in one)) for one in layers))


def fit_context(columns: Floats, answers: Mask) -> FittedContext:
    """Fit small networks to what is said of sentences and those beside them."""
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(columns)
    scaled = scaler.transform(columns)
    networks = [
        MLPClassifier(
            _WIDTHS, alpha=_DECAY, learning_rate_init=_RATE, batch_size=min(_BATCH, len(columns)),
            # No gain is enough after the first epoch: so it ends after _EPOCHS, and as planned.
            # At max_iter it would warn, which threads cannot keep from each other.
            tol=_ANY_GAIN, n_iter_no_change=_EPOCHS - 2, max_iter=_EPOCHS + 1,
            random_state=SEED + number,
        )
        for number in range(_NETWORKS)
    ]  # fmt: skip
    for network in networks:
        network.fit(scaled, answers)
        del network._optimizer  # noqa: SLF001 - five times as much as what was learnt
    return FittedContext(scaler, networks)


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


def fit(  # noqa: PLR0913 - what differs from one head to the next
    counts: Matrix,
    dense: Floats,
    answers: NDArray[Any],
    *,
    strength: float,
    weights: Floats | None = None,
    idf: Floats | None = None,
) -> Fitted:
    """Fit a logistic regression to yes and no, a support vector machine to several classes.

    `strength` is the inverse of the penalty; `weights` say how much each row counts, and `idf` how
    much each word, where the rows themselves should not. Coefficients are brought to the precision
    they are stored in before anything is predicted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    idf = inverse_frequencies(counts) if idf is None else idf
    estimator = (
        LogisticRegression(C=strength, solver="liblinear", max_iter=300, random_state=SEED)
        if answers.dtype == bool
        else LinearSVC(C=strength, class_weight="balanced", random_state=SEED)
    )
    estimator.fit(matrix(counts, dense, idf), answers, sample_weight=weights)
    return Fitted(_slim(estimator), idf)


def fit_first(marks: Matrix, answers: Mask, *, strength: float, weights: Floats) -> FittedFirst:
    """Fit a logistic regression to single words; `strength` and `weights` are as in `fit`.

    Its coefficients are brought to the whole steps that they are stored in.
    """
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression(C=strength, solver="liblinear", random_state=SEED)
    estimator.fit(marks, answers, sample_weight=weights)
    step = _step(estimator.coef_)
    estimator.coef_ = (np.rint(estimator.coef_ / step) * step).astype(np.float32)
    estimator.intercept_ = estimator.intercept_.astype(np.float32)
    return FittedFirst(estimator)


def _step(weights: NDArray[Any]) -> float:
    """Give the step by which the heaviest of the weights still fits a byte."""
    return float(np.abs(weights).max(initial=1e-6)) / np.iinfo(np.int8).max


def adapted(  # noqa: PLR0913 - what differs from one head to the next
    head: Head,
    counts: Matrix,
    dense: Floats,
    answers: Mask,
    strength: float,
    *,
    apart: bool = False,
    counting: Floats | float = 1.0,
    beside: Floats | float = 0.0,
) -> Head:
    """Move a head's weights of words no further than rows ask for.

    Its weights are the centre of the penalty (a prior), so what it learnt from mail that is
    not at hand is kept. The intercept and what the dense columns weigh, which all mail
    shares, stay. Rows that are `apart` have an intercept of their own while they are learnt
    from: that there are more flubs among them is no merit of their words. `counting` says how
    much each row counts, `beside` the log-odds to which the head's are added.
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
        rest, answers, strength, counting,
    )[:-1]  # fmt: skip
    return head._replace(words=weights.astype(np.float16).astype(np.float32))


def leaned(  # noqa: PLR0913 - what differs from one head to the next
    idf: Floats,
    dense: Floats,
    answers: Mask,
    strength: float,
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
    weights = _minimised(start, rows, rest, answers, strength, counting).astype(np.float32)
    silent = constant(0.0, idf, dense.shape[1])
    return silent._replace(dense=weights[None, :-2], intercept=weights[-2:-1])


def _minimised(  # noqa: PLR0913, PLR0917 - what the loss is made of
    start: NDArray[np.float64],
    rows: Matrix | NDArray[np.float64],
    rest: NDArray[np.float64],
    answers: Mask,
    strength: float,
    counting: Floats | float,
) -> NDArray[np.float64]:
    """Give the weights of least loss; where they start is the centre of the penalty."""
    found: NDArray[np.float64] = minimize(
        _penalised_loss, start, (start, rows, rest, answers, strength, counting),
        jac=True, method="L-BFGS-B", options={"ftol": _CLOSE},
    ).x  # fmt: skip
    return found


def _penalised_loss(  # noqa: PLR0913, PLR0917 - what minimize hands on
    weights: NDArray[np.float64],
    prior: NDArray[np.float64],
    rows: Matrix | NDArray[np.float64],
    rest: NDArray[np.float64],
    answers: Mask,
    strength: float,
    counting: Floats | float,
) -> tuple[float, NDArray[np.float64]]:
    odds = rows @ weights + rest
    moved = weights - prior
    losses = counting * np.logaddexp(0, np.where(answers, -odds, odds))
    slope = rows.T @ (counting * (expit(odds) - answers)) + moved / strength
    return float(losses.sum() + moved @ moved / (2 * strength)), slope


def _slim(estimator: Estimator) -> Estimator:
    """Bring weights to the precision they are stored in.

    A text's words are weighed to unit length, so that steps of 1/128 move no log-odds by more
    than some hundredths.
    """
    words = (np.rint(estimator.coef_[:, :COLUMNS] * _STEPS) / _STEPS).astype(np.float16)
    estimator.coef_ = np.hstack([words, estimator.coef_[:, COLUMNS:]]).astype(np.float32)
    estimator.intercept_ = estimator.intercept_.astype(np.float32)
    return estimator
