"""`make curve`: what more labelled notes are worth, as a picture.

A third of the writers is held out. An encoder, and a model of words alone, learn from an eighth
of the other messages, from a quarter, a half and all of them, and read the notes held out. The
last point is taken from the shipped model: each note was read by the mean of networks that
learnt from as many messages, without its writer. The others are fine-tuned here, in the same way.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import average_precision_score

from scanner.learning import artifact, compare, corpus, finetune, readings, rebuilding, shelf
from scanner.learning.features import Mask
from scanner.learning.finetune import Lesson
from scanner.learning.folds import folds
from scanner.learning.preparing import prepare
from scanner.learning.readings import VOCABULARY, Reading
from scanner.learning.rebuilding import PARTS
from scanner.learning.windows import Tokens
from scanner.training import mail

_SHARES = (1 / 8, 1 / 4, 1 / 2)


@dataclass(frozen=True, slots=True)
class Point:
    """The average precisions of two readers that learnt from so many messages."""

    messages: int
    encoder: float
    words: float


class Corpus:
    """The shipped corpus, with the writers of its first part held out."""

    def __init__(self, background: Sequence[str]) -> None:
        self.tokens = Tokens.load(shelf.shipped() / VOCABULARY)
        self.projected = [corpus.project(one) for one in corpus.read([corpus.shipped()])]
        unread = [Reading.empty(len(one.sentences.items)) for one in self.projected]
        self.prepared = prepare(self.projected, unread)
        self.held_out, *_ = folds(self.prepared.writers, PARTS)
        self.unseen = self.held_out & self.prepared.is_note
        self.to_read = list(compress((one.sentences for one in self.projected), self.unseen))
        self.marks = compare.layout(self.prepared)
        self.ordinary = [one for n, one in enumerate(mail(background)) if n % PARTS]

    def shares(self) -> Iterator[Mask]:
        """Mark an eighth of what is not held out, a quarter, and a half, at random."""
        others = np.flatnonzero(~self.held_out).tolist()
        random.Random(corpus.SEED).shuffle(others)  # noqa: S311 - nothing secret hangs on it
        for share in _SHARES:
            yield np.isin(np.arange(len(self.projected)), others[: round(share * len(others))])

    def read_by_another(self, seen: Mask) -> list[Reading]:
        """Read the notes held out by an encoder that learnt from the messages marked alone."""
        settings = finetune.Settings()
        notes = [
            finetune.labelled(self.tokens, self.projected[n], settings)
            for n in np.flatnonzero(seen)
        ]
        ordinary = [finetune.unlabelled(self.tokens, one, settings) for one in self.ordinary]
        learner = finetune.fine_tune(
            Lesson(notes, ordinary, settings, corpus.SEED), lambda *_: None
        )
        return rebuilding.exported(learner, self.tokens, rebuilding.samples(notes)).read(
            self.to_read
        )

    def read_by_the_shipped(self) -> list[Reading]:
        """Give the notes held out as read by the encoders that had not seen the writer."""
        known = artifact.load(shelf.shipped()).encoder.known().readings
        return [known[readings.key(one)] for one in self.to_read]

    def point(self, seen: Mask, read: Sequence[Reading]) -> Point:
        """Score what was read, and what words alone tell who learnt from the messages marked."""
        truth = self.prepared.is_flub[self.unseen[self.prepared.message]]
        odds = np.concatenate([one.sentences[:, 0] for one in read])
        words = compare.words_alone(self.prepared, self.marks, seen, self.unseen)
        scores = (float(average_precision_score(truth, said)) for said in (odds, words))
        return Point(int(seen.sum()), *scores)


def main(background: Sequence[str]) -> None:
    """Measure and draw; `background` names the mail that `make encoder` was given."""
    notes = Corpus(background)
    points = [notes.point(seen, notes.read_by_another(seen)) for seen in notes.shares()]
    points.append(notes.point(~notes.held_out, notes.read_by_the_shipped()))
    print(*points, sep="\n")  # noqa: T201 - the numbers of the picture
    draw(points, Path(__file__).parent)


def draw(points: Sequence[Point], folder: Path) -> None:
    """Draw the curves as learning-curve.svg, the number of messages on a logarithmic scale."""
    plt.rcParams["svg.hashsalt"] = "unflub"  # the same numbers give the same file
    figure, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    sizes = [point.messages for point in points]
    axes.plot(sizes, [point.encoder for point in points], "o-", label="encoder")
    axes.plot(sizes, [point.words for point in points], "s--", label="words (TF-IDF)")
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set(xlabel="labelled messages", ylabel="average precision", ylim=(0.4, 1))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(folder / "learning-curve.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit("name the mail: make curve BACKGROUND=FILE"))
