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
from typing import TYPE_CHECKING, Any

import click

from scanner import __version__, config
from scanner.errors import ConfigurationError, UnflubError, UnreadableError

if TYPE_CHECKING:  # loaded where needed: --help answers without scikit-learn
    from scanner.adapters.sources import Message
    from scanner.core.judge import Judge
    from scanner.core.report import Row
    from scanner.daemon import Crew
    from scanner.learning.train import Progress
    from scanner.training import Material
    from scanner.watcher import Watcher

INTERRUPTED = 130
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INPUT_OUTPUT = 74  # EX_IOERR
# Bytes of mail that are judged together, and how many the smallest message counts for.
_BATCH = 4 * 1024 * 1024
_LEAST = 64 * 1024

_config = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file, instead of $UNFLUB_CONFIG or the platform's folder.",
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "jsonl"]),
    default="text",
    show_default=True,
    help="How to print the findings.",
)
_with_text = click.option("--with-text", is_flag=True, help="Add each message's own text to JSON.")
_direction = click.option(
    "--direction",
    type=click.Choice(["outgoing", "incoming"]),
    default="outgoing",
    show_default=True,
    help="Whether the messages were written or received by you.",
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
@click.version_option(__version__, prog_name="unflub")
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
@_direction
@_preset
@_model
@_config
def check(
    files: tuple[str, ...], form: str, *, with_text: bool, explain: bool, **options: Any
) -> int:
    """Check messages before they are sent.

    A FILE holds one message (RFC 5322) or plain text; without one, standard input is read.

    \b
    Examples:
      unflub check note.txt
      unflub check --format json - < note.eml
      unflub check --explain note.txt
    """
    from scanner.adapters.sources import STANDARD_INPUT, single

    found = [single(name) for name in files or (STANDARD_INPUT,)]
    judge = _judge(options)
    printer = Printer(form, with_text=with_text, show_clean=True)
    rows = _rows(found, judge, options["direction"])
    return printer.run(_explained(rows, judge) if explain else rows)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--account", metavar="NAME", help="Scan a mailbox of this account instead of files.")
@click.option("--folder", metavar="F", default="", help="The mailbox; without it, Drafts.")
@_format
@_with_text
@_direction
@_preset
@_model
@_config
def scan(
    paths: tuple[str, ...], account: str | None, folder: str, form: str, *, with_text: bool,
    **options: Any,
) -> int:  # fmt: skip
    """Scan mail files, or a mailbox, for flubs.

    A PATH is an .eml file, a folder, an mbox file or a Maildir; --account scans over IMAP.

    \b
    Examples:
      unflub scan ~/Mail/sent.mbox
      unflub scan --format jsonl ~/Maildir > findings.jsonl
      unflub scan --account home --folder Sent
    """
    from scanner.adapters.sources import walk

    if bool(paths) == bool(account):
        raise click.UsageError("name either files or folders to scan, or an --account")
    printer = Printer(form, with_text=with_text, show_clean=False)
    if account:
        return printer.run(_mailbox_rows(account, folder, options))
    return printer.run(_rows(walk(paths), _judge(options), options["direction"]))


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


@cli.command()
@click.argument("name", metavar="ACCOUNT")
@_config
def login(name: str, config_path: Path | None) -> None:
    """Store a password in the system keyring."""
    from scanner.adapters import credentials

    account = _load_config(config_path).account(name)
    secret = click.prompt(f"Password of {account.login} at {account.host}", hide_input=True)
    credentials.store(account, secret)
    click.echo(f"stored; `unflub watch --once --dry-run --account {name}` tries it")


@cli.command()
def demo() -> None:
    """Show the main job on an embedded server."""
    from scanner.demo import run

    for line in run():
        click.echo(line)


class Printer:
    """Prints rows as they come, counts them, and turns the counts into the exit status."""

    def __init__(self, form: str, *, with_text: bool, show_clean: bool) -> None:
        self._form = form
        self._with_text = with_text
        self._show_clean = show_clean
        self._color = None if "NO_COLOR" not in os.environ else False
        self._records: list[dict[str, Any]] = []
        self.checked = self.flagged = self.unreadable = 0

    def run(self, rows: Iterable[Row]) -> int:
        """Print all rows; after an interruption, what was found so far."""
        try:
            for row in rows:
                self._count(row)
                self._print(row)
        except BrokenPipeError:
            _forget_stdout()
        finally:
            self._finish()
        return 1 if self.flagged else UnreadableError.exit_status if self.unreadable else 0

    def _count(self, row: Row) -> None:
        self.unreadable += bool(row.error)
        self.checked += not row.error
        self.flagged += bool(row.passages)

    def _print(self, row: Row) -> None:
        from scanner.core.report import as_record, as_text

        if self._form == "text":
            if self._show_clean or row.passages or row.error:
                self._echo(as_text(row, self._mark) if self._in_color() else as_text(row))
        elif self._form == "json":
            self._records.append(as_record(row, with_text=self._with_text))
        else:
            self._echo(json.dumps(as_record(row, with_text=self._with_text), ensure_ascii=False))

    def _finish(self) -> None:
        from scanner.core.report import summary

        if self._form == "json":
            self._echo(json.dumps(self._records, ensure_ascii=False, indent=2))
        elif self._form == "text" and not (
            self._show_clean and self.checked + self.unreadable == 1
        ):
            self._echo(summary(self.checked, self.flagged, self.unreadable))

    def _in_color(self) -> bool:
        return self._color is None and sys.stdout is not None and sys.stdout.isatty()

    @staticmethod
    def _mark(text: str) -> str:
        return click.style(text, fg="black", bg="yellow")

    def _echo(self, line: str) -> None:
        with _uninterrupted():
            click.echo(line, color=self._color)


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


def _rows(messages: Iterable[Message], judge: Judge, direction: Any) -> Iterator[Row]:
    from scanner.core.judge import portions
    from scanner.core.render import recognise
    from scanner.core.report import Row

    others = (m for m in messages if m.error or recognise(m.raw) is None)
    # A message counts for some bytes however small it is, so that rows come as they are ready.
    for batch in portions(others, lambda m: max(len(m.raw), _LEAST), _BATCH):
        verdicts = iter(judge([m.raw for m in batch if not m.error]))
        for m in batch:
            yield Row(m.source, direction, m.error or next(verdicts))


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


def _mailbox_rows(name: str, folder: str, options: dict[str, Any]) -> Iterator[Row]:
    from scanner.adapters import credentials
    from scanner.adapters.mailbox import connect

    settings = _load_config(options["config_path"])
    account = settings.account(name)
    judge = _judge(options, settings)
    secret = credentials.password(account)
    with connect(account, secret, timeout=settings.timeout_seconds, folder=folder) as mailbox:
        yield from _rows(mailbox.walk(), judge, options["direction"])


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


def _judge(options: dict[str, Any], settings: config.Config | None = None) -> Judge:
    from scanner.core.judge import Judge
    from scanner.learning import artifact

    settings = settings or _optional_config(options["config_path"])
    model = artifact.load(artifact.installed(_model_folder(options["model"], settings)))
    return Judge(model, model.thresholds[options["preset"] or settings.preset])


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
