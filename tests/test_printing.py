"""Rows are printed whole, whenever somebody presses Ctrl-C."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from scanner.core.report import Row, Tally
from scanner.errors import UnreadableError
from scanner.printing import Printing

ROW = Row("a.eml", "outgoing", UnreadableError("broken"))


def interrupted_after_one() -> Iterator[Row]:
    yield ROW
    signal.raise_signal(signal.SIGINT)
    yield ROW


def printed(path, rows) -> int:
    """Print them into a file; give how many whole lines it holds."""
    Printing("jsonl", path, quiet=True).print(rows, Tally())
    return len([json.loads(line) for line in path.read_text().splitlines()])


def test_between_two_rows_it_ends_the_printing(tmp_path):
    """What was there is kept, and Ctrl-C means afterwards what it did before."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        printed(tmp_path / "rows", interrupted_after_one())
    assert len((tmp_path / "rows").read_text().splitlines()) == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_within_a_row_it_waits(tmp_path, monkeypatch):
    """Half a row is none for who reads it."""

    def echo(text, file):
        file.write(text[:9])
        signal.raise_signal(signal.SIGINT)
        file.write(text[9:] + "\n")

    monkeypatch.setattr("click.echo", echo)
    with pytest.raises(KeyboardInterrupt):
        printed(tmp_path / "rows", [ROW, ROW])
    assert len((tmp_path / "rows").read_text().splitlines()) == 1


def test_where_it_is_ignored_it_is_so_all_the_time(tmp_path):
    """Who starts a scan in the background wants all of it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert printed(tmp_path / "rows", interrupted_after_one()) == 2
    finally:
        signal.signal(signal.SIGINT, before)
