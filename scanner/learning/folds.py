"""Deal writers to folds: each is held out in turn from what is fitted to the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanner.errors import ConfigurationError
from scanner.learning.features import Mask

FOLDS = 3

# Two categories, and none.
_FEWEST_CLASSES = 3


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
