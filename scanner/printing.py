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
from typing import IO

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
        try:
            for row in rows:
                tally.add(row)
                self._echo(form.row(row), sink)
        except BrokenPipeError:
            terminal.forget_stdout()
        finally:
            self._echo(form.end(tally), sink)

    def _echo(self, text: str | None, sink: IO[str] | None) -> None:
        if text is None or sink is None:
            return
        with _uninterrupted():
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


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C wait until the line is printed: half a row is none for who reads it."""
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def _mark(text: str) -> str:
    return click.style(text, fg="black", bg="yellow")
