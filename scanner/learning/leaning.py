"""What the user's own notes add to the verdict on flubs.

Sixty notes among eight thousand change nothing where each counts as much as any other. So what
the shipped heads and networks say stays, and a head of the user's own is added, fitted to what
they leave unexplained: how much more or less the encoder's log-odds, the layout and the words
weigh. There the user's notes count for more, and the shipped ones are learnt again beside them. How
many of the user's sentences are flubs is not learnt: whoever labels doubtful notes alone labels
many. Nor are categories: fitted to a writer's notes as well, they were told no better.
"""

from __future__ import annotations

import numpy as np

from scanner.learning import adapting
from scanner.learning.features import Mask
from scanner.learning.heads import Head, constant
from scanner.learning.preparing import Prepared
from scanner.learning.words import Floats

# For how many shipped ones each of the user's counts: chosen on held-out notes of three writers,
# as much as the shipped notes bear. All together count for no more than this share of the shipped
# ones, but each for at least one.
_COUNTS_FOR = 5.0
_SHARE = 0.25

# How far weights may be moved: the inverse of the penalties.
_LEANING_C = 0.3
_WORDS_C = 3.0


def flub(prepared: Prepared, said: Floats, idf: Floats, taught: Mask, yours: Mask) -> Head:
    """Give what your notes among the messages `taught` add to each sentence's log-odds `said`.

    `idf` weighs the words. Without a note of yours nothing is added.
    """
    words, dense = prepared.mail.sentence_words, prepared.mail.sentence_dense
    truth = prepared.is_flub
    notes = prepared.sentences_of_notes(taught)
    mine = yours[prepared.message[notes]]
    if not mine.any():
        return constant(0.0, idf, dense.shape[1])
    leaned = adapting.leaned(
        idf, dense[notes], truth[notes], _LEANING_C,
        apart=mine, counting=counting(mine), beside=said[notes],
    )  # fmt: skip
    own = notes[mine]
    return adapting.adapted(
        leaned, words[own], dense[own], truth[own], _WORDS_C, apart=True, beside=said[own]
    )


def counting(mine: Mask) -> Floats:
    """Say for how much each row counts, of which some are the user's."""
    own = mine.sum()
    most = _SHARE * (len(mine) - own) / max(own, 1)
    return np.where(mine, max(1.0, min(_COUNTS_FOR, most)), 1.0).astype(np.float32)
