"""The heads that tell flubs, leaned to the user's own notes.

Sixty notes among eight thousand change nothing where each counts as much as any other. So the
user's count for more, while the shipped ones are heard again beside them: what the encoder
says is weighed anew, and words are moved as far as the user's notes ask for. How many of the
user's sentences are flubs is not learnt from: who labels what is doubtful labels many.
"""

from __future__ import annotations

import numpy as np

from scanner.learning import fitting
from scanner.learning.features import Mask
from scanner.learning.heads import Head
from scanner.learning.train import SEED, Prepared, fit_category, of_all
from scanner.learning.words import Floats

# For how many shipped ones each of the user's counts: chosen on held-out notes of three writers,
# as much as the shipped notes bear. All together count for no more than this share of the shipped
# ones, though each for one at least.
_COUNTS_FOR = 5.0
_SHARE = 0.25

# How far weights may be moved: the inverse strengths of the penalties.
_LEANING_C = 3.0
_WORDS_C = 10.0


def flub(prepared: Prepared, start: Head, taught: Mask, yours: Mask) -> Head:
    """Lean the head that tells flubs to your notes among the messages `taught`."""
    notes = np.flatnonzero((taught & prepared.is_note)[prepared.message])
    mine = yours[prepared.message[notes]]
    if not mine.any():
        return start
    own = notes[mine]
    words, dense = prepared.mail.sentence_words, prepared.mail.sentence_dense
    truth = prepared.is_flub
    leaned = fitting.leaned(
        start, words[notes], dense[notes], truth[notes], _LEANING_C,
        apart=mine, counting=counting(mine),
    )  # fmt: skip
    return fitting.adapted(leaned, words[own], dense[own], truth[own], _WORDS_C, apart=True)


def category(prepared: Prepared, start: Head, taught: Mask, yours: Mask) -> Head:
    """Fit the head that tells categories anew, where your messages `taught` have flubs.

    There each counts as much as any other, which told as much as weighing them.
    """
    if not (taught & yours & prepared.has_flub).any():
        return start
    return of_all(fit_category(prepared, SEED, taught))


def counting(mine: Mask) -> Floats:
    """Say for how much each row counts, of which some are the user's."""
    own = mine.sum()
    most = _SHARE * (len(mine) - own) / max(own, 1)
    return np.where(mine, max(1.0, min(_COUNTS_FOR, most)), 1.0).astype(np.float32)
