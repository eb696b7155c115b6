"""A small corpus and a model trained on it with the shipped encoder, once per run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

from scanner.learning import artifact, corpus, train

if TYPE_CHECKING:
    from pathlib import Path

    from scanner.learning.artifact import Model, OnDemand
    from scanner.learning.corpus import Example
    from scanner.learning.readings import Reading

WRITERS = ("t2", "t9", "t13")


@pytest.fixture(scope="session")
def everything() -> list[Example]:
    return corpus.read([corpus.shipped()])


@pytest.fixture(scope="session")
def few(everything: list[Example]) -> list[Example]:
    return [e for writer in WRITERS for e in everything if e.writer == writer][::3]


@pytest.fixture(scope="session")
def encoder() -> OnDemand:
    return artifact.load(artifact.shipped()).encoder


@pytest.fixture(scope="session")
def known(encoder: OnDemand) -> dict[str, Reading]:
    return encoder.known_readings()


@pytest.fixture(scope="session")
def trained(encoder: OnDemand, known: dict[str, Reading]) -> Callable[..., Model]:
    """Trains with the shipped encoder."""
    return partial(train.train, encoder=encoder, known=known)


@pytest.fixture(scope="session")
def model(few: list[Example], trained: Callable[..., Model]) -> Model:
    return trained(few, version="tiny")


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    saved = tmp_path / "models" / "tiny"
    artifact.save(model, saved)
    return saved
