"""The program starts itself anew, and nothing that lies in the working folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.notes import CLEAN
from support.program import Program

from scanner import itself
from scanner.adapters import service
from scanner.core.classify import Policy
from scanner.judging import JudgingProcess


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder in which somebody learns Python."""
    for name in ("random", "signal", "socket", "scanner"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('this is another one')")
    return tmp_path


def test_the_judge_is_ours_in_any_folder(folder, monkeypatch):
    """The daemon may be started anywhere."""
    monkeypatch.chdir(folder)
    judge = JudgingProcess(None, Policy())
    judge.start()
    judge.close()


@pytest.mark.parametrize(
    "command",
    [
        [*service.job(Path("config.toml")).command, "--help"],
        itself.calling("scanner.adapters.notify", "warned", "'home', set()"),
    ],
    ids=["service", "notification"],
)
def test_what_is_started_is_ours_in_any_folder(folder, command: Sequence[str]):
    """A service begins in the home of its user; the rest where the daemon was started."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_processes_of_a_scan_are_ours_in_any_folder(folder):
    """Who scans stands beside the mail, and not all of it is mail."""
    (folder / "note.eml").write_bytes(CLEAN)
    unflub = Path(sys.executable).with_name("unflub")
    done = Program(folder).finished([str(unflub), "scan", "--jobs", "2", "note.eml"])
    assert (done.returncode, done.stderr) == (0, "")


def test_numpy_starts_no_threads(monkeypatch):
    """Nor does scipy: sums are small here, and whoever wants threads for them can say so."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    code = (
        "import scanner, numpy, scipy.linalg; from threadpoolctl import threadpool_info; "
        "print({library['num_threads'] for library in threadpool_info()})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in {"{1}", "set()"}
