"""Fit the heads to labelled notes, keeping some writers out to choose thresholds on."""

from __future__ import annotations

import hashlib
import os
import random
import zipfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction
from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import corpus, features, fitting, readings, thresholds
from scanner.learning.artifact import Model, OnDemand, message_text, whole_text
from scanner.learning.corpus import Example, Projected
from scanner.learning.features import Mask
from scanner.learning.fitting import (
    Fitted,
    FittedContext,
    FittedFirst,
    Matrix,
    counted,
    present,
)
from scanner.learning.gate import COLUMNS, glimpses
from scanner.learning.heads import NEVER, Head, Heads, constant, kind_probability
from scanner.learning.odds import expit
from scanner.learning.readings import Known, Reading
from scanner.learning.side_by_side import Tell, side_by_side
from scanner.learning.thresholds import HeldOut, highest
from scanner.learning.words import Floats

SEED = 20260101
FOLDS = 3

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

# Of a message mixed with ordinary mail: the share of its sentences that stay, and the
# lengths in words of a sentence that may be mixed in.
_KEPT = 0.8
_SENTENCE_WORDS = range(4, 30)

# A corpus of so many messages is large: heads are then fitted in several processes.
_LARGE = 5000

# Two categories, and none.
_FEWEST_CLASSES = 3


class Progress(Protocol):
    """Told how far a long run is: `done` of `total` steps, and what comes next."""

    def __call__(self, done: int, total: int, label: str) -> None:
        """Take note of it."""


def silent(done: int, total: int, label: str) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Mail:
    """Messages as rows: their words, and what the encoder says of each as a whole.

    The same of all their sentences; `message` is each sentence's message, an index. `single` marks
    the single words of all that was written, `flub_dense` tells how what looks like a flub sits in
    each message.
    """

    messages: Sequence[Sentences]
    readings: Sequence[Reading]
    single: Matrix
    words: Matrix
    dense: Floats
    flub_dense: Floats
    message: NDArray[np.int64]
    sentence_words: Matrix
    sentence_dense: Floats


@dataclass(frozen=True, slots=True)
class Prepared:
    """A corpus in rows: `mail`, and what is true of it and of its sentences.

    `mixed` is the words of each message once more, with ordinary mail mixed in.
    `categories` is each sentence's, empty where it is no flub; `is_folded` marks the notes whose
    flub is folded in.
    """

    mail: Mail
    mixed: Matrix
    is_note: Mask
    is_folded: Mask
    writers: NDArray[np.str_]
    categories: NDArray[np.str_]

    @property
    def message(self) -> NDArray[np.int64]:
        """Each sentence's message, an index."""
        return self.mail.message

    @property
    def is_flub(self) -> Mask:
        """Marks the flub sentences."""
        marks: Mask = self.categories != ""
        return marks

    @property
    def has_flub(self) -> Mask:
        """Marks the messages with a flub sentence."""
        return np.bincount(self.message, self.is_flub, len(self.is_note)) > 0

    def sentences_of_notes(self, messages: Mask) -> NDArray[np.int64]:
        """Give the sentences of the notes among the messages marked, as indices."""
        return np.flatnonzero((messages & self.is_note)[self.message])


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


@dataclass(frozen=True, slots=True)
class Answers:
    """What heads said of messages: how probably each is a note (`kinds`), and `folded`.

    And of each of their sentences how probably it is a flub, and its category's number.
    """

    kinds: Floats
    folded: Floats
    flubs: Floats
    category: NDArray[np.int64]

    @classmethod
    def empty(cls, mail: Mail) -> Answers:
        """Say nothing yet."""
        messages, sentences = len(mail.messages), len(mail.message)
        return cls(
            np.zeros(messages, np.float32),
            np.zeros(messages, np.float32),
            np.zeros(sentences, np.float32),
            np.zeros(sentences, np.int64),
        )

    def predictions(self, mail: Mail) -> list[Predictions]:
        """Give the same in a classifier's form."""
        pairs = zip(self.flubs.tolist(), self.category.tolist(), strict=True)
        sentences = (SentencePrediction(chance, CATEGORIES[category]) for chance, category in pairs)
        wholes = zip(self.kinds.tolist(), self.folded.tolist(), mail.messages, strict=True)
        return [
            Predictions(kind, tuple(islice(sentences, len(message.items))), folded)
            for kind, folded, message in wholes
        ]


def prepare_mail(messages: Sequence[Sentences], read: Sequence[Reading]) -> Mail:
    """Count the words of messages, once, beside what the encoder said."""
    return Mail(
        messages,
        read,
        present([whole_text(message) for message in messages]),
        counted([message_text(message) for message in messages]),
        features.of_messages(read),
        features.of_flubs(messages, read),
        features.messages_of(messages),
        counted([sentence.text for message in messages for sentence in message.items]),
        features.of_sentences(messages, read),
    )


def prepare(
    projected: Sequence[Projected],
    read: Sequence[Reading],
    background: Sequence[Sentences] = (),
    seed: int = SEED,
) -> Prepared:
    """Bring a corpus into rows once; folds then only choose among them."""
    messages = [one.sentences for one in projected]
    return Prepared(
        prepare_mail(messages, read),
        counted(_mixed(messages, background, seed)),
        np.array([one.example.kind == "thank_you" for one in projected]),
        np.array([one.example.severity == "folded" for one in projected]),
        np.array([one.example.writer for one in projected], dtype=np.str_),
        np.array([c or "" for one in projected for c in one.categories], dtype=np.str_),
    )


@dataclass(frozen=True, slots=True)
class ReadCorpus:
    """A corpus in rows, and `ordinary` mail without notes, as an encoder read them.

    Messages of the corpus that the encoder was trained on were read by another that was not.
    """

    projected: Sequence[Projected]
    prepared: Prepared
    ordinary: Mail

    @property
    def examples(self) -> list[Example]:
        """The labelled messages."""
        return [one.example for one in self.projected]


def read_corpus(
    examples: Sequence[Example],
    background: Sequence[Sentences],
    encoder: OnDemand,
    known: Known,
    progress: Progress = silent,
) -> ReadCorpus:
    """Have the encoder read what is not `known` of a corpus and of ordinary mail.

    Raises `ConfigurationError` where a message of a writer whom the encoder was trained on is
    not among the known ones: it was changed, and the encoder has seen what it was. (Of whom no
    message is known, he is another of the same name.)
    """
    projected = [corpus.project(example) for example in examples]
    met = [readings.key(one.sentences) in known.readings for one in projected]
    theirs = {one.writer for one, is_met in zip(examples, met, strict=True) if is_met}
    theirs &= known.writers
    changed = [
        one.id
        for one, is_met in zip(examples, met, strict=True)
        if one.writer in theirs and not is_met
    ]
    if changed:
        raise ConfigurationError(
            f"{len(changed)} notes ({changed[0]}, …) changed since the encoder was made from them; "
            "make it anew with `unflub train --encoder`"
        )
    read = readings.read([one.sentences for one in projected], encoder, known, progress)
    mail = prepare_mail(background, readings.read(background, encoder, known, progress))
    return ReadCorpus(projected, prepare(projected, read, background), mail)


def train(
    read: ReadCorpus,
    *,
    version: str,
    encoder: OnDemand,
    seed: int = SEED,
    progress: Progress = silent,
) -> Model:
    """Fit a model to labelled notes; same corpus, encoder, seed and libraries, same answers.

    Ordinary mail teaches what a note is.
    Raises `ConfigurationError` where the corpus is too small to hold writers out, or notes
    among the background would silence a preset.
    """
    prepared, ordinary = read.prepared, read.ordinary
    held_out = cross_fit(prepared, ordinary, folds(prepared.writers), seed, progress)
    fitted = fit(prepared, ordinary, seed)
    gate, chosen = thresholds.gate_and_presets(held_out)
    behind = thresholds.gated(held_out, gate)
    thresholds.require_warnings(behind, chosen)
    metadata = described(read, encoder.known().writers, seed) | {
        "scores": thresholds.scores(behind, chosen)
    }
    return Model(version, fitted.heads, gate, chosen, encoder, metadata, fitted)


def described(read: ReadCorpus, known: Container[str], seed: int) -> dict[str, Any]:
    """Say what a model was made of; of writers who are not `known` the names are left out."""
    names = sorted(set(read.prepared.writers.tolist()))
    return {
        "corpus_sha256": corpus.digest(read.examples),
        "messages": len(read.examples),
        "writers": [name if name in known else f"yours {n}" for n, name in enumerate(names, 1)],
        "background": identified(read.ordinary.messages),
        "seed": seed,
        "labels": list(corpus.KINDS),
        "categories": list(CATEGORIES),
    }


def _mixed(messages: Sequence[Sentences], background: Sequence[Sentences], seed: int) -> list[str]:
    """Give the words of each message with a sentence lost here and there and an ordinary one.

    Composed notes differ from real mail in style as well; without this, `kind` would take
    the style of the background for the sign of "other": a plain sentence such as ordinary
    mail is full of must not speak against a note.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
    pool = [
        sentence.text
        for message in background
        for sentence in message.items
        if len(sentence.text.split()) in _SENTENCE_WORDS
    ]
    if not pool:
        return []
    return [
        " ".join(
            [
                message.subject,
                *(s.text for n, s in enumerate(message.items) if not n or chance.random() < _KEPT),
                chance.choice(pool),
            ]
        )
        for message in messages
    ]


def fit(
    prepared: Prepared,
    ordinary: Mail,
    seed: int = SEED,
    seen: Mask | None = None,
    ordinary_seen: Mask | None = None,
) -> FittedHeads:
    """Fit every head, on all messages or on those marked as seen."""
    seen = np.ones(len(prepared.is_note), bool) if seen is None else seen
    others = np.ones(len(ordinary.messages), bool) if ordinary_seen is None else ordinary_seen
    note, kind = fit_kind(prepared, ordinary, seed, seen, others)
    first = _fit_first(prepared, ordinary, seen, others, seed)
    closer = _fit_closer(prepared, ordinary, seen, others, note, seed)
    hint = _fit_hint(prepared, ordinary, seen, others, seed)
    return FittedHeads(
        first, note, closer, hint, kind,
        fit_flub(prepared, seed, seen), fit_category(prepared, seed, seen),
        fit_folded(prepared, seed, seen, note.idf), fit_context(prepared, seed, seen),
    )  # fmt: skip


def fit_flub(prepared: Prepared, seed: int, seen: Mask) -> Fitted:
    """Fit the head that tells flub sentences, to the messages seen."""
    notes = prepared.sentences_of_notes(seen)
    rows, dense = prepared.mail.sentence_words, prepared.mail.sentence_dense
    return fitting.fit(
        rows[notes], dense[notes], prepared.is_flub[notes], strength=_FLUB_C, seed=seed
    )


def fit_context(prepared: Prepared, seed: int, seen: Mask) -> FittedContext:
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
        head = fit_flub(prepared, seed, seen & ~held_out).head
        asked = prepared.sentences_of_notes(held_out)
        odds[asked] = fitting.odds(head, mail.sentence_words[asked], mail.sentence_dense[asked])[
            :, 0
        ]
    notes = prepared.sentences_of_notes(seen)
    columns = features.in_context(mail.sentence_dense[notes], odds[notes], mail.message[notes])
    return fitting.fit_context(columns, prepared.is_flub[notes], seed)


def fit_category(prepared: Prepared, seed: int, seen: Mask) -> Fitted:
    """Fit the head that tells categories on the flub sentences of the messages seen."""
    flubs = np.flatnonzero(seen[prepared.message] & prepared.is_flub)
    rows, dense = prepared.mail.sentence_words, prepared.mail.sentence_dense
    return fitting.fit(
        rows[flubs], dense[flubs], _numbers(prepared.categories[flubs]),
        strength=_CATEGORY_C, seed=seed,
    )  # fmt: skip


def fit_folded(prepared: Prepared, seed: int, seen: Mask, idf: Floats) -> Fitted | None:
    """Fit the head that tells what is folded in on the flub notes seen, where there are both."""
    notes = np.flatnonzero(seen & prepared.has_flub)
    answers = prepared.is_folded[notes]
    if answers.all() or not answers.any():
        return None
    rows, dense = prepared.mail.words[notes], prepared.mail.flub_dense[notes]
    return fitting.fit(rows, dense, answers, strength=_FOLDED_C, seed=seed, idf=idf)


def fit_kind(
    prepared: Prepared, ordinary: Mail, seed: int, seen: Mask, ordinary_seen: Mask
) -> tuple[Fitted, Fitted]:
    """Fit the heads that tell notes from other mail, `note` and `kind`, on what was seen."""
    rows, others = np.flatnonzero(seen), np.flatnonzero(ordinary_seen)
    again = rows if prepared.mixed.shape[0] else rows[:0]
    taught = np.concatenate([rows, again])
    counts = fitting.vstack(
        prepared.mail.words[rows], prepared.mixed[again], ordinary.words[others]
    )
    dense = np.vstack([prepared.mail.dense[taught], ordinary.dense[others]])
    answers = np.concatenate([prepared.is_note[taught], np.zeros(len(others), bool)])
    weights = np.ones(len(answers), np.float32)
    weights[: len(taught)][prepared.has_flub[taught]] = _FLUB_AT_GATE
    note = fitting.fit(
        counts, features.bare(len(answers)), answers, strength=_NOTE_C, seed=seed, weights=weights
    )
    return note, fitting.fit(counts, dense, answers, strength=_KIND_C, seed=seed, idf=note.idf)


def _fit_first(
    prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask, seed: int
) -> FittedFirst:
    """Fit the head that tells notes from ordinary mail by single words."""
    rows, others = np.flatnonzero(seen), np.flatnonzero(ordinary_seen)
    marks = fitting.vstack(prepared.mail.single[rows], ordinary.single[others])
    answers = np.concatenate([prepared.is_note[rows], np.zeros(len(others), bool)])
    weights = np.concatenate(
        [np.where(prepared.is_note[rows], 1.0, _OTHER_AT_FIRST), np.ones(len(others))]
    )
    return fitting.fit_first(marks, answers, strength=_FIRST_C, seed=seed, weights=weights)


def _fit_closer(  # noqa: PLR0913, PLR0917 - what it is fitted to
    prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask, note: Fitted, seed: int
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
    counts = fitting.vstack(prepared.mail.words[rows], ordinary.words[others])
    return fitting.fit(
        counts, features.bare(len(answers)), answers,
        strength=_CLOSER_C, seed=seed, weights=weights,
    )  # fmt: skip


def _fit_hint(
    prepared: Prepared, ordinary: Mail, seen: Mask, ordinary_seen: Mask, seed: int
) -> Fitted:
    sentences = np.flatnonzero(seen[prepared.message])
    ordinary_ones = np.flatnonzero(ordinary_seen[ordinary.message])
    counts = fitting.vstack(
        prepared.mail.sentence_words[sentences], ordinary.sentence_words[ordinary_ones]
    )
    answers = np.concatenate([prepared.is_flub[sentences], np.zeros(len(ordinary_ones), bool)])
    return fitting.fit(counts, features.bare(len(answers)), answers, strength=_HINT_C, seed=seed)


def cross_fit(
    prepared: Prepared,
    ordinary: Mail,
    held_out: Sequence[Mask],
    seed: int = SEED,
    progress: Progress = silent,
) -> HeldOut:
    """Give what heads say of messages they were not fitted on: each fold by the others' heads.

    Raises `ConfigurationError` where the others are too few to fit anything.
    """
    require_enough(prepared.is_note, prepared.message, prepared.categories, held_out)
    mail = prepared.mail
    said, of_ordinary = Answers.empty(mail), Answers.empty(ordinary)
    seen, ordinary_seen = _no_glimpses(mail), _no_glimpses(ordinary)
    place = np.arange(len(ordinary.messages)) % len(held_out)
    left_out = [(fold, place == number) for number, fold in enumerate(held_out)]
    without = _fitted_without(left_out, prepared, ordinary, seed, progress)
    for heads, (fold, part) in zip(without, left_out, strict=True):
        ask(heads, mail, fold, said)
        ask(heads, ordinary, part, of_ordinary)
        seen[fold] = _glimpses(heads, mail, fold)
        ordinary_seen[part] = _glimpses(heads, ordinary, part)
    told = held_out_of(prepared, ordinary, said, of_ordinary)
    return replace(told, glimpses=seen, ordinary_glimpses=ordinary_seen)


def _fitted_without(
    left_out: Sequence[tuple[Mask, Mask]],
    prepared: Prepared,
    ordinary: Mail,
    seed: int,
    progress: Progress,
) -> list[Heads]:
    """Fit heads without each of these parts of the corpus and of ordinary mail, in order."""
    # A process more takes seconds to start, and all of the corpus once more in memory.
    is_large = len(prepared.is_note) >= _LARGE
    at_once = min(len(left_out), os.cpu_count() or 1) if is_large else 1
    shares = [left_out[start::at_once] for start in range(at_once)]

    def tell(done: float) -> None:
        progress(round(done * len(left_out)), len(left_out), "holding writers out")

    work = partial(_fit_each, prepared, ordinary, seed)
    made = side_by_side(work, shares, at_once, tell) if at_once > 1 else [work(shares[0], tell)]
    return [made[number % at_once][number // at_once] for number in range(len(left_out))]


def _fit_each(
    prepared: Prepared,
    ordinary: Mail,
    seed: int,
    left_out: Sequence[tuple[Mask, Mask]],
    tell: Tell,
) -> list[Heads]:
    """Fit heads without one part after another."""
    made = []
    tell(0)
    with threadpool_limits(1, "blas"):  # a process of its own does not have the caller's limit
        for number, (fold, part) in enumerate(left_out, 1):
            made.append(fit(prepared, ordinary, seed, ~fold, ~part).heads)
            tell(number / len(left_out))
    return made


def held_out_of(prepared: Prepared, ordinary: Mail, said: Answers, of_ordinary: Answers) -> HeldOut:
    """Put what was said beside the truth; nothing is known of how the gate sees it."""
    return HeldOut(
        prepared.is_note,
        _no_glimpses(prepared.mail),
        said.kinds,
        said.folded,
        prepared.message,
        prepared.is_flub,
        said.flubs,
        said.category,
        _no_glimpses(ordinary),
        of_ordinary.kinds,
        highest(ordinary.message, of_ordinary.flubs, len(ordinary.messages)),
    )


def ask(of: Heads, mail: Mail, asked: Mask, answers: Answers) -> None:
    """Put the messages marked to heads, and note what they say."""
    rows, sentences = np.flatnonzero(asked), np.flatnonzero(asked[mail.message])
    wholes, counts = mail.words[rows], mail.sentence_words[sentences]
    notes = fitting.odds(of.note, wholes, features.bare(len(rows)))[:, 0]
    kinds = fitting.odds(of.kind, wholes, mail.dense[rows])[:, 0]
    answers.kinds[rows] = kind_probability(kinds, notes)
    folded = fitting.odds(of.folded, wholes, mail.flub_dense[rows])[:, 0]
    answers.folded[rows] = expit(folded)
    dense = mail.sentence_dense[sentences]
    answers.flubs[sentences] = expit(flub_odds(of, counts, dense, mail.message[sentences]))
    answers.category[sentences] = fitting.odds(of.category, counts, dense).argmax(axis=1)


def flub_odds(of: Heads, counts: Matrix, dense: Floats, message: NDArray[np.int64]) -> Floats:
    """Give the log-odds to be a flub of many sentences, which are those of whole messages."""
    return of.flub_odds(lambda head: fitting.odds(head, counts, dense)[:, 0], dense, message)


def _glimpses(of: Heads, mail: Mail, asked: Mask) -> Floats:
    """Give what the gate sees of the messages marked."""
    rows, sentences = np.flatnonzero(asked), np.flatnonzero(asked[mail.message])
    first = fitting.first_odds(of.first, mail.single[rows]).tolist()
    notes, closer = (
        fitting.odds(head, mail.words[rows], features.bare(len(rows)))[:, 0].tolist()
        for head in (of.note, of.closer)
    )
    counts = mail.sentence_words[sentences]
    hints = fitting.odds(of.hint, counts, features.bare(len(sentences)))[:, 0]
    ends = np.cumsum(np.bincount(mail.message, minlength=len(mail.messages))[rows])
    return glimpses(first, notes, np.split(hints, ends)[:-1], closer)


def folds(writers: NDArray[np.str_], count: int = FOLDS) -> list[Mask]:
    """Deal the writers to so many folds of about the same number of messages."""
    names, sizes = np.unique(writers, return_counts=True)
    groups: list[list[str]] = [[] for _ in range(min(count, len(names)))]
    loads = [0] * len(groups)
    for place in np.argsort(-sizes, kind="stable"):
        lightest = loads.index(min(loads))
        groups[lightest].append(str(names[place]))
        loads[lightest] += int(sizes[place])
    return [np.isin(writers, group) for group in groups]


def _no_glimpses(mail: Mail) -> Floats:
    return np.zeros((len(mail.messages), COLUMNS), np.float32)


def _numbers(categories: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.array([CATEGORIES.index(name) for name in categories.tolist()], np.int64)


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


def identified(background: Sequence[Sentences]) -> Mapping[str, Any]:
    """Name ordinary mail, in its order, by hash and size: it is not shipped."""
    texts = [f"{message.subject}\n{message.text}" for message in background]
    return {
        "messages": len(texts),
        "characters": sum(map(len, texts)),
        "sha256": hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest(),
    }


def require_enough(
    is_note: Mask,
    message: NDArray[np.int64],
    categories: NDArray[np.str_],
    held_out: Sequence[Mask],
) -> None:
    """Raise `ConfigurationError` where a fold leaves too little to fit every head to."""
    is_clean = is_note & (np.bincount(message, categories != "", len(is_note)) == 0)
    for fold in held_out:
        kinds = set(is_note[~fold].tolist())
        found = set(categories[(~fold & is_note)[message]].tolist())
        is_too_little = kinds != {True, False} or "" not in found or len(found) < _FEWEST_CLASSES
        if is_too_little or not is_clean[~fold].any():
            raise ConfigurationError(
                "too few labelled notes to train on: whichever file is held out, the others need "
                "notes with flubs of two categories, clean notes and other messages; add more notes"
            )
