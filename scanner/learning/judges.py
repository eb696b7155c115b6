"""A model folder to a judge: of messages that are to be known whole, or of many to be sifted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from scanner.core.classify import Policy
from scanner.core.judge import Judge
from scanner.learning import artifact, words
from scanner.learning.artifact import Model


def judge(folder: Path, policy: Policy, *, sift: bool) -> Judge:
    """Give a judge; a model is loaded once in each process. Raises ModelError.

    With `sift` most mail is turned away at a glance, which is quick; such a verdict has no
    sentences.
    """
    model = _loaded(folder)
    thresholds = policy.thresholds(model.thresholds)
    model = model.narrowed(thresholds.closer)
    gate = partial(_may_be_notes, model) if sift else None
    return Judge(model, thresholds, gate, policy)


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> Model:
    return artifact.load(folder)


def _may_be_notes(model: Model, texts: Sequence[str]) -> list[bool]:
    """Ask the model's own gate, before sentences are cut; it counts words wherever they stand."""
    passed = {number for number, _, _ in model.glance([words.bag(text) for text in texts])}
    return [number in passed for number in range(len(texts))]
