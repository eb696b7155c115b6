"""The `unflub` command: whatever goes wrong becomes one line and an exit status."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from scanner import __version__, common, findings, terminal
from scanner.adapters.folders import SourceKind
from scanner.errors import ConfigurationError, UnflubError, slip
from scanner.lazily import Commands

if TYPE_CHECKING:  # loaded where needed: a check before Send is to take no time
    from concurrent.futures import Executor
    from datetime import datetime

    from scanner import config
    from scanner.adapters.archive import Folder
    from scanner.adapters.records import Written
    from scanner.adapters.single import Message
    from scanner.core.report import Row, Tally
    from scanner.core.selection import Selection
    from scanner.daemon import Answer, Crew
    from scanner.rows import Terms
    from scanner.watcher import Watcher

INTERRUPTED = 130
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INPUT_OUTPUT = 74  # EX_IOERR
_STDOUT = 1  # the file descriptor
_LONG_LOG = 2**20  # bytes: about a month


class _Day(click.DateTime):
    """A day like 2025-03-01."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Take a day. Raises BadParameter in words, not in the signs of strptime."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is no day; name one like 2025-03-01", param, ctx)


def _selected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which mailboxes and messages are scanned."""
    day = _Day()
    for option in reversed((
        click.option("--account", metavar="NAME", help="Scan mailboxes of this account."),
        click.option(
            "--folder", "folders", multiple=True, metavar="F",
            help="A mailbox of the account, or a pattern: * any characters, % none that part "
            "levels; without it, Drafts. May be given more than once.",
        ),
        click.option("--all-folders", is_flag=True, help="Every mailbox of the account."),
        click.option("--since", type=day, metavar="DAY", help="Date is 2025-03-01, say, or later."),
        click.option("--before", type=day, metavar="DAY", help="Date is before that day."),
        click.option("--from", "sender", default="", metavar="X", help="From holds these letters."),
        click.option("--to", default="", metavar="X", help="To holds these letters."),
    )):  # fmt: skip
        command = option(command)
    return command


def main() -> None:
    """Run the command line; every error becomes one line and an exit status."""
    from scanner.adapters import secrecy

    secrecy.no_words_of_libraries()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names need not be text; as escapes they pass any encoding, and JSON too.
            stream.reconfigure(errors="backslashreplace")
    status = _status(partial(cli.main, prog_name="unflub", standalone_mode=False))
    terminal.forget_unsaid()
    sys.exit(status)


def _status(run: Callable[[], Any]) -> int:
    try:
        return run() or 0
    except click.exceptions.Abort as error:
        status = getattr(error.__cause__, "exit_status", INTERRUPTED)
        return _fail("; ".join(("interrupted", *error.args)), status)
    except click.ClickException as error:
        return _refuse(error)
    except UnflubError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        terminal.forget_stdout()
        return _fail(f"cannot go on: {error.strerror}; free what is full or closed", INPUT_OUTPUT)
    except Exception as error:  # noqa: BLE001 - never a traceback
        return _fail(slip(error), INTERNAL)


def _refuse(error: click.ClickException) -> int:
    """Say in one line what is wrong with the words of the command; where there are none, help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    words = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    program = context.command_path if context else "unflub"
    return _fail(f"{words}; see `{program} --help`", error.exit_code)


def _fail(line: str, status: int) -> int:
    terminal.say(line)
    return status


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    """Show the versions of program and model, for the option --version."""
    if not wanted or context.resilient_parsing:
        return
    from scanner.learning import shelf

    try:
        model = shelf.installed().name
    except UnflubError:
        model = "missing"
    click.echo(f"unflub, version {__version__}, model {model}")
    context.exit()


_commands = Commands()


@click.group(
    commands=_commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 nothing found, 1 a flub found, 2 usage or configuration, "
    "3 credentials, 4 server, or not running, 5 unreadable input, 6 model, 75 mail not sent.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
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


_commands.later("scanner.clients", "check")


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH|-]...", shell_complete=common.file_names)
@_selected
@click.option(
    "--as",
    "kind",
    type=click.Choice(get_args(SourceKind)),
    default="auto",
    show_default=True,
    help="What the paths are, where it is not to be told by looking.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Processes to work in.")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Work on the Dask cluster of this scheduler, which gets the mail.",
)
@click.option(
    "--resume",
    type=common.path,
    metavar="FILE",
    help="Begin or go on with a scan whose JSON lines are in FILE.",
)
@findings.judged
def scan(paths: tuple[str, ...], account: str | None, **options: Any) -> int:
    """Scan mail files, or mailboxes, for flubs.

    A PATH is a message, an mbox file (gzip too), a Maildir, an MH or Apple Mail folder, a
    Thunderbird profile, a Takeout (packed, too), or a folder of these; "-" is standard input.
    Notes you received get an employer's advice. --account scans over IMAP.

    \b
    Examples:
      unflub scan ~/Mail/sent.mbox
      unflub scan --jobs 2 --format jsonl --resume findings.jsonl ~/archive
      unflub scan --format html --output report.html ~/.thunderbird/*.default
      unflub scan --account home --folder Sent --folder 'Applications/*' --since 2025-01-01
    """  # fmt: skip
    if bool(paths) == bool(account):
        raise click.UsageError("name either files or folders to scan, or an --account")
    if not account and (options["folders"] or options["all_folders"]):
        raise click.UsageError("--folder and --all-folders are for an --account; name it, too")
    if options["dask"] and options["jobs"] > 1:
        raise click.UsageError("work is for --jobs or for --dask; name one of them")
    findings.require_free(options["output"], paths)
    written, terms = _written(options), findings.terms(options)
    with _messages(paths, account, options, written) as messages:
        rows = _scanned(messages, terms, options)
        return findings.printed(rows, options, written.tally, keeps=written.end)


@cli.command()
@click.option("--once", is_flag=True, help="Make one pass over every account and end.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--account", "names", multiple=True, metavar="NAME", help="Only this account.")
@click.option(
    "--log",
    type=common.path,
    help="Write the log to this file, which is kept short.",
)
@findings.preset
@common.model
@common.config
def watch(
    *, once: bool, dry_run: bool, names: tuple[str, ...], log: Path | None, **options: Any
) -> None:
    """Watch Drafts and write warning drafts.

    Every configured account is watched at once, until SIGTERM or Ctrl-C.

    \b
    Examples:
      unflub watch --once --dry-run     what would be done now?
      unflub watch                      run until stopped
    """
    from scanner import daemon

    with _logging(log):
        if once:
            crew = _crew(names, options, dry_run=dry_run)
            try:
                _watch_once(crew.watchers)
            finally:
                crew.judge.close()
        else:
            answer = None if dry_run else _answer()
            daemon.watch(partial(_crew, names, options, dry_run=dry_run), answer)


@cli.command()
@click.option("--account", "names", multiple=True, metavar="NAME", help="Only this account.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@common.config
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

    accounts = _load_config(config_path).chosen(names)
    reports, now = [seen.report(account.name) for account in accounts], time.time()
    if form == "json":
        click.echo(json.dumps([health.as_record(signs, now) for signs in reports], indent=2))
    else:
        click.echo("\n".join(health.as_text(signs, now) for signs in reports))
    return max(health.exit_status(signs, now) for signs in reports)


_commands.later("scanner.clients", "sendmail", "dismiss")
_commands.later("scanner.laptop", "login")
_commands.later("scanner.welcome", "setup")
_commands.later("scanner.laptop", "doctor", "service", "completion")
_commands.later("scanner.addon", "plugin", "native-host")
_commands.later("scanner.teaching", "label")
_commands.later("scanner.modelling", "train", "evaluate", "model")


@cli.command()
def demo() -> None:
    """Show the main job on an embedded server."""
    from scanner.demo import run

    for line in run():
        click.echo(line)


def _scanned(messages: Iterable[Message], terms: Terms, options: dict[str, Any]) -> Iterator[Row]:
    from scanner.learning import shelf

    terms = replace(terms, model=shelf.installed(terms.model))  # a cluster has its own place
    with _workers(options["dask"], options["jobs"]) as (executor, workers):
        from scanner import scanning  # which takes its time: others may load it meanwhile

        yield from scanning.rows(messages, terms, executor, workers)


def _workers(address: str | None, jobs: int) -> AbstractContextManager[tuple[Executor | None, int]]:
    """Give who works, and how many at a time; nobody does but this process, mostly."""
    if address:
        from scanner.adapters.cluster import cluster

        return cluster(address)
    if jobs > 1:
        from scanner import sharing

        return sharing.processes(jobs, "scanner.scanning")
    return nullcontext((None, 1))


@contextmanager
def _messages(
    paths: tuple[str, ...],
    account: str | None,
    options: dict[str, Any],
    written: Written,
) -> Iterator[Iterable[Message]]:
    """Open what is to be scanned and has no row yet, and show how far the reading is."""
    from scanner.adapters import sources

    quiet, selection = options["quiet"] or not terminal.shows_progress(), _selection(options)
    with ExitStack() as stack:
        if account:
            found, total = stack.enter_context(_mailboxes(account, selection, options, written.has))
        else:
            besides = options["output"] or options["resume"] or _STDOUT
            found = sources.walk(paths, options["kind"], besides)
            total = 0 if quiet else sources.size(paths, options["kind"])
        if not quiet:
            show = stack.enter_context(terminal.progress("scanning"))
            found = terminal.counted(found, total, show)
        rest = (message for message in found if not written.has(message.source))
        yield rest if account else _asked_for(rest, selection, written.tally)


def _asked_for(
    messages: Iterable[Message], selection: Selection, tally: Tally
) -> Iterator[Message]:
    """Pass on what is asked for, and count what may have been: its day is not known."""
    for message in messages:
        if message.error or selection.takes(message.raw):
            yield message
        else:
            tally.undated += selection.is_undated(message.raw)


def _mailboxes(
    name: str, selection: Selection, options: dict[str, Any], has: Callable[[str], bool]
) -> AbstractContextManager[tuple[Iterable[Message], int]]:
    from scanner.adapters.archive import Archive, mailboxes

    def chosen(archive: Archive) -> list[Folder]:
        return archive.folders(options["folders"], every=options["all_folders"])

    settings = _load_config(options["config_path"])
    return mailboxes(settings.account(name), settings.timeout_seconds, chosen, selection, has)


def _selection(options: dict[str, Any]) -> Selection:
    from scanner.core.selection import Selection

    since, before = (day and day.date() for day in (options["since"], options["before"]))
    if since and before and since >= before:
        raise click.UsageError("no day is both --since and --before; name an earlier --since")
    return Selection(since, before, options["sender"], options["to"])


def _written(options: dict[str, Any]) -> Written:
    """Read the rows that are to be gone on with."""
    from scanner.adapters.records import Written
    from scanner.adapters.single import STANDARD_INPUT

    if options["resume"] and (options["form"] != "jsonl" or options["output"]):
        raise click.UsageError("--resume goes on with JSON lines: add --format jsonl, no --output")
    if str(options["resume"]) == STANDARD_INPUT:
        raise click.UsageError("--resume goes on with a file, which - is not; name one")
    return Written(options["resume"])


def _answer() -> Answer:
    """Give what answers other programs; where there are no local sockets, nobody asks."""
    if sys.platform == "win32":
        from scanner import checking

        return checking.answer
    from scanner import errands

    return errands.answer


def _crew(names: Sequence[str], options: dict[str, Any], *, dry_run: bool) -> Crew:
    from scanner.daemon import Crew
    from scanner.judging import JudgingProcess
    from scanner.watcher import Watcher

    settings = _load_config(options["config_path"])
    accounts = settings.chosen(names)
    model = options["model"] or settings.model_folder
    policy = settings.policy(options["preset"], options["threshold"])
    secrets = {account.password_env for account in settings.accounts}
    judge = JudgingProcess(model, policy, settings.model_idle_minutes * 60, secrets)
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


def _load_config(path: Path | None) -> config.Config:
    from scanner import config

    return config.load(path)


@contextmanager
def _logging(file: Path | None) -> Iterator[None]:
    """Log to standard error, or to a file that makes way for a new one when it is long."""
    import logging
    from logging.handlers import RotatingFileHandler

    findings.require_free(file)  # or a mailbox would make way for a new log
    try:
        to = RotatingFileHandler(file, maxBytes=_LONG_LOG, backupCount=1) if file else None
    except OSError as error:
        raise ConfigurationError(
            f"the log {file} cannot be written ({error.strerror}); name a file in a folder of yours"
        ) from None
    logging.raiseExceptions = False  # a line lost on a full disk is no traceback
    handler = to or logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("unflub")  # ours alone: libraries repeat what servers say
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    except UnflubError as error:
        if file:  # standard error may lead nowhere
            log.error("%s", error)  # noqa: TRY400 - the line says all
        raise
    finally:
        log.removeHandler(handler)
        with suppress(OSError):  # the same full disk
            handler.close()
