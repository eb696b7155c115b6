"""The commands that make, measure and choose models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner import common, config, findings, terminal
from scanner.core.classify import PRESETS
from scanner.core.number import number_of
from scanner.errors import ModelError, UnflubError

if TYPE_CHECKING:  # loaded where needed: --help answers without scikit-learn
    from scanner.retraining import Retrained, Wishes
    from scanner.training import Material, Trained, Tried

_Folder = click.Path(path_type=Path, file_okay=False)
_TOLD = 2  # objections: one line must do


def _material(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name what there is to learn from."""
    path = common.path
    options = (
        ("--add", "added", "FILE", path, "Labelled notes of your own, as in training_data."),
        ("--corpus", "labelled", "PATH", path, "Labelled files, instead of the shipped corpus."),
        ("--background", "background", "PATH", str, "Mail of yours without notes to learn from."),
        ("--ordinary", "ordinary", "PATH", str, "Mail without notes to count false alarms in."),
    )
    for flag, name, metavar, kind, text in reversed(options):
        option = click.option(flag, name, multiple=True, metavar=metavar, type=kind, help=text)
        command = option(command)
    # Further files of notes may simply follow the first: --add a.jsonl b.jsonl
    return click.argument("more", nargs=-1, type=path, metavar="[FILE]...")(command)


def _read_material(
    *, more: tuple[Path, ...], added: tuple[Path, ...], **paths: tuple[Any, ...]
) -> Material:
    from scanner.training import Material

    return Material(added=(*added, *more), **paths)


@click.command()
@_material
@click.option("--force", is_flag=True, help="Use the new model even if it is worse.")
@click.option(
    "--leave-out-rare",
    "fewest",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Learn no word of yours that fewer than N messages hold (names, for instance).",
)
@click.option("--report", "page", metavar="FOLDER", type=_Folder, help="Write a page about it.")
@click.option("--output", type=_Folder, help="Write the model there; the one in use stays.")
@click.option("--measure", is_flag=True, help="With --corpus: measure, for the model card.")
@click.option("--encoder", is_flag=True, help="Fine-tune the encoder, too (torch): an hour or two.")
@click.option(
    "--further",
    is_flag=True,
    help="With --encoder: have the shipped one learn from writers new to it: under an hour.",
)
@click.option(
    "--teacher",
    is_flag=True,
    help="With --encoder: have a larger network teach it (minutes on a graphics card, else days).",
)
def train(*, encoder: bool, further: bool, teacher: bool, measure: bool, **options: Any) -> None:
    """Train a model on notes of your own.

    It learns from what you labelled (`unflub label`) beside the shipped notes, and from files you
    --add. Both models are then put to notes that neither has seen: the new one takes the place of
    the one in use if it is no worse. `unflub model rollback` returns to the one before.

    --corpus or --encoder starts from nothing, as the shipped model is made, without what you
    labelled. Such a model is not compared, so outside a checkout it waits for `unflub model use`,
    or with --output for `--model`.

    \b
    Examples:
      unflub train
      unflub train --add my-notes.jsonl more-notes.jsonl
      unflub train --background ~/Mail/sent.mbox     fewer false alarms in mail like yours
      unflub train --report report                   what changed, with pictures
    """
    from scanner.retraining import Wishes

    names = ("more", "added", "labelled", "background", "ordinary")
    material = _read_material(**{name: options.pop(name) for name in names})
    wishes = Wishes(**options)
    if wishes.output:
        from scanner.learning import shelf

        findings.require_free(wishes.output / shelf.POINTER)
    for flag, is_given in (("--further", further), ("--teacher", teacher)):
        if is_given and not encoder:
            raise click.UsageError(f"{flag} is for --encoder; add that, or leave it out")
    if further and teacher:
        raise click.UsageError("what learns --further has no --teacher; leave out one of them")
    if encoder or material.labelled:
        _refuse_wishes(wishes)
        from scanner.training import make_encoder, make_model

        anew = partial(make_encoder, further=further, taught=teacher)
        make = anew if encoder else make_model
        _make_anew(partial(make, material, wishes.output, measure=measure))
    elif measure:
        raise click.UsageError(
            "--measure is for --corpus; `unflub train --report FOLDER` tells how good yours is"
        )
    else:
        _retrain(material, wishes)


def _refuse_wishes(wishes: Wishes) -> None:
    """Refuse what only the comparison with the model in use could grant."""
    for flag, is_wished in (
        ("--report", wishes.page is not None),
        ("--leave-out-rare", wishes.fewest > 1),
        ("--force", wishes.force),
    ):
        if is_wished:
            raise click.UsageError(
                f"{flag} does not go with --corpus or --encoder, whose model is not compared with "
                "the one in use; leave it out"
            )


def _make_anew(make: Callable[..., Trained]) -> None:
    with terminal.progress("training") as progress:
        made = make(progress=progress)
    for before, after in made.contradictions:
        terminal.say(
            f"{after.writer} {after.id} replaces the labels of {before.writer} {before.id}"
        )
    for line in made.alarms:
        click.echo(line)
    _say_where(made.messages, made.folder)


def _retrain(material: Material, wishes: Wishes) -> None:
    """Move the shipped model. Raises ModelError where the new one is refused."""
    from scanner.retraining import retrain

    wishes = replace(wishes, preset=config.optional().preset)
    with terminal.progress("training") as progress:
        made = retrain(material, wishes, progress)
    for remark in made.remarks:
        terminal.say(remark)
    for line in _compared(made):
        click.echo(line)
    if made.page:
        terminal.say(f"the report is in {made.page}; open report.html there")
    if made.folder is None:
        raise ModelError(
            "the new model is refused, and the one in use stays: "
            f"{'; '.join(made.judgement.objections[:_TOLD])}; "
            "look at your labels, or have it all the same with --force"
        )
    if made.judgement.objections:
        terminal.say(f"used although it is worse: {'; '.join(made.judgement.objections)}")
    _say_where(made.messages, made.folder)


def _say_where(messages: int, folder: Path) -> None:
    from scanner.learning import shelf

    if folder == _in_use():
        where = f"the model in use is now {folder}"
    elif folder.parent == shelf.own():
        where = (
            f"it is written to {folder}, and was not compared with the one in use; "
            f"`unflub model use {folder.name}` puts it in use"
        )
    else:
        where = f"it is written to {folder}; use it with `--model {folder}`"
    click.echo(f"trained on {number_of(messages, 'message')}; {where}")


def _compared(made: Retrained) -> Iterator[str]:
    yours = number_of(made.yours, "labelled message")
    ordinary = f" and {number_of(made.ordinary, 'ordinary one')}" if made.ordinary else ""
    yield (
        f"{yours} of yours{ordinary}, beside the shipped ones; "
        f"held out, at the preset {made.judgement.preset}:"
    )
    for line in (*made.judgement.comparisons, *made.judgement.elsewhere):
        yield f"  {line}"
    yield made.gist
    yield from made.alarms


@click.command()
@_material
@click.option(
    "--groups",
    type=click.IntRange(min=2),
    help="Hold out so many groups of writers, instead of one writer at a time.",
)
@click.option(
    "--compare", is_flag=True, help="Compare phrases, words, the encoder, and encoder and heads."
)
@click.option(
    "--report",
    "page",
    metavar="FOLDER",
    type=_Folder,
    help="Write a page with pictures there, too: also the learning curve, and what goes wrong.",
)
@click.option(
    "--model", type=common.path, help="Count --ordinary alarms of this model, not of that in use."
)
def evaluate(
    *, groups: int | None, compare: bool, page: Path | None, model: Path | None, **paths: Any
) -> None:
    """Measure on writers the model has not seen.

    Leave-one-writer-out: each writer in turn is held out, and the others are trained on, which
    takes an hour or two. `unflub model measure` tells in seconds how the model in use does.

    \b
    Examples:
      unflub evaluate --groups 4                    quicker than one writer at a time
      unflub evaluate --ordinary ~/Mail/sent.mbox   false alarms of the model in use, too
      unflub evaluate --compare                     what each part of the model is worth
      unflub evaluate --groups 4 --report FOLDER    as a page with pictures, too
    """
    from scanner.learning import artifact, shelf
    from scanner.learning import compare as comparison
    from scanner.learning.evaluate import alarms_as_text, as_text
    from scanner.training import compared, false_alarms, measured, reported, require

    material = _read_material(**paths)
    _refuse_idle(compare=compare, page=page, model=model, ordinary=material.ordinary)
    if compare:
        with terminal.progress("comparing") as progress:
            readers = compared(material, groups, progress)
        click.echo(comparison.as_text(readers))
        return
    # First, as measuring takes an hour or two.
    asked = artifact.load(shelf.installed(model)) if material.ordinary else None
    require(material)
    with terminal.progress("measuring") as progress:
        measure = partial(reported, folder=page) if page else measured
        report = measure(material, groups, progress)
    click.echo(as_text(report))
    if page:
        terminal.say(f"the report is in {page}; open report.html there")
    for name, alarms in false_alarms(asked, material).items() if asked else ():
        click.echo(f"\n{name}, {alarms_as_text(alarms)}")


def _refuse_idle(
    *, compare: bool, page: Path | None, model: Path | None, ordinary: Sequence[str]
) -> None:
    """Refuse options that would be without effect beside the others."""
    for flag, is_given in (("--report", page), ("--ordinary", ordinary), ("--model", model)):
        if compare and is_given:
            raise click.UsageError(
                f"{flag} does not go with --compare, which prints one table; leave one of them out"
            )
    if model and not ordinary:
        raise click.UsageError(
            "--model tells whose false alarms are counted; name mail to count them in by --ordinary"
        )


@click.group()
def model() -> None:
    """Look at your models, and choose among them.

    Each `unflub train` makes one. A running `unflub watch` takes up the one in use by itself.

    \b
    Examples:
      unflub model list
      unflub model show                 what the one in use was made of
      unflub model rollback
    """


@model.command(name="list")
def list_() -> None:
    """List the models there are; the one in use is marked."""
    from scanner.learning import shelf

    in_use = _in_use()
    for folder in (shelf.shipped(), *shelf.versions()):
        mark = "*" if folder == in_use else " "
        click.echo(f"{mark} {_named(folder):16} {_what(folder)}")


@model.command()
@click.argument("name", required=False)
def show(*, name: str | None) -> None:
    """Say what a model was made of, and what its presets cost.

    Without a NAME, the one in use.

    \b
    Examples:
      unflub model show
      unflub model show shipped
    """
    from scanner.learning import artifact, shelf

    folder = shelf.find(name) if name else shelf.installed()
    record = artifact.describe(folder)
    click.echo(f"{_named(folder)}: {_made_of(record)}")
    click.echo(f"{folder}, with its model card, README.md\n")
    click.echo("\n".join(_presets(record)))


@model.command()
@click.argument("files", nargs=-1, required=True, type=common.path, metavar="FILE...")
@common.model
def measure(files: tuple[Path, ...], model: Path | None) -> None:
    """Measure the model in use on labelled notes.

    On notes that it has not learnt from: files as in training_data, or folders of them. What it
    gets wrong at the preset of the configuration is named by file, id and line.

    \b
    Examples:
      unflub model measure labelled.jsonl
      unflub model measure --model ./models/2026.11.26 notes/
    """
    from scanner.learning import artifact, shelf
    from scanner.learning.evaluate import as_text
    from scanner.training import tried

    settings, asked = config.optional(), artifact.load(shelf.installed(model))
    with terminal.progress("measuring") as progress:
        found = tried(asked, files, settings.preset, progress)
    click.echo(as_text(found.report))
    for what, names in (("missed", found.missed), ("warned about without a flub", found.false)):
        if names:
            click.echo("\n  ".join([f"\n{what} at {settings.preset}:", *names]))
    for remark in (*found.remarks, *_doubts(found, settings)):
        terminal.say(remark)


def _doubts(found: Tried, settings: config.Config) -> Iterator[str]:
    """Say why the numbers may not be what the user will meet."""
    if found.known:
        said = number_of(found.known, "message")
        yield (
            f"{said} of the shipped corpus among them, from which the shipped model learnt: the "
            "numbers flatter"
        )
    if found.yours:
        said = number_of(found.yours, "message")
        yield f"the model learnt from {said} of yours: if these are among them, the numbers flatter"
    if settings.threshold:
        yield "the numbers are those of the presets, not of the `threshold` in your configuration"


@model.command()
@click.argument("name")
def use(*, name: str) -> None:
    """Put a model in use, by its name in `unflub model list`.

    \b
    Examples:
      unflub model use 2026.11.26
      unflub model use shipped
    """
    from scanner.learning import artifact, shelf

    folder = shelf.find(name)
    artifact.load(folder)  # to refuse what is broken
    with _choosing():
        if name == shelf.SHIPPED:
            shelf.use_shipped()
        else:
            shelf.make_current(folder)
    click.echo(f"the model in use is now {_named(folder)}")


@model.command()
def rollback() -> None:
    """Return to the model that was in use before.

    One that cannot be used any more is passed over.
    """
    from scanner.learning import shelf

    with _choosing():
        folder = shelf.rollback(_is_usable)
    click.echo(f"the model in use is now {_named(folder)}")


def _choosing() -> AbstractContextManager[None]:
    """Hold the user's own models, lest a training that ends just now lose its place among them."""
    from scanner.adapters import lock
    from scanner.learning import shelf

    return lock.awaited(shelf.own() / shelf.LOCK)


def _is_usable(folder: Path) -> bool:
    """Tell whether a model can be used; say so if not."""
    from scanner.learning import artifact

    try:
        artifact.load(folder)
    except ModelError as error:
        terminal.say(f"passed over: {error}")
        return False
    return True


def _in_use() -> Path | None:
    from scanner.learning import shelf

    try:
        return shelf.installed()
    except ModelError as error:
        terminal.say(str(error))
        return None


def _named(folder: Path) -> str:
    from scanner.learning import shelf

    return shelf.SHIPPED if folder == shelf.shipped() else folder.name


def _what(folder: Path) -> str:
    """Say in one line what a model is, or why it cannot be used."""
    from scanner.learning import artifact

    try:
        return _made_of(artifact.describe(folder))
    except UnflubError as error:
        return f"cannot be used: {error}"


def _made_of(record: dict[str, Any]) -> str:
    yours = record.get("yours")
    if yours is None:
        return f"version {record['version']}, {record['messages']} labelled messages"
    mail = record["background"]["messages"]
    ordinary = f", {mail} ordinary ones" if mail else ""
    return (
        f"from {record['base']} with yours: {yours['with_flubs']} notes with a flub, "
        f"{yours['clean']} clean, {yours['other']} other messages{ordinary}"
    )


def _presets(record: dict[str, Any]) -> Iterator[str]:
    """Lay out what each preset warns about, measured on messages the model had not seen."""
    yield f"{'preset':10} {'threshold':>9} {'of 100 clean notes':>19} {'of 100 with a flub':>19}"
    for name in PRESETS:
        at = record["thresholds"][name]
        clean, flubbed = _warned(record, name)
        yield f"{name:10} {at['flub']:9.2f} {clean:>19} {flubbed:>19}"
    yield ""
    yield "Warned about, of notes held out in training; the clean ones of the corpus are hard on"
    yield "purpose, so of everyday ones it will be fewer. The configuration has `preset`, or"
    yield "`threshold` for a number in between; --preset and --threshold say it for one run."


def _warned(record: dict[str, Any], preset: str) -> tuple[str, str]:
    """Give what is warned about of 100 clean notes, and of 100 with a flub: as the card says."""
    report = record.get("measured", {}).get("report")
    if report:
        met = report["presets"][preset]
        shares = [
            met[of]["part"] / max(met[of]["whole"], 1) for of in ("clean_notes", "flub_notes")
        ]
    elif scores := record.get("scores", {}).get(preset):
        shares = [scores["clean_notes_warned"], scores["flub_notes_warned"]]
    else:
        return "?", "?"
    clean, flubbed = (f"{100 * share:.1f}" for share in shares)
    return clean, flubbed
