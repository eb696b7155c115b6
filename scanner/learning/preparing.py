"""Bring a corpus into rows once, as an encoder read it; folds then only choose among them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import corpus, features, readings
from scanner.learning.corpus import SEED, Example, Projected
from scanner.learning.features import Mask
from scanner.learning.matrices import Matrix, counted, present
from scanner.learning.on_demand import OnDemand
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import Known, Reading
from scanner.learning.words import Floats, message_text, whole_text

# Of a message mixed with ordinary mail: the share of its sentences that stay, and the
# lengths in words of a sentence that may be mixed in.
_KEPT = 0.8
_SENTENCE_WORDS = range(4, 30)


@dataclass(frozen=True, slots=True)
class Mail:
    """Messages and their sentences as rows: words, and dense columns of what the encoder says.

    `single` marks the single words of all that was written in a message, `flub_dense` tells how
    what looks like a flub sits in it. `message` is each sentence's message, an index.
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

    Raises what `known_writers` raises.
    """
    projected = [corpus.project(example) for example in examples]
    known_writers(projected, known)
    read = readings.read([one.sentences for one in projected], encoder, known, progress)
    mail = prepare_mail(background, readings.read(background, encoder, known, progress))
    return ReadCorpus(projected, prepare(projected, read, background), mail)


def known_writers(projected: Sequence[Projected], known: Known) -> frozenset[str]:
    """Give the writers whom the encoder was trained on.

    A writer of whom no message is known is somebody else of the same name. Raises
    `ConfigurationError` where a message of theirs is not among the known ones: it was changed, and
    the encoder has seen what it was.
    """
    met = [readings.key(one.sentences) in known.readings for one in projected]
    theirs = {one.example.writer for one, is_met in zip(projected, met, strict=True) if is_met}
    theirs &= known.writers
    changed = [
        one.example.id
        for one, is_met in zip(projected, met, strict=True)
        if one.example.writer in theirs and not is_met
    ]
    if changed:
        raise ConfigurationError(
            f"{len(changed)} notes ({changed[0]}, …) changed since the encoder was made from them; "
            "make it anew with `unflub train --encoder`"
        )
    return frozenset(theirs)


def prepare(
    projected: Sequence[Projected], read: Sequence[Reading], background: Sequence[Sentences] = ()
) -> Prepared:
    """Give a corpus as rows; sentences of `background` are mixed into its words."""
    messages = [one.sentences for one in projected]
    return Prepared(
        prepare_mail(messages, read),
        counted(_mixed(messages, background)),
        np.array([one.example.kind == "thank_you" for one in projected]),
        np.array([one.example.severity == "folded" for one in projected]),
        np.array([one.example.writer for one in projected], dtype=np.str_),
        np.array([c or "" for one in projected for c in one.categories], dtype=np.str_),
    )


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


def _mixed(messages: Sequence[Sentences], background: Sequence[Sentences]) -> list[str]:
    """Give the words of each message with a sentence lost here and there and an ordinary one.

    Composed notes differ from real mail in style as well; without this, `kind` would take
    the style of the background for the sign of "other": a plain sentence such as ordinary
    mail is full of must not speak against a note.
    """
    chance = random.Random(SEED)  # noqa: S311 - nothing secret hangs on it
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
