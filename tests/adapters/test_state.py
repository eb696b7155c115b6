"""The memory of a mailbox on disk: whole or not at all, and readable by its owner only."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from scanner.adapters.state import Saved, folder, load, save, say_whether_it_alters
from scanner.core.plan import Memory, Standing
from scanner.errors import UnreadableError

ONE, TWO = "0123456789abcdef", "fedcba9876543210"
MEMORY = Memory((Standing(7, frozenset({ONE, TWO})), Standing(9, frozenset())), frozenset({TWO}))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "unflub" / "home.json"


@pytest.mark.parametrize("memory", [MEMORY, Memory(no_flubs=frozenset({ONE})), Memory()])
def test_what_is_saved_is_loaded(path, memory):
    """Nothing is lost or added on the way."""
    save(path, Saved(5, memory))
    assert load(path).under(5) == memory


def test_what_a_server_does_and_what_was_under_way_is_kept(path):
    """The doctor may say otherwise of the server, and changes nothing else."""
    save(path, Saved(5, MEMORY, alters=True, under_way=frozenset({ONE})))
    assert load(path) == Saved(5, MEMORY, alters=True, under_way=frozenset({ONE}))
    say_whether_it_alters(path, alters=False)
    assert load(path) == Saved(5, MEMORY, alters=False, under_way=frozenset({ONE}))


def test_where_nothing_is_to_be_said_nothing_is_written(path):
    """A doctor on a machine without a daemon leaves no file."""
    say_whether_it_alters(path, alters=False)
    assert not path.parent.exists()


def test_only_the_owner_can_read_it(path):
    """File and folder are closed to others, also when the file is written again."""
    for _ in range(2):
        save(path, Saved(5, MEMORY))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_under_another_uidvalidity_uids_are_forgotten(path):
    """UIDs mean something else then; what stood or was dismissed is known by its words."""
    save(path, Saved(5, MEMORY))
    held = load(path).under(6)
    assert held.dismissed == MEMORY.dismissed
    assert [w.digests for w in held.standing] == [w.digests for w in MEMORY.standing]
    assert {w.uid for w in held.standing} == {0}


def good(**changes: object) -> str:
    row = {"uid": 7, "digests": [ONE]}
    table = {"format": 1, "uidvalidity": 5, "standing": [row], "dismissed": [TWO], **changes}
    return json.dumps(table)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        good(format=2),
        good(standing=None),
        good(standing=[{"uid": "x", "digests": []}]),
        good(standing=[7]),
        good(dismissed=None),
        good(uidvalidity=float("inf")),
        good()[:-5],
        "\x00" * 50,
        "[" * 100_000,
    ],
)
def test_a_broken_file_counts_as_none(path, content):
    """It is never an error, and is written anew by the next pass."""
    path.parent.mkdir()
    path.write_text(content)
    assert load(path).under(5) == Memory()
    save(path, Saved(5, MEMORY))
    assert load(path).under(5) == MEMORY


def test_a_file_that_is_not_text_counts_as_none(path):
    """Neither do bytes that are no UTF-8 stop a pass, nor a folder in the file's place."""
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\xfa")
    assert load(path).under(5) == Memory()
    path.unlink()
    path.mkdir()
    assert load(path).under(5) == Memory()


def test_a_good_file_is_read():
    """The broken files above are broken by their one change only."""
    assert json.loads(good())["format"] == 1


def test_an_interrupted_write_leaves_the_old_file(path):
    """A file that cannot be put in its place is cleared away, and the old one stands."""
    save(path, Saved(5, MEMORY))
    old = path.read_bytes()
    moved = path.rename(path.with_name("kept"))
    path.mkdir()  # what stands in the way makes the last step of writing fail
    with pytest.raises(UnreadableError, match=r"cannot be written .*make its folder writable"):
        save(path, Saved(5, Memory()))
    assert moved.read_bytes() == old
    assert sorted(p.name for p in path.parent.iterdir()) == ["home.json", "kept"]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    """The line names the file."""
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "home.json"
    with pytest.raises(UnreadableError, match=r"home\.json cannot be written") as raised:
        save(path, Saved(5, MEMORY))
    assert raised.value.exit_status == 5


def test_the_file_does_not_grow_for_ever(path):
    """There is a limit to what is kept of dismissals."""
    save(path, Saved(5, Memory((), frozenset(f"{n:016x}" for n in range(20_000)))))
    assert 1000 <= len(load(path).under(5).dismissed) <= 10_000


def test_it_lies_in_the_folder_for_state(monkeypatch, tmp_path):
    """$XDG_STATE_HOME is respected."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert folder() == tmp_path / "unflub"
