"""The rows of `scan` and `check` to standard output or a file, whole ones up to an interruption."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import FrameType
from typing import TextIO

import click

from scanner import terminal
from scanner.adapters import whole
from scanner.core import formats
from scanner.core.report import Row, Tally, summary
from scanner.errors import TerminatedError, UnflubError

_ENDINGS: dict[int, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: TerminatedError,
}


@dataclass(frozen=True, slots=True)
class Printing:
    """How rows are printed: in which form, and into which file if not on standard output.

    The file keeps its first `keeps` bytes; `show_clean` also tells of messages without a finding.
    A report takes the place of an earlier one when it is whole, JSON lines when the first is there.
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
        with self._sink() as (sink, put), _heard_once() as line, _begun(rows) as begun:
            if self.path and sink and os.fstat(sink.fileno()).st_size > self.keeps:
                sink.truncate(self.keeps)  # never so with a pipe or a device
            try:
                self._print(begun, tally, sink, put, line)
            except (KeyboardInterrupt, UnflubError) as error:
                interruption = error
        if self.path and not self.quiet:
            terminal.say(f"{summary(tally)}; written to {self.path}")
        if interruption:
            raise interruption

    @contextmanager
    def _sink(self) -> Iterator[tuple[TextIO | None, Callable[[], None]]]:
        """Open what is written to, nothing for who wants quiet; give what puts a report in place.

        Until then it lies where no scan finds it, and nothing is left of it if this is killed.
        """
        if self.path is None:
            if self.form != "text" and isinstance(sys.stdout, io.TextIOWrapper):
                # JSON is UTF-8 (RFC 8259), and so the page calls itself.
                sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
            yield None if self.quiet else sys.stdout, _nothing
            return
        is_whole = self.form != "jsonl" and _can_be_replaced(self.path)
        try:
            file = _opened(None if is_whole else self.path)
        except OSError as error:
            raise click.UsageError(f"{self.path} cannot be written: {error.strerror}") from None
        with file:
            yield file, partial(_put, file, self.path) if is_whole else _nothing

    def _print(
        self,
        rows: Iterable[Row],
        tally: Tally,
        sink: TextIO | None,
        put: Callable[[], None],
        line: _Line,
    ) -> None:
        """Print all rows; after an interruption, what was found so far."""
        in_color = self.path is None and terminal.is_colored()
        form = format_of(
            self.form, with_text=self.with_text, in_color=in_color, show_clean=self.show_clean
        )
        echo = self._echo(sink)
        tally.is_cut = True
        try:
            for row in rows:
                tally.add(row)
                with line:
                    echo(form.row(row))
            tally.is_cut = False
        except BrokenPipeError:
            terminal.forget_stdout()
        finally:
            with line:
                echo(form.end(tally))
                put()

    def _echo(self, sink: TextIO | None) -> Callable[[str | None], None]:
        """Give what prints a text; of the sink is asked once, for all the rows there may be."""
        is_terminal = sink is not None and sink.isatty()
        is_below_bar = sink is sys.stdout and not self.show_clean and terminal.shows_progress()

        def echo(text: str | None) -> None:
            if text is None or sink is None:
                return
            if is_below_bar:
                terminal.clear_bar()
            if is_terminal:  # some consoles of Windows know no colours but by it
                click.echo(text, file=sink)
            else:
                sink.write(f"{text}\n")
                sink.flush()

        return echo


def format_of(form: str, *, with_text: bool, in_color: bool, show_clean: bool) -> formats.Format:
    """Give a form by its name; colours and `show_clean` are of those for people."""
    if form == "text":
        return formats.Text(_mark if in_color else None, show_clean=show_clean)
    if form == "html":
        return formats.Page(show_clean=show_clean)
    kind = formats.Json if form == "json" else formats.JsonLines
    return kind(with_text=with_text)


@contextmanager
def _begun(rows: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """Wait for the first row, and raise what keeps it from being there; end what makes them."""
    with closing(_each(rows)) as each:
        yield chain(list(islice(each, 1)), each)


def _each(rows: Iterable[Row]) -> Generator[Row, None, None]:
    """Give them; to close this closes what they come from, too."""
    yield from rows


@contextmanager
def _heard_once() -> Iterator[_Line]:
    """Let the first Ctrl-C interrupt, after the line that is being printed, and ignore all others.

    Half a row is none for who reads it; and whoever is in a hurry presses it more than once, which
    must not break off the end of what the first one interrupted. So with SIGTERM, by which
    `timeout` and a logout end programs. It is asked of the system once, for all lines: there are
    many, and it takes as long as one.
    """
    before = {number: signal.getsignal(number) for number in _ENDINGS}
    line = _Line()

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Where it is ignored, whoever started this process wants it to go on. One that comes while
        # this one is being heard is nothing new.
        where = frame.f_code if frame else None
        if line.is_last or before[number] is signal.SIG_IGN or where is interrupt.__code__:
            return
        line.is_last, line.ending = True, _ENDINGS[number]
        # Raised on the way into or out of a `with`, it would leave open what that is to close.
        is_at_a_with = where is not None and where.co_filename == contextlib.__file__
        if not (line.is_open or is_at_a_with):
            raise line.ending

    try:
        for number in before:
            signal.signal(number, interrupt)
        yield line
    finally:
        line.is_last = True  # so that nothing keeps the ones before from being back
        for number, heard in before.items():
            signal.signal(number, heard)


class _Line:
    """A line that is printed whole.

    Where Ctrl-C came while it was open, or waits or was lost since (Python drops what a destructor
    raises), KeyboardInterrupt is raised when it is done; so with SIGTERM.
    """

    is_open = is_last = False
    ending = KeyboardInterrupt

    def __enter__(self) -> None:
        self.is_open = True

    def __exit__(self, failure: object, *_: object) -> None:
        self.is_open = False
        if self.is_last and failure is None:
            raise self.ending


def _can_be_replaced(path: Path) -> bool:
    """Tell a file, or none yet, in whose place another can be put; a link may lead to a pipe.

    A single file that is mounted, as into a container, stays where it is.
    """
    if path.is_symlink() or os.path.ismount(path) or not os.access(path.parent, os.W_OK):
        return False
    return (path.is_file() and os.access(path, os.W_OK)) or not path.exists()


def _opened(path: Path | None) -> TextIO:
    """Open a file to write on, or one without a name; it quotes letters, so it is private."""
    if path is None:
        return io.TextIOWrapper(tempfile.TemporaryFile(), "utf-8", "backslashreplace")
    return open(path, "a", encoding="utf-8", errors="backslashreplace", opener=_private)


def _put(report: TextIO, path: Path) -> None:
    """Put a report in the place of an earlier one, whose mode it keeps."""
    report.seek(0)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else whole.PRIVATE
    with whole.replacing(path, mode=mode) as file:
        shutil.copyfileobj(report.buffer, file)


def _nothing() -> None:
    """Leave what is in its place already."""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, whole.PRIVATE)


def _mark(text: str) -> str:
    return click.style(text, fg="black", bg="yellow")
