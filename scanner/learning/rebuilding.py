"""Rebuild the encoder: fine-tune networks, each without some of the writers; take their average.

The mean of the weights of networks that set out from the same ones reads better than each of
them, for the price of one (Wortsman and others, Model soups, 2022).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError
from scanner.learning import accelerator, base, exporting, kept, network, readings, teacher
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
from scanner.learning.folds import require_enough
from scanner.learning.kept import Kept
from scanner.learning.network import Network
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import GRAPH, VOCABULARY, Known, Reading
from scanner.learning.side_by_side import Tell, side_by_side
from scanner.learning.windows import Tokens, Window, laid_out

_SAMPLES = 120

PARTS = 3
"""The writers are dealt to so many parts, and each is left out by some networks."""


def rebuild(  # noqa: PLR0913 - what to learn from, and how
    folder: Path,
    projected: Sequence[Projected],
    background: Sequence[Sentences],
    *,
    networks: Path | None = None,
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
    the same encoder. Networks in the folder `networks` learn further, from what they have not
    seen; those of today are kept there. Interrupted, and called again for the same, it goes on
    with the networks that were not ready.
    Raises `ConfigurationError` where the notes are too few, the background is another than the
    networks know, or those are to learn further and be `taught`.
    """
    (folder / VOCABULARY).write_text(base.vocabulary(), "utf-8")
    tokens = Tokens.load(folder / VOCABULARY)
    known = kept.load(networks, background) if networks else Kept((), {})
    if taught and known.networks:
        raise ConfigurationError(
            f"the networks in {networks} learn further, without a teacher; name an empty folder, "
            "or leave out --teacher"
        )
    settings = settings or ((FURTHER,) if known.networks else TAUGHT if taught else ALONE)
    notes = [labelled(tokens, one, settings[0]) for one in projected]
    ordinary = [unlabelled(tokens, message, settings[0]) for message in background]
    writers = np.array([one.example.writer for one in projected])
    dealt = kept.dealt(writers, known.parts, len(known.networks) or count)
    parts = [dealt == number for number in range(dealt.max() + 1)]
    ordinary_parts = [np.arange(len(background)) % len(parts) == n for n in range(len(parts))]
    _require_enough(projected, parts)
    is_known = np.isin(writers, list(known.parts))
    with _folder_of_ready(networks) as ready:
        lessons = [
            Lesson(
                _to_learn(notes, is_known, out, settings[0].again)
                if known.networks
                else _without(notes, out),
                _without(ordinary, ordinary_out),
                settings[0],
                SEED,
            )
            for out, ordinary_out in zip(parts, ordinary_parts, strict=True)
        ]
        if known.networks:
            blind = _further(lessons, known.networks, ready, progress)
        else:
            blind = _from_nothing(lessons, settings, ready, progress, taught=taught)
    said: dict[str, Reading] = {}
    for one, part, ordinary_part in zip(blind, parts, ordinary_parts, strict=True):
        encoder = exported(one, tokens, samples(_without(notes, part)))
        unseen = [one.sentences for one, out in zip(projected, part, strict=True) if out]
        unseen += [one for one, out in zip(background, ordinary_part, strict=True) if out]
        said |= zip(map(readings.key, unseen), encoder.read(unseen), strict=True)
    exporting.export(network.average(blind), folder / GRAPH, samples(notes))
    readings.save(Known(said, frozenset(writers.tolist())), folder / readings.NAME)
    if networks:
        parts_of = dict(zip(writers.tolist(), dealt.tolist(), strict=True))
        kept.save(Kept(blind, parts_of), networks, background)


@contextmanager
def _folder_of_ready(networks: Path | None) -> Iterator[Path]:
    """Give where networks wait for the others; of those that are to be kept it stays."""
    if networks is not None:
        yield networks / kept.UNFINISHED
        return
    with tempfile.TemporaryDirectory(prefix="unflub-networks-") as folder:
        yield Path(folder)


def _from_nothing(
    lessons: Sequence[Lesson],
    settings: Sequence[Settings],
    ready: Path,
    progress: Progress,
    *,
    taught: bool,
) -> list[Network]:
    """Give for each lesson the average of the networks that learn from it by these settings."""
    if taught:
        lessons = [
            replace(one, teacher=replace(one, settings=TEACHER, base=teacher.model))
            for one in lessons
        ]
    each = [
        replace(one, settings=how, seed=one.seed + number)
        for one in lessons
        for number, how in enumerate(settings)
    ]
    waiting = [one for one in each if not kept.is_kept(ready, one.name)]
    teachers = {one.teacher.name: one.teacher for one in waiting if one.teacher}
    _learn([*teachers.values()], ready, progress, "fine-tuning the teachers")
    learners = _learn(each, ready, progress, "fine-tuning")
    by_lesson = range(0, len(learners), len(settings))
    return [network.average(learners[n : n + len(settings)]) for n in by_lesson]


def _further(
    lessons: Sequence[Lesson], networks: Sequence[Network], ready: Path, progress: Progress
) -> list[Network]:
    """Give networks that have gone three quarters of the way to what they would have become.

    The mean of before and after is surer than either of them (Wortsman and others, Robust
    fine-tuning of zero-shot models, 2022).
    """
    onwards = [replace(one, onwards=its) for one, its in zip(lessons, networks, strict=True)]
    learners = _learn(onwards, ready, progress, "fine-tuning")
    pairs = zip(networks, learners, strict=True)
    return [network.average((before, after, after, after)) for before, after in pairs]


def _to_learn(notes: Sequence[Item], known: Mask, left_out: Mask, again: int) -> list[Item]:
    """Give what is new, and some of what is known, lest it be forgotten.

    Of what is new only the labels know.
    """
    new = [replace(one, heard=0.0) for one in _without(notes, known | left_out)]
    rest = _without(notes, ~known | left_out)
    chance = random.Random(SEED)  # noqa: S311 - nothing secret hangs on it
    return new + chance.sample(rest, min(again, len(rest)))


def _learn(lessons: Sequence[Lesson], ready: Path, progress: Progress, label: str) -> list[Network]:
    """Fine-tune side by side, unless what is learnt is `ready`."""

    def tell(share: float) -> None:
        progress(int(1000 * share), 1000, label)

    return side_by_side(partial(_learnt, ready), lessons, accelerator.at_once(len(lessons)), tell)


def _learnt(ready: Path, lesson: Lesson, tell: Tell) -> Network:
    """Fine-tune on one core, in a process that shares the machine with others."""
    torch.set_num_threads(1)
    name = lesson.name
    if not kept.is_kept(ready, name):
        # Who learns further is to say of what it knows what it said before, lest it forget
        # (Li and Hoiem, Learning without forgetting, 2016).
        by = _learnt(ready, lesson.teacher, lambda _: None) if lesson.teacher else lesson.onwards
        kept.save_one(fine_tune(lesson, lambda share, _: tell(share), by), ready, name)
    tell(1)
    return kept.load_one(ready, name)


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
    return [item for item, marked in zip(items, marks.tolist(), strict=True) if not marked]
