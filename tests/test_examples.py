"""The user's own examples: one label a message, the last one, whatever happens in between."""

from __future__ import annotations

import multiprocessing
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner import examples
from scanner.errors import UnreadableError
from scanner.learning.corpus import Example, Label

FLUB = "I am sorry I rambled."
TEXT = f"Dear Bo,\n\nThank you for your time. {FLUB}\n\nCy"


def note(text: str = TEXT, *, flub: str = FLUB, subject: str = "Thanks") -> Example:
    start = text.find(flub) if flub else -1
    labels = (Label(start, start + len(flub), flub, "apology"),) if start >= 0 else ()
    severity = "flub" if labels else "none"
    return Example("n", "thank_you", subject, text, labels, severity, "anybody")


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.glob("*.jsonl")}


@pytest.fixture
def home(tmp_path) -> Path:
    return tmp_path / "unflub" / "examples"


def test_nothing_is_there_at_first(home):
    """A folder that does not exist holds no examples, and reading does not make it."""
    assert examples.read(home) == []
    assert not home.exists()


def test_what_is_added_is_read_again(home):
    """The writer is the source, all else stays."""
    assert examples.add([note()], "labelled", home) == examples.Added(new=1)
    assert examples.read(home) == [replace(note(), writer="labelled")]


def test_only_the_owner_can_read_them(home):
    """They are letters: folder and files are closed to others, also when written again."""
    for text in (TEXT, "Another note."):
        examples.add([note(text)], "labelled", home)
        assert stat.S_IMODE((home / "labelled.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_last_label_wins_whatever_its_source(home):
    """A message has one label, though it was labelled here, imported, and labelled again."""
    examples.add([note()], "labelled", home)
    clean = note(flub="")
    assert examples.add([clean], "imported", home) == examples.Added(changed=1)
    assert examples.read(home) == [replace(clean, writer="imported")]
    assert contents(home).keys() == {"imported.jsonl"}
    assert examples.add([note(), clean, note()], "labelled", home) == examples.Added(changed=1)
    assert examples.read(home) == [replace(note(), writer="labelled")]


def test_adding_once_more_changes_no_byte(home):
    """The same examples, in any order, leave the files as they are."""
    three = [note(f"Note {n}. {FLUB}") for n in range(3)]
    examples.add(three, "labelled", home)
    before = contents(home)
    assert examples.add(three[::-1], "labelled", home) == examples.Added(same=3)
    assert contents(home) == before


def test_quotes_and_spacing_make_no_other_message(home):
    """Whose text is wrapped otherwise, or answers a quoted mail, is the same message."""
    examples.add([note()], "labelled", home)
    again = note(TEXT.replace("Thank you for", "Thank you\nfor") + "\n\n> When can you start?\n")
    assert examples.add([again], "labelled", home).changed == 1
    assert len(examples.read(home)) == 1
    assert examples.add([note(subject="Other")], "labelled", home).new == 1


def test_what_is_forgotten_leaves_nothing(home):
    """After forgetting, the files are what they would be had it never been added."""
    examples.add([note("One.")], "labelled", home)
    before = contents(home)
    examples.add([note("Two."), note("Three.")], "labelled", home)
    examples.add([note("Four.")], "imported", home)
    names = {examples.key("Thanks", text) for text in ("Two.", "Three.", "Four.", "Nothing.")}
    assert examples.forget(names, home) == 3
    assert contents(home) == before


def test_of_an_interrupted_change_the_newer_file_counts(home):
    """Where a message stands in two files, adding it was cut short: what was written last holds."""
    examples.add([note()], "labelled", home)
    old = (home / "labelled.jsonl").read_bytes()
    examples.add([note(flub="")], "aaa", home)
    newer = (home / "aaa.jsonl").stat().st_mtime_ns
    (home / "labelled.jsonl").write_bytes(old)
    os.utime(home / "labelled.jsonl", ns=(newer - 1, newer - 1))
    assert [one.writer for one in examples.read(home)] == ["aaa"]
    examples.add([note("Other.")], "aaa", home)
    assert contents(home).keys() == {"aaa.jsonl"}


def test_a_spoilt_file_is_named_and_left_alone(home):
    """Nothing is written over what cannot be read."""
    examples.add([note()], "labelled", home)
    (home / "labelled.jsonl").write_text("{}\n")
    with pytest.raises(UnreadableError, match=r"labelled\.jsonl:1"):
        examples.add([note("Other.")], "labelled", home)
    assert contents(home) == {"labelled.jsonl": b"{}\n"}


def test_half_a_character_is_refused(home):
    """A lone surrogate is no text; no file is written."""
    with pytest.raises(UnreadableError, match="half a character"):
        examples.add([note(), note("\ud83d")], "labelled", home)
    assert not contents(home)


def test_a_full_disk_is_one_line_that_helps(tmp_path):
    """What stands in the way is said, and that nothing was lost."""
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableError, match="nothing was lost"):
        examples.add([note()], "labelled", tmp_path / "file" / "examples")


def _add(home: Path, number: int) -> None:
    examples.add([note(f"Note {number}. {FLUB}")], f"source{number % 2}", home)


def test_two_at_once_lose_nothing(home):
    """Whoever comes second waits, and adds to what the first has written."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add, args=(home, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(examples.read(home)) == 4


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from("ab")), max_size=12))
def test_the_store_is_a_dictionary(tmp_path_factory, steps):
    """Whatever is added in whatever order, of each message the last label is there, and no more."""
    home, last = tmp_path_factory.mktemp("store"), {}
    for number, flubbed, source in steps:
        one = note(f"Note {number}. {FLUB}", flub=FLUB if flubbed else "")
        examples.add([one], source, home)
        last[number] = replace(one, writer=source)
    assert sorted(examples.read(home), key=lambda one: one.text) == [last[n] for n in sorted(last)]
