"""A model folder to a judge: of messages that are to be known whole, or of many to be sifted."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from scanner.core.classify import Policy
from scanner.core.judge import Judge
from scanner.learning import artifact
from scanner.learning.model import Model


def judge(folder: Path, policy: Policy, *, sift: bool) -> Judge:
    """Give a judge; a model is loaded once in each process. Raises ModelError.

    With `sift` most mail is turned away at a glance, which is quick; such a verdict has no
    sentences.
    """
    model = _loaded(folder)
    gate = model.may_be_notes if sift else None
    return Judge(model, policy.thresholds(model.thresholds), gate, policy)


@lru_cache(maxsize=1)
def _loaded(folder: Path) -> Model:
    return artifact.load(folder)
