"""What was dismissed before sending: one small file for all, whatever uses it at once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scanner.adapters import dismissals, lock, state
from scanner.core.plan import Memory
from scanner.errors import UnreadableError

ONE, TWO = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A state folder that is not there yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "unflub"


def test_what_is_dismissed_stays_dismissed(folder):
    """Once more, too; in a file that nobody else may read."""
    assert dismissals.load() == frozenset()
    dismissals.add([ONE])
    dismissals.add([ONE, TWO])
    assert dismissals.load() == {ONE, TWO}
    assert stat.S_IMODE((folder / "dismissals").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_deleted_warning_draft_counts_too(folder):
    """Of every account; the watcher itself asks for the file alone."""
    dismissals.add([ONE])
    state.save(folder / "home.json", state.Saved(memory=Memory(dismissed=frozenset({TWO}))))
    assert dismissals.everywhere() == {ONE, TWO}
    assert dismissals.load() == {ONE}


def test_who_dismisses_at_the_same_time_loses_nothing():
    """Many at once, each a few."""
    digests = [[f"{n:08x}{k:08x}" for k in range(5)] for n in range(8)]

    def work(mine: list[str]) -> None:
        for one in mine:
            dismissals.add([one])

    with ThreadPoolExecutor(len(digests)) as threads:
        list(threads.map(work, digests))
    assert dismissals.load() == {one for mine in digests for one in mine}


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"format": 2}', "[" * 100_000, "\xff"])
def test_a_broken_file_counts_as_none(folder, content):
    """And is written anew."""
    folder.mkdir()
    (folder / "dismissals").write_text(content, "latin-1")
    assert dismissals.load() == dismissals.everywhere() == frozenset()
    dismissals.add([ONE])
    assert dismissals.load() == {ONE}


def test_the_newest_are_kept():
    """The file does not grow for ever."""
    dismissals.add(f"{n:016x}" for n in range(20_000))
    dismissals.add(["f" * 16])
    assert "f" * 16 in dismissals.load()
    assert 1000 <= len(dismissals.load()) <= 10_000


def test_a_disk_that_refuses_is_reported(folder):
    """In one line that names the file."""
    (folder / "dismissals").mkdir(parents=True)
    with pytest.raises(UnreadableError, match="dismissals cannot be written"):
        dismissals.add([ONE])


def test_a_process_that_was_stopped_midway_keeps_nobody_waiting(folder):
    """What holds the lock for ever holds up no mail: it is remembered all the same."""
    with lock.tried(folder / "dismissals.guard") as taken:
        assert taken
        dismissals.add([ONE])
    assert dismissals.load() == {ONE}
