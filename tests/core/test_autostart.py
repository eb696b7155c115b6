"""The unit of each system, whole: files are cases, and systemd's own tools check theirs."""

from __future__ import annotations

import plistlib
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree import ElementTree as ET

import pytest

from scanner.core import autostart
from scanner.core.autostart import Job

CASES = Path(__file__).parents[1] / "cases" / "autostart"
WATCH = ("-m", "scanner", "watch", "--config")
LINUX = Job(
    (
        "/home/me/.local/share/pipx/venvs/unflub/bin/python", *WATCH,
        '/home/me/odd "100%" $HOME/config.toml',
    ),
    PurePosixPath("/home/me/.local/state/unflub"),
    PurePosixPath("/home/me/.local/state/unflub/watch.log"),
    {"XDG_CONFIG_HOME": '/home/me/odd "100%" $HOME', "XDG_DATA_HOME": "/home/me/data"},
)  # fmt: skip
_LIBRARY = PurePosixPath("/Users/me/Library/Application Support/unflub")
MAC = Job(
    ("/Users/me/.local/bin/python", *WATCH, "/Users/me/R&D/config.toml"),
    _LIBRARY,
    _LIBRARY / "watch.log",
    {"XDG_DATA_HOME": "/Users/me/R&D"},
)
WINDOWS = Job(
    (r"C:\Users\me\pipx\python.exe", *WATCH, r"C:\Users\me\R & D\config.toml"),
    PureWindowsPath("C:/x"),
    PureWindowsPath("C:/x/watch.log"),
    user=r"R&D\me",
)


def test_the_systemd_unit():
    """It takes away all rights but to read the home, write the state, and use the network."""
    assert autostart.systemd(LINUX) == (CASES / "unflub.service").read_text()


def test_the_launch_agent():
    """A property list that launchd can read; the command keeps its own log, which stays short."""
    text = autostart.launchd(MAC)
    assert text == (CASES / "unflub.plist").read_text()
    assert plistlib.loads(text.encode())["ProgramArguments"] == [
        *MAC.command,
        "--log",
        str(MAC.log),
    ]


def test_the_task():
    """XML that says who runs what and when; arguments are quoted as Windows programs want it."""
    text = autostart.task(WINDOWS)
    assert text == (CASES / "unflub.xml").read_text()
    root = ET.fromstring(text.replace('encoding="UTF-16"', ""))
    (arguments,) = root.iterfind(".//{*}Arguments")
    assert arguments.text == (
        r'-m scanner watch --config "C:\Users\me\R & D\config.toml" --log C:\x\watch.log'
    )


@pytest.fixture
def unit(tmp_path, monkeypatch) -> Path:
    """A unit for a program that is there, where systemd's tools look for a runtime folder."""
    assert shutil.which("systemd-analyze"), "systemd is missing: apt-get install systemd"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = tmp_path / "unflub.service"
    path.write_text(autostart.systemd(replace(LINUX, command=("/bin/true", *LINUX.command[1:]))))
    return path


def test_systemd_understands_the_unit(unit):
    """Its own check says nothing against it."""
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_the_unit_hardened(unit):
    """Exposure of 4.2 of 10 at most; a user unit cannot shed capabilities that it has not."""
    done = subprocess.run(
        ["systemd-analyze", "--user", "security", "--offline=yes", "--threshold=42", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
