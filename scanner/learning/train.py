"""Fit the estimators to labelled notes, keeping some writers out to choose thresholds on."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from scanner.core.classify import CATEGORIES
from scanner.core.segment import Sentence, Sentences
from scanner.errors import ConfigurationError
from scanner.learning import corpus, features, thresholds
from scanner.learning.artifact import (
    Estimators,
    KindEstimator,
    Model,
    SentenceEstimator,
    probability,
)
from scanner.learning.corpus import Example
from scanner.learning.features import Counts, Floats, Mask, Matrix
from scanner.learning.thresholds import LOWEST_KIND, HeldOut, highest

SEED = 20260101
FOLDS = 4


# Inverse strength of the penalties, chosen on held-out writers.
_KIND_C = 30.0
_FLUB_C = 6.0


# Of a message mixed with ordinary mail: the share of its sentences that stay, and the
# lengths in words of a sentence that may be mixed in.
_KEPT = 0.8
_SENTENCE_WORDS = range(4, 30)


class Progress(Protocol):
    """Told how far a long run is: `done` of `total` steps, and what comes next."""

    def __call__(self, done: int, total: int, label: str) -> None:
        """Take note of it."""


def silent(done: int, total: int, label: str) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus in arrays: per message `kinds`, `is_note`, `writers`; per sentence the rest.

    `mixed` is the kind features of each message once more, with ordinary mail mixed in.
    """

    kinds: Matrix
    mixed: Matrix
    is_note: Mask
    writers: NDArray[np.str_]
    counts: Counts
    is_flub: Mask
    categories: NDArray[np.str_]

    def take(self, messages: Mask) -> Prepared:
        """Keep the messages marked."""
        rows = messages[self.counts.rows.message]
        chosen = np.flatnonzero(messages)
        return Prepared(
            self.kinds[chosen],
            self.mixed[chosen] if self.mixed.shape[0] else self.mixed,
            self.is_note[messages],
            self.writers[messages],
            features.take(self.counts, messages),
            self.is_flub[rows],
            self.categories[rows],
        )


@dataclass(frozen=True, slots=True)
class Background:
    """Ordinary mail, known to hold no note: its messages and the kind features of each."""

    messages: Sequence[Sentences]
    kinds: Matrix

    def part(self, fold: int, folds: int) -> Mask:
        """Mark the messages of one of so many folds."""
        part: Mask = np.arange(len(self.messages)) % folds == fold
        return part


def prepare(
    examples: Sequence[Example], background: Sequence[Sentences] = (), seed: int = SEED
) -> Prepared:
    """Cut, label and count the corpus once; folds then only choose rows."""
    projected = [corpus.project(example) for example in examples]
    messages = [one.sentences for one in projected]
    categories = np.array([c or "" for one in projected for c in one.categories], dtype=np.str_)
    return Prepared(
        features.kind_counts(messages),
        features.kind_counts(_mixed(messages, background, seed)),
        np.array([example.kind == "thank_you" for example in examples]),
        np.array([example.writer for example in examples], dtype=np.str_),
        features.count(messages),
        categories != "",
        categories,
    )


def prepare_background(messages: Sequence[Sentences]) -> Background:
    """Count the words of ordinary mail, once."""
    return Background(messages, features.kind_counts(messages))


def train(  # noqa: PLR0913 - what may differ from one training to the next
    examples: Sequence[Example],
    background: Sequence[Sentences] = (),
    *,
    version: str,
    base: Model | None = None,
    added: Sequence[Example] = (),
    seed: int = SEED,
    progress: Progress = silent,
) -> Model:
    """Fit a model to labelled notes; same corpus, seed and libraries, same predictions.

    `background` is ordinary mail without notes: it teaches `kind` alone, and only through
    words that the corpus has. Where there is none, a `base` model's `kind` is taken over
    and adapted to the `added` examples. Of equal texts, an added one replaces the other.
    Raises `ConfigurationError` where the corpus is too small to hold writers out.
    """
    examples = corpus.merge(examples, added).examples
    prepared = prepare(examples, background, seed)
    ordinary = prepare_background(background)
    kind = _adapted(base, added, seed) if base and not background else None
    estimators, held_out = fit(prepared, ordinary, seed, progress, kind)
    chosen = thresholds.choose(held_out, base.thresholds if base and kind else None)
    return Model(
        version,
        estimators,
        chosen,
        {
            "corpus_sha256": corpus.digest(examples),
            "messages": len(examples),
            "writers": sorted(set(prepared.writers.tolist())),
            "background": _described(background, base if kind else None),
            "seed": seed,
            "labels": list(corpus.KINDS),
            "categories": list(CATEGORIES),
            "scores": thresholds.scores(held_out, chosen),
        },
    )


def fit(
    prepared: Prepared,
    ordinary: Background,
    seed: int = SEED,
    progress: Progress = silent,
    kind: KindEstimator | None = None,
) -> tuple[Estimators, HeldOut]:
    """Fit everything, and keep what was said of writers and mail held out.

    A ready `kind` is kept as it is.
    """
    rows = prepared.counts.rows
    kinds = np.zeros(len(prepared.is_note), np.float32)
    ordinary_kinds = np.zeros(len(ordinary.messages), np.float32)
    odds = np.zeros(len(prepared.is_flub), np.float32)
    folds = _folds(prepared.writers)
    for fold in folds:
        _require_enough(prepared.take(~fold))
    for number, fold in enumerate(folds):
        progress(number, len(folds) + 1, f"holding out {', '.join(_names(prepared.writers[fold]))}")
        seen, unseen, part = (
            prepared.take(~fold),
            prepared.take(fold),
            ordinary.part(number, len(folds)),
        )
        judge = kind or _fit_kind(seen, ordinary.kinds[np.flatnonzero(~part)], seed)
        kinds[fold] = judge.probability(unseen.kinds)
        ordinary_kinds[part] = judge.probability(ordinary.kinds[np.flatnonzero(part)])
        odds[fold[rows.message]] = _fit_flub(seen, seed).odds(unseen.counts)
    progress(len(folds), len(folds) + 1, "fitting all writers")
    second, flubs = _fit_second(prepared, odds, folds, seed)
    estimators = Estimators(
        kind or _fit_kind(prepared, ordinary.kinds, seed),
        _fit_flub(prepared, seed),
        second,
        _fit_category(prepared, seed),
    )
    alarms = _ordinary_flubs(estimators, ordinary, ordinary_kinds)
    progress(len(folds) + 1, len(folds) + 1, "done")
    return estimators, HeldOut(
        prepared.is_note, kinds, rows.message, prepared.is_flub, flubs, ordinary_kinds, alarms
    )


def _described(background: Sequence[Sentences], base: Model | None) -> dict[str, Any]:
    """Name the ordinary mail that `kind` learnt from, by hash and size: it is not shipped."""
    if base:
        inherited: dict[str, Any] = dict(base.metadata.get("background", {}))
        return inherited | {"kind_taken_from": base.version}
    texts = [f"{message.subject}\n{message.text}" for message in background]
    return {
        "messages": len(texts),
        "characters": sum(map(len, texts)),
        "sha256": hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest(),
    }


def _require_enough(seen: Prepared) -> None:
    kinds = set(seen.is_note.tolist())
    if kinds != {True, False} or set(seen.is_flub[_of_notes(seen)].tolist()) != {True, False}:
        raise ConfigurationError(
            "too few labelled notes to train on: whichever file is held out, the others need "
            "notes with flubs, clean notes and other messages; add more notes"
        )


def _of_notes(prepared: Prepared) -> Mask:
    """Mark the sentences of notes."""
    marks: Mask = prepared.is_note[prepared.counts.rows.message]
    return marks


def _names(writers: NDArray[np.str_]) -> list[str]:
    return sorted(set(writers.tolist()))


def _folds(writers: NDArray[np.str_]) -> list[Mask]:
    """Deal the writers to a few folds, by name, so that no writer is in two of them."""
    names = _names(writers)
    count = min(FOLDS, len(names))
    return [np.isin(writers, names[start::count]) for start in range(count)]


def _mixed(
    messages: Sequence[Sentences], background: Sequence[Sentences], seed: int
) -> list[Sentences]:
    """Copy each message, with a sentence of ordinary mail in it and some of its own left out.

    Otherwise `kind` would learn the style of the background for the sign of "other": a
    plain sentence such as ordinary mail is full of must not speak against a note.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
    pool = [s for message in background for s in message.items if _is_ordinary(s)]
    if not pool:
        return []
    return [
        Sentences(
            message.subject,
            message.text,
            (
                chance.choice(pool),
                *(s for s in message.items[1:] if chance.random() < _KEPT),
                *message.items[:1],
            ),
        )
        for message in messages
    ]


def _is_ordinary(sentence: Sentence) -> bool:
    return len(sentence.text.split()) in _SENTENCE_WORDS


def _fit_kind(prepared: Prepared, ordinary: Matrix, seed: int) -> KindEstimator:
    """Fit on the words that the corpus has: no word is known from background alone."""
    words = features.fit_weighting(prepared.kinds)
    parts = [prepared.kinds, prepared.mixed, ordinary]
    matrix = sparse.vstack([words.transform(part) for part in parts], format="csr")
    again = prepared.is_note[: prepared.mixed.shape[0]]
    answers = np.concatenate([prepared.is_note, again, np.zeros(ordinary.shape[0], bool)])
    return KindEstimator(words, _slim(_logistic(_KIND_C, seed).fit(matrix, answers)))


def _adapted(base: Model, added: Sequence[Example], seed: int) -> KindEstimator:
    """Move the base's `kind` no further than the added examples ask for.

    The base's coefficients are the centre of the penalty (a prior), so what it learnt from
    mail that is not at hand is kept.
    """
    kind = base.estimators.kind
    if not added:
        return kind
    prepared = prepare(added)
    matrix = kind.words.transform(prepared.kinds).astype(np.float64)
    start = np.append(kind.classifier.coef_.ravel(), kind.classifier.intercept_).astype(float)
    found = minimize(
        _penalised_loss, start, (start, matrix, prepared.is_note), jac=True, method="L-BFGS-B"
    ).x
    classifier = _logistic(_KIND_C, seed)
    classifier.classes_ = kind.classifier.classes_
    classifier.coef_, classifier.intercept_ = found[None, :-1].astype(np.float32), found[-1:]
    return KindEstimator(kind.words, classifier)


def _penalised_loss(
    weights: NDArray[np.float64], prior: NDArray[np.float64], matrix: Matrix, answers: Mask
) -> tuple[float, NDArray[np.float64]]:
    odds = matrix @ weights[:-1] + weights[-1]
    moved = weights - prior
    loss = np.logaddexp(0, np.where(answers, -odds, odds)).sum() + moved @ moved / (2 * _KIND_C)
    error = expit(odds) - answers
    return float(loss), np.append(matrix.T @ error, error.sum()) + moved / _KIND_C


def _fit_flub(prepared: Prepared, seed: int) -> SentenceEstimator:
    """Fit on notes alone: in other messages every sentence is innocent, however apologetic."""
    notes = prepared.take(prepared.is_note)
    words = features.fit_weighting(notes.counts.words)
    characters = features.fit_weighting(notes.counts.characters)
    matrix = features.sentence_matrix(notes.counts, words, characters)
    classifier = _logistic(_FLUB_C, seed).fit(matrix, notes.is_flub)
    return SentenceEstimator(words, characters, _slim(classifier))


def _fit_second(
    prepared: Prepared, odds: Floats, folds: Sequence[Mask], seed: int
) -> tuple[LogisticRegression, Floats]:
    """Fit the second reading on first readings of unseen writers, as it will meet them."""
    looks = features.second_look(odds, prepared.counts.rows)
    notes = _of_notes(prepared)
    flubs = np.zeros(len(odds), np.float32)
    for fold in folds:
        unseen = fold[prepared.counts.rows.message]
        seen = notes & ~unseen
        second = _logistic(1, seed).fit(looks[seen], prepared.is_flub[seen])
        flubs[unseen] = probability(second, looks[unseen])
    return _logistic(1, seed).fit(looks[notes], prepared.is_flub[notes]), flubs


def _fit_category(prepared: Prepared, seed: int) -> SentenceEstimator:
    flubs = np.flatnonzero(prepared.is_flub)
    words = features.fit_weighting(prepared.counts.words[flubs])
    characters = features.fit_weighting(prepared.counts.characters[flubs])
    matrix = features.sentence_matrix(prepared.counts, words, characters)[flubs]
    classifier = LinearSVC(C=0.5, class_weight="balanced", random_state=seed)
    return SentenceEstimator(
        words, characters, _slim(classifier.fit(matrix, prepared.categories[flubs]))
    )


def _ordinary_flubs(estimators: Estimators, ordinary: Background, kinds: Floats) -> Floats:
    """Give each background message's likeliest sentence; those far from a note are not read."""
    read = np.flatnonzero(kinds >= LOWEST_KIND)
    counts = features.count([ordinary.messages[place] for place in read.tolist()])
    likeliest = np.zeros(len(kinds), np.float32)
    likeliest[read] = highest(counts.rows.message, estimators.flub_probability(counts), len(read))
    return likeliest


def _logistic(strength: float, seed: int) -> LogisticRegression:
    return LogisticRegression(C=strength, solver="liblinear", max_iter=500, random_state=seed)


def _slim(classifier: Any) -> Any:
    """Halve the coefficients' size; done before anything is predicted, so nothing changes."""
    classifier.coef_ = classifier.coef_.astype(np.float32)
    return classifier
