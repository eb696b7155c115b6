"""Small networks with the last word on flubs, as plain arrays; `fitting` makes them.

A linear head weighs each sign alone; whether a doubtful sentence belongs to the flub before it
depends on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.learning import features
from scanner.learning.odds import expit, logit
from scanner.learning.words import Floats

_PREFIX = "context."


class Layer(NamedTuple):
    """One layer of several networks: weights (networks, in, out), biases (networks, 1, out)."""

    weights: Floats
    biases: Floats


class Context(NamedTuple):
    """Networks over what the linear head sees but for the words, and over what that head says.

    They hear what it says of the sentence and of the two beside it. Where there are no layers, the
    head has the last word.
    """

    layers: Sequence[Layer]

    def odds(self, dense: Floats, odds: Floats, message: NDArray[np.int64]) -> Floats:
        """Give each sentence's log-odds to be a flub, by the networks' mean probability.

        `dense`, `odds` and `message` are as in `features.in_context`.
        """
        if not self.layers:
            return odds
        said = features.in_context(dense, odds, message)[None]
        *inner, last = self.layers
        for layer in inner:
            said = np.maximum(said @ layer.weights + layer.biases, 0)
        return logit(expit(said @ last.weights + last.biases)[:, :, 0].mean(axis=0))


def as_arrays(context: Context) -> dict[str, Floats]:
    """Give every array by the name that it is stored under."""
    return {
        _name(number, part): array
        for number, layer in enumerate(context.layers)
        for part, array in layer._asdict().items()
    }


def from_arrays(arrays: Mapping[str, Floats]) -> Context:
    """Put networks together again; raises ValueError where layers are missing."""
    layers = tuple(_layers(arrays))
    named = sum(name.startswith(_PREFIX) for name in arrays)
    if named != len(layers) * len(Layer._fields) or (layers and layers[-1].biases.shape[-1] != 1):
        raise ValueError("networks lack layers")
    return Context(layers)


def _layers(arrays: Mapping[str, Floats]) -> Iterator[Layer]:
    for number in count():
        names = [_name(number, part) for part in Layer._fields]
        if names[0] not in arrays:
            return
        yield Layer(*(arrays[name] for name in names))


def _name(number: int, part: str) -> str:
    return f"{_PREFIX}{number}.{part}"
