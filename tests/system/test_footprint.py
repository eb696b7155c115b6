"""Nothing is left in a home but what is unflub's: the libraries of the model keep nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import cluster
from support.notes import FLUBBED
from support.program import Program


@pytest.fixture
def note(tmp_path_factory) -> Path:
    """A flub note, outside the home: the encoder reads it."""
    path: Path = tmp_path_factory.mktemp("mail") / "note.eml"
    path.write_bytes(FLUBBED)
    return path


def left_in(program: Program) -> list[str]:
    """Which files lie in the home that are not in a folder of unflub's."""
    ours = {"config/unflub", "state/unflub", "data/unflub"}
    found = [path.relative_to(program.home) for path in program.home.rglob("*") if path.is_file()]
    return sorted(str(path) for path in found if "/".join(path.parts[:2]) not in ours)


def test_a_check_leaves_nothing(program, note):
    """Not even where a library keeps what it would report to its makers."""
    assert program.run("check", note).returncode == 1
    assert left_in(program) == []


def test_the_processes_of_a_scan_leave_nothing(program, note):
    """They load the model for themselves."""
    assert program.run("scan", "--jobs", "2", note).returncode == 1
    assert left_in(program) == []


def test_the_workers_of_a_cluster_leave_nothing(program, note, tmp_path_factory):
    """They were started by somebody else, and load the model when they are sent mail."""
    folder = tmp_path_factory.mktemp("cluster")
    with cluster.running(folder, workers=1, surroundings=program.surroundings()) as started:
        assert program.run("scan", "--dask", started.address, note).returncode == 1
    assert left_in(program) == []


def test_the_daemon_and_its_judge_leave_nothing(household):
    """Its log and configuration are the test's own."""
    household.client.save(FLUBBED)
    with household.program.watching() as daemon:
        household.client.wait_until(lambda client: client.warnings())
        assert daemon.stop() == 0
    assert left_in(household.program) == ["config.toml", "watch.log"]
