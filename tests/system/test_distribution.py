"""The built wheel brings along all that the program needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pexpect
import pytest
from support import dovecot
from support.client import one_warning
from support.desktop import desktop
from support.household import household_on
from support.notes import FLUBBED
from support.program import Program

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"  # it installs what pip would, and sooner


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built here."""
    return build(tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with what the wheel installs, and nothing of the source tree."""
    zipfile.ZipFile(wheel).extractall(wheel.parent / "site")
    return wheel.parent / "site"


@pytest.fixture
def wheel_program(installed: Path, tmp_path: Path) -> Program:
    """The command as the wheel brings it."""
    return Program(tmp_path, {"PYTHONPATH": str(installed)})


def test_built_again_it_is_the_same_to_the_byte(wheel, tmp_path):
    """Both wheel and sdist, whatever the time and the folder."""
    assert build(tmp_path / "again", "wheel").read_bytes() == wheel.read_bytes()
    first, second = (build(tmp_path / name, "sdist").read_bytes() for name in ("one", "two"))
    assert first == second


def test_the_manual_is_made_of_the_commands(wheel):
    """Each command has a page, with its options as `--help` has them."""
    with zipfile.ZipFile(wheel) as archive:
        pages = {Path(name).name: name for name in archive.namelist() if name.endswith(".1")}
        page = archive.read(pages["unflub-doctor.1"]).decode()
    assert {"unflub.1", "unflub-watch.1", "unflub-service-install.1"} <= set(pages)
    assert "\\-\\-wait" in page


def test_a_python_whose_imaplib_is_another_is_refused(wheel):
    """pip says so, instead of news that come late."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        (wanted,) = re.findall(r"\nRequires-Python: (.+)\n", archive.read(metadata).decode())
    assert set(wanted.split(",")) == {">=3.11", "<3.14"}


@pytest.fixture(scope="module")
def fresh(wheel: Path) -> Path:
    """The Python of a fresh virtual environment in which the wheel was installed."""
    folder = wheel.parent / "venv"
    python = folder / "bin" / "python"
    subprocess.run([UV, "venv", "--python", sys.executable, folder], check=True)
    install = [UV, "pip", "install", "--python", python, wheel]
    subprocess.run(install, check=True, capture_output=True, timeout=800)
    return python


@pytest.mark.timeout(900)  # it installs everything anew, over the network
def test_a_minimal_install_brings_no_more_than_it_needs(fresh):
    """No plotting, no Dask, no demo, no tests, no training of encoders, by whatever way."""
    listing = [UV, "pip", "list", "--python", fresh, "--format", "json"]
    listed = subprocess.run(listing, check=True, capture_output=True).stdout
    names = {package["name"] for package in json.loads(listed)}
    assert "scikit-learn" in names
    assert not names & {
        "matplotlib", "dask", "distributed", "pymap", "pytest", "hypothesis", "selenium", "torch",
        "onnx", "safetensors", "transformers",
    }  # fmt: skip


@pytest.mark.timeout(900)  # likewise
@pytest.mark.parametrize("tool", ["pipx", "uv"])
def test_an_installer_of_programs_gives_a_working_command(wheel, program, tool):
    """`pipx install` and `uv tool install`: the command, the model, and the manual."""
    places = {"PIPX_HOME": "pipx", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man",
              "UV_TOOL_DIR": "uv", "UV_TOOL_BIN_DIR": "bin"}  # fmt: skip
    environment = {**os.environ, **{key: str(program.home / at) for key, at in places.items()}}
    command = [f"{Path(sys.executable).parent / tool}", *(["tool"] if tool == "uv" else [])]
    subprocess.run(
        [*command, "install", "--python", sys.executable, wheel],
        env=environment, check=True, capture_output=True, timeout=800,
    )  # fmt: skip
    unflub = [str(program.home / "bin" / "unflub")]
    said = program.finished([*unflub, "--version"]).stdout
    assert re.fullmatch(r"unflub, version \S+, model \d{4}\.\d+\.\d+(\.\d+)?\n", said)
    assert program.finished([*unflub, "check"], FLUBBED).returncode == 1
    assert (tool == "uv") or (program.home / "man" / "man1" / "unflub-setup.1").exists()


@pytest.mark.timeout(900)  # likewise
def test_a_newcomer_gets_from_nothing_to_the_first_warning(fresh, tmp_path, server):
    """A fresh home, a fresh virtual environment, a provider with TLS, and a terminal."""
    home = Program(tmp_path, interpreter=fresh)
    client = household_on(server, home).client
    (tmp_path / "config.toml").unlink()
    with desktop(tmp_path / "session") as session, session.keyring():
        home.environment.update(session.environment)
        asking = home.converse(
            "setup", "--host", "localhost", "--port", str(server.tls_port),
            "--user", client.user, "--ca-file", server.authority,
        )  # fmt: skip
        for question, answer in (
            ("mail address", "me@example.org"),
            (r"\(not shown\)", dovecot.PASSWORD),
            ("keep drafts there", "y"),
            ("would do now", "y"),
            ("every login", "n"),
        ):
            asking.expect(f"{question}[^\n]*: ")
            if "shown" in question:
                asking.waitnoecho()
            asking.sendline(answer)
        asking.expect("unflub doctor --account home --wait")
        asking.expect(pexpect.EOF)
        with home.watching():
            client.save(FLUBBED)
            client.wait_until(one_warning)


def build(folder: Path, target: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("unflub-*")
    return made


def where(program: Program, expression: str) -> str:
    code = f"from scanner import config; from scanner.learning import corpus, shelf; {expression}"
    done = program.python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("place", ["shelf.shipped()", "corpus.shipped()", "config.example()"])
def test_an_installed_copy_finds_its_data(wheel_program, installed, place):
    """Model, corpus and example configuration are found inside the installed package."""
    found = Path(where(wheel_program, f"print({place})"))
    assert found.is_relative_to(installed / "scanner")
    assert found.exists()


def test_an_installed_copy_brings_the_add_on(wheel_program, program):
    """It packs the same add-on as the source tree."""
    for one, name in ((wheel_program, "installed.xpi"), (program, "source.xpi")):
        assert one.run("plugin", "pack", "thunderbird", name).returncode == 0
    made = [(program.home / name).read_bytes() for name in ("installed.xpi", "source.xpi")]
    assert made[0] == made[1]


def test_an_installed_copy_judges_a_note(wheel_program):
    """The wheel's own model flags a flub."""
    assert wheel_program.run("check", stdin=FLUBBED).returncode == 1


@pytest.mark.parametrize("place", ["shelf.shipped()", "corpus.shipped()", "config.example()"])
def test_a_source_checkout_finds_its_data(program, place):
    """An editable install takes them from the top of the tree."""
    found = Path(where(program, f"print({place})"))
    assert found.is_relative_to(ROOT)
    assert not found.is_relative_to(ROOT / "scanner")
