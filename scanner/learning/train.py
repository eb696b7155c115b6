"""Fit the three estimators to labelled notes, and choose thresholds on held-out writers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.svm import LinearSVC

from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.segment import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import corpus, features
from scanner.learning.corpus import Example
from scanner.learning.features import Counts, Floats, Matrix, Weighting

SEED = 20260101
FOLDS = 4

Mask = NDArray[np.bool_]


class Progress(Protocol):
    """Told how far a long run is: `done` of `total` steps, and what comes next."""

    def __call__(self, done: int, total: int, label: str) -> None: ...


def silent(done: int, total: int, label: str) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class KindEstimator:
    """Is a message a post-interview note?"""

    words: Weighting
    classifier: LogisticRegression

    def probability(self, counts: Matrix) -> Floats:
        """Give each message's probability to be a note."""
        return _probability(self.classifier, self.words.transform(counts))


@dataclass(frozen=True, slots=True)
class SentenceEstimator:
    """Reads sentences with their neighbours; `classifier` gives odds, or a category."""

    words: Weighting
    characters: Weighting
    classifier: LogisticRegression | LinearSVC

    def matrix(self, counts: Counts) -> Matrix:
        """Weigh the sentences' features as this estimator learnt them."""
        return features.sentence_matrix(counts, self.words, self.characters)


@dataclass(frozen=True, slots=True)
class Estimators:
    """The three questions: `kind`, `flub` (read twice) and `category`."""

    kind: KindEstimator
    flub: SentenceEstimator
    second: LogisticRegression
    category: SentenceEstimator

    def flub_probability(self, counts: Counts) -> Floats:
        """Give each sentence's probability to be a flub, were its message a note."""
        odds = self.flub.classifier.decision_function(self.flub.matrix(counts))
        return _probability(self.second, features.second_look(odds, counts.rows))

    def categories(self, counts: Counts) -> list[str]:
        """Give the category each sentence would be."""
        return list(self.category.classifier.predict(self.category.matrix(counts)))


@dataclass(frozen=True, slots=True)
class Model:
    """A trained classifier with the thresholds it was chosen with.

    `metadata` is what `model.json` says beside them: corpus hash, seed, scores and so on.
    """

    version: str
    estimators: Estimators
    thresholds: Mapping[str, Thresholds]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        """Predict for each message, in order.

        Sentences of a message that no preset takes for a note are not looked at: 0.0.
        """
        if not messages:
            return []
        kinds = self.estimators.kind.probability(features.kind_counts(messages))
        floor = min(thresholds.kind for thresholds in self.thresholds.values())
        read = self._sentences([m for m, k in zip(messages, kinds, strict=True) if k >= floor])
        return [
            Predictions(float(kind), next(read) if kind >= floor else _unread(message))
            for message, kind in zip(messages, kinds, strict=True)
        ]

    def _sentences(self, messages: Sequence[Sentences]) -> Any:
        counts = features.count(messages)
        found: list[SentencePrediction] = []
        if counts.rows.texts:
            chances = self.estimators.flub_probability(counts)
            names = self.estimators.categories(counts)
            found = [
                SentencePrediction(float(chance), name)
                for chance, name in zip(chances, names, strict=True)
            ]
        row = 0
        for message in messages:
            yield tuple(found[row : row + len(message.items)])
            row += len(message.items)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus in arrays: per message `kinds`, `is_note`, `writers`; per sentence the rest."""

    kinds: Matrix
    is_note: Mask
    writers: NDArray[np.str_]
    counts: Counts
    is_flub: Mask
    categories: NDArray[np.str_]

    def take(self, messages: Mask) -> Prepared:
        """Keep the messages marked."""
        rows = messages[self.counts.rows.message]
        return Prepared(
            self.kinds[np.flatnonzero(messages)],
            self.is_note[messages],
            self.writers[messages],
            features.take(self.counts, messages),
            self.is_flub[rows],
            self.categories[rows],
        )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions for a corpus by estimators that did not see its writers."""

    kinds: Floats
    odds: Floats
    flubs: Floats


def prepare(examples: Sequence[Example]) -> Prepared:
    """Cut, label and count the corpus once; folds then only choose rows."""
    projected = [corpus.project(example) for example in examples]
    messages = [one.sentences for one in projected]
    categories = np.array([c or "" for one in projected for c in one.categories], dtype=np.str_)
    return Prepared(
        features.kind_counts(messages),
        np.array([example.kind == "thank_you" for example in examples]),
        np.array([example.writer for example in examples], dtype=np.str_),
        features.count(messages),
        categories != "",
        categories,
    )


def train(
    examples: Sequence[Example],
    background: Sequence[Sentences] = (),
    *,
    version: str,
    seed: int = SEED,
    progress: Progress = silent,
) -> Model:
    """Fit a model to labelled notes; same corpus, seed and libraries, same predictions.

    `background` is ordinary mail, known to hold no note: it strengthens `kind` only.
    Raises `ConfigurationError` where the corpus is too small to hold writers out.
    """
    prepared = prepare(examples)
    _require_enough(prepared)
    ordinary = features.kind_counts(background) if background else None
    steps = FOLDS + 2
    estimators, held_out = fit(
        prepared, ordinary, seed, lambda done, label: progress(done, steps, label)
    )
    thresholds = choose_thresholds(prepared, held_out)
    progress(steps, steps, "done")
    return Model(
        version,
        estimators,
        thresholds,
        {
            "corpus_sha256": corpus.digest(examples),
            "messages": len(examples),
            "writers": sorted(set(prepared.writers.tolist())),
            "background_messages": len(background),
            "seed": seed,
            "labels": list(corpus.KINDS),
            "categories": list(CATEGORIES),
        },
    )


def fit(
    prepared: Prepared,
    ordinary: Matrix | None,
    seed: int,
    step: Callable[[int, str], None] = lambda _done, _label: None,
) -> tuple[Estimators, HeldOut]:
    """Fit everything, and keep what each part said of writers it had not seen."""
    count = len(prepared.is_note)
    kinds = np.zeros(count, np.float32)
    odds = np.zeros(len(prepared.is_flub), np.float32)
    folds = _folds(prepared.writers)
    for number, fold in enumerate(folds):
        step(number, f"writers held out, {number + 1} of {len(folds)}")
        seen, unseen = prepared.take(~fold), prepared.take(fold)
        kinds[fold] = _fit_kind(seen, ordinary, seed).probability(unseen.kinds)
        flub = _fit_flub(seen, seed)
        odds[fold[prepared.counts.rows.message]] = flub.classifier.decision_function(
            flub.matrix(unseen.counts)
        )
    step(len(folds), "all writers")
    second, flubs = _fit_second(prepared, odds, folds, seed)
    estimators = Estimators(
        _fit_kind(prepared, ordinary, seed),
        _fit_flub(prepared, seed),
        second,
        _fit_category(prepared, seed),
    )
    return estimators, HeldOut(kinds, odds, flubs)


def choose_thresholds(prepared: Prepared, held_out: HeldOut) -> dict[str, Thresholds]:
    """Choose each preset's thresholds from predictions for unseen writers."""
    notes = prepared.is_note[prepared.counts.rows.message]
    precision, recall, at = precision_recall_curve(prepared.is_flub[notes], held_out.flubs[notes])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = float(at[f1[:-1].argmax()])
    return {
        "cautious": Thresholds(0.7, min(0.95, best + 0.2)),
        "balanced": Thresholds(0.5, best),
        "strict": Thresholds(0.3, best * 0.6),
    }


def _require_enough(prepared: Prepared) -> None:
    writers = len(set(prepared.writers.tolist()))
    if writers < 2 or prepared.is_note.all() or not set(CATEGORIES) <= set(prepared.categories):  # noqa: PLR2004
        raise ConfigurationError(
            "too few labelled notes to train on: at least two files are needed that hold both "
            "kinds and every category; add more notes"
        )


def _folds(writers: NDArray[np.str_]) -> list[Mask]:
    """Deal the writers to a few folds, by name, so that no writer is in two of them."""
    names = sorted(set(writers.tolist()))
    count = min(FOLDS, len(names))
    return [np.isin(writers, names[start::count]) for start in range(count)]


def _fit_kind(prepared: Prepared, ordinary: Matrix | None, seed: int) -> KindEstimator:
    words = features.fit_weighting(prepared.kinds)
    matrix, answers = words.transform(prepared.kinds), prepared.is_note
    if ordinary is not None:
        matrix = sparse.vstack([matrix, words.transform(ordinary)], format="csr")
        answers = np.concatenate([answers, np.zeros(ordinary.shape[0], bool)])
    return KindEstimator(words, _logistic(10, seed).fit(matrix, answers))


def _fit_flub(prepared: Prepared, seed: int) -> SentenceEstimator:
    """Fit on notes alone: in other messages every sentence is innocent, however apologetic."""
    notes = prepared.take(prepared.is_note)
    words = features.fit_weighting(notes.counts.words)
    characters = features.fit_weighting(notes.counts.characters)
    matrix = features.sentence_matrix(notes.counts, words, characters)
    return SentenceEstimator(words, characters, _logistic(4, seed).fit(matrix, notes.is_flub))


def _fit_second(
    prepared: Prepared, odds: Floats, folds: Sequence[Mask], seed: int
) -> tuple[LogisticRegression, Floats]:
    """Fit the second reading on first readings of unseen writers, as it will meet them."""
    looks = features.second_look(odds, prepared.counts.rows)
    notes = prepared.is_note[prepared.counts.rows.message]
    flubs = np.zeros(len(odds), np.float32)
    for fold in folds:
        unseen = fold[prepared.counts.rows.message]
        seen = notes & ~unseen
        second = _logistic(1, seed).fit(looks[seen], prepared.is_flub[seen])
        flubs[unseen] = _probability(second, looks[unseen])
    return _logistic(1, seed).fit(looks[notes], prepared.is_flub[notes]), flubs


def _fit_category(prepared: Prepared, seed: int) -> SentenceEstimator:
    flubs = np.flatnonzero(prepared.is_flub)
    words = features.fit_weighting(prepared.counts.words[flubs])
    characters = features.fit_weighting(prepared.counts.characters[flubs])
    matrix = features.sentence_matrix(prepared.counts, words, characters)[flubs]
    classifier = LinearSVC(C=0.5, class_weight="balanced", random_state=seed)
    classifier.fit(matrix, prepared.categories[flubs])
    classifier.coef_ = classifier.coef_.astype(np.float32)
    return SentenceEstimator(words, characters, classifier)


def _logistic(strength: float, seed: int) -> LogisticRegression:
    return LogisticRegression(C=strength, solver="liblinear", max_iter=500, random_state=seed)


def _probability(classifier: LogisticRegression, matrix: Any) -> Floats:
    chances: Floats = classifier.predict_proba(matrix)[:, 1].astype(np.float32)
    return chances


def _unread(message: Sentences) -> tuple[SentencePrediction, ...]:
    return (SentencePrediction(0.0, CATEGORIES[0]),) * len(message.items)
