"""Rows are printed whole, whenever somebody presses Ctrl-C."""

from __future__ import annotations

import inspect
import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress

import pytest

from scanner.core.report import Row, Tally
from scanner.errors import TerminatedError, UnreadableError
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


def test_a_summary_says_where_not_all_was_read(tmp_path):
    """Whatever broke it off; not so where all was."""

    def failing():
        yield ROW
        raise UnreadableError("the server is gone")

    for rows, ending in (
        (failing(), pytest.raises(UnreadableError)),
        (iter([ROW]), nullcontext()),
    ):
        with ending as broken_off:
            Printing("text", tmp_path / "found", quiet=True).print(rows, Tally())
        assert ("broken off" in (tmp_path / "found").read_text()) is bool(broken_off)


@pytest.mark.skipif(sys.platform == "win32", reason="it has neither")
@pytest.mark.parametrize("is_linked", [False, True])
def test_a_report_goes_through_a_pipe_or_a_link(tmp_path, is_linked):
    """Where one can be put in no other's place; `/dev/stdout` is such a link."""
    path, end = tmp_path / "found", tmp_path / "end"
    if is_linked:
        end.write_text("old, and longer than what is to come" * 9)
        path.symlink_to(end)
        Printing("text", path, quiet=True).print(iter([ROW]), Tally())
        found = end.read_text()
    else:
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        Printing("text", path, quiet=True).print(iter([ROW]), Tally())
        found = os.read(reader, 9999).decode()
        os.close(reader)
    assert found.splitlines()[-1] == "0 checked, 0 with a flub, 1 not checked"
    assert path.is_symlink() is is_linked
    assert path.is_fifo() is not is_linked


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
def test_a_report_keeps_the_mode_of_the_one_before(tmp_path):
    """Whoever lets others read it does not want to do so again each time."""
    path = tmp_path / "found"
    path.write_text("old")
    for mode in (0o640, 0o600):
        path.chmod(mode)
        Printing("html", path, quiet=True).print(iter([ROW]), Tally())
        assert stat.S_IMODE(path.stat().st_mode) == mode


class InterruptedRow(Row):
    """A row while which is put into words somebody presses Ctrl-C."""

    @property
    def error(self) -> str:
        """Say what `Row` says."""
        signal.raise_signal(signal.SIGINT)
        return super().error


def test_within_a_row_it_waits(tmp_path):
    """Half a row is none for who reads it; nor are there others, or anything that makes them."""
    row = InterruptedRow(ROW.source, ROW.direction, ROW.verdict)
    rows = (each for each in [row, ROW])
    with pytest.raises(KeyboardInterrupt):
        printed(tmp_path / "rows", rows)
    assert len((tmp_path / "rows").read_text().splitlines()) == 1
    assert inspect.getgeneratorstate(rows) == inspect.GEN_CLOSED


def test_what_it_ends_is_not_broken_off_by_another_one(tmp_path):
    """Whoever is in a hurry presses it more than once."""
    ended = []

    def rows():
        try:
            yield from interrupted_after_one()
        finally:
            signal.raise_signal(signal.SIGINT)
            ended.append(True)

    with pytest.raises(KeyboardInterrupt):
        printed(tmp_path / "rows", rows())
    assert ended


@pytest.mark.parametrize(("form", "name"), [("jsonl", "rows"), ("html", "rows"), ("jsonl", None)])
def test_one_that_is_lost_ends_the_printing_after_the_next_row(tmp_path, form, name):
    """Python raises nothing where it came within a destructor; also where no row is a line."""
    given = []

    def rows():
        with suppress(KeyboardInterrupt):
            yield from interrupted_after_one()
        for _ in range(9):
            given.append(True)
            yield ROW

    with pytest.raises(KeyboardInterrupt):
        Printing(form, name and tmp_path / name, quiet=True).print(rows(), Tally())
    assert len(given) == 1


def test_where_it_is_ignored_it_is_so_all_the_time(tmp_path):
    """Who starts a scan in the background wants all of it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert printed(tmp_path / "rows", interrupted_after_one()) == 2
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_ends_it_likewise(tmp_path):
    """Programs are ended so by `timeout` and at logout; what is whole so far is not to be lost."""

    def rows():
        yield ROW
        signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(TerminatedError):
        printed(tmp_path / "rows", rows())
    assert len((tmp_path / "rows").read_text().splitlines()) == 1
    assert signal.getsignal(signal.SIGTERM) is before
