"""What the encoder says of a message, and what it said of the corpus.

The latter is kept for refitting the heads without torch. Each message was read by an encoder
that had not seen its writer: the heads must learn how far to believe the encoder on notes
that are new to it, not on those it knows by heart.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import CATEGORIES
from scanner.core.draft import Sentences
from scanner.errors import ModelError
from scanner.learning.progress import Progress
from scanner.learning.words import Floats

GRAPH, VOCABULARY, NAME = "encoder.onnx", "tokenizer.json", "readings.npz"
"""The files of a model folder that hold the encoder, and what it said."""

ANSWERS = 1 + len(CATEGORIES) + 1
"""What the graph answers where it is asked: flub, the eight categories, kind (log-odds)."""

NOT_ASKED = math.inf
"""What is said at the early exit of a message that is read to its end in any case."""

DAMAGED = (
    OSError, ValueError, KeyError, EOFError, RuntimeError,
    zipfile.BadZipFile, zlib.error, LZMAError,
)  # fmt: skip
"""What numpy raises, early or late, for a file of arrays that is missing or spoilt."""

_PORTION = 64
# So many steps of a stored byte are 1 in log-odds, of which those beyond 8 say no more. Categories,
# which weigh little and are eight of nine numbers, are kept more roughly.
_STEPS = 15
_EXIT_STEPS = 8  # what is said at the exit lies farther apart
_FARTHEST = 127
_OF_SENTENCES = np.array([_STEPS] + [6] * len(CATEGORIES))


@dataclass(frozen=True, slots=True)
class Reading:
    """What the encoder says of one message, all in log-odds.

    `kind`: is it a note. `sentences`: one row per sentence, of which the first column says
    whether it is a flub and the others of which category it would be; of one that was not read
    it is minus infinity. `exit`: at the early exit, is it a note with a flub.
    """

    kind: float
    sentences: Floats
    exit: float = NOT_ASKED

    @property
    def surest(self) -> Reading:
        """What it would be if one more sentence were most surely a flub."""
        sure = np.full((1, self.sentences.shape[1]), np.inf, np.float32)
        return Reading(self.kind, np.vstack([self.sentences, sure]))

    @classmethod
    def empty(cls, sentences: int) -> Reading:
        """Give a reading that says nothing of so many sentences."""
        return cls(0.0, np.zeros((sentences, ANSWERS - 1), np.float32))


GoesOn: TypeAlias = Callable[[int, Reading], bool]
"""Tells by the beginning of a long message, and its number, whether the rest need be read."""


@dataclass(frozen=True, slots=True)
class Known:
    """Readings by the `key` of their message, and the writers the encoder was trained on."""

    readings: Mapping[str, Reading]
    writers: frozenset[str]


class Reader(Protocol):
    """Reads messages as the encoder does."""

    def read(self, messages: Sequence[Sentences]) -> list[Reading]:
        """Give each message's reading, in order."""
        ...


def key(message: Sentences) -> str:
    """Name a message by its subject and sentences."""
    said = "\0".join([message.subject, *(sentence.text for sentence in message.items)])
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:16]


def save(known: Known, path: Path) -> None:
    """Write readings as one compressed file of arrays, a byte a number."""
    rows = [reading.sentences for reading in known.readings.values()]
    arrays = {
        "writers": np.array(sorted(known.writers)),
        "keys": np.array([int(name, 16) for name in known.readings], np.uint64),
        "kinds": _in_bytes(_STEPS * np.array([one.kind for one in known.readings.values()])),
        "exits": _in_bytes(_EXIT_STEPS * exits(known.readings.values())),
        "lengths": np.array([len(row) for row in rows], np.int32),
        # Stored column by column: the numbers of one are more alike than those of a row.
        "columns": np.ascontiguousarray(_in_bytes(_OF_SENTENCES * np.concatenate(rows)).T),
    }
    # As `np.savez_compressed` does, but a twentieth smaller.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def exits(read: Iterable[Reading]) -> Floats:
    """Give what is said at the early exit, shape (messages,)."""
    return np.array([one.exit for one in read], np.float32)


def _in_bytes(steps: Floats) -> NDArray[np.int8]:
    whole: NDArray[np.int8] = np.clip(np.rint(steps), -_FARTHEST, _FARTHEST).astype(np.int8)
    return whole


def load(path: Path) -> Known:
    """Read what `save` wrote; raises `ModelError` where it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kinds = arrays["kinds"].astype(np.float32) / _STEPS
            columns = (arrays["columns"].T / _OF_SENTENCES).astype(np.float32)
            rows = np.split(columns, np.cumsum(arrays["lengths"])[:-1])
            steps = arrays["exits"].astype(np.float32)
            at_exit = np.where(steps < _FARTHEST, steps / _EXIT_STEPS, NOT_ASKED).tolist()
            names = [f"{number:016x}" for number in arrays["keys"].tolist()]
            read = map(Reading, kinds.tolist(), rows, at_exit)
            pairs = zip(names, read, strict=True)
            return Known(dict(pairs), frozenset(arrays["writers"].tolist()))
    except DAMAGED:
        raise ModelError(f"{path} is missing or cannot be read; install unflub anew") from None


def read(
    messages: Sequence[Sentences],
    encoder: Reader,
    known: Known,
    progress: Progress,
) -> list[Reading]:
    """Give every message's reading: the known one, or what the encoder says now."""
    names = [key(message) for message in messages]
    new = [n for n, name in enumerate(names) if name not in known.readings]
    found: dict[int, Reading] = {}
    for start in range(0, len(new), _PORTION):
        progress(start, len(new), "reading new messages")
        portion = new[start : start + _PORTION]
        found |= zip(portion, encoder.read([messages[n] for n in portion]), strict=True)
    return [found[n] if n in found else known.readings[name] for n, name in enumerate(names)]
