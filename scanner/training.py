"""What `unflub train` and `unflub evaluate` do: labelled files and mail to a model folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import platformdirs

from scanner.adapters import lock
from scanner.adapters.sources import require_all, size, walk
from scanner.core.draft import Sentences
from scanner.core.judge import understand
from scanner.errors import ConfigurationError, ModelError, UnreadableError
from scanner.learning import artifact, card, compare, corpus, evaluate, evidence, growth, shelf
from scanner.learning.compare import ReaderScore
from scanner.learning.corpus import Example, Merged
from scanner.learning.evaluate import Alarms, Report
from scanner.learning.groups import grouped
from scanner.learning.ingredients import described
from scanner.learning.model import Model
from scanner.learning.on_demand import OnDemand
from scanner.learning.preparing import ReadCorpus, read_corpus
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import key
from scanner.learning.train import train
from scanner.learning.trial import table
from scanner.rows import is_own

YOURS = "your "
"""Begins the name of each file of the user's."""

_NO_NOTES = "the files hold no labelled notes; look at what is in them"


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from, as paths.

    `labelled` files or folders (the shipped corpus where there are none), the user's own
    labelled files `added` to them, `background` mail without notes to learn from, and
    `ordinary` mail without notes to count false alarms in.
    """

    labelled: Sequence[Path] = ()
    added: Sequence[Path] = ()
    background: Sequence[str] = ()
    ordinary: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """A model folder that was written, and the labels that the user's own replaced.

    `alarms` says in one line for each piece of ordinary mail what it warns about there.
    """

    folder: Path
    messages: int
    contradictions: tuple[tuple[Example, Example], ...]
    alarms: tuple[str, ...]


def make_model(
    material: Material, output: Path | None, *, measure: bool, progress: Progress
) -> Trained:
    """Train from nothing but the material, and optionally measure.

    So the shipped model is made; `retraining` moves it by the user's own notes. The encoder is
    the shipped one. The model is in use from then on, but for one of the user's own: nothing was
    compared, so that one has to be chosen.
    Raises UnreadableError, ConfigurationError or ModelError; the model in use then stays.
    """
    home = output or _home()
    require(material, home)
    encoder = artifact.load(shelf.shipped()).encoder
    return _make_model(material, _read(material), home, encoder, measure=measure, progress=progress)


def make_encoder(  # noqa: PLR0913 - what to learn from, how, and what then
    material: Material,
    output: Path | None,
    *,
    further: bool,
    taught: bool,
    measure: bool,
    progress: Progress,
) -> Trained:
    """Fine-tune the encoder anew, and make a model with it.

    `taught`, it learns from a larger network besides; `further`, it is the shipped one, and learns
    from writers who are new to it.
    Raises what `make_model` raises, and ModelError where torch or a base model is missing.
    """
    try:
        from scanner.learning import rebuilding
    except ImportError as error:
        raise ModelError(
            f"{error.name} is missing; install unflub with the extra `encoder`"
        ) from None
    home, unfinished = output or _home(), _unfinished()
    require(material, home, unfinished)
    learnt = _read(material)
    if not learnt.background:
        raise ConfigurationError(
            "without mail that holds no note the encoder would not know ordinary mail; "
            "name some with --background"
        )
    projected = [corpus.project(one) for one in learnt.merged.examples]
    known = (projected, learnt.background, unfinished)
    with TemporaryDirectory(prefix="unflub-encoder-") as made:
        if further:
            artifact.load(shelf.shipped()).encoder.copy(Path(made))
            rebuilding.learn_further(Path(made), *known, progress=progress)
        else:
            rebuilding.rebuild(Path(made), *known, taught=taught, progress=progress)
        encoder = OnDemand(Path(made))
        trained = _make_model(material, learnt, home, encoder, measure=measure, progress=progress)
    rmtree(unfinished, ignore_errors=True)
    return trained


def _unfinished() -> Path:
    """Where networks wait until the model is made of them, and go on from if it never was."""
    return platformdirs.user_cache_path("unflub") / "unfinished"


def _make_model(  # noqa: PLR0913 - what both ways to a model have in common
    material: Material,
    learnt: _Learnt,
    home: Path,
    encoder: OnDemand,
    *,
    measure: bool,
    progress: Progress,
) -> Trained:
    read_ = _read_corpus(learnt, encoder, progress)
    model = train(read_, version="", encoder=encoder, progress=progress)
    found = evaluate.leave_writers_out(read_, progress=progress) if measure else None
    alarms = false_alarms(model, material, progress)
    is_shipped = home == shelf.shipped().parent and _is_of_the_corpus(material)
    # No other card names the files.
    model = evidence.noted(model, found, alarms if is_shipped else numbered(alarms))
    with lock.awaited(home / shelf.LOCK):  # not sooner: hours may have gone by, and others ended
        folder = new_folder(home)
        model = replace(model, version=folder.name)
        artifact.save(model, folder, card.write(model, is_shipped=is_shipped))
        if home != shelf.own():
            shelf.make_current(folder)
    lines = tuple(alarm_line(name, one) for name, one in alarms.items())
    return Trained(folder, len(read_.projected), learnt.merged.contradictions, lines)


def _is_of_the_corpus(material: Material) -> bool:
    """Tell whether all that is labelled is the shipped corpus."""
    ours = corpus.shipped().resolve()
    return not material.added and all(path.resolve() == ours for path in material.labelled)


def measured(material: Material, groups: int | None, progress: Progress) -> Report:
    """Measure leave-one-writer-out, or with `groups` that many groups of writers held out."""
    return evaluate.leave_writers_out(
        _all_of(material, progress), groups=groups, progress=progress
    ).report


@dataclass(frozen=True, slots=True)
class Tried:
    """How a model does on labelled messages, so many of which it has learnt from.

    `known` are of the shipped corpus, `yours` are how many of the user's own it was moved by, be
    they among these or not. `missed` are notes with a flub that it does not warn about, `false`
    messages without a label that it does warn about, at one preset, each by file, id and line.
    `remarks` tell which messages were given twice.
    """

    report: Report
    known: int
    yours: int
    missed: Sequence[str]
    false: Sequence[str]
    remarks: Sequence[str]


def tried(model: Model, paths: Sequence[Path], preset: str, progress: Progress = silent) -> Tried:
    """Measure a model, as it is, on labelled files.

    Raises UnreadableError where they hold no notes, or notes that need mending.
    """
    merged = corpus.merge(corpus.read(paths))
    if not merged.examples:
        raise UnreadableError(_NO_NOTES)
    projected = [corpus.project(one) for one in merged.examples]
    shipped = model.encoder.known().readings
    report, trial = evaluate.measured(model, projected, progress)
    rows = table(trial.cases, trial.after, preset)
    told = list(zip(merged.examples, rows.has_flub.tolist(), rows.is_warned.tolist(), strict=True))
    return Tried(
        report,
        sum(key(one.sentences) in shipped for one in projected),
        sum(model.metadata.get("yours", {}).values()),
        [corpus.reference(one) for one, has_flub, warned in told if has_flub and not warned],
        [corpus.reference(one) for one, _, warned in told if warned and not one.labels],
        list(corpus.repeated(merged)),
    )


def reported(material: Material, groups: int | None, progress: Progress, folder: Path) -> Report:
    """Measure, and write a page about it and its pictures into a folder.

    Raises ConfigurationError where there is no matplotlib, or the folder cannot be written.
    """
    from scanner.learning import report

    report.prepare(folder)  # to know it before an hour has gone by
    read_ = _all_of(material, progress)
    found = evaluate.leave_writers_out(read_, groups=groups, progress=progress)
    names = grouped(read_.projected)
    curve = growth.grow(read_.prepared, names, "of the corpus", progress=progress)
    report.write(found.trial, folder, curve)
    return found.report


def remeasured(material: Material, groups: int | None, progress: Progress) -> dict[str, Any]:
    """Measure the shipped model once more, for its card, and give what its metadata keep of that.

    `groups` is as in `measured`.
    Raises ConfigurationError where corpus or background are not what it was made of.
    """
    require(material)
    model = artifact.load(shelf.shipped())
    read_ = _all_of(material, progress)
    made_of = described(read_, ())
    for name, what in (("corpus_sha256", "corpus"), ("background", "background mail")):
        if made_of[name] != model.metadata[name]:
            raise ConfigurationError(
                f"the shipped model was made with another {what}; measure it with that"
            )
    found = evaluate.leave_writers_out(read_, groups=groups, progress=progress)
    return evidence.as_record(found, false_alarms(model, material), model.metadata["writers"])


def compared(material: Material, groups: int | None, progress: Progress) -> list[ReaderScore]:
    """Compare ways to read on held-out writers: phrases, words, encoder, encoder and heads."""
    read_ = _all_of(material, progress)
    held_out = evaluate.writers_held_out(read_.prepared.writers, groups)
    return compare.compare(read_, held_out, progress=progress)


def require(material: Material, *homes: Path) -> None:
    """Raise at the start what would be known at the end, with hours of work lost.

    UnreadableError where there is no such `ordinary` mail, and ModelError where nothing can be
    written into one of the folders.
    """
    require_all(material.ordinary)
    for home in homes:
        artifact.require_place(home)


def false_alarms(
    model: Model, material: Material, progress: Progress = silent
) -> dict[str, Alarms]:
    """Count false alarms in ordinary mail, by its name (`named`)."""
    return {
        name: evaluate.false_alarms(model, list(mail([path], progress)))
        for name, path in named(material.ordinary).items()
    }


def named(paths: Iterable[str]) -> dict[str, str]:
    """Give paths by the file's name, or by the path itself where two share that."""
    different = dict.fromkeys(paths)
    names = Counter(Path(path).name for path in different)
    return {path if names[Path(path).name] > 1 else Path(path).name: path for path in different}


def alarm_line(name: str, found: Alarms, passed_over: int = 0) -> str:
    """Say what a model warns about in ordinary mail, and how much of that is labelled."""
    warned = ", ".join(f"{count:,} at {preset}" for preset, count in found.warned.items())
    beside = f"; {passed_over:,} labelled or nearly so passed over" if passed_over else ""
    return f"{name}: of {found.messages:,} ordinary messages it warns about {warned}{beside}"


def numbered(alarms: Mapping[str, Alarms]) -> dict[str, Alarms]:
    """Give the same without the names of files, for who is given the model."""
    return {f"mail {number}": one for number, one in enumerate(alarms.values(), 1)}


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What the paths of a `Material` hold: all labelled notes, and the background."""

    merged: Merged
    background: Sequence[Sentences]


def _all_of(material: Material, progress: Progress) -> ReadCorpus:
    return _read_corpus(_read(material), artifact.load(shelf.shipped()).encoder, progress)


def _read_corpus(learnt: _Learnt, encoder: OnDemand, progress: Progress) -> ReadCorpus:
    examples = learnt.merged.examples
    return read_corpus(examples, learnt.background, encoder, encoder.known(), progress)


def _read(material: Material) -> _Learnt:
    examples = corpus.read(material.labelled or (corpus.shipped(),))
    added = renamed(corpus.read(material.added))
    if not examples or (material.added and not added):
        raise UnreadableError(_NO_NOTES)
    return _Learnt(corpus.merge(examples, added), list(mail(material.background)))


def renamed(examples: Iterable[Example]) -> list[Example]:
    """Tell the user's files from those of the corpus, which may have the same names."""
    return [replace(one, writer=f"{YOURS}{one.writer}") for one in examples]


def mail(paths: Iterable[str], progress: Progress = silent) -> Iterator[Sentences]:
    """Read ordinary mail; what cannot be read, or holds no own text, teaches nothing.

    Neither do unflub's own warning drafts, which quote the notes they warn about.
    """
    paths = list(paths)
    total, done = max(size(paths), 1), 0
    for message in walk(paths):
        done += message.read
        progress(min(done, total), total, "reading ordinary mail")
        if is_own(message.raw):
            continue
        with suppress(UnreadableError):
            _, sentences = understand(message.raw)
            if sentences.items:
                yield sentences


def _home() -> Path:
    """Where models go that are made from nothing: in a source checkout its models/."""
    shipped = shelf.shipped().parent
    in_checkout = (shipped.parent / "pyproject.toml").exists()
    return shipped if in_checkout else shelf.own()


def new_folder(home: Path) -> Path:
    """Name a model by the day it was trained on, and a number from the second on."""
    day = datetime.now(UTC).strftime("%Y.%m.%d")
    names = chain([day], (f"{day}.{number}" for number in count(2)))
    taken = shelf.shipped().name
    return next(home / name for name in names if name != taken and not (home / name).exists())
