"""A small corpus and a model trained on it with the shipped encoder, once per run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from scanner.core.draft import Sentences
from scanner.learning import artifact, corpus, preparing, shelf, train
from scanner.learning.corpus import Example, Projected
from scanner.learning.model import Model
from scanner.learning.on_demand import OnDemand
from scanner.learning.readings import Known

WRITERS = ("t2", "t9", "t13")


@pytest.fixture(scope="session")
def everything() -> list[Example]:
    return corpus.read([corpus.shipped()])


@pytest.fixture(scope="session")
def projected(everything: list[Example]) -> list[Projected]:
    """The whole corpus cut into sentences, which takes ten seconds."""
    return [corpus.project(one) for one in everything]


@pytest.fixture(scope="session")
def few(everything: list[Example]) -> list[Example]:
    return [e for writer in WRITERS for e in everything if e.writer == writer][::3]


@pytest.fixture(scope="session")
def encoder() -> OnDemand:
    return artifact.load(shelf.shipped()).encoder


@pytest.fixture(scope="session")
def known(encoder: OnDemand) -> Known:
    return encoder.known()


@pytest.fixture(scope="session")
def trained(encoder: OnDemand, known: Known) -> Callable[..., Model]:
    """Trains with the shipped encoder."""

    def train_on(
        examples: Sequence[Example],
        background: Sequence[Sentences] = (),
        **options: Any,
    ) -> Model:
        read = preparing.read_corpus(examples, background, encoder, known)
        return train.train(read, encoder=encoder, **options)

    return train_on


@pytest.fixture(scope="session")
def model(few: list[Example], trained: Callable[..., Model]) -> Model:
    return trained(few, version="tiny")


@pytest.fixture(scope="session")
def saved(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "tiny"
    artifact.save(model, folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder, to do with as a test likes."""
    return shutil.copytree(saved, tmp_path / "models" / "tiny")
