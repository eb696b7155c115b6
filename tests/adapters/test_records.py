"""The rows of an interrupted scan, to go on from."""

from __future__ import annotations

import json

import pytest

from scanner.adapters.records import Written
from scanner.errors import UnreadableError

ROWS = [
    {"source": "a.eml", "error": None, "severity": "flub"},
    {"source": "box#1", "error": None, "severity": "none"},
    {"source": "box#3", "error": "broken", "severity": None},
    {"source": "imap://me@host/S%C3%BCd;UIDVALIDITY=3/;UID=7", "error": None, "severity": "folded"},
    {"source": "note#10", "error": None, "severity": "none"},
]
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)


def test_what_is_written_is_known_by_its_source(tmp_path):
    """A name that ends in a number may be a file's; then those before it need not be done."""
    path = tmp_path / "rows.jsonl"
    path.write_text(LINES)
    written = Written(path)
    done = [
        s for s in ("a.eml", "b.eml", "box#1", "box#3", "box#4", "box", "note#10", "note#9")
        if written.has(s)
    ]  # fmt: skip
    assert done == ["a.eml", "box#1", "box#3", "note#10"]
    assert (written.tally.checked, written.tally.flubs, written.tally.unreadable) == (4, 1, 1)


@pytest.mark.parametrize("cut", range(len(LINES) - len(LINES.splitlines()[-1]) - 1, len(LINES)))
def test_a_line_that_was_cut_is_no_row(tmp_path, cut):
    """Wherever a row was cut, what counts is whole rows, and looking takes nothing away."""
    path = tmp_path / "rows.jsonl"
    path.write_text(LINES[:cut])
    written = Written(path)
    assert LINES[: written.end] == "".join(LINES.splitlines(keepends=True)[:-1])
    assert not written.has("note#10")
    assert path.read_text() == LINES[:cut]


def test_cut_anywhere_nothing_is_lost_and_nothing_doubled(tmp_path):
    """At every byte of the output: what is kept, and what is then done, is all there is."""
    path = tmp_path / "rows.jsonl"
    lines = dict(zip((row["source"] for row in ROWS), LINES.splitlines(keepends=True), strict=True))
    for cut in range(len(LINES) + 1):
        path.write_text(LINES[:cut])
        written = Written(path)
        done = "".join(line for source, line in lines.items() if not written.has(source))
        assert LINES[: written.end] + done == LINES, cut


def test_without_a_file_nothing_is_written_yet(tmp_path):
    """The same command begins a scan and goes on with it."""
    for written in (Written(tmp_path / "new.jsonl"), Written(None)):
        assert (written.has("a.eml"), written.end, written.tally.checked) == (False, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "[]\n", "Dear Ms Okafor\n", '{"name": 1}\n', "\xff\n", "my-secret", "x", '{"name": 1}',
        LINES + "x",
    ],
)  # fmt: skip
def test_another_file_is_refused_and_left_as_it_is(tmp_path, text):
    """A letter that was named by mistake loses nothing."""
    path = tmp_path / "letter.txt"
    path.write_text(text, "latin-1")
    with pytest.raises(UnreadableError, match="something else than the rows"):
        Written(path)
    assert path.read_text("latin-1") == text


def test_what_cannot_be_read_is_said_to_be(tmp_path):
    """It is not taken for another file."""
    with pytest.raises(UnreadableError, match="cannot be read: is a directory; name another"):
        Written(tmp_path)
