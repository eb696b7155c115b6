"""The learning curve: would more labels help? Measured on notes held out, by whole groups.

The encoder stays as it is, and the head that tells flubs is refitted to growing shares of the
notes, or what shares of one's own teach is added to it (`leaning`): that is what labelling more
would do. The networks after it are left out. A curve of the encoder itself takes long
(`make curve`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES
from scanner.learning import leaning, matrices, measures
from scanner.learning.corpus import SEED
from scanner.learning.estimators import fit_flub
from scanner.learning.features import Mask
from scanner.learning.folds import folds
from scanner.learning.heads import Head
from scanner.learning.measures import AVERAGE_PRECISION, Estimate
from scanner.learning.odds import expit
from scanner.learning.preparing import Prepared
from scanner.learning.progress import Progress, silent
from scanner.learning.trial import NONE, Table
from scanner.learning.words import Floats

SHARES = (1 / 4, 1 / 2, 1.0)

FEWEST_GROUPS = 12
"""Of fewer groups a quarter of what is not held out would be one or two."""

# Of average precision: less than this nobody would notice.
_MATTERS = 0.01


@dataclass(frozen=True, slots=True)
class Point:
    """So many messages learnt from (a mean over the folds), and the average precision reached."""

    messages: int
    reached: Estimate


@dataclass(frozen=True, slots=True)
class Growth:
    """A learning curve of messages `whose` name goes on "messages", as in "of your own".

    `last_doubling` is what the second half of them brought. The first point stands at 0 where
    there is something else to learn from.
    """

    whose: str
    points: tuple[Point, ...]
    last_doubling: Estimate

    @property
    def answer(self) -> str:
        """Say whether more labels would help."""
        gain, low, high = self.last_doubling
        if not self.last_doubling.has_width:
            return "Whether more labels would help cannot be told from so few."
        hint = ""
        if low > 0:
            verdict = f"More labels would help{'' if gain >= _MATTERS else ' a little'}."
            hint = "As many again may bring about as much."
        elif high < _MATTERS:
            verdict = "More labels of the same sort would hardly help."
            hint = "Rather look through the labels there are, or label notes of a rarer sort."
        else:
            verdict = "Whether more labels would help cannot be told from chance."
        return f"{verdict} {self._brought} {hint}".strip()

    @property
    def _brought(self) -> str:
        half, whole = self.points[-2:]
        gain, low, high = self.last_doubling
        return (
            f"From {half.messages:,} to {whole.messages:,} messages {self.whose} the average "
            f"precision on held-out notes went from {half.reached.value:.3f} to "
            f"{whole.reached.value:.3f}, a difference of {gain:+.3f} ({low:+.3f} to {high:+.3f})."
        )


def grow(
    prepared: Prepared,
    groups: NDArray[np.str_],
    whose: str,
    *,
    varied: Mask | None = None,
    progress: Progress = silent,
) -> Growth | None:
    """Learn from growing shares of the groups, and measure on groups held out.

    `groups` is what `groups.grouped` says of the corpus. `varied` marks the messages that are
    learnt from by shares, and measured on when held out (all of them, if not given); the
    others are always learnt from, unless they share a group with what is held out.
    None where the groups are too few for shares of them.
    """
    varied = np.ones(len(groups), bool) if varied is None else varied
    rows = _unread(prepared, groups, varied)
    if rows.groups < FEWEST_GROUPS:
        return None
    shares = SHARES if varied.all() else (0.0, *SHARES)
    chances = np.zeros((len(shares), len(prepared.message)))
    learnt = np.zeros(len(shares))
    parts = [np.isin(groups, groups[varied][part]) for part in folds(groups[varied])]
    for number, held_out in enumerate(parts):
        learn = _learner(prepared, ~held_out & ~varied, varied)
        for place, some in enumerate(_shares(groups, varied & ~held_out, shares)):
            done = number * len(shares) + place
            progress(done, len(parts) * len(shares), "drawing the learning curve")
            asked = np.flatnonzero((held_out & varied)[prepared.message])
            chances[place, asked] = expit(learn(~held_out & (~varied | some))[asked])
            learnt[place] += some.sum() / len(parts)
    tables = [replace(rows, chance=of_share) for of_share in chances]
    return Growth(
        whose,
        tuple(
            Point(round(size), measures.estimate(one, AVERAGE_PRECISION))
            for size, one in zip(learnt.tolist(), tables, strict=True)
        ),
        measures.difference(tables[-2], tables[-1], AVERAGE_PRECISION),
    )


def _shares(groups: NDArray[np.str_], among: Mask, shares: tuple[float, ...]) -> Iterator[Mask]:
    """Mark the messages of growing shares of the groups, each holding the one before."""
    names = np.unique(groups[among])
    np.random.default_rng(SEED).shuffle(names)
    for share in shares:
        yield among & np.isin(groups, names[: round(share * len(names))])


def _learner(prepared: Prepared, always: Mask, varied: Mask) -> Callable[[Mask], Floats]:
    """Give what learns from the messages marked, and then tells each sentence's log-odds.

    `always` marks those that are learnt from whatever the share; without them all is learnt anew.
    """
    if varied.all():
        return lambda seen: _said(prepared, fit_flub(prepared, seen).head)
    start = fit_flub(prepared, always).head
    said = _said(prepared, start)
    return lambda seen: (
        said + _said(prepared, leaning.flub(prepared, said, start.idf, seen, varied))
    )


def _said(prepared: Prepared, head: Head) -> Floats:
    mail = prepared.mail
    return matrices.odds(head, mail.sentence_words, mail.sentence_dense)[:, 0]


def _unread(prepared: Prepared, groups: NDArray[np.str_], varied: Mask) -> Table:
    """Lay out the varied messages; of the others nothing counts."""
    names, numbers = np.unique(groups[varied], return_inverse=True)
    group = np.zeros(len(groups), np.int64)
    group[varied] = numbers
    truth = np.array([_number(name) for name in prepared.categories.tolist()], np.int64)
    nothing, unread = np.zeros(len(groups), bool), np.full(len(truth), NONE)
    return Table(
        groups=len(names), group=group, is_note=prepared.is_note & varied, is_ordinary=nothing,
        has_flub=prepared.has_flub, is_warned=nothing, message=prepared.message, truth=truth,
        said=unread, guess=unread, chance=np.zeros(len(truth)),
    )  # fmt: skip


def _number(category: str) -> int:
    return CATEGORIES.index(category) if category else NONE
