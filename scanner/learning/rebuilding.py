"""Rebuild the encoder: fine-tune networks, each without some of the writers, and average them.

The mean of the weights of networks that set out from the same ones reads better than each of
them, for the price of one (Wortsman and others, Model soups, 2022).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import (
    accelerator,
    base,
    early,
    exporting,
    finished,
    network,
    readings,
    teacher,
)
from scanner.learning.corpus import SEED, Projected
from scanner.learning.encoder import Encoder
from scanner.learning.features import Mask
from scanner.learning.finetune import (
    ALONE,
    FURTHER,
    TAUGHT,
    TEACHER,
    Item,
    Lesson,
    Settings,
    fine_tune,
    labelled,
    unlabelled,
)
from scanner.learning.folds import folds, require_enough
from scanner.learning.network import Network
from scanner.learning.preparing import known_writers
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import GRAPH, VOCABULARY, Known, Reading
from scanner.learning.restoring import restored
from scanner.learning.side_by_side import Tell, side_by_side
from scanner.learning.windows import Tokens, Window, laid_out

_SAMPLES = 120

PARTS = 3
"""The writers are dealt to so many parts, and each is left out by some networks."""


def rebuild(  # noqa: PLR0913 - what to learn from, and how
    folder: Path,
    projected: Sequence[Projected],
    background: Sequence[Sentences],
    unfinished: Path,
    *,
    taught: bool = False,
    settings: Sequence[Settings] = (),
    count: int = PARTS,
    progress: Progress = silent,
) -> None:
    """Write the encoder into a folder: its graph, its vocabulary, and its readings.

    The writers, and the background, are dealt to `count` parts, and for each there are networks
    that have not seen it; `taught`, each of them by a teacher that has not, either. The average of
    all is the encoder; what `readings.npz` holds was read by the average of those that had not
    seen the part, quantised as the encoder is. The same corpus, machine and libraries give
    the same encoder. Networks wait for the others in the folder `unfinished`: interrupted, and
    called again for the same, it goes on with those that are left.
    Raises `ConfigurationError` where the notes are too few.
    """
    (folder / VOCABULARY).write_text(base.vocabulary(), "utf-8")
    settings = settings or (TAUGHT if taught else ALONE)
    shown = _Shown.of(folder, projected, background, settings[0])
    everything = np.ones(len(projected), bool), np.ones(len(background), bool)
    parts = _dealt(shown.writers, *everything, count)
    _require_enough(projected, [part.notes for part in parts])
    lessons = [
        lesson for part in parts for lesson in _lessons(shown, part, settings, taught=taught)
    ]
    waiting = [one for one in lessons if not finished.exists(unfinished, one.name)]
    teachers = {one.teacher.name: one.teacher for one in waiting if one.teacher}
    _learn([*teachers.values()], unfinished, progress, "fine-tuning the teachers")
    learners = _learn(lessons, unfinished, progress, "fine-tuning")
    by_part = range(0, len(learners), len(settings))
    blind = [network.average(learners[n : n + len(settings)]) for n in by_part]
    _write(folder, shown, parts, blind, Known({}, frozenset()), progress)


def learn_further(  # noqa: PLR0913 - what to learn from, and how
    folder: Path,
    projected: Sequence[Projected],
    background: Sequence[Sentences],
    unfinished: Path,
    *,
    settings: Settings = FURTHER,
    count: int = PARTS,
    progress: Progress = silent,
) -> None:
    """Have the encoder in a folder learn from writers who are new to it, as `rebuild` would.

    Each network sets out from the encoder, learns from the new writers but for one part of
    them, and reads that. What was read of the others before they were seen stays.
    Raises `ConfigurationError` where the notes, or the new writers, are too few, and what
    `known_writers` raises.
    """
    known, before = readings.load(folder / readings.NAME), restored(folder / GRAPH)
    shown = _Shown.of(folder, projected, background, settings)
    is_known = np.isin(shown.writers, list(known_writers(projected, known)))
    is_known_mail = np.array([readings.key(one) in known.readings for one in background], bool)
    parts = _dealt(shown.writers, ~is_known, ~is_known_mail, count)
    if len(parts) < count:
        raise ConfigurationError(
            f"the encoder learns further from {count} writers that are new to it, a file each, or "
            f"more, and here are {len(parts)}; add some, or leave out --further"
        )
    _require_enough(projected, folds(shown.writers))
    ordinary = _known_or_new(shown.ordinary, is_known_mail)
    lessons = [
        Lesson(
            _to_learn(shown.notes, is_known, part.notes, settings.again),
            _without(ordinary, part.ordinary),
            settings,
            SEED,
            onwards=before,
        )
        for part in parts
    ]
    # Three quarters of the way: the mean of before and after is surer than either of them (Wortsman
    # and others, Robust fine-tuning of zero-shot models, 2022).
    blind = [
        network.average((before, after, after, after))
        for after in _learn(lessons, unfinished, progress, "fine-tuning")
    ]
    _write(folder, shown, parts, blind, known, progress)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What there is to learn from and to read: the labelled notes, and ordinary mail."""

    tokens: Tokens
    projected: Sequence[Projected]
    messages: Sequence[Sentences]
    writers: NDArray[np.str_]
    notes: Sequence[Item]
    background: Sequence[Sentences]
    ordinary: Sequence[Item]

    @classmethod
    def of(
        cls,
        folder: Path,
        projected: Sequence[Projected],
        background: Sequence[Sentences],
        settings: Settings,
    ) -> _Shown:
        """Cut all of it into word pieces of the vocabulary in a folder."""
        tokens = Tokens.load(folder / VOCABULARY)
        return cls(
            tokens,
            projected,
            [one.sentences for one in projected],
            np.array([one.example.writer for one in projected]),
            [labelled(tokens, one, settings) for one in projected],
            background,
            [unlabelled(tokens, message, settings) for message in background],
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """What the networks of one part are not shown: these notes, and this ordinary mail."""

    notes: Mask
    ordinary: Mask


def _dealt(writers: NDArray[np.str_], new: Mask, new_mail: Mask, count: int) -> list[_Part]:
    """Deal what is new to so many parts: whole writers, and messages of ordinary mail."""
    places = np.flatnonzero(new)
    marks = folds(writers[places], count)
    turns = np.where(new_mail, np.cumsum(new_mail) % max(1, len(marks)), -1)
    every = range(len(writers))
    return [_Part(np.isin(every, places[its]), turns == n) for n, its in enumerate(marks)]


def _lessons(
    shown: _Shown, part: _Part, settings: Sequence[Settings], *, taught: bool
) -> list[Lesson]:
    """Give a lesson for each of the settings; neither it nor its teacher is shown the part."""
    notes = _without(shown.notes, part.notes)
    ordinary = _without(shown.ordinary, part.ordinary)
    its = Lesson(notes, ordinary, TEACHER, SEED, teacher.model) if taught else None
    return [
        Lesson(notes, ordinary, how, SEED + number, teacher=its)
        for number, how in enumerate(settings)
    ]


def _write(  # noqa: PLR0913, PLR0917 - what there is to write, and how it gets on
    folder: Path,
    shown: _Shown,
    parts: Sequence[_Part],
    blind: Sequence[Network],
    known: Known,
    progress: Progress,
) -> None:
    """Write the average of all, and what each says of the part it has not seen.

    Readings that are `known` stay, also those of messages that are not at hand: the encoder has
    seen these. The early exit is that of the average itself, and what it says of a message is said
    by one that was taught without the message's writer.
    """
    said: dict[str, Reading] = {}
    for one, part in zip(blind, parts, strict=True):
        encoder = exported(one, shown.tokens, samples(_without(shown.notes, part.notes)))
        unseen = [
            *compress(shown.messages, part.notes),
            *compress(shown.background, part.ordinary),
        ]
        said |= zip(map(readings.key, unseen), encoder.read(unseen), strict=True)
    graph = folder / GRAPH
    exporting.export(network.average(blind), graph, samples(shown.notes))
    said_early = early.teach(graph, shown.tokens, shown.projected, shown.background, progress)
    said |= known.readings
    for message, odds in zip((*shown.messages, *shown.background), said_early, strict=True):
        name = readings.key(message)
        said[name] = replace(said[name], exit=odds)
    writers = known.writers.union(shown.writers.tolist())
    readings.save(Known(said, writers), folder / readings.NAME)


def _known_or_new(items: Sequence[Item], known: Mask) -> list[Item]:
    """Have what is new learnt by its labels alone, and the rest from the encoder as it was, too."""
    pairs = zip(items, known.tolist(), strict=True)
    return [one if is_known else replace(one, heard=0.0) for one, is_known in pairs]


def _to_learn(notes: Sequence[Item], known: Mask, left_out: Mask, again: int) -> list[Item]:
    """Give what is new, and some of what is known, so that it is not forgotten."""
    told = _known_or_new(notes, known)
    new, rest = _without(told, known | left_out), _without(told, ~known | left_out)
    chance = random.Random(SEED)  # noqa: S311 - nothing secret hangs on it
    return new + chance.sample(rest, min(again, len(rest)))


def _learn(
    lessons: Sequence[Lesson], unfinished: Path, progress: Progress, label: str
) -> list[Network]:
    """Fine-tune side by side what is not finished yet."""

    def tell(share: float) -> None:
        progress(int(1000 * share), 1000, label)

    at_once = accelerator.at_once(len(lessons))
    return side_by_side(partial(_learnt, unfinished), lessons, at_once, tell)


def _learnt(unfinished: Path, lesson: Lesson, tell: Tell) -> Network:
    """Fine-tune on one core: other processes beside this one do the same."""
    torch.set_num_threads(1)
    name = lesson.name
    if not finished.exists(unfinished, name):
        # A network that learns further is to go on saying what it said of what it knows, so that
        # it does not forget (Li and Hoiem, Learning without forgetting, 2016).
        its = lesson.teacher
        by = _learnt(unfinished, its, lambda _: None) if its else lesson.onwards
        finished.save(fine_tune(lesson, lambda share, _: tell(share), by), unfinished, name)
    tell(1)
    return finished.load(unfinished, name)


def _require_enough(projected: Sequence[Projected], held_out: Sequence[Mask]) -> None:
    """Refuse before an hour's work what would be refused after it."""
    lengths = [len(one.categories) for one in projected]
    require_enough(
        np.array([one.example.kind == "thank_you" for one in projected]),
        np.repeat(np.arange(len(projected)), lengths),
        np.array([name or "" for one in projected for name in one.categories]),
        held_out,
    )


def exported(learner: Network, tokens: Tokens, read: Sequence[Window]) -> Encoder:
    """Give the encoder as it will be used, a byte a weight; `read` are windows to tune it by."""
    with tempfile.TemporaryDirectory() as folder:
        exporting.export(learner, Path(folder) / GRAPH, read)
        return Encoder(Path(folder) / GRAPH, tokens)


def samples(items: Sequence[Item]) -> list[Window]:
    """Give the beginnings of some messages, of all parts of the corpus."""
    chosen = items[:: max(1, len(items) // _SAMPLES)]
    return [laid_out(item.head, item.parts)[0] for item in chosen]


def _without(items: Sequence[Item], marks: Mask) -> list[Item]:
    return list(compress(items, ~marks))
