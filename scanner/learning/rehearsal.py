"""What a model would say of messages that it has learnt from, had it not.

Its rehearsal is as many lesser models as there are folds, each fitted without the messages of
one: a message is put to the one that has not seen it. So two models can be compared on the
same messages although both were made from them, and a model that was made weeks ago need not
be made anew for it. Rehearsals are kept apart from the model folders: they name messages by
hash, which a model does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from scanner.core.draft import Sentences
from scanner.learning import answers, heads, readings
from scanner.learning.answers import Answers
from scanner.learning.estimators import (
    fit_category,
    fit_context,
    fit_flub,
    fit_folded,
    fit_kind,
    of_all,
    or_never,
)
from scanner.learning.features import Mask
from scanner.learning.folds import folds
from scanner.learning.heads import Heads
from scanner.learning.preparing import Mail, Prepared, prepare_mail
from scanner.learning.words import Floats

NOWHERE = -1
"""Stands for a message that every lesser model has seen, or its like."""

_AT_A_TIME = 2  # threads: more would make a small laptop hot, and hardly faster

T = TypeVar("T")

Folds: TypeAlias = NDArray[np.int64]
"""The fold of each message, or NOWHERE."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The lesser models' heads; number n has not seen the messages whose `fold` is n.

    Messages are named by `readings.key`.
    """

    heads: tuple[Heads, ...]
    fold: Mapping[str, int]

    def of(self, names: Sequence[str]) -> Folds:
        """Give the folds of messages by their names."""
        return np.array([self.fold.get(name, NOWHERE) for name in names], np.int64)


def keys(messages: Sequence[Sentences]) -> list[str]:
    """Name messages as `Rehearsal.fold` does."""
    return [readings.key(message) for message in messages]


def rehearse(prepared: Prepared, base: Heads, seen: Mask, done: Callable[[], None]) -> Rehearsal:
    """Fit lesser models to the messages marked, leaving out a part of the writers each.

    What the gate asks alone is that of the `base`; nobody asks for it here.
    """
    writers = prepared.writers[seen]
    parts = [seen & np.isin(prepared.writers, writers[part]) for part in folds(writers)]
    nothing = prepare_mail([], [])

    def lesser(fold: Mask) -> Heads:
        taught = seen & ~fold
        note, kind = fit_kind(prepared, nothing, taught, np.zeros(0, bool))
        flub, category = fit_flub(prepared, taught), fit_category(prepared, taught)
        folded = fit_folded(prepared, taught, note.idf)
        context = fit_context(prepared, taught).context
        done()
        return replace(
            base, note=note.head, kind=kind.head, flub=flub.head, category=of_all(category),
            folded=or_never(folded, note), context=context,
        )  # fmt: skip

    named = keys(prepared.mail.messages)
    where = {named[n]: f for f, fold in enumerate(parts) for n in np.flatnonzero(fold).tolist()}
    return Rehearsal(in_threads(lesser, parts), where)


def in_threads(work: Callable[[T], Heads], parts: Iterable[T]) -> tuple[Heads, ...]:
    """Do the same for several parts, a few at a time; scikit-learn lets other threads work."""
    with ThreadPoolExecutor(_AT_A_TIME) as threads:
        return tuple(threads.map(work, parts))


def places(
    named: Sequence[str], groups: NDArray[np.str_], rehearsal: Rehearsal, otherwise: Folds
) -> Folds:
    """Give the fold whose lesser model may be asked about each message.

    That of the message, or else of those it may not be parted from; NOWHERE where these lie
    in several. What it has never met goes where the caller has it `otherwise`.
    """
    known = rehearsal.of(named)
    _, group = np.unique(groups, return_inverse=True)
    count = max(len(rehearsal.heads), 1)
    met = np.zeros((int(group.max(initial=-1)) + 1, count), bool)
    met[group[known >= 0], known[known >= 0]] = True
    several, one = met.sum(axis=1)[group], met.argmax(axis=1)[group]
    alike = np.where(several == 0, otherwise, np.where(several == 1, one, NOWHERE))
    return np.where(known >= 0, known, alike)


def ask(of: Rehearsal, mail: Mail, place: Folds) -> Answers:
    """Put each message to the lesser model of its place; of what is NOWHERE nothing is said."""
    said = Answers.empty(mail)
    for number, lesser in enumerate(of.heads):
        answers.ask(lesser, mail, place == number, said)
    return said


def save(rehearsal: Rehearsal, path: Path) -> None:
    """Write a rehearsal, all or nothing; what cannot be written is made anew the next time."""
    arrays = {
        f"{number}.{name}": array
        for number, one in enumerate(rehearsal.heads)
        for name, array in heads.as_arrays(one).items()
    }
    names = [int(name, 16) for name in rehearsal.fold]
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".saving-", dir=path.parent) as temporary:
            made = Path(temporary) / path.name
            np.savez_compressed(
                made,
                allow_pickle=False,
                keys=np.array(names, np.uint64),
                folds=np.array(list(rehearsal.fold.values()), np.int8),
                **arrays,
            )
            made.replace(path)


def load(path: Path) -> Rehearsal | None:
    """Read what `save` wrote; None where there is nothing to be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [f"{number:016x}" for number in arrays["keys"].tolist()]
            where = dict(zip(names, arrays["folds"].tolist(), strict=True))
            parts: dict[int, dict[str, Floats]] = {}
            for name in arrays.files:
                number, _, rest = name.partition(".")
                if rest:
                    parts.setdefault(int(number), {})[rest] = arrays[name]
            return Rehearsal(tuple(heads.from_arrays(parts[n]) for n in sorted(parts)), where)
    except readings.DAMAGED:
        return None
