"""The commands of `unflub label`: what is labelled, from where, and what becomes of it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from scanner import common, config, findings, terminal
from scanner.core.number import number_of
from scanner.errors import UnreadableError

if TYPE_CHECKING:  # loaded where needed: --help answers without the model
    from click.shell_completion import CompletionItem

    from scanner.labelling.exchange import Format, Imported

_FORMATS = ("doccano", "label-studio", "prodigy", "csv", "unflub")
_account = click.option("--account", metavar="NAME", help="Mail in mailboxes of this account.")


class _Labelling(click.Group):
    """A group whose first command need not be named: `unflub label PATH` labels mail."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and args[0] in {*self.commands, *self.get_help_option_names(ctx)}
        if not named and (args or not ctx.resilient_parsing):  # a shell completes the commands
            args = ["mail", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command, else a PATH; a shell that is told to show files shows them alone."""
        mail = self.commands["mail"].params[0]
        return super().shell_complete(ctx, incomplete) or mail.shell_complete(ctx, incomplete)


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
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=common.file_names)
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
@common.model
@common.config
def mail(
    paths: tuple[str, ...],
    account: str | None,
    *,
    folders: tuple[str, ...],
    dismissed: bool,
    config_path: Path | None,
    **options: Any,
) -> None:
    """Label mail in the terminal.

    Sentence by sentence, a key for each category; suggestions of the model come first. A message
    that is done is kept at once, and not asked about again. Without PATH or --account the queue
    is shown, which `unflub label folders` fills.

    \b
    Examples:
      unflub label mail ~/Mail/sent.mbox
      unflub label mail --account home --folder Sent --order given
    """
    from scanner import sitting

    if paths and account and not dismissed:
        raise click.UsageError("name either files or folders, or an --account")
    if folders and (dismissed or not account):
        raise click.UsageError("--folder is for an --account, without --from-dismissed")
    sitting.require_terminal()
    here = sitting.Sitting(config.optional(config_path), **options)
    if dismissed:
        here.label_dismissed(paths, account)
    elif paths or account:
        here.label(here.read(folders if account else paths, account))
    else:
        here.label_queue()


@label.command()
@click.option("--fine", multiple=True, metavar="PATH", help="Mail without flubs.")
@click.option("--flub", multiple=True, metavar="PATH", help="Notes that hold a flub.")
@_account
@common.model
@common.config
def folders(
    *,
    fine: tuple[str, ...],
    flub: tuple[str, ...],
    account: str | None,
    model: Path | None,
    config_path: Path | None,
) -> None:
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
    from scanner import sitting
    from scanner.labelling import sorted_mail
    from scanner.labelling.items import Gathered

    if not (fine or flub):
        raise click.UsageError("name mail with --fine, --flub or both")
    here = sitting.Sitting(config.optional(config_path), model)
    good, bad = (here.read(places, account) if places else Gathered() for places in (fine, flub))
    learnt = sorted_mail.learn(good.messages, bad.messages, here.kinds)
    click.echo(
        f"{learnt.fine} learnt as fine, {learnt.queued} queued for labelling, "
        f"{learnt.same} as before"
    )
    if learnt.both:
        terminal.say(f"{learnt.both} lie in both folders, and were queued")
    sitting.say_unreadable(good.unreadable + bad.unreadable)


@label.command(name="import")
@click.argument("file", type=common.path)
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

    \b
    Examples:
      unflub label import doccano.jsonl
      unflub label import --format csv --kind other ordinary.csv
    """
    from scanner import examples
    from scanner.learning.corpus import merge, project, repeated

    given = _imported(file, form, kind, source := _slug(source or f"import-{file.stem}"))
    merged = merge(given.examples)
    taken = merged.examples
    added = examples.add(taken, source)
    click.echo(
        f"{number_of(len(taken), 'message')} taken as {source!r}: {added.new} new, "
        f"{added.changed} with other labels than before, {added.same} as before"
    )
    if given.bare:
        said = number_of(given.bare, "record")
        terminal.say(f"{said} without labels: taken for messages without flubs")
    if given.left_out:
        said = number_of(given.left_out, "record")
        terminal.say(f"{said} left out: not labelled, or refused")
    for line in repeated(merged):
        terminal.say(line)
    if lost := sum(len(project(one).lost) for one in taken):
        terminal.say(
            f"nothing is learnt from {number_of(lost, 'label')} on no sentence of the "
            "writer's own (but on a greeting, or quoted text)"
        )


@label.command()
@click.option("--format", "form", type=click.Choice(_FORMATS), required=True, help="For whom.")
@click.option("--source", multiple=True, metavar="NAME", help="Only labels from there.")
@click.option("--output", "-o", type=common.path, metavar="FILE", help="Write into this file.")
def export(form: Format, source: tuple[str, ...], output: Path | None) -> None:
    """Give your labels to another tool.

    Importing the file again gives back the same labels.

    \b
    Examples:
      unflub label export --format label-studio -o labels.json
      unflub label export --format unflub --source import-doccano > labels.jsonl
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
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=common.file_names)
@click.option("--source", multiple=True, metavar="NAME", help="All labels from there.")
@click.option("--all", "every", is_flag=True, help="All labels, and the queue.")
def forget(paths: tuple[str, ...], source: tuple[str, ...], *, every: bool) -> None:
    """Forget labels.

    Those of the messages in PATHs, or all of a source. The next `unflub train` makes a model that
    has never seen them, since training always starts from the labels.

    \b
    Examples:
      unflub label forget ~/Mail/private.mbox
      unflub label forget --source import-doccano
    """
    from scanner import examples
    from scanner.labelling import sorted_mail
    from scanner.sitting import Sitting

    if not (paths or source or every):
        raise click.UsageError("name mail, a --source, or --all")
    kept = examples.by_key()
    for name in set(source) - {one.writer for one in kept.values()}:
        raise click.UsageError(f"there is no source {name!r}; `unflub label list` names them")
    names = {name for name, one in kept.items() if every or one.writer in source} | (
        set(sorted_mail.queue()) if every else set()
    )
    if paths:
        names |= Sitting(config.Config()).read(paths).messages.keys()
    sorted_mail.forget(names)
    count = examples.forget(names)
    then = "`unflub train` makes a model without" if count else "`unflub label list` shows what is"
    click.echo(f"{number_of(count, 'label')} forgotten; {then}")


def _imported(file: Path, form: str, kind: str, source: str) -> Imported:
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
            return exchange.Imported(tuple(corpus.read([file])))
        return exchange.read(content, told, source=source, kind=kind)
    except UnreadableError as error:
        raise UnreadableError(f"{file}: {error}") from None


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "file"


def _write(path: Path, content: bytes) -> None:
    """Write a private file, as it holds letters. Raises UnreadableError."""
    from scanner.adapters import whole

    findings.require_free(path)
    with whole.refusals(path, "name another file"):
        whole.replaced(path, content)
