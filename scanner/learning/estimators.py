"""The estimators of all heads: what each is fitted to, and how freely; `fitting` knows how."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES
from scanner.learning import features, fitting, matrices
from scanner.learning.features import Mask
from scanner.learning.fitting import Fitted, FittedContext, FittedFirst
from scanner.learning.folds import folds
from scanner.learning.heads import NEVER, Head, Heads, constant
from scanner.learning.preparing import Mail, Prepared
from scanner.learning.words import Floats

# Inverse strength of the penalties, chosen on held-out writers.
_FIRST_C = 0.3
_NOTE_C = 1.0
_CLOSER_C = 3.0
_HINT_C = 1.0
_KIND_C = 10.0
_FLUB_C = 3.0
_CATEGORY_C = 1.0
_FOLDED_C = 30.0
# No note with a flub should be turned away at the gate: there each counts for several.
_FLUB_AT_GATE = 5.0
# Many other messages of the corpus are written as notes are, and may well be read.
_OTHER_AT_FIRST = 0.1
# The closer look is for the share of ordinary mail that sounds most like notes, which counts for
# many.
_SOUNDS_LIKE_NOTES = 0.06
_SUCH_MAIL = 80.0
_OTHER_AT_GATE = 0.03


@dataclass(frozen=True, slots=True)
class FittedHeads:
    """The estimators; none for `folded` where there was no example of it, or of the opposite."""

    first: FittedFirst
    note: Fitted
    closer: Fitted
    hint: Fitted
    kind: Fitted
    flub: Fitted
    category: Fitted
    folded: Fitted | None
    context: FittedContext

    @property
    def heads(self) -> Heads:
        """The same as plain arrays, a row for each of CATEGORIES."""
        flub = self.flub.head
        return Heads(
            self.first.first, self.note.head, self.closer.head, self.hint.head, self.kind.head,
            flub, of_all(self.category), or_never(self.folded, self.note), self.context.context,
            own=constant(0.0, flub.idf, flub.dense.shape[1]),
        )  # fmt: skip

    def dump(self, path: Path) -> None:
        """Write the estimators for scikit-learn to load; none of their types needs trust."""
        import skops.io  # it looks through all of scikit-learn, for seconds

        parts: dict[str, dict[str, Any]] = {
            name: {"idf": fitted.idf, "estimator": fitted.estimator}
            for name, fitted in (
                ("note", self.note), ("closer", self.closer), ("hint", self.hint),
                ("kind", self.kind), ("flub", self.flub), ("category", self.category),
                ("folded", self.folded),
            )
            if fitted
        }  # fmt: skip
        parts["first"] = {"estimator": self.first.estimator}
        if self.context.networks:
            parts["context"] = {
                "scaler": self.context.scaler,
                "networks": list(self.context.networks),
            }
        skops.io.dump(parts, path, compression=zipfile.ZIP_BZIP2, compresslevel=9)


def fit_all(
    prepared: Prepared,
    ordinary: Mail,
    seen: Mask | None = None,
    ordinary_seen: Mask | None = None,
) -> FittedHeads:
    """Fit every head, on all messages or on those marked as seen."""
    seen = np.ones(len(prepared.is_note), bool) if seen is None else seen
    others = np.ones(len(ordinary.messages), bool) if ordinary_seen is None else ordinary_seen
    note, kind = fit_kind(prepared, ordinary, seen, others)
    first = _fit_first(prepared, ordinary, seen, others)
    closer = _fit_closer(prepared, ordinary, seen, others, note)
    hint = _fit_hint(prepared, ordinary, seen, others)
    return FittedHeads(
        first, note, closer, hint, kind,
        fit_flub(prepared, seen), fit_category(prepared, seen),
        fit_folded(prepared, seen, note.idf), fit_context(prepared, seen),
    )  # fmt: skip


def _fit_first(prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask) -> FittedFirst:
    """Fit the head that tells notes from ordinary mail by single words."""
    rows, others = np.flatnonzero(seen), np.flatnonzero(ordinary_seen)
    marks = matrices.vstack(prepared.mail.single[rows], ordinary.single[others])
    answers = np.concatenate([prepared.is_note[rows], np.zeros(len(others), bool)])
    weights = np.concatenate(
        [np.where(prepared.is_note[rows], 1.0, _OTHER_AT_FIRST), np.ones(len(others))]
    )
    return fitting.fit_first(marks, answers, inverse_strength=_FIRST_C, weights=weights)


def fit_kind(
    prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask
) -> tuple[Fitted, Fitted]:
    """Fit the heads that tell notes from other mail, `note` and `kind`, on what was seen."""
    rows, others = np.flatnonzero(seen), np.flatnonzero(ordinary_seen)
    again = rows if prepared.mixed.shape[0] else rows[:0]
    taught = np.concatenate([rows, again])
    counts = matrices.vstack(
        prepared.mail.words[rows], prepared.mixed[again], ordinary.words[others]
    )
    dense = np.vstack([prepared.mail.dense[taught], ordinary.dense[others]])
    answers = np.concatenate([prepared.is_note[taught], np.zeros(len(others), bool)])
    weights = np.ones(len(answers), np.float32)
    weights[: len(taught)][prepared.has_flub[taught]] = _FLUB_AT_GATE
    note = fitting.fit(
        counts, features.bare(len(answers)), answers, inverse_strength=_NOTE_C, weights=weights
    )
    return note, fitting.fit(counts, dense, answers, inverse_strength=_KIND_C, idf=note.idf)


def _fit_closer(
    prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask, note: Fitted
) -> Fitted:
    """Fit the head that tells flub notes from ordinary mail that sounds like notes to `note`."""
    rows = np.flatnonzero(seen & (prepared.has_flub | ~prepared.is_note))
    others = np.flatnonzero(ordinary_seen)
    sounding = np.zeros(0, bool)
    if len(others):
        odds = note.odds(ordinary.words[others], features.bare(len(others)))
        sounding = odds >= np.quantile(odds, 1 - _SOUNDS_LIKE_NOTES)
    answers = np.concatenate([prepared.has_flub[rows], np.zeros(len(others), bool)])
    weights = np.concatenate(
        [np.where(prepared.has_flub[rows], 1, _OTHER_AT_GATE), np.where(sounding, _SUCH_MAIL, 1)]
    )
    counts = matrices.vstack(prepared.mail.words[rows], ordinary.words[others])
    return fitting.fit(
        counts, features.bare(len(answers)), answers, inverse_strength=_CLOSER_C, weights=weights
    )


def _fit_hint(prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask) -> Fitted:
    sentences = np.flatnonzero(seen[prepared.message])
    ordinary_ones = np.flatnonzero(ordinary_seen[ordinary.message])
    counts = matrices.vstack(
        prepared.mail.sentence_words[sentences], ordinary.sentence_words[ordinary_ones]
    )
    answers = np.concatenate([prepared.is_flub[sentences], np.zeros(len(ordinary_ones), bool)])
    return fitting.fit(counts, features.bare(len(answers)), answers, inverse_strength=_HINT_C)


def fit_flub(prepared: Prepared, seen: Mask) -> Fitted:
    """Fit the head that tells flub sentences, to the messages seen."""
    notes = prepared.sentences_of_notes(seen)
    rows, dense = prepared.mail.sentence_words, prepared.mail.sentence_dense
    return fitting.fit(rows[notes], dense[notes], prepared.is_flub[notes], inverse_strength=_FLUB_C)


def fit_context(prepared: Prepared, seen: Mask) -> FittedContext:
    """Fit what has the last word on flubs to what heads say of writers they do not know.

    What a head says of sentences it was fitted to is too sure. Where the writers are too few to
    hold some out, there is nothing to fit to.
    """
    mail, odds = prepared.mail, np.zeros(len(prepared.message), np.float32)
    writers = prepared.writers[seen]
    for part in folds(writers):
        held_out = seen & np.isin(prepared.writers, writers[part])
        taught = prepared.is_flub[prepared.sentences_of_notes(seen & ~held_out)]
        if taught.all() or not taught.any():
            return FittedContext()
        head = fit_flub(prepared, seen & ~held_out).head
        asked = prepared.sentences_of_notes(held_out)
        rows, dense = mail.sentence_words[asked], mail.sentence_dense[asked]
        odds[asked] = matrices.odds(head, rows, dense)[:, 0]
    notes = prepared.sentences_of_notes(seen)
    columns = features.in_context(mail.sentence_dense[notes], odds[notes], mail.message[notes])
    return fitting.fit_context(columns, prepared.is_flub[notes])


def fit_category(prepared: Prepared, seen: Mask) -> Fitted:
    """Fit the head that tells categories on the flub sentences of the messages seen."""
    flubs = np.flatnonzero(seen[prepared.message] & prepared.is_flub)
    rows, dense = prepared.mail.sentence_words, prepared.mail.sentence_dense
    numbers = _numbers(prepared.categories[flubs])
    return fitting.fit(rows[flubs], dense[flubs], numbers, inverse_strength=_CATEGORY_C)


def fit_folded(prepared: Prepared, seen: Mask, idf: Floats) -> Fitted | None:
    """Fit the head that tells what is folded in on the flub notes seen, where there are both."""
    notes = np.flatnonzero(seen & prepared.has_flub)
    answers = prepared.is_folded[notes]
    if answers.all() or not answers.any():
        return None
    rows, dense = prepared.mail.words[notes], prepared.mail.flub_dense[notes]
    return fitting.fit(rows, dense, answers, inverse_strength=_FOLDED_C, idf=idf)


def of_all(category: Fitted) -> Head:
    """Give the head a row for each category; one without an example is never chosen."""
    head, classes = category.head, category.estimator.classes_
    if len(classes) == 2:  # noqa: PLR2004 - scikit-learn then keeps the second class's row only
        head = Head(head.idf, *(np.concatenate([-x, x]) for x in head[1:]))
    all_of = constant(NEVER, head.idf, head.dense.shape[1], len(CATEGORIES))
    for mine, theirs in zip(all_of[1:], head[1:], strict=True):
        mine[classes] = theirs
    return all_of


def or_never(folded: Fitted | None, note: Fitted) -> Head:
    """Give the head that tells what is folded in; without an example nothing ever is."""
    return folded.head if folded else constant(NEVER, note.idf, features.FLUB_COLUMNS)


def _numbers(categories: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.array([CATEGORIES.index(name) for name in categories.tolist()], np.int64)
