"""Which model is in use, and which was before."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.errors import ConfigurationError, ModelError
from scanner.learning import shelf


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shelf of the user's own with three models, of which nothing is looked into here."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("2026.1.2", "2026.1.2.10", "2026.1.2.9"):
        (shelf.own() / name).mkdir(parents=True)
        (shelf.own() / name / "model.json").touch()
    return shelf.own()


def test_the_users_model_comes_before_the_shipped_one(models: Path):
    """What is named for one run comes first, then the user's own in use, then the shipped one."""
    assert shelf.installed() == shelf.shipped()
    shelf.make_current(models / "2026.1.2")
    assert shelf.installed() == models / "2026.1.2"
    assert shelf.installed(models / "2026.1.2.9") == models / "2026.1.2.9"


def test_models_are_listed_by_day_and_number(models: Path):
    """The tenth of a day comes after the ninth."""
    names = ("2026.1.2", "2026.1.2.9", "2026.1.2.10")
    assert shelf.versions() == [models / name for name in names]


def test_rollback_returns_step_by_step(models: Path):
    """To the one before, and the one before that, and at last to the shipped one."""
    for name in ("2026.1.2", "2026.1.2.9", "2026.1.2.10"):
        shelf.make_current(models / name)
    assert shelf.installed() == models / "2026.1.2.10"
    assert shelf.rollback() == models / "2026.1.2.9"
    assert shelf.rollback() == models / "2026.1.2"
    assert shelf.rollback() == shelf.shipped() == shelf.installed()
    with pytest.raises(ConfigurationError, match="no model that can be used was in use before"):
        shelf.rollback()


def test_rollback_passes_over_a_model_that_is_gone(models: Path):
    """Who threw one away does not return to it."""
    for name in ("2026.1.2", "2026.1.2.9", "2026.1.2.10"):
        shelf.make_current(models / name)
    (models / "2026.1.2.9" / "model.json").unlink()
    (models / "2026.1.2.9").rmdir()
    assert shelf.rollback() == models / "2026.1.2"


def test_the_shipped_model_is_always_there_to_return_to(models: Path):
    """Also by rollback from what came after it; and where none of one's own was ever in use."""
    shelf.use_shipped()
    assert not (models / shelf.POINTER).exists()
    shelf.make_current(models / "2026.1.2")
    shelf.use_shipped()
    assert shelf.installed() == shelf.shipped()
    assert shelf.rollback() == models / "2026.1.2"


def test_a_model_is_found_by_name_and_nothing_else(models: Path):
    """A path is no name."""
    assert shelf.find("2026.1.2") == models / "2026.1.2"
    assert shelf.find("shipped") == shelf.shipped()
    with pytest.raises(ConfigurationError, match=r"there are shipped, 2026\.1\.2"):
        shelf.find("../models/2026.1.2")


@pytest.mark.parametrize("named", ["", "../elsewhere", "absent", "/etc"])
def test_a_pointer_that_names_no_folder_beside_it_is_said(models: Path, named: str):
    """It is no reason to judge by another model."""
    (models / shelf.POINTER).write_text(f"{named}\n")
    with pytest.raises(ModelError, match="names no model folder"):
        shelf.installed()


def test_a_change_is_noticed_once(models: Path):
    """Also the first one of all, and one to the model that was in use before."""
    notice = shelf.Notice()
    assert not notice.changed()
    for name in ("2026.1.2", "2026.1.2.9", "2026.1.2"):
        shelf.make_current(models / name)
        assert notice.changed()
        assert not notice.changed()
