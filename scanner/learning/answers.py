"""What heads say of many messages at once, in rows; for a verdict `heads` is asked of one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction
from scanner.learning import features, gate, matrices
from scanner.learning.features import Mask
from scanner.learning.heads import Heads, kind_probability
from scanner.learning.matrices import Matrix
from scanner.learning.odds import expit
from scanner.learning.preparing import Mail
from scanner.learning.words import Floats


@dataclass(frozen=True, slots=True)
class Answers:
    """What heads said of messages, a row each, and of their sentences, a row each.

    Of messages the probabilities `kinds` (to be a note) and `folded`; of sentences the probability
    `flubs` and the number of the `category`.
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


def ask(of: Heads, mail: Mail, asked: Mask, answers: Answers) -> None:
    """Put the messages marked to heads, and write what they say into `answers`."""
    rows, sentences = np.flatnonzero(asked), np.flatnonzero(asked[mail.message])
    wholes, counts = mail.words[rows], mail.sentence_words[sentences]
    notes = matrices.odds(of.note, wholes, features.bare(len(rows)))[:, 0]
    kinds = matrices.odds(of.kind, wholes, mail.dense[rows])[:, 0]
    answers.kinds[rows] = kind_probability(kinds, notes)
    folded = matrices.odds(of.folded, wholes, mail.flub_dense[rows])[:, 0]
    answers.folded[rows] = expit(folded)
    dense = mail.sentence_dense[sentences]
    answers.flubs[sentences] = expit(flub_odds(of, counts, dense, mail.message[sentences]))
    answers.category[sentences] = matrices.odds(of.category, counts, dense).argmax(axis=1)


def flub_odds(of: Heads, counts: Matrix, dense: Floats, message: NDArray[np.int64]) -> Floats:
    """Give the log-odds to be a flub of many sentences, which are those of whole messages."""
    return of.flub_odds(lambda head: matrices.odds(head, counts, dense)[:, 0], dense, message)


def glimpses(of: Heads, mail: Mail, asked: Mask) -> Floats:
    """Give what the gate sees of the messages marked."""
    rows, sentences = np.flatnonzero(asked), np.flatnonzero(asked[mail.message])
    first = matrices.first_odds(of.first, mail.single[rows]).tolist()
    notes, closer = (
        matrices.odds(head, mail.words[rows], features.bare(len(rows)))[:, 0].tolist()
        for head in (of.note, of.closer)
    )
    counts = mail.sentence_words[sentences]
    hints = matrices.odds(of.hint, counts, features.bare(len(sentences)))[:, 0]
    ends = np.cumsum(np.bincount(mail.message, minlength=len(mail.messages))[rows])
    return gate.glimpses(first, notes, np.split(hints, ends)[:-1], closer)
