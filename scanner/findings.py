"""The options of `check` and `scan`, and what becomes of what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner import common
from scanner.errors import UnreadableError

if TYPE_CHECKING:  # loaded where needed
    from scanner.core.report import Row, Tally
    from scanner.rows import Terms

form = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "jsonl", "html"]),
    default="text",
    show_default=True,
    help="How to print the findings.",
)
with_text = click.option("--with-text", is_flag=True, help="Add each message's own text to JSON.")
direction = click.option(
    "--direction",
    type=click.Choice(["outgoing", "incoming"]),
    help="Whether you wrote or received the messages; `scan` tells by folder and addresses.",
)


def _categories(_: click.Context, __: click.Parameter, named: tuple[str, ...]) -> frozenset[str]:
    if named:
        from scanner.core.classify import CATEGORIES

        if unknown := set(named).difference(CATEGORIES):
            known = ", ".join(CATEGORIES)
            raise click.BadParameter(f"{unknown.pop()!r} is none of the categories: {known}")
    return frozenset(named)


def _file(_: click.Context, __: click.Parameter, named: str | None) -> Path | None:
    return None if named in {None, "-"} else Path(str(named))


def preset(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how sure unflub must be."""
    for option in (
        click.option(
            "--threshold", type=click.FloatRange(0, 1, min_open=True), metavar="P",
            help="From which probability on a sentence is a flub, instead of the preset's.",
        ),
        common.preset,
    ):  # fmt: skip
        command = option(command)
    return command


def which(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which passages count, and where what is found goes."""
    for option in reversed((
        click.option(
            "--category", "categories", multiple=True, callback=_categories, metavar="C",
            help="Only passages with a sentence of this category; may be given more than once.",
        ),
        click.option(
            "--min-confidence", "least", type=click.FloatRange(0, 1), default=0.0,
            metavar="P", help="Only passages of at least this confidence, 0 to 1.",
        ),
        click.option(
            "--fail-on", type=click.Choice(["any", "flub", "never"]), default="any",
            show_default=True, help="What makes the exit status 1.",
        ),
        click.option("--quiet", "-q", is_flag=True, help="Show nothing; the exit status tells."),
        click.option(
            "--output", "-o", type=click.Path(), callback=_file, metavar="FILE",
            help="Write into this file; - is standard output.",
        ),
    )):  # fmt: skip
        command = option(command)
    return command


def judged(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of every command that judges messages and prints what it found."""
    for option in reversed(
        (form, with_text, which, direction, preset, common.model, common.config)
    ):
        command = option(command)
    return command


def require_free(path: Path | None, sources: Iterable[str] = ()) -> None:
    """Refuse to write over mail, or over what is to be read: a slip must not cost an archive."""
    if path is None:
        return
    from scanner.adapters.sources import holds_mail

    if any(_is_same(path, source) for source in sources) or holds_mail(path):
        raise click.UsageError(f"{path} holds mail, which would be lost; name another file")


def _is_same(path: Path, source: str) -> bool:
    try:
        return path.samefile(source)
    except OSError:
        return False


def printed(
    rows: Iterable[Row],
    options: dict[str, Any],
    tally: Tally,
    *,
    keeps: int = 0,
    show_clean: bool = False,
) -> int:
    """Print rows, and turn the tally into the exit status.

    It may have counted earlier rows, of which a file `keeps` so many bytes.
    """
    from scanner.printing import Printing

    Printing(
        options["form"],
        options.get("resume") or options["output"],
        with_text=options["with_text"],
        quiet=options["quiet"],
        keeps=keeps,
        show_clean=show_clean,
    ).print(rows, tally)
    return exit_status(tally, options["fail_on"])


def exit_status(tally: Tally, fail_on: str) -> int:
    """Say how it ends, by what was counted."""
    if {"any": tally.flagged, "flub": tally.flubs, "never": 0}[fail_on]:
        return 1
    return UnreadableError.exit_status if tally.unreadable else 0


def terms(options: dict[str, Any]) -> Terms:
    """Give the terms that the options and the configuration make. Raises ConfigurationError."""
    from scanner import config
    from scanner.rows import Terms

    settings = config.optional(options["config_path"])
    return Terms(
        options["model"] or settings.model_folder,
        settings.policy(options["preset"], options["threshold"]),
        direction=options["direction"],
        own=frozenset().union(*(account.addresses for account in settings.accounts)),
        least=options["least"],
        categories=options["categories"],
        dated=options["form"] in {"text", "html"},
    )
