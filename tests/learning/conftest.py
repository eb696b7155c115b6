"""A small corpus and a model trained on it, once per run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanner.learning import artifact, corpus, train

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.learning.artifact import Model
    from scanner.learning.corpus import Example

WRITERS = ("t2", "t9", "t13")


@pytest.fixture(scope="session")
def everything() -> list[Example]:
    return corpus.read([corpus.shipped()])


@pytest.fixture(scope="session")
def few(everything: list[Example]) -> list[Example]:
    return [e for writer in WRITERS for e in everything if e.writer == writer][::3]


@pytest.fixture(scope="session")
def model(few: list[Example]) -> Model:
    return train.train(few, version="tiny")


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    saved = tmp_path / "models" / "tiny"
    artifact.save(model, saved)
    return saved
