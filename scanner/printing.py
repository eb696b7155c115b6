"""The rows of `scan` and `check` to standard output or a file, whole ones up to an interruption."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import FrameType
from typing import IO, Self

import click

from scanner import terminal
from scanner.core import formats
from scanner.core.report import Row, Tally, summary
from scanner.errors import UnflubError


@dataclass(frozen=True, slots=True)
class Printing:
    """How rows are printed: in which form, and into which file if not on standard output.

    The file keeps its first `keeps` bytes; `show_clean` also tells of messages without a finding.
    """

    form: str
    path: Path | None = None
    with_text: bool = False
    quiet: bool = False
    keeps: int = 0
    show_clean: bool = False

    def print(self, rows: Iterable[Row], tally: Tally) -> None:
        """Print all rows, each when it is there, and count them.

        Raises UsageError for a file that cannot be written. Where the first row fails, the file
        keeps what it held.
        """
        interruption: BaseException | None = None
        with self._sink() as sink:
            rows = _begun(rows)
            if self.path and sink and os.fstat(sink.fileno()).st_size > self.keeps:
                sink.truncate(self.keeps)  # never so with a pipe or a device
            try:
                self._print(rows, tally, sink)
            except (KeyboardInterrupt, UnflubError) as error:
                interruption = error
        if self.path and not self.quiet:
            terminal.say(f"{summary(tally)}; written to {self.path}")
        if interruption:
            raise interruption

    @contextmanager
    def _sink(self) -> Iterator[IO[str] | None]:
        """Open what is written to: nothing for who wants quiet."""
        if self.path is None:
            yield None if self.quiet else sys.stdout
            return
        try:
            file = self.path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise click.UsageError(f"{self.path} cannot be written: {error.strerror}") from None
        with file:
            yield file

    def _print(self, rows: Iterable[Row], tally: Tally, sink: IO[str] | None) -> None:
        """Print all rows; after an interruption, what was found so far."""
        in_color = self.path is None and terminal.is_colored()
        form = format_of(
            self.form, with_text=self.with_text, in_color=in_color, show_clean=self.show_clean
        )
        with _Uninterrupted() as whole:
            try:
                for row in rows:
                    tally.add(row)
                    self._echo(form.row(row), sink, whole)
            except BrokenPipeError:
                terminal.forget_stdout()
            finally:
                self._echo(form.end(tally), sink, whole)

    def _echo(self, text: str | None, sink: IO[str] | None, whole: _Uninterrupted) -> None:
        if text is None or sink is None:
            return
        with whole.line:
            if sink is sys.stdout and not self.show_clean:  # who scans sees a bar
                terminal.clear_bar()
            click.echo(text, file=sink)


def format_of(
    form: str, *, with_text: bool = False, in_color: bool = False, show_clean: bool = False
) -> formats.Format:
    """Give a form by its name; colours and `show_clean` are of the one for people."""
    if form == "text":
        return formats.Text(_mark if in_color else None, show_clean=show_clean)
    if form == "html":
        return formats.Page()
    kind = formats.Json if form == "json" else formats.JsonLines
    return kind(with_text=with_text)


def _begun(rows: Iterable[Row]) -> Iterator[Row]:
    """Wait for the first row, and raise what keeps it from being there."""
    rows = iter(rows)
    return chain(list(islice(rows, 1)), rows)


class _Uninterrupted:
    """Lets a Ctrl-C wait until the line is printed: half a row is none for who reads it.

    It is asked of the system once, for all lines: there are many, and it takes as long as one.
    """

    def __init__(self) -> None:
        self.line = _Line()

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if not callable(self._before):  # whoever started this process wants it to go on
            return
        if self.line.is_open:
            self.line.is_last = True
        else:
            self._before(number, frame)


class _Line:
    """A line that is printed; where it is the last one, what interrupted it comes after it."""

    is_open = is_last = False

    def __enter__(self) -> None:
        self.is_open = True

    def __exit__(self, failure: object, *_: object) -> None:
        self.is_open = False
        if self.is_last and failure is None:
            self.is_last = False
            raise KeyboardInterrupt


def _mark(text: str) -> str:
    return click.style(text, fg="black", bg="yellow")
