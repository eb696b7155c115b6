"""What is told to whoever sits before the terminal: lines on standard error, and a bar."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

import click

from scanner.core.number import number_of

if TYPE_CHECKING:  # loaded where needed
    from scanner.adapters.single import Message
    from scanner.learning.progress import Progress


def say(line: str) -> None:
    """Say one line on standard error; where that is full or gone, the exit status tells all."""
    with suppress(OSError):
        click.echo(f"unflub: {line}", err=True)


def shows_progress() -> bool:
    """Tell whether somebody sees a bar: on a terminal, and not in a pipe."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a bar with the time left on a terminal, and nothing elsewhere."""
    with click.progressbar(
        length=1,
        label=title,
        file=sys.stderr,
        hidden=not shows_progress(),
        item_show_func=lambda label: label,
    ) as bar:

        def show(done: int, total: int, label: str) -> None:
            if total != bar.length or done < bar.pos:  # another part begins: it has its own pace
                bar.length, bar.pos, bar.finished = total, 0, False
                bar.start, bar.last_eta, bar.avg = time.time(), time.time(), []
            if done and not bar.avg:
                bar.last_eta = 0.0  # click would tell no time left within the first second
            bar.current_item = label
            bar.update(done - bar.pos)
            bar.render_progress()

        yield show


def counted(messages: Iterable[Message], total: int, show: Progress) -> Iterator[Message]:
    """Pass messages on, and show how much of all is done and how many come in a second."""
    start, so_far = time.monotonic(), 0
    for number, message in enumerate(messages, start=1):
        yield message
        so_far += message.read
        rate = number / max(time.monotonic() - start, 0.001)
        label = f"{number_of(number, 'message')}, {rate:,.0f}/s"
        show(min(so_far, total), max(total, 1), label)


def clear_bar() -> None:
    """Take the bar that is shown from the line that is printed next; it is drawn anew below."""
    click.echo("\r\x1b[K", err=True, nl=False)


def is_colored() -> bool:
    """Tell whether standard output may be coloured (no-color.org), and knows colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def forget_stdout() -> None:
    """Send what is left nowhere: whoever read our output has enough, or no room for it."""
    if sys.stdout is not None:
        _forget(sys.stdout)


def forget_unsaid() -> None:
    """Send nowhere what could not be said, or Python would end with a status of its own."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        _forget(sys.stderr)


def _forget(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
