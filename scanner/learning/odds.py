"""Probabilities and their log-odds."""

from __future__ import annotations

import numpy as np

from scanner.learning.words import Floats

_SUREST = 1e-6  # and 1 less than that: further off, single precision tells nothing apart


def expit(odds: Floats) -> Floats:
    """Turn log-odds into probabilities."""
    result: Floats = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return result


def logit(chances: Floats) -> Floats:
    """Turn probabilities into log-odds."""
    within = np.clip(chances, _SUREST, 1 - _SUREST)
    result: Floats = np.log(within / (1 - within)).astype(np.float32)
    return result
