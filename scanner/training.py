"""What `unflub train` and `unflub evaluate` do: labelled files and mail to a model folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from scanner.adapters.sources import walk
from scanner.core.parse import read
from scanner.core.segment import Sentences, segment
from scanner.errors import ModelError, UnreadableError
from scanner.learning import artifact, card, compare, corpus, evaluate, readings
from scanner.learning.artifact import Model, OnDemand
from scanner.learning.compare import Reader
from scanner.learning.corpus import Example, Projected
from scanner.learning.evaluate import Alarms, Report
from scanner.learning.readings import Reading
from scanner.learning.train import Mail, Progress, prepare_mail, train


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
    """A model folder that was written, and the labels that the user's own replaced."""

    folder: Path
    messages: int
    contradictions: tuple[tuple[Example, Example], ...]


def make_model(
    material: Material, output: Path | None, *, measure: bool, progress: Progress
) -> Trained:
    """Train, optionally measure, and write a model that is used from then on.

    Without background mail, the new model keeps what the shipped one knows of ordinary mail;
    a corpus of one's own starts from nothing. The encoder is the shipped one.
    Raises UnreadableError, ConfigurationError or ModelError; the model in use then stays.
    """
    shipped = artifact.load(artifact.shipped())
    base = None if material.background or material.labelled else shipped
    return _make_model(material, output, shipped.encoder, base, measure=measure, progress=progress)


def make_encoder(
    material: Material, output: Path | None, *, measure: bool, progress: Progress
) -> Trained:
    """Fine-tune the encoder anew, and make a model with it.

    Raises what `make_model` raises, and ModelError where torch or the base model is missing.
    """
    try:
        from scanner.learning.finetune import rebuild
    except ImportError as error:
        raise ModelError(f"{error.name} is missing; pip install 'unflub[encoder]'") from None
    with TemporaryDirectory(prefix="unflub-encoder-") as made:
        projected = [corpus.project(one) for one in corpus.merge(*_examples(material)).examples]
        rebuild(Path(made), projected, list(_mail(material.background)), progress=progress)
        return _make_model(
            material, output, OnDemand(Path(made)), None, measure=measure, progress=progress
        )


def _make_model(  # noqa: PLR0913 - what both ways to a model have in common
    material: Material,
    output: Path | None,
    encoder: OnDemand,
    base: Model | None,
    *,
    measure: bool,
    progress: Progress,
) -> Trained:
    examples, added = _examples(material)
    folder = _new_folder(output or _home(yours=bool(material.added)))
    known = encoder.known_readings()
    model = train(
        examples,
        list(_mail(material.background)),
        version=folder.name,
        encoder=encoder,
        known=known,
        base=base,
        added=added,
        progress=progress,
    )
    merged = corpus.merge(examples, added)
    report = _measured(material, encoder, None, progress) if measure else None
    artifact.save(model, folder, card.write(model, report, false_alarms(model, material)))
    artifact.make_current(folder)
    return Trained(folder, len(merged.examples), merged.contradictions)


def measured(material: Material, groups: int | None, progress: Progress) -> Report:
    """Measure leave-one-writer-out, or with `groups` that many groups of writers held out."""
    return _measured(material, artifact.load(artifact.shipped()).encoder, groups, progress)


def compared(material: Material, groups: int | None, progress: Progress) -> list[Reader]:
    """Compare ways to read on held-out writers: phrases, words, encoder, encoder and heads."""
    seen = _unseen(material, artifact.load(artifact.shipped()).encoder, progress)
    writers = np.array([one.example.writer for one in seen.projected])
    held_out = [
        np.isin(writers, sorted(group))
        for group in evaluate.writer_groups(writers.tolist(), groups)
    ]
    return compare.compare(seen.projected, seen.read, seen.ordinary, held_out, progress=progress)


def _measured(
    material: Material, encoder: OnDemand, groups: int | None, progress: Progress
) -> Report:
    seen = _unseen(material, encoder, progress)
    return evaluate.leave_writers_out(
        seen.projected, seen.read, seen.ordinary, groups=groups, progress=progress
    )


@dataclass(frozen=True, slots=True)
class _Unseen:
    """A corpus and background, each message read by an encoder that had not seen it."""

    projected: Sequence[Projected]
    read: Sequence[Reading]
    ordinary: Mail


def _unseen(material: Material, encoder: OnDemand, progress: Progress) -> _Unseen:
    known = encoder.known_readings()
    examples = corpus.merge(*_examples(material)).examples
    projected = [corpus.project(example) for example in examples]
    read_ = readings.read([p.sentences for p in projected], encoder, known, progress)
    background = list(_mail(material.background))
    ordinary = prepare_mail(background, readings.read(background, encoder, known, progress))
    return _Unseen(projected, read_, ordinary)


def false_alarms(model: Model, material: Material) -> dict[str, Alarms]:
    """Count false alarms in ordinary mail, by the name of its file."""
    return {
        Path(path).name: evaluate.false_alarms(model, list(_mail([path])))
        for path in material.ordinary
    }


def _examples(material: Material) -> tuple[list[Example], list[Example]]:
    examples, added = (
        corpus.read(material.labelled or (corpus.shipped(),)),
        corpus.read(material.added),
    )
    if material.added and not added:
        raise UnreadableError("the added files hold no labelled notes; look at what is in them")
    return examples, added


def _mail(paths: Iterable[str]) -> Iterator[Sentences]:
    """Read ordinary mail; what cannot be read, or holds no own text, teaches nothing."""
    for message in walk(paths):
        with suppress(UnreadableError):
            sentences = segment(read(message.raw))
            if sentences.items:
                yield sentences


def _home(*, yours: bool) -> Path:
    """Where models go: the user's own folder, or in a source checkout its models/."""
    shipped = artifact.shipped().parent
    in_checkout = (shipped.parent / "pyproject.toml").exists()
    return shipped if in_checkout and not yours else artifact.own()


def _new_folder(home: Path) -> Path:
    """Name a model by the day it was trained on, and a number from the second on."""
    day = datetime.now(UTC).strftime("%Y.%m.%d")
    names = chain([day], (f"{day}.{number}" for number in count(2)))
    return next(home / name for name in names if not (home / name).exists())
