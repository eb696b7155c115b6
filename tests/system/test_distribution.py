"""The built wheel brings along all that the program needs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.notes import FLUBBED
from support.program import Program

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs, and nothing of the source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("unflub-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def wheel_program(installed: Path, tmp_path: Path) -> Program:
    """The command as the wheel brings it."""
    return Program(tmp_path, {"PYTHONPATH": str(installed)})


def where(program: Program, expression: str) -> str:
    code = (
        f"from scanner import config; from scanner.learning import artifact, corpus; {expression}"
    )
    done = program.python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("place", ["artifact.shipped()", "corpus.shipped()", "config.example()"])
def test_an_installed_copy_finds_its_data(wheel_program, installed, place):
    """Model, corpus and example configuration are found inside the installed package."""
    found = Path(where(wheel_program, f"print({place})"))
    assert found.is_relative_to(installed / "scanner")
    assert found.exists()


def test_an_installed_copy_judges_a_note(wheel_program):
    """The wheel's own model flags a flub."""
    assert wheel_program.run("check", stdin=FLUBBED).returncode == 1


@pytest.mark.parametrize("place", ["artifact.shipped()", "corpus.shipped()", "config.example()"])
def test_a_source_checkout_finds_its_data(program, place):
    """An editable install takes them from the top of the tree."""
    found = Path(where(program, f"print({place})"))
    assert found.is_relative_to(ROOT)
    assert not found.is_relative_to(ROOT / "scanner")


def test_loading_the_model_runs_no_code_of_its_own(program):
    """Every type in the weights is one skops trusts by itself: nothing is unpickled."""
    expression = (
        "import skops.io; "
        "print(skops.io.get_untrusted_types(file=artifact.shipped() / 'heads.skops'))"
    )
    assert where(program, expression) == "[]"
