"""scikit-learn fits the heads here; `Head` is what is left of an estimator for the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scanner.learning.context import Context, Layer
from scanner.learning.corpus import SEED
from scanner.learning.features import Mask
from scanner.learning.heads import First, Head
from scanner.learning.matrices import Matrix, inverse_frequencies, matrix
from scanner.learning.words import COLUMNS, Floats

if TYPE_CHECKING:  # loaded where a head is fitted: it takes a second or two
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    Estimator: TypeAlias = LogisticRegression | LinearSVC

_STEPS = 128

# Of the networks of `context`; chosen on held-out writers.
_NETWORKS = 3
_WIDTHS = (32, 16)
_DECAY = 1.0
_RATE = 2e-3
_BATCH = 512
_EPOCHS = 12  # more of them learn the corpus by heart
_ANY_GAIN = 1e9


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


def fit(  # noqa: PLR0913 - what differs from one head to the next
    counts: Matrix,
    dense: Floats,
    answers: NDArray[Any],
    *,
    inverse_strength: float,
    weights: Floats | None = None,
    idf: Floats | None = None,
) -> Fitted:
    """Fit a logistic regression to yes and no, a support vector machine to several classes.

    `inverse_strength` is the penalty's, scikit-learn's C; `weights` say how much each row
    counts, and `idf` how much each word, where the rows themselves should not. Coefficients are
    brought to the precision they are stored in before anything is predicted.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    idf = inverse_frequencies(counts) if idf is None else idf
    estimator = (
        LogisticRegression(C=inverse_strength, solver="liblinear", max_iter=300, random_state=SEED)
        if answers.dtype == bool
        else LinearSVC(C=inverse_strength, class_weight="balanced", random_state=SEED)
    )
    estimator.fit(matrix(counts, dense, idf), answers, sample_weight=weights)
    return Fitted(_slim(estimator), idf)


def fit_first(
    marks: Matrix, answers: Mask, *, inverse_strength: float, weights: Floats
) -> FittedFirst:
    """Fit a logistic regression to single words; `inverse_strength` and `weights` are as in `fit`.

    Its coefficients are brought to the whole steps that they are stored in.
    """
    from sklearn.linear_model import LogisticRegression

    estimator = LogisticRegression(C=inverse_strength, solver="liblinear", random_state=SEED)
    estimator.fit(marks, answers, sample_weight=weights)
    step = _step(estimator.coef_)
    estimator.coef_ = (np.rint(estimator.coef_ / step) * step).astype(np.float32)
    estimator.intercept_ = estimator.intercept_.astype(np.float32)
    return FittedFirst(estimator)


def _step(weights: NDArray[Any]) -> float:
    """Give the step by which the heaviest of the weights still fits a byte."""
    return float(np.abs(weights).max(initial=1e-6)) / np.iinfo(np.int8).max


def _slim(estimator: Estimator) -> Estimator:
    """Bring weights to the precision they are stored in.

    A text's words are weighed to unit length, so that steps of 1/128 move no log-odds by more
    than some hundredths.
    """
    words = (np.rint(estimator.coef_[:, :COLUMNS] * _STEPS) / _STEPS).astype(np.float16)
    estimator.coef_ = np.hstack([words, estimator.coef_[:, COLUMNS:]]).astype(np.float32)
    estimator.intercept_ = estimator.intercept_.astype(np.float32)
    return estimator
