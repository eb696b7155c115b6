"""Words as hashed columns, without a vocabulary and without scikit-learn.

There is no vocabulary to store: a model file holds no word of anybody's mail. What is
counted here is weighed by plain arrays, so that the verdict need not wait a second for
scikit-learn to be imported; the same counts train its estimators.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from scanner.core.draft import Draft, Sentences

COLUMNS = 2**16

Floats = NDArray[np.float32]

_PUNCTUATION = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\u00ad": ""}
)
_WORD = re.compile(r"\b\w[\w']*")
_NO_WORD = re.compile(r"[^\w']+")
# Bytes as `single` sees them: of ASCII what is no letter, digit or "'" parts words.
_SINGLE = bytes(
    ord(chr(byte).lower()) if chr(byte).isalnum() or byte == ord("'") else ord(" ")
    for byte in range(128)
) + bytes(range(128, 256))


@dataclass(frozen=True, slots=True)
class Bag:
    """The words and pairs of words of one text: its columns, ascending, and their counts."""

    columns: NDArray[np.int64]
    counts: Floats


def normalised(text: str) -> str:
    """One line, plain quotes and dashes: how a client wraps and prettifies must not matter."""
    return " ".join(text.translate(_PUNCTUATION).split())


def columns(text: str) -> NDArray[np.int64]:
    """Give the columns of the words and pairs of neighbouring words of a text, as they come."""
    words = [word.encode() for word in _WORD.findall(normalised(text).lower())]
    hashes = list(map(crc32, words))
    # A pair is hashed with a blank between its words; the first of them is hashed already.
    pairs = [crc32(b" " + other, one) for one, other in zip(hashes, words[1:], strict=False)]
    return np.array(hashes + pairs, np.int64) % COLUMNS


def bag(text: str) -> Bag:
    """Count the words and pairs of neighbouring words of a text."""
    found, counts = np.unique(columns(text), return_counts=True)
    return Bag(found, counts.astype(np.float32))


def single(text: str) -> set[int]:
    """Give the columns of the words of a text, however often they stand there, without pairs.

    It cuts text into words more coarsely than `bag` does, in a quarter of the time.
    """
    if not text.isascii():
        text = _NO_WORD.sub(" ", text.translate(_PUNCTUATION).lower())
    words = set(text.encode("utf-8", "replace").translate(_SINGLE).split())
    return {crc32(word) % COLUMNS for word in words}


def weighed(words: Bag, idf: Floats) -> Floats:
    """Weigh a bag's counts by TF-IDF with sublinear term frequency, to unit length."""
    values: Floats = (np.log(words.counts) + 1) * idf[words.columns]
    return values / max(float(np.sqrt(np.square(values).sum())), 1e-12)


def linear(bags: Sequence[Bag], idf: Floats, weights: Floats) -> Floats:
    """Give each bag's sum of weights, shape (bags, answers); `weights` has a row per answer."""
    return np.array([weights[:, one.columns] @ weighed(one, idf) for one in bags], np.float32)


def message_text(message: Sentences) -> str:
    """Give the words that tell what a message is: its subject and sentences.

    Salutation and closing are no sentences: how somebody greets does not say why he writes.
    """
    return " ".join([message.subject, *(sentence.text for sentence in message.items)])


def whole_text(message: Draft | Sentences) -> str:
    """Give the words of the gate's first look: all that was written, for nothing is cut yet."""
    return f"{message.subject} {message.text}"
