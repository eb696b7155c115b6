"""The `unflub` command: the only module that prints or sets an exit status."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, get_args

import click

from scanner import config, laptop, welcome
from scanner.adapters.folders import Kind
from scanner.errors import ConfigurationError, UnflubError, UnreadableError

if TYPE_CHECKING:  # loaded where needed: --help answers without scikit-learn
    from scanner.adapters.records import Written
    from scanner.adapters.sources import Message
    from scanner.core.formats import Format
    from scanner.core.judge import Judge
    from scanner.core.report import Row, Tally
    from scanner.daemon import Crew
    from scanner.learning.train import Progress
    from scanner.scanning import Terms
    from scanner.training import Material
    from scanner.watcher import Watcher

INTERRUPTED = 130
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INPUT_OUTPUT = 74  # EX_IOERR

_config = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file, instead of $UNFLUB_CONFIG or the platform's folder.",
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "jsonl", "html"]),
    default="text",
    show_default=True,
    help="How to print the findings.",
)
_with_text = click.option("--with-text", is_flag=True, help="Add each message's own text to JSON.")
_direction = click.option(
    "--direction",
    type=click.Choice(["outgoing", "incoming"]),
    help="Whether you wrote or received the messages; `scan` tells by folder and addresses.",
)
_model = click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Model folder, instead of your own or the shipped one.",
)
_preset = click.option(
    "--preset",
    type=click.Choice(["cautious", "balanced", "strict"]),
    help="How sure unflub must be before it speaks up.",
)
_Path = click.Path(path_type=Path)


def _categories(_: click.Context, __: click.Parameter, named: tuple[str, ...]) -> frozenset[str]:
    if named:
        from scanner.core.classify import CATEGORIES

        if unknown := set(named).difference(CATEGORIES):
            known = ", ".join(CATEGORIES)
            raise click.BadParameter(f"{unknown.pop()!r} is none of the categories: {known}")
    return frozenset(named)


def _which(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which passages count, and where what is found goes."""
    for option in reversed((
        click.option(
            "--category", "categories", multiple=True, callback=_categories, metavar="C",
            help="Only passages of this category; may be given more than once.",
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
        click.option("--output", "-o", type=_Path, metavar="FILE", help="Write into this file."),
    )):  # fmt: skip
        command = option(command)
    return command


def _material(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name what there is to learn from."""
    options = (
        ("--add", "added", "FILE", _Path, "Labelled notes of your own, as in training_data."),
        ("--corpus", "labelled", "PATH", _Path, "Labelled files, instead of the shipped corpus."),
        ("--background", "background", "PATH", str, "Mail without notes to learn from."),
        ("--ordinary", "ordinary", "PATH", str, "Mail without notes to count false alarms in."),
    )
    for flag, name, metavar, kind, text in reversed(options):
        option = click.option(flag, name, multiple=True, metavar=metavar, type=kind, help=text)
        command = option(command)
    # Further files of notes may simply follow the first: --add a.jsonl b.jsonl
    return click.argument("more", nargs=-1, type=_Path, metavar="[FILE]...")(command)


def _read_material(
    *, more: tuple[Path, ...], added: tuple[Path, ...], **paths: tuple[Any, ...]
) -> Material:
    from scanner.training import Material

    return Material(added=(*added, *more), **paths)


def main() -> None:
    """Run the command line; every error becomes one line and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names need not be text; as escapes they pass any encoding, and JSON too.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_status(partial(cli.main, prog_name="unflub", standalone_mode=False)))


def _status(run: Callable[[], Any]) -> int:
    try:
        return run() or 0
    except click.exceptions.Abort:
        return _fail("interrupted", INTERRUPTED)
    except click.ClickException as error:
        return _fail(_one_line(error), error.exit_code)
    except UnflubError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        _forget_stdout()
        return _fail(f"cannot go on: {error.strerror}; free what is full or closed", INPUT_OUTPUT)
    except Exception as error:  # noqa: BLE001 - never a traceback; it may hold text of a message
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        return _fail(f"internal error, {where}; please report it", INTERNAL)


def _one_line(error: click.ClickException) -> str:
    words = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{words}; see `{context.command_path if context else 'unflub'} --help`"


def _forget_stdout() -> None:
    """Send what is left nowhere: whoever read our output has enough, or no room for it."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, status: int) -> int:
    _say(line)
    return status


def _say(line: str) -> None:
    click.echo(f"unflub: {line}", err=True)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 nothing found, 1 a flub found, 2 usage or configuration, "
    "3 credentials, 4 server, 5 unreadable input, 6 model.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=laptop.version,
    help="Show the versions of unflub and of its model, and exit.",
)
def cli() -> None:
    """Warn before a post-interview thank-you note explains a flub.

    \b
    Examples:
      unflub demo                       see it work on an embedded mail server
      unflub check note.eml             check one message before it is sent
      unflub scan ~/Mail/sent.mbox      look through an archive
      unflub watch                      watch the Drafts of every configured account
    """


@cli.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--explain", is_flag=True, help="Show which words weigh most in each sentence.")
@_format
@_with_text
@_which
@_direction
@_preset
@_model
@_config
def check(files: tuple[str, ...], *, explain: bool, **options: Any) -> int:
    """Check messages before they are sent.

    A FILE holds one message (RFC 5322) or plain text; without one, standard input is read.

    \b
    Examples:
      unflub check note.txt
      unflub check --format json - < note.eml
      unflub check --explain note.txt
    """
    from scanner import scanning
    from scanner.adapters.sources import STANDARD_INPUT, single

    found = [single(name) for name in files or (STANDARD_INPUT,)]
    terms = _terms(options | {"direction": options["direction"] or "outgoing"})
    rows = scanning.rows(found, terms)
    if explain:
        rows = _explained(rows, scanning.judge(terms))
    return _shown(rows, options, show_clean=True)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH|-]...")
@click.option("--account", metavar="NAME", help="Scan a mailbox of this account instead of files.")
@click.option("--folder", metavar="F", default="", help="The mailbox; without it, Drafts.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(get_args(Kind)),
    default="auto",
    show_default=True,
    help="What the paths are, where it is not to be told by looking.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Processes to work in.")
@click.option(
    "--resume", type=_Path, metavar="FILE", help="Go on with an interrupted scan's JSON lines."
)
@_format
@_with_text
@_which
@_direction
@_preset
@_model
@_config
def scan(paths: tuple[str, ...], account: str | None, **options: Any) -> int:
    """Scan mail files, or a mailbox, for flubs.

    A PATH is a message, an mbox file (gzip too), a Maildir, an MH or Apple Mail folder, a
    Thunderbird profile, a Takeout, or a folder of these; "-" is standard input.
    Notes you received get an employer's advice. --account scans over IMAP.

    \b
    Examples:
      unflub scan ~/Mail/sent.mbox
      unflub scan --jobs 2 --format jsonl --resume findings.jsonl ~/archive
      unflub scan --format html --output report.html ~/.thunderbird/*.default
      unflub scan --account home --folder Sent
    """  # fmt: skip
    if bool(paths) == bool(account):
        raise click.UsageError("name either files or folders to scan, or an --account")
    written = _written(options)
    with _messages(paths, account, options) as messages:
        rest = messages if written is None else (m for m in messages if not written.has(m.source))
        return _shown(_scanned(rest, options), options, written)


@cli.command()
@click.option("--once", is_flag=True, help="Make one pass over every account and end.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--account", "names", multiple=True, metavar="NAME", help="Only this account.")
@_preset
@_model
@_config
def watch(*, once: bool, dry_run: bool, names: tuple[str, ...], **options: Any) -> None:
    """Watch Drafts and write warning drafts.

    Every configured account is watched at once, until SIGTERM or Ctrl-C.

    \b
    Examples:
      unflub watch --once --dry-run     what would be done now?
      unflub watch                      run until stopped
    """
    from scanner import daemon

    _log_to_stderr()
    if once:
        crew = _crew(names, options, dry_run=dry_run)
        try:
            _watch_once(crew.watchers)
        finally:
            crew.judge.close()
    else:
        daemon.watch(partial(_crew, names, options, dry_run=dry_run))


@cli.command()
@click.option("--account", "names", multiple=True, metavar="NAME", help="Only this account.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@_config
def status(*, names: tuple[str, ...], form: str, config_path: Path | None) -> int:
    """Say how the daemon is doing.

    For each account: since when it is connected, when a change was really seen, the last
    sweep, open warnings, and what is wrong. Exit status 0 means that every account is watched.

    \b
    Examples:
      unflub status
      unflub status --format json       for a monitor
    """
    from scanner.adapters import status as seen
    from scanner.core import health

    accounts = _accounts(names, _load_config(config_path))
    reports, now = [seen.report(account.name) for account in accounts], time.time()
    if form == "json":
        click.echo(json.dumps([health.as_record(signs, now) for signs in reports], indent=2))
    else:
        click.echo("\n".join(health.as_text(signs, now) for signs in reports))
    return max(health.exit_status(signs, now) for signs in reports)


@cli.command()
@_material
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write the versioned model folder into.",
)
@click.option("--measure", is_flag=True, help="Measure as `evaluate` does, for the model card.")
@click.option("--encoder", is_flag=True, help="Fine-tune the encoder, too: an hour, with torch.")
def train(*, output: Path | None, measure: bool, encoder: bool, **paths: Any) -> None:
    """Train a model, also on notes of your own.

    With --add the model is yours: `check`, `scan` and `watch` use it from then on, and the
    shipped one stays. Without it, in a source checkout, the shipped model is made anew.

    \b
    Examples:
      unflub train --add my-notes.jsonl more-notes.jsonl
      unflub train --background ~/Mail/sent.mbox --measure
    """
    from scanner.training import make_encoder, make_model

    material, make = _read_material(**paths), make_encoder if encoder else make_model
    with _progress("training") as progress:
        made = make(material, output, measure=measure, progress=progress)
    for before, after in made.contradictions:
        _say(f"{after.writer} {after.id} replaces the labels of {before.writer} {before.id}")
    click.echo(f"trained on {made.messages} messages; the model in use is now {made.folder}")


@cli.command()
@_material
@click.option(
    "--groups",
    type=click.IntRange(min=2),
    help="Hold out so many groups of writers, instead of one writer at a time.",
)
@click.option(
    "--compare", is_flag=True, help="Compare phrases, words, the encoder, and encoder and heads."
)
@_model
def evaluate(*, groups: int | None, compare: bool, model: Path | None, **paths: Any) -> None:
    """Measure on writers the model has not seen.

    Leave-one-writer-out: each writer in turn is held out, and the others are trained on.

    \b
    Examples:
      unflub evaluate --groups 4                    quicker than one writer at a time
      unflub evaluate --ordinary ~/Mail/sent.mbox   false alarms of the model in use, too
      unflub evaluate --compare                     what each part of the model is worth
    """
    from scanner.learning import artifact
    from scanner.learning import compare as comparison
    from scanner.learning.evaluate import alarms_as_text, as_text
    from scanner.training import compared, false_alarms, measured

    material = _read_material(**paths)
    if compare:
        with _progress("comparing") as progress:
            readers = compared(material, groups, progress)
        click.echo(comparison.as_text(readers))
        return
    with _progress("measuring") as progress:
        report = measured(material, groups, progress)
    click.echo(as_text(report))
    in_use = artifact.load(artifact.installed(model))
    for name, alarms in false_alarms(in_use, material).items():
        click.echo(f"\n{name}, {alarms_as_text(alarms)}")


cli.add_command(laptop.login)
cli.add_command(welcome.setup)
cli.add_command(laptop.doctor)
cli.add_command(laptop.service)
cli.add_command(laptop.completion)


@cli.command()
def demo() -> None:
    """Show the main job on an embedded server."""
    from scanner.demo import run

    for line in run():
        click.echo(line)


def _shown(
    rows: Iterable[Row],
    options: dict[str, Any],
    written: Written | None = None,
    *,
    show_clean: bool = False,
) -> int:
    """Print rows, or write them into a file, and turn what was counted into the exit status."""
    from scanner.core.report import Tally, summary

    tally = written.tally if written else Tally()
    path = options.get("resume") or options["output"]
    with _sink(path, "a" if written else "w", quiet=options["quiet"]) as sink:
        form = _form(options, in_color=not path and _is_colored(), show_clean=show_clean)
        try:
            _print(rows, form, tally, sink)
        finally:
            if path and not options["quiet"]:
                _say(f"{summary(tally)}; written to {path}")
    return _exit_status(tally, options["fail_on"])


def _print(rows: Iterable[Row], form: Format, tally: Tally, sink: IO[str] | None) -> None:
    """Print all rows; after an interruption, what was found so far."""
    try:
        for row in rows:
            tally.add(row)
            _echo(form.row(row), sink)
    except BrokenPipeError:
        _forget_stdout()
    finally:
        _echo(form.end(tally), sink)


def _exit_status(tally: Tally, fail_on: str) -> int:
    if {"any": tally.flagged, "flub": tally.flubs, "never": 0}[fail_on]:
        return 1
    return UnreadableError.exit_status if tally.unreadable else 0


def _form(options: dict[str, Any], *, in_color: bool, show_clean: bool) -> Format:
    from scanner.core import formats

    if options["form"] == "text":
        return formats.Text(_mark if in_color else None, show_clean=show_clean)
    if options["form"] == "html":
        return formats.Page()
    kind = formats.Json if options["form"] == "json" else formats.JsonLines
    return kind(with_text=options["with_text"])


def _is_colored() -> bool:
    return "NO_COLOR" not in os.environ and sys.stdout is not None and sys.stdout.isatty()


def _mark(text: str) -> str:
    return click.style(text, fg="black", bg="yellow")


@contextmanager
def _sink(path: Path | None, mode: str, *, quiet: bool) -> Iterator[IO[str] | None]:
    """Open what is written to: a file, or standard output; nothing for who wants quiet."""
    if path is None:
        yield None if quiet else sys.stdout
        return
    try:
        file = path.open(mode, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
    with file:
        yield file


def _echo(text: str | None, sink: IO[str] | None) -> None:
    if text is None or sink is None:
        return
    with _uninterrupted():
        if sink is sys.stdout and _shows_progress():
            click.echo("\r\x1b[K", err=True, nl=False)  # the bar is drawn anew below
        click.echo(text, file=sink)


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


def _explained(rows: Iterable[Row], judge: Judge) -> Iterator[Row]:
    from scanner.core.explain import explain

    for row in rows:
        if isinstance(row.verdict, UnreadableError):
            yield row
        else:
            verdict = row.verdict
            why = explain(
                judge.classifier, verdict.sentences, verdict.assessment, judge.thresholds.kind
            )
            yield replace(row, why=why)


def _scanned(messages: Iterable[Message], options: dict[str, Any]) -> Iterator[Row]:
    from scanner import scanning

    terms, jobs = _terms(options), options["jobs"]
    with scanning.processes(jobs) as executor:
        yield from scanning.rows(messages, terms, executor, jobs)


@contextmanager
def _messages(
    paths: tuple[str, ...], account: str | None, options: dict[str, Any]
) -> Iterator[Iterable[Message]]:
    from scanner.adapters import sources

    if account:
        with _mailbox(account, options) as messages:
            yield messages
        return
    messages = sources.walk(paths, options["kind"])
    if options["quiet"] or not _shows_progress():
        yield messages
        return
    with _progress("scanning") as progress:
        yield _counted(messages, sources.size(paths, options["kind"]), progress)


def _counted(messages: Iterable[Message], total: int, progress: Progress) -> Iterator[Message]:
    """Show how many bytes of all have been read, and how many messages a second."""
    start, done = time.monotonic(), 0
    for number, message in enumerate(messages, start=1):
        yield message
        done += message.read
        rate = number / max(time.monotonic() - start, 0.001)
        progress(min(done, total), max(total, 1), f"{number:,} messages, {rate:,.0f}/s")


def _shows_progress() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def _mailbox(name: str, options: dict[str, Any]) -> Iterator[Iterable[Message]]:
    from scanner.adapters import credentials
    from scanner.adapters.mailbox import connect

    settings = _load_config(options["config_path"])
    account = settings.account(name)
    secret = credentials.password(account)
    seconds, folder = settings.timeout_seconds, options["folder"]
    with connect(account, secret, timeout=seconds, folder=folder) as mailbox:
        yield mailbox.walk()


def _written(options: dict[str, Any]) -> Written | None:
    """Read the rows that are to be gone on with."""
    from scanner.adapters.records import Written

    if options["resume"] is None:
        return None
    if options["form"] != "jsonl" or options["output"]:
        raise click.UsageError("--resume goes on with JSON lines: add --format jsonl, no --output")
    return Written(options["resume"])


def _accounts(names: Sequence[str], settings: config.Config) -> list[config.Account]:
    accounts = [settings.account(name) for name in names] or list(settings.accounts)
    if not accounts:
        raise ConfigurationError("the configuration names no account; add an [accounts.NAME] table")
    return accounts


def _crew(names: Sequence[str], options: dict[str, Any], *, dry_run: bool) -> Crew:
    from scanner.daemon import Crew
    from scanner.judging import JudgingProcess
    from scanner.watcher import Watcher

    settings = _load_config(options["config_path"])
    accounts = _accounts(names, settings)
    model = _model_folder(options["model"], settings)
    judge = JudgingProcess(
        model, options["preset"] or settings.preset, settings.model_idle_minutes * 60
    )
    judge.start()
    return Crew([Watcher(settings, one, judge, dry_run=dry_run) for one in accounts], judge)


def _watch_once(watchers: Sequence[Watcher]) -> None:
    """Make one pass over each account; one that fails does not keep the others from theirs."""
    errors: list[UnflubError] = []
    for watcher in watchers:
        try:
            watcher.once()
        except UnflubError as error:
            errors.append(error)
    for other in errors[1:]:
        _fail(str(other), other.exit_status)
    if errors:
        raise errors[0]


@contextmanager
def _progress(title: str) -> Iterator[Progress]:
    """Show a bar with the time left on a terminal, and nothing elsewhere."""
    hidden = not sys.stderr.isatty()
    with click.progressbar(
        length=1, label=title, file=sys.stderr, hidden=hidden, item_show_func=str
    ) as bar:

        def show(done: int, total: int, label: str) -> None:
            # Not bar.update: it knows no way back, and a run may have several parts.
            bar.length, bar.pos, bar.current_item = total, done, label
            bar.render_progress()

        yield show


def _terms(options: dict[str, Any], settings: config.Config | None = None) -> Terms:
    from scanner.learning import artifact
    from scanner.scanning import Terms

    settings = settings or _optional_config(options["config_path"])
    return Terms(
        artifact.installed(_model_folder(options["model"], settings)),
        options["preset"] or settings.preset,
        direction=options.get("direction"),
        own=frozenset(account.address.lower() for account in settings.accounts),
        least=options.get("least", 0.0),
        categories=options.get("categories", frozenset()),
    )


def _model_folder(named: Path | None, settings: config.Config) -> Path | None:
    # Unlike Path.expanduser, this leaves the name of a user nobody knows as it is.
    own = os.path.expanduser(settings.model)  # noqa: PTH111
    return named or (Path(own) if own else None)


def _load_config(path: Path | None) -> config.Config:
    return config.load(path or config.default_path())


def _optional_config(path: Path | None) -> config.Config:
    """Read the configuration where there is one; `check` and `scan` of files need none."""
    if path is None and not config.default_path().exists():
        return config.Config()
    return _load_config(path)


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("unflub").setLevel(logging.INFO)
