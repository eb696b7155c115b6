"""The `unflub` command: the only module that sets an exit status."""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from scanner import addon, clients, common, config, laptop, modelling, teaching, terminal, welcome
from scanner.adapters.folders import Kind
from scanner.errors import ConfigurationError, UnflubError, UnreadableError, slip

if TYPE_CHECKING:  # loaded where needed: --help answers without scikit-learn
    from scanner.adapters.records import Written
    from scanner.adapters.sources import Message
    from scanner.core.judge import Judge
    from scanner.core.report import Row, Tally
    from scanner.core.selection import Selection
    from scanner.daemon import Crew
    from scanner.rows import Terms
    from scanner.watcher import Watcher

INTERRUPTED = 130
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INPUT_OUTPUT = 74  # EX_IOERR
_LONG_LOG = 2**20  # bytes: about a month

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
_Path = click.Path(path_type=Path)


def _categories(_: click.Context, __: click.Parameter, named: tuple[str, ...]) -> frozenset[str]:
    if named:
        from scanner.core.classify import CATEGORIES

        if unknown := set(named).difference(CATEGORIES):
            known = ", ".join(CATEGORIES)
            raise click.BadParameter(f"{unknown.pop()!r} is none of the categories: {known}")
    return frozenset(named)


def _preset(command: Callable[..., Any]) -> Callable[..., Any]:
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


def _selected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which mailboxes and messages are scanned."""
    day = click.DateTime(["%Y-%m-%d"])
    for option in reversed((
        click.option("--account", metavar="NAME", help="Scan mailboxes of this account."),
        click.option(
            "--folder", "folders", multiple=True, metavar="F",
            help="A mailbox of the account, or a pattern: * any characters, % none that part "
            "levels; without it, Drafts. May be given more than once.",
        ),
        click.option("--all-folders", is_flag=True, help="Every mailbox of the account."),
        click.option("--since", type=day, metavar="DAY", help="Dated 2025-03-01, say, or later."),
        click.option("--before", type=day, metavar="DAY", help="Dated before that day."),
        click.option("--from", "sender", default="", metavar="X", help="From holds these letters."),
        click.option("--to", default="", metavar="X", help="To holds these letters."),
    )):  # fmt: skip
        command = option(command)
    return command


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
    except click.exceptions.Abort as error:
        return _fail("; ".join(("interrupted", *error.args)), INTERRUPTED)
    except click.ClickException as error:
        return _fail(_one_line(error), error.exit_code)
    except UnflubError as error:
        return _fail(str(error), error.exit_status)
    except OSError as error:
        terminal.forget_stdout()
        return _fail(f"cannot go on: {error.strerror}; free what is full or closed", INPUT_OUTPUT)
    except Exception as error:  # noqa: BLE001 - never a traceback
        return _fail(slip(error), INTERNAL)


def _one_line(error: click.ClickException) -> str:
    words = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{words}; see `{context.command_path if context else 'unflub'} --help`"


def _fail(line: str, status: int) -> int:
    terminal.say(line)
    return status


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
@click.option("--skip-dismissed", is_flag=True, help="Leave out what you called no flub before.")
@_format
@_with_text
@_which
@_direction
@_preset
@common.model
@common.config
def check(files: tuple[str, ...], *, explain: bool, skip_dismissed: bool, **options: Any) -> int:
    """Check messages before they are sent.

    A FILE holds one message (RFC 5322) or plain text; without one, standard input is read.

    \b
    Examples:
      unflub check note.txt
      unflub check --format json - < note.eml
      unflub check --explain note.txt
    """
    from scanner.adapters.sources import STANDARD_INPUT, single
    from scanner.checking import verdicts
    from scanner.rows import judged

    _require_free(options["output"])
    found = [single(name) for name in files or (STANDARD_INPUT,)]
    terms = _terms(options | {"direction": options["direction"] or "outgoing"})
    if skip_dismissed:
        from scanner.adapters import dismissals

        terms = replace(terms, dismissed=dismissals.everywhere())
    if explain:
        from scanner import scanning

        rows = _explained(scanning.rows(found, terms), scanning.judge(terms))
    else:
        rows = iter(judged(found, terms, partial(verdicts, policy=terms.policy, model=terms.model)))
    return _printed(rows, options, show_clean=True)


@cli.command()
@click.argument("paths", nargs=-1, metavar="[PATH|-]...")
@_selected
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
    "--dask",
    metavar="ADDRESS",
    help="Work on the Dask cluster of this scheduler, which gets the mail.",
)
@click.option(
    "--resume", type=_Path, metavar="FILE", help="Go on with an interrupted scan's JSON lines."
)
@_format
@_with_text
@_which
@_direction
@_preset
@common.model
@common.config
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
    _require_free(options["output"])
    written = _written(options)
    with _messages(paths, account, options, written) as messages:
        return _printed(_scanned(messages, options), options, written)


@cli.command()
@click.option("--once", is_flag=True, help="Make one pass over every account and end.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--account", "names", multiple=True, metavar="NAME", help="Only this account.")
@click.option("--log", type=_Path, help="Write the log to this file, which is kept short.")
@_preset
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
            daemon.watch(partial(_crew, names, options, dry_run=dry_run), answers=not dry_run)


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

    accounts = _accounts(names, _load_config(config_path))
    reports, now = [seen.report(account.name) for account in accounts], time.time()
    if form == "json":
        click.echo(json.dumps([health.as_record(signs, now) for signs in reports], indent=2))
    else:
        click.echo("\n".join(health.as_text(signs, now) for signs in reports))
    return max(health.exit_status(signs, now) for signs in reports)


cli.add_command(clients.sendmail)
cli.add_command(clients.dismiss)
cli.add_command(laptop.login)
cli.add_command(welcome.setup)
cli.add_command(laptop.doctor)
cli.add_command(laptop.service)
cli.add_command(laptop.completion)
cli.add_command(addon.plugin)
cli.add_command(addon.native_host)
cli.add_command(teaching.label)
cli.add_command(modelling.train)
cli.add_command(modelling.evaluate)
cli.add_command(modelling.model)


@cli.command()
def demo() -> None:
    """Show the main job on an embedded server."""
    from scanner.demo import run

    for line in run():
        click.echo(line)


def _require_free(path: Path | None) -> None:
    """Refuse to write over mail: a slip of the keyboard must not cost an archive."""
    from scanner.adapters.sources import holds_mail

    if path and holds_mail(path):
        raise click.UsageError(f"{path} holds mail, which would be lost; name another file")


def _printed(
    rows: Iterable[Row],
    options: dict[str, Any],
    written: Written | None = None,
    *,
    show_clean: bool = False,
) -> int:
    """Print rows, and turn what was counted into the exit status."""
    from scanner.core.report import Tally
    from scanner.printing import Printing

    tally = written.tally if written else Tally()
    Printing(
        options["form"],
        options.get("resume") or options["output"],
        with_text=options["with_text"],
        quiet=options["quiet"],
        goes_on=written is not None,
        show_clean=show_clean,
    ).print(rows, tally)
    return _exit_status(tally, options["fail_on"])


def _exit_status(tally: Tally, fail_on: str) -> int:
    if {"any": tally.flagged, "flub": tally.flubs, "never": 0}[fail_on]:
        return 1
    return UnreadableError.exit_status if tally.unreadable else 0


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
    from scanner.adapters.cluster import cluster
    from scanner.learning import shelf

    address, jobs, terms = options["dask"], options["jobs"], _terms(options)
    terms = replace(terms, model=shelf.installed(terms.model))  # a cluster has its own place
    with cluster(address) if address else scanning.processes(jobs) as (executor, workers):
        yield from scanning.rows(messages, terms, executor, workers)


@contextmanager
def _messages(
    paths: tuple[str, ...],
    account: str | None,
    options: dict[str, Any],
    written: Written | None,
) -> Iterator[Iterable[Message]]:
    """Open what is to be scanned, and show how far the reading is."""
    from scanner.adapters import sources

    has = written.has if written else _nothing
    quiet, selection = options["quiet"] or not terminal.shows_progress(), _selection(options)
    with ExitStack() as stack:
        if account:
            found, total = stack.enter_context(_mailboxes(account, selection, options, has))
        else:
            besides = options["output"] or options["resume"]
            found = sources.walk(paths, options["kind"], besides)
            total = 0 if quiet else sources.size(paths, options["kind"])
        if not quiet:
            show = stack.enter_context(terminal.progress("scanning"))
            found = terminal.counted(found, _one if account else _bytes_read, total, show)
        rest = (message for message in found if not has(message.source))
        yield rest if account else (m for m in rest if m.error or selection.takes(m.raw))


def _nothing(_: str) -> bool:
    return False


def _one(_: Message) -> int:
    return 1


def _bytes_read(message: Message) -> int:
    return message.read


@contextmanager
def _mailboxes(
    name: str, selection: Selection, options: dict[str, Any], has: Callable[[str], bool]
) -> Iterator[tuple[Iterable[Message], int]]:
    """Give the messages in mailboxes of an account, and how many there are."""
    from scanner.adapters import credentials
    from scanner.adapters.archive import open_archive

    settings = _load_config(options["config_path"])
    account = settings.account(name)
    secret = credentials.password(account)
    with open_archive(account, secret, settings.timeout_seconds) as archive:
        folders = archive.folders(options["folders"], every=options["all_folders"])
        found = archive.search(folders, selection)
        yield archive.walk(found, has), sum(len(one.uids) for one in found)


def _selection(options: dict[str, Any]) -> Selection:
    from scanner.core.selection import Selection

    since, before = (day and day.date() for day in (options["since"], options["before"]))
    return Selection(since, before, options["sender"], options["to"])


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


def _terms(options: dict[str, Any], settings: config.Config | None = None) -> Terms:
    from scanner.rows import Terms

    settings = settings or config.optional(options["config_path"])
    return Terms(
        options["model"] or settings.model_folder,
        settings.policy(options["preset"], options["threshold"]),
        direction=options.get("direction"),
        own=frozenset(account.address.lower() for account in settings.accounts),
        least=options.get("least", 0.0),
        categories=options.get("categories", frozenset()),
    )


def _load_config(path: Path | None) -> config.Config:
    return config.load(path or config.default_path())


@contextmanager
def _logging(file: Path | None) -> Iterator[None]:
    """Log to standard error, or to a file that makes way for a new one when it is long."""
    from logging.handlers import RotatingFileHandler

    to = [RotatingFileHandler(file, maxBytes=_LONG_LOG, backupCount=1)] if file else None
    style = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(format=style, level=logging.WARNING, handlers=to)
    log = logging.getLogger("unflub")
    log.setLevel(logging.INFO)
    try:
        yield
    except UnflubError as error:
        if file:  # standard error may lead nowhere
            log.error("%s", error)  # noqa: TRY400 - the line says all
        raise
