"""What `unflub train` does with the user's own examples: the shipped model, moved by them.

Everything starts anew from the shipped model and corpus and from what the user has labelled, so
what was forgotten there is forgotten here. The new model takes the place of the current one
only where it is no worse (`learning.approval`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from threading import Lock

import numpy as np

from scanner import examples as store
from scanner import training
from scanner.adapters import lock
from scanner.core.classify import DEFAULT_PRESET
from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError, ModelError, UnreadableError
from scanner.learning import (
    approval,
    artifact,
    card,
    corpus,
    evaluate,
    evidence,
    growth,
    lessons,
    moving,
    readings,
    rehearsal,
    shelf,
)
from scanner.learning.approval import Judgement
from scanner.learning.corpus import Example, Merged, Projected
from scanner.learning.evaluate import Alarms
from scanner.learning.folds import FOLDS
from scanner.learning.gist import gist
from scanner.learning.groups import alike, grouped
from scanner.learning.measures import FEWEST_GROUPS
from scanner.learning.model import Model
from scanner.learning.moving import Contender, Start
from scanner.learning.preparing import prepare_mail, read_corpus
from scanner.learning.progress import Progress
from scanner.learning.rehearsal import Rehearsal
from scanner.learning.trial import Trial

# About how many seconds each takes, beside the others; for the bar. The rehearsal is made once.
_A_MESSAGE = 0.03
_ALL_WORDS = 20.0
_REHEARSAL = 48.0
_FITS = 8.0
_TRIAL = 8.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What there is to choose.

    Where the model goes; whether the gate is overruled; in how many messages a word of the
    user's must stand to be learnt; the folder of a page about it; and the preset that decides.
    """

    output: Path | None = None
    force: bool = False
    fewest: int = 1
    page: Path | None = None
    preset: str = DEFAULT_PRESET


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of it: `folder` is None where the model in use stays in its place.

    `gist` says in one line whether it got better, `alarms` in one for each piece of mail that was
    named for it how often it is warned about.
    `page` is the folder of the report, or None where none was asked for or it failed.
    """

    folder: Path | None
    page: Path | None
    messages: int
    yours: int
    ordinary: int
    remarks: tuple[str, ...]
    judgement: Judgement
    gist: str
    alarms: tuple[str, ...]


class _Bar:
    """One bar for all there is to do, so that it can tell the time left."""

    def __init__(self, show: Progress, seconds: float) -> None:
        self._show, self._total, self._done = show, seconds, 0.0
        self._lock = Lock()

    def step(self, seconds: float, label: str) -> None:
        """Go on by what takes about so long."""
        with self._lock:
            self._done = min(self._done + seconds, self._total)
            self._show(round(10 * self._done), round(10 * self._total), label)

    def stage(self, seconds: float) -> Progress:
        """Give the progress of a stage that takes about so long as a whole."""
        begun = 0.0

        def progress(done: int, total: int, label: str) -> None:
            nonlocal begun
            now = seconds * done / max(total, 1)
            self.step(now - begun, label)
            begun = now

        return progress


def retrain(material: training.Material, wishes: Wishes, show: Progress) -> Retrained:
    """Train a model of the user's own, compare it with the current one, and put it in its place.

    Raises UnreadableError, ConfigurationError or ModelError; the model in use then stays.
    """
    home = wishes.output or shelf.own()
    training.require(material, home)
    if wishes.page:  # what is wrong with it is better known before than after
        from scanner.learning import report

        report.prepare(wishes.page)
    base = artifact.load(shelf.shipped())
    own = _own(material.added)
    ordinary, met = _ordinary(base, material.background, own.examples)
    if not own.examples and not met:
        raise UnreadableError(
            "there are no labelled notes of your own yet; `unflub label` makes some, "
            "or name a file of them with --add"
        )
    merged = corpus.merge(corpus.read([corpus.shipped()]), own.examples)
    first = _first(base, merged.examples)
    rehearsed = rehearsal.load(_kept(first))
    bar = _Bar(show, _seconds(len(own.examples) + len(ordinary), knows=rehearsed is not None))
    learnt = _training_set(base, merged, own, ordinary, bar)
    if wishes.fewest > 1:
        read = lessons.without_rare(learnt.read, learnt.yours, wishes.fewest)
        learnt = replace(learnt, read=read)
    start = Start(base, rehearsed or _rehearsed(base, learnt, first, bar))
    model, made = _moved(learnt, start, bar)
    in_use = None if wishes.force else _in_use()
    trial, doubts = _compared(learnt, start, model, made, bar)
    judgement = approval.judged(trial, wishes.preset)
    told = gist(trial, judgement)
    is_taken = wishes.force or not judgement.objections
    alarms = {
        name: _alarms(model, path, own.examples, show)
        for name, path in training.named(material.ordinary).items()
    }
    model = _noted(model, judgement, {name: found for name, (found, _) in alarms.items()})
    bar.step(_TRIAL, "done")
    folder = _put_in_place(model, made, first, home, in_use) if is_taken else None
    remarks = (told, *judgement.objections, *judgement.elsewhere)
    trouble = _report(trial, learnt, remarks, wishes.page, show) if wishes.page else ()
    return Retrained(
        folder,
        None if trouble else wishes.page,
        len(learnt.read.projected),
        int(learnt.yours.sum()),
        met,
        (
            *lessons.remarks(merged, _yours(learnt)),
            *_turned_away(model, learnt),
            *_like_notes(trial),
            *doubts,
            *trouble,
        ),
        judgement,
        told,
        tuple(training.alarm_line(name, *found) for name, found in alarms.items()),
    )


def _seconds(new: int, *, knows: bool) -> float:
    """Tell about how long it takes with so many new messages; `knows` the rehearsal is kept."""
    return new * _A_MESSAGE + _ALL_WORDS + (0 if knows else _REHEARSAL) + _FITS + _TRIAL


@dataclass(frozen=True, slots=True)
class _Own:
    """The user's examples; `anonymous` are those files that may hold notes of many people."""

    examples: Sequence[Example]
    anonymous: frozenset[str]


def _own(added: Sequence[Path]) -> _Own:
    """Read the user's examples: those kept, and those of files named; the latter win.

    Where so many files are named that they can be drawn again as groups, each is taken for the
    notes of one writer.
    """
    kept, named = training.renamed(store.read()), training.renamed(corpus.read(added))
    if added and not named:
        raise UnreadableError("the files hold no labelled notes; look at what is in them")
    anonymous, writers = ({one.writer for one in some} for some in (kept, named))
    if len(writers) < FEWEST_GROUPS:
        anonymous |= writers
    return _Own([*kept, *named], frozenset(anonymous))


def _ordinary(
    base: Model, paths: Sequence[str], own: Sequence[Example]
) -> tuple[list[Sentences], int]:
    """Give what of the user's ordinary mail gets past the gate, and how much there is.

    The gate is the base's, opened for the user's own notes: what it turns away is not read by the
    new model either, and can cost no false alarm. What is labelled is what its
    label says, and not ordinary; nor is another version of it, as was saved before or sent.
    """
    labelled = {store.key(one.subject, one.text) for one in own}
    mine = [corpus.project(one) for one in own]
    needing = [one.sentences for one in mine if any(one.categories)]
    base = replace(base, gate=moving.opened(base.gate, base.heads, needing))
    passed: list[Sentences] = []
    met = 0
    for message in training.mail(paths):
        if _is_among(labelled, message):
            continue
        met += 1
        if base.reads([message])[0]:
            passed.append(message)
    versions = alike(passed, [one.sentences for one in mine])
    left = [message for message, is_one in zip(passed, versions, strict=True) if not is_one]
    found = {readings.key(message): message for message in left}
    return list(found.values()), met - int(versions.sum())


def _is_among(labelled: Collection[str], message: Sentences) -> bool:
    try:
        return store.key(message.subject, message.text) in labelled
    except UnreadableError:  # half a character: nobody could label it
        return False


def _training_set(
    base: Model, merged: Merged, own: _Own, ordinary: Sequence[Sentences], bar: _Bar
) -> moving.TrainingSet:
    known, encoder = base.encoder.known(), base.encoder
    reading = bar.stage(len(own.examples) * _A_MESSAGE)
    read = read_corpus(merged.examples, (), encoder, known, reading)
    reading = bar.stage(len(ordinary) * _A_MESSAGE)
    read = replace(
        read, ordinary=prepare_mail(ordinary, readings.read(ordinary, encoder, known, reading))
    )
    bar.step(_ALL_WORDS, "laying out the notes")
    yours = np.array([_is_yours(one) for one in read.examples], bool)
    return moving.TrainingSet(read, yours, grouped(read.projected, own.anonymous))


def _yours(learnt: moving.TrainingSet) -> list[Projected]:
    return [learnt.read.projected[n] for n in np.flatnonzero(learnt.yours).tolist()]


def _is_yours(example: Example) -> bool:
    return example.writer.startswith(training.YOURS)


def _first(base: Model, examples: Sequence[Example]) -> str:
    """Name the shipped model's rehearsal on the corpus."""
    theirs = [one for one in examples if not _is_yours(one)]
    return _hashed(base.metadata["sha256"], corpus.digest(theirs))


def _rehearsed(base: Model, learnt: moving.TrainingSet, first: str, bar: _Bar) -> Rehearsal:
    """Make the shipped model's rehearsal on the corpus, and keep it under its name, `first`."""
    a_part = _REHEARSAL / FOLDS
    made = rehearsal.rehearse(
        learnt.read.prepared,
        base.heads,
        ~learnt.yours,
        lambda: bar.step(a_part, "learning from the shipped notes"),
    )
    rehearsal.save(made, _kept(first))
    return made


def _moved(learnt: moving.TrainingSet, start: Start, bar: _Bar) -> tuple[Model, Rehearsal]:
    a_fit = _FITS / (len(start.rehearsal.heads) + 1)
    return moving.moved(learnt, start, lambda: bar.step(a_fit, "learning from your notes"))


def _compared(
    learnt: moving.TrainingSet, start: Start, model: Model, made: Rehearsal, bar: _Bar
) -> tuple[Trial, tuple[str, ...]]:
    """Compare it with the model in use; give also what must be said about that one."""
    bar.step(0, "comparing it with the model in use")
    before, doubts = _current(start)
    after = Contender("the new model", dict(model.thresholds), made)
    return moving.compared(learnt, before, after), doubts


def _current(shipped: Start) -> tuple[Contender, tuple[str, ...]]:
    """Give the model in use as it can be compared, and what must be said about that."""
    fallback = Contender(shelf.SHIPPED, dict(shipped.model.thresholds), shipped.rehearsal)
    try:
        folder = shelf.installed()
        if folder == shelf.shipped():
            return fallback, ()
        in_use = artifact.load(folder)
    except ModelError as error:
        return fallback, (f"compared with the shipped model; the one in use is broken: {error}",)
    if in_use.metadata["files"][readings.GRAPH] != shipped.model.metadata["files"][readings.GRAPH]:
        return fallback, (  # its heads would be asked about what another encoder read
            f"compared with the shipped model: {folder.name}, which is in use, was made with the "
            "encoder of another version of unflub",
        )
    kept = rehearsal.load(_kept(_hashed(in_use.metadata["sha256"])))
    if not kept:
        return fallback, (
            f"compared with the shipped model: of {folder.name}, which is in use, nothing is "
            "kept to compare it by",
        )
    return Contender(folder.name, dict(in_use.thresholds), kept), ()


def _in_use() -> Path | None:
    """Give the folder of the model in use, or None where its pointer is broken."""
    with suppress(ModelError):
        return shelf.installed()
    return None


def _alarms(model: Model, path: str, own: Sequence[Example], show: Progress) -> tuple[Alarms, int]:
    """Count false alarms in ordinary mail, and how much of it is passed over as labelled.

    Other versions of what is labelled are looked for in what gets past the gate alone: the rest
    is not warned about.
    """
    labelled = {store.key(one.subject, one.text) for one in own}
    met = list(training.mail([path], show))
    left = [message for message in met if not _is_among(labelled, message)]
    passed = np.flatnonzero(model.reads(left))
    mine = [corpus.project(one).sentences for one in own]
    versions = set(passed[alike([left[n] for n in passed], mine)].tolist())
    left = [message for n, message in enumerate(left) if n not in versions]
    return evaluate.false_alarms(model, left), len(met) - len(left)


def _noted(model: Model, judgement: Judgement, alarms: Mapping[str, Alarms]) -> Model:
    compared = {
        "compared": [*map(str, judgement.comparisons), *judgement.elsewhere],
        "compared_at": judgement.preset,
    }
    model = replace(model, metadata={**model.metadata, **compared})
    return evidence.noted(model, None, training.numbered(alarms))


def _put_in_place(
    model: Model, made: Rehearsal, first: str, home: Path, compared: Path | None
) -> Path:
    """Write the model, and use it from now on; whenever this is interrupted, a whole one is.

    `first` names the shipped model's rehearsal, which is kept beside those of the user's models.
    `compared` is the folder of the model that it may take the place of, None if of any.
    Raises ModelError where another is in use by now.
    """
    is_own = home == shelf.own()  # elsewhere it might be anybody's folder
    with lock.awaited(home / shelf.LOCK):
        if is_own and compared and compared != _in_use():
            raise ModelError(
                "another model was put in use meanwhile; run `unflub train` again, "
                "which compares with that one"
            )
        if is_own:
            for left in home.glob(".saving-*"):  # by one that was killed: nobody else is writing
                rmtree(left, ignore_errors=True)
        folder = training.new_folder(home)
        model = replace(model, version=folder.name)
        artifact.save(model, folder, card.write(model))
        if is_own:  # no model elsewhere is compared with another
            rehearsal.save(made, _kept(_hashed(artifact.describe(folder)["sha256"])))
        shelf.make_current(folder)
        _tidy(first)
    return folder


def _kept(name: str) -> Path:
    return shelf.held_out() / f"{name}.npz"


def _hashed(*hashes: str) -> str:
    """Name the file of a rehearsal by what it is of."""
    return sha256(" ".join(hashes).encode()).hexdigest()[:16]


def _tidy(first: str) -> None:
    """Take rehearsals away whose models are gone; that of the shipped model is the `first`."""
    wanted = {first}
    for folder in shelf.versions():
        with suppress(ModelError):
            wanted.add(_hashed(artifact.describe(folder)["sha256"]))
    for path in shelf.held_out().glob("*.npz"):
        if path.stem not in wanted:
            path.unlink(missing_ok=True)


def _turned_away(model: Model, learnt: moving.TrainingSet) -> Iterator[str]:
    """Say how many of the user's notes with a flub are not read; their labels may be wrong."""
    away = model.reads([learnt.mail.messages[n] for n in learnt.needing]).count(False)
    if away:
        yield (
            f"{away} of your notes with a flub will be turned away unread: by their words they are "
            "like much ordinary mail; look whether you labelled what you meant to"
        )


def _like_notes(trial: Trial) -> Iterator[str]:
    """Say how much of the ordinary mail is taken for notes: some of it may be."""
    if not trial.before:
        return
    taken = sum(
        case.is_ordinary and said.thank_you >= at[DEFAULT_PRESET].kind
        for case, said, at in zip(
            trial.cases, trial.before.said, trial.before.thresholds, strict=True
        )
    )
    if taken:
        yield (
            f"{taken} messages of your ordinary mail look like notes after an interview; "
            "if they are, label them instead (`unflub label`)"
        )


def _report(
    trial: Trial, learnt: moving.TrainingSet, remarks: Sequence[str], page: Path, show: Progress
) -> tuple[str, ...]:
    """Write the page about both models; say what went wrong, for the training itself did not."""
    from scanner.learning import report

    curve = None
    if learnt.yours.any():
        curve = growth.grow(
            learnt.read.prepared,
            learnt.groups,
            "of your own",
            varied=learnt.yours,
            progress=show,
        )
    try:
        report.write(trial, page, curve, remarks)
    except ConfigurationError as error:
        return (f"there is no report: {error}",)
    return ()
