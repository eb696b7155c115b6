"""The commands of `unflub label`: what is labelled, from where, and what becomes of it."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from scanner import config, terminal
from scanner.errors import ConfigurationError, UnreadableError

if TYPE_CHECKING:  # loaded where needed: --help answers without the model
    from scanner.adapters.sources import Message
    from scanner.core.segment import Sentences
    from scanner.labelling.exchange import Format
    from scanner.labelling.items import Found
    from scanner.labelling.session import Item
    from scanner.learning.artifact import Model

_LABELLED = "labelled"
_FORMATS = ("doccano", "label-studio", "prodigy", "csv", "unflub")
_Path = click.Path(path_type=Path)
_config = click.option(
    "--config",
    "config_path",
    type=_Path,
    help="Configuration file, instead of $UNFLUB_CONFIG or the platform's folder.",
)
_model = click.option(
    "--model", type=_Path, help="Model folder, instead of your own or the shipped one."
)
_account = click.option("--account", metavar="NAME", help="Mail in mailboxes of this account.")


class _Labelling(click.Group):
    """A group whose first command need not be named: `unflub label PATH` labels mail."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and args[0] in {*self.commands, *self.get_help_option_names(ctx)}
        if not named and (args or not ctx.resilient_parsing):  # a shell completes the commands
            args = ["mail", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Labelling)
def label() -> None:
    """Label mail of your own, for `unflub train`.

    Without another command, PATH or --account labels mail in the terminal (`unflub label mail
    --help` lists the options). Your labels stay on this machine.

    \b
    Examples:
      unflub label ~/Mail/sent.mbox
      unflub label --account home --folder Sent
      unflub label --from-dismissed
      unflub label folders --fine ~/Mail/fine --flub ~/Mail/flub
      unflub label import labels.jsonl
      unflub label export --format doccano > labels.jsonl
      unflub label list
    """


@label.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@_account
@click.option(
    "--folder",
    "folders",
    multiple=True,
    metavar="F",
    help="A mailbox of the account, as for `unflub scan`; without it, Drafts.",
)
@click.option(
    "--order",
    type=click.Choice(["uncertain", "given"]),
    default="uncertain",
    show_default=True,
    help="Which messages come first: those the model is least sure of, or as they lie.",
)
@click.option("--again", is_flag=True, help="Show messages that are labelled already, too.")
@click.option(
    "--from-dismissed",
    "dismissed",
    is_flag=True,
    help="Look for the notes whose warnings you deleted, in PATHs or else in Drafts and Sent.",
)
@_model
@_config
def mail(paths: tuple[str, ...], account: str | None, **options: Any) -> None:  # fmt: skip
    """Label mail in the terminal.

    Sentence by sentence, a key for each category; suggestions of the model come first. A message
    that is done is kept at once, and not asked about again. Without PATH or --account the queue
    is shown, which `unflub label folders` fills.
    """
    from scanner.adapters import sources

    if paths and account:
        raise click.UsageError("name either files or folders, or an --account")
    if options["folders"] and not account:
        raise click.UsageError("--folder is for an --account; name it, too")
    _require_terminal()
    settings = _optional_config(options["config_path"])
    if options["dismissed"]:
        _label_dismissed(paths, account, options, settings)
        return
    if not (paths or account):
        _label_queue(options, settings)
    elif account:
        with _mailboxes(settings, account, options["folders"]) as messages:
            _label_found(_found(messages), options, settings)
    else:
        _label_found(_found(sources.walk(paths)), options, settings)


@label.command()
@click.option("--fine", multiple=True, metavar="PATH", help="Mail without flubs.")
@click.option("--flub", multiple=True, metavar="PATH", help="Notes that hold a flub.")
@_account
@_model
@_config
def folders(*, fine: tuple[str, ...], flub: tuple[str, ...], **options: Any) -> None:
    """Learn from two mail folders.

    All in --fine is learnt as mail without flubs; the model says which of it are notes to an
    employer, since you do not. Notes in --flub wait until `unflub label` shows them, as you have to
    say which sentence it is. With --account, PATH is a mailbox. Run it as often as you like:
    what lies there unchanged is learnt once; a message you moved is learnt anew.

    \b
    Examples:
      unflub label folders --fine ~/Mail/fine --flub ~/Mail/flub
      unflub label folders --account home --fine Unflub/Fine --flub Unflub/Flub
    """
    from scanner.labelling import sorted_mail
    from scanner.labelling.items import Found

    if not (fine or flub):
        raise click.UsageError("name mail with --fine, --flub or both")
    settings = _optional_config(options["config_path"])
    read = [_read_mail(paths, options["account"], settings) if paths else Found()
            for paths in (fine, flub)]  # fmt: skip
    learnt = sorted_mail.learn(
        read[0].messages, read[1].messages, lambda new: _kinds(new, options, settings)
    )
    click.echo(
        f"{learnt.fine} learnt as fine, {learnt.queued} queued for labelling, "
        f"{learnt.same} as before"
    )
    if learnt.both:
        terminal.say(f"{learnt.both} lie in both folders, and were queued")
    _say_unreadable(sum(found.unreadable for found in read))


@label.command(name="import")
@click.argument("file", type=_Path)
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", *_FORMATS]),
    default="auto",
    show_default=True,
    help="Whose file it is.",
)
@click.option(
    "--kind",
    type=click.Choice(["thank_you", "other"]),
    default="thank_you",
    show_default=True,
    help="What messages without labels are, where the file does not say.",
)
@click.option("--source", default="", metavar="NAME", help="What to call where they came from.")
def import_(file: Path, form: str, kind: str, source: str) -> None:  # fmt: skip
    """Take labels from another tool.

    doccano (JSONL), Label Studio (JSON, JSON-MIN), Prodigy (JSONL), CSV with a row for each
    sentence, or unflub's own JSON lines. Every label is checked against its text; where one does
    not fit, it is named and nothing is taken.
    """
    from scanner import examples
    from scanner.learning.corpus import project

    taken, left_out = _imported(file, form, kind, source := _slug(source or f"import-{file.stem}"))
    added = examples.add(taken, source)
    click.echo(
        f"{len(taken)} messages taken as {source!r}: {added.new} new, {added.changed} with other "
        f"labels than before, {added.same} as before"
    )
    if left_out:
        terminal.say(f"{left_out} records are not labelled, or were refused, and were left out")
    if lost := sum(len(project(one).lost) for one in taken):
        terminal.say(
            f"{lost} labels mark no sentence of the writer's own (but a greeting, or quoted text) "
            "and teach nothing"
        )


@label.command()
@click.option("--format", "form", type=click.Choice(_FORMATS), required=True, help="For whom.")
@click.option("--source", multiple=True, metavar="NAME", help="Only labels from there.")
@click.option("--output", "-o", type=_Path, metavar="FILE", help="Write into this file.")
def export(form: Format, source: tuple[str, ...], output: Path | None) -> None:
    """Give your labels to another tool.

    Importing the file again gives back the same labels.
    """
    from scanner import examples
    from scanner.labelling import exchange

    chosen = [one for one in examples.read() if not source or one.writer in source]
    if not chosen:
        raise UnreadableError("there are no labels to give; `unflub label list` shows what is")
    content = exchange.written(chosen, form).encode()
    if output is None:
        click.echo(content, nl=False)
    else:
        _write(output, content)


@label.command(name="list")
def list_() -> None:
    """Say how many labels there are.

    From which source, of which kind, and of each category; no text is shown.
    """
    from scanner import examples
    from scanner.core.classify import CATEGORIES
    from scanner.labelling import sorted_mail

    stored = examples.read()
    for source, count in sorted(Counter(one.writer for one in stored).items()):
        click.echo(f"{count:>6}  from {source}")
    kinds = Counter((one.kind, one.severity) for one in stored)
    notes = sum(count for (kind, _), count in kinds.items() if kind == "thank_you")
    click.echo(
        f"{notes:>6}  notes: {kinds['thank_you', 'flub']} flub, {kinds['thank_you', 'folded']} "
        f"folded, {kinds['thank_you', 'none']} without a flub"
    )
    click.echo(f"{kinds['other', 'none']:>6}  other messages")
    categories = Counter(flub.category for one in stored for flub in one.labels)
    click.echo("        sentences: " + ", ".join(f"{categories[c]} {c}" for c in CATEGORIES))
    click.echo(f"{len(sorted_mail.queue()):>6}  wait to be labelled")
    click.echo(f"they lie in {examples.folder()}")


@label.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--source", multiple=True, metavar="NAME", help="All labels from there.")
@click.option("--all", "every", is_flag=True, help="All labels, and the queue.")
def forget(paths: tuple[str, ...], source: tuple[str, ...], *, every: bool) -> None:
    """Forget labels.

    Those of the messages in PATHs, or all of a source. The next `unflub train` makes a model that
    has never seen them, since training always starts from the labels.
    """
    from scanner import examples
    from scanner.adapters import sources
    from scanner.labelling import sorted_mail

    if not (paths or source or every):
        raise click.UsageError("name mail, a --source, or --all")
    names = {name for name, one in examples.by_key().items() if every or one.writer in source} | (
        set(sorted_mail.queue()) if every else set()
    )
    if paths:
        names |= _found(sources.walk(paths)).messages.keys()
    sorted_mail.forget(names)
    click.echo(f"{examples.forget(names)} labels forgotten; `unflub train` makes a model without")


# Labelling in the terminal.


def _label_queue(options: dict[str, Any], settings: config.Config) -> None:
    from scanner.labelling import sorted_mail
    from scanner.labelling.items import Found

    waiting = sorted_mail.queue()
    if not waiting:
        raise click.UsageError("nothing waits to be labelled; name mail, or an --account")
    _label_found(Found(waiting), options, settings)


def _label_dismissed(
    paths: tuple[str, ...], account: str | None, options: dict[str, Any], settings: config.Config
) -> None:
    from scanner import examples
    from scanner.adapters import sources
    from scanner.labelling.items import Found, dismissed_in

    names = [account] if account else [one.name for one in settings.accounts]
    digests = _dismissed(settings, names)
    if not digests:
        raise UnreadableError(
            "no account remembers a dismissed warning; delete a warning draft you disagree with, "
            "and let `unflub watch` see it"
        )
    found = Found()
    if paths:
        found = _found(sources.walk(paths))
    for name in () if paths else names:
        with _mailboxes(settings, name, None) as messages:
            more = _found(messages)
        found = Found(found.messages | more.messages, found.unreadable + more.unreadable)
    stored = examples.by_key()
    notes = {
        name: one
        for name, one in found.messages.items()
        if dismissed_in(one, digests) and (options["again"] or name not in stored)
    }
    if not notes:
        raise UnreadableError(
            "no note was found whose warning you dismissed, or they are labelled; "
            "name mail to look in"
        )
    if click.confirm(
        f"You deleted the warnings about {len(notes)} notes. Look at them, and teach unflub that "
        "these are no flubs?\nYou are asked about each one, and nothing leaves this machine"
    ):
        _label_found(Found(notes), options, settings, digests)


def _dismissed(settings: config.Config, names: Iterable[str]) -> frozenset[str]:
    from scanner.adapters import state

    known = [settings.account(name).name for name in names]
    files = [state.folder() / f"{name}.json" for name in known]
    return frozenset[str]().union(*(state.load(path).memory.dismissed for path in files))


def _label_found(
    found: Found,
    options: dict[str, Any],
    settings: config.Config,
    dismissed: frozenset[str] = frozenset(),
) -> None:
    """Have the user label what is not labelled yet, and keep it message by message."""
    from scanner import examples
    from scanner.labelling import items
    from scanner.labelling.screen import labelled
    from scanner.labelling.session import begun

    stored = examples.by_key()
    left = {
        name: one for name, one in found.messages.items() if options["again"] or name not in stored
    }
    _say_unreadable(found.unreadable)
    if not left:
        click.echo(
            f"nothing to label: {len(found.messages)} messages, all labelled; --again shows them"
        )
        return
    model = _loaded(options, settings)
    with terminal.progress("reading") as progress:
        said = items.predicted(list(left.values()), model, progress)
    made = items.known(items.items(left, said, model.thresholds["strict"]), stored, dismissed)
    if options["order"] == "uncertain":
        made = items.doubtful_first(made)
    end = labelled(begun(made), _keep)
    done = sum(kept != item.before for kept, item in zip(end.kept, end.items, strict=True))
    click.echo(
        f"{done} of {len(made)} messages labelled; `unflub train` learns from them, "
        "`unflub label list` counts them"
    )


def _keep(item: Item, example: Any) -> None:
    """Keep the label of a message as it is from now on; None is as if it had never had one."""
    from scanner import examples

    if example is None:
        examples.forget({item.name})
    else:
        examples.add([example], example.writer or _LABELLED)


# Where messages come from.


def _read_mail(paths: tuple[str, ...], account: str | None, settings: config.Config) -> Found:
    from scanner.adapters import sources

    if account is None:
        return _found(sources.walk(paths))
    with _mailboxes(settings, account, paths) as messages:
        return _found(messages)


def _found(messages: Iterable[Message]) -> Found:
    from scanner.labelling.items import found

    return found(messages)


@contextmanager
def _mailboxes(
    settings: config.Config, name: str, patterns: tuple[str, ...] | None
) -> Iterator[Iterable[Message]]:
    """Give the messages in mailboxes of an account; None means all that the user wrote."""
    from scanner.adapters import credentials
    from scanner.adapters.archive import open_archive
    from scanner.core.selection import Selection

    account = settings.account(name)
    secret = credentials.password(account)
    with open_archive(account, secret, settings.timeout_seconds) as archive:
        chosen = archive.written() if patterns is None else archive.folders(patterns)
        yield archive.walk(archive.search(chosen, Selection()))


def _kinds(
    messages: Sequence[Sentences], options: dict[str, Any], settings: config.Config
) -> list[str]:
    from scanner.labelling.items import predicted

    if not messages:
        return []
    model = _loaded(options, settings)
    with terminal.progress("reading") as progress:
        said = predicted(messages, model, progress)
    least = model.thresholds["balanced"].kind
    return ["thank_you" if one.thank_you >= least else "other" for one in said]


def _imported(file: Path, form: str, kind: str, source: str) -> tuple[list[Any], int]:
    """Read a file of labels. Raises UnreadableError that names the file and what is wrong."""
    from scanner.labelling import exchange
    from scanner.learning import corpus

    try:
        content = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(f"{file} is not UTF-8 text; save it once more as UTF-8") from None
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise UnreadableError(f"{file} cannot be read: {reason}; check the path") from None
    try:
        told = exchange.recognised(content) if form == "auto" else cast("Format", form)
        if told == "unflub":
            return corpus.read([file]), 0
        done = exchange.read(content, told, source=source, kind=kind)
    except UnreadableError as error:
        raise UnreadableError(f"{file}: {error}") from None
    return list(done.examples), done.left_out


# Small things.


def _loaded(options: dict[str, Any], settings: config.Config) -> Model:
    from scanner.learning import artifact

    # Unlike Path.expanduser, this leaves the name of a user nobody knows as it is.
    own = os.path.expanduser(settings.model)  # noqa: PTH111
    return artifact.load(artifact.installed(options["model"] or (Path(own) if own else None)))


def _optional_config(path: Path | None) -> config.Config:
    if path is None and not config.default_path().exists():
        return config.Config()
    return config.load(path or config.default_path())


def _require_terminal() -> None:
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise ConfigurationError(
            "labelling needs a terminal; run it in one, or use `unflub label import`"
        )


def _say_unreadable(count: int) -> None:
    if count:
        terminal.say(f"{count} messages cannot be read, or are not in English, and were left out")


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "file"


def _write(path: Path, content: bytes) -> None:
    """Write a private file, as it holds letters. Raises UnreadableError."""
    from scanner.adapters import state

    try:
        state.replace_file(path, content)
    except OSError as error:
        raise UnreadableError(
            f"{path} cannot be written ({error.strerror}); name another file"
        ) from None
