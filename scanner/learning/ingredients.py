"""What a model was made of, by hash and number, for much of it is not shipped."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from typing import Any

from scanner.core.classify import CATEGORIES
from scanner.core.draft import Sentences
from scanner.learning import corpus
from scanner.learning.preparing import ReadCorpus


def described(read: ReadCorpus, known: Container[str]) -> dict[str, Any]:
    """Say what a model was made of; of writers who are not `known` the names are left out."""
    names = sorted(set(read.prepared.writers.tolist()))
    return {
        "corpus_sha256": corpus.digest(read.examples),
        "messages": len(read.examples),
        "writers": [name if name in known else f"yours {n}" for n, name in enumerate(names, 1)],
        "background": _identified(read.ordinary.messages),
        "seed": corpus.SEED,
        "labels": list(corpus.KINDS),
        "categories": list(CATEGORIES),
    }


def _identified(background: Sequence[Sentences]) -> Mapping[str, Any]:
    """Name ordinary mail, in its order, by hash and size: it is not shipped."""
    texts = [f"{message.subject}\n{message.text}" for message in background]
    return {
        "messages": len(texts),
        "characters": sum(map(len, texts)),
        "sha256": hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest(),
    }
