"""Hold writers out: what heads say of messages that they were not fitted to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from scanner.learning import readings
from scanner.learning.answers import Answers, ask, glimpses
from scanner.learning.estimators import fit_all
from scanner.learning.features import Mask
from scanner.learning.folds import require_enough
from scanner.learning.gate import COLUMNS
from scanner.learning.heads import Heads
from scanner.learning.preparing import Mail, Prepared
from scanner.learning.progress import Progress, silent
from scanner.learning.side_by_side import Tell, side_by_side
from scanner.learning.thresholds import HeldOut, highest
from scanner.learning.words import Floats

# A corpus of so many messages is large: heads are then fitted in several processes.
_LARGE = 5000


def cross_fit(
    prepared: Prepared,
    ordinary: Mail,
    held_out: Sequence[Mask],
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
    without = _fitted_without(left_out, prepared, ordinary, progress)
    for heads, (fold, part) in zip(without, left_out, strict=True):
        ask(heads, mail, fold, said)
        ask(heads, ordinary, part, of_ordinary)
        seen[fold] = glimpses(heads, mail, fold)
        ordinary_seen[part] = glimpses(heads, ordinary, part)
    told = held_out_of(prepared, ordinary, said, of_ordinary)
    return replace(told, glimpses=seen, ordinary_glimpses=ordinary_seen)


def _fitted_without(
    left_out: Sequence[tuple[Mask, Mask]],
    prepared: Prepared,
    ordinary: Mail,
    progress: Progress,
) -> list[Heads]:
    """Fit heads without each of these parts of the corpus and of ordinary mail, in order."""
    # Another process takes seconds to start, and holds the whole corpus in memory once more. So
    # each is given the corpus once, with all the parts that it is to leave out.
    is_large = len(prepared.is_note) >= _LARGE
    at_once = min(len(left_out), os.cpu_count() or 1) if is_large else 1
    shares = [left_out[start::at_once] for start in range(at_once)]

    def tell(done: float) -> None:
        progress(round(done * len(left_out)), len(left_out), "holding writers out")

    work = partial(_fit_each, prepared, ordinary)
    made = side_by_side(work, shares, at_once, tell) if at_once > 1 else [work(shares[0], tell)]
    return [made[number % at_once][number // at_once] for number in range(len(left_out))]


def _fit_each(
    prepared: Prepared,
    ordinary: Mail,
    left_out: Sequence[tuple[Mask, Mask]],
    tell: Tell,
) -> list[Heads]:
    """Fit heads without one part after another."""
    made = []
    tell(0)
    for number, (fold, part) in enumerate(left_out, 1):
        made.append(fit_all(prepared, ordinary, ~fold, ~part).heads)
        tell(number / len(left_out))
    return made


def held_out_of(prepared: Prepared, ordinary: Mail, said: Answers, of_ordinary: Answers) -> HeldOut:
    """Put what was said beside the truth; nothing is known of how the gate sees it."""
    return HeldOut(
        prepared.is_note,
        _no_glimpses(prepared.mail),
        readings.exits(prepared.mail.readings),
        said.kinds,
        said.folded,
        prepared.message,
        prepared.is_flub,
        said.flubs,
        said.category,
        _no_glimpses(ordinary),
        readings.exits(ordinary.readings),
        of_ordinary.kinds,
        highest(ordinary.message, of_ordinary.flubs, len(ordinary.messages)),
    )


def _no_glimpses(mail: Mail) -> Floats:
    return np.zeros((len(mail.messages), COLUMNS), np.float32)
