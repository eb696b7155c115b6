"""Fine-tune encoders on whole notes, each without some of the writers, and take their average.

The mean of the weights of networks that set out from the same ones reads better than each of
them, for the price of one (Wortsman and others, Model soups, 2022).
"""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scanner.core.classify import CATEGORIES
from scanner.core.draft import Sentences
from scanner.learning import kept, network, readings, teacher
from scanner.learning.corpus import Projected
from scanner.learning.encoder import Encoder
from scanner.learning.features import Mask
from scanner.learning.kept import Kept
from scanner.learning.network import Network
from scanner.learning.readings import GRAPH, VOCABULARY, Known, Reading
from scanner.learning.side_by_side import Tell, side_by_side
from scanner.learning.train import SEED, Progress, require_enough, silent
from scanner.learning.windows import BEFORE, LENGTH, Part, Tokens, Window, laid_out

_NO_CATEGORY = -1
_SAMPLES = 120

PARTS = 3
"""The writers are dealt to so many parts, and each is left out by some networks."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fine-tune; chosen on writers held out.

    `pieces` is a batch's size in word pieces, padding included. `background` messages are
    drawn for each epoch. `mixed` is the share of notes that get ordinary sentences mixed in,
    `bare` that of messages that lose their subject, `thinned` that of those that lose sentences.
    Sentences of messages that are no notes, and of the background, count for less: they must
    not drown those of notes.
    """

    epochs: int = 2
    rate: float = 1.5e-4
    warm_up: float = 0.06
    decay: float = 0.01
    dropout: float = 0.1
    smoothing: float = 0.03
    pieces: int = 1024
    background: int = 800
    mixed: float = 0.3
    bare: float = 0.15
    thinned: float = 0.1
    other_weight: float = 0.3
    background_weight: float = 0.1
    category_weight: float = 0.5
    kind_weight: float = 0.3
    background_kind_weight: float = 0.5
    heard: float = 0.0
    """With a teacher: so much of what is wanted is what it says, and the rest are the labels."""
    altered: float = 0.0
    """With a teacher: of this share of the messages words are left out, and it alone is heard."""
    again: int = 2500
    """Where networks learn further: so many of the messages they know are shown once more."""


ALONE = (Settings(), Settings())
"""For the networks that leave out the same part of the writers; these differ by chance alone."""

FURTHER = Settings(epochs=1, rate=1e-4, warm_up=0.1, background=325)
"""For networks that know most of the corpus already."""


TEACHER = Settings(epochs=4, rate=1e-4, pieces=4096)
"""For a teacher, which is larger."""

TAUGHT = (
    Settings(epochs=8, rate=2e-4, pieces=4096, heard=0.7, altered=0.5),
    Settings(epochs=8, rate=4e-4, pieces=4096, heard=0.9, altered=0.5),
)
"""For networks that have a teacher: they see more, of which not all is labelled."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message to learn from: its word pieces, and the truth of each sentence.

    Once it is `altered` that may no longer be the truth.
    """

    head: Part
    parts: Sequence[Part]
    categories: Sequence[int | None]
    is_note: bool
    weight: float
    kind_weight: float
    altered: bool = False

    def __len__(self) -> int:
        """Count the word pieces."""
        return len(self.head) + sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one network learns from and how, from a base model or `onwards` from another.

    Where another learns from the `teacher` lesson, it teaches this one. What was learnt is kept in
    the folder `ready`.
    """

    notes: Sequence[Item]
    ordinary: Sequence[Item]
    settings: Settings
    seed: int
    ready: Path
    base: Callable[[], Network] = network.base
    onwards: Network | None = None
    teacher: Lesson | None = None

    @property
    def name(self) -> str:
        """Name it by all that what is learnt hangs on."""
        said = sha256(repr((self.notes, self.ordinary, self.settings, self.seed)).encode())
        said.update(self.base.__module__.encode())
        said.update(self.teacher.name.encode() if self.teacher else b"")
        for weights in self.onwards.state_dict().values() if self.onwards else ():
            said.update(weights.numpy().tobytes())
        return said.hexdigest()[:16]

    @property
    def is_ready(self) -> bool:
        """Tell whether what was learnt is in its folder."""
        return kept.is_kept(self.ready, self.name)


def rebuild(  # noqa: PLR0913 - what to learn from, and how
    folder: Path,
    projected: Sequence[Projected],
    background: Sequence[Sentences],
    *,
    networks: Path | None = None,
    taught: bool = False,
    settings: Sequence[Settings] = (),
    count: int = PARTS,
    seed: int = SEED,
    progress: Progress = silent,
) -> None:
    """Write the encoder into a folder: its graph, its vocabulary, and its readings.

    The writers, and the background, are dealt to `count` parts, and for each there are networks
    that have not seen it; `taught`, each of them by a teacher that has not, either. The average of
    all is the encoder; what `readings.npz` holds was read by the average of those that had not
    seen the part, quantised as the encoder is. The same corpus, seed, machine and libraries give
    the same encoder. Networks in the folder `networks` learn further, from what they have not
    seen; those of today are kept there. Interrupted, and called again for the same, it goes on
    with the networks that were not ready.
    """
    (folder / VOCABULARY).write_text(network.vocabulary(), "utf-8")
    tokens = Tokens.load(folder / VOCABULARY)
    known = kept.load(networks, background) if networks else Kept((), {})
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
                _to_learn(notes, is_known, out, settings[0].again),
                _without(ordinary, ordinary_out),
                settings[0],
                seed,
                ready,
            )
            for out, ordinary_out in zip(parts, ordinary_parts, strict=True)
        ]
        if known.networks:
            blind = _further(lessons, known.networks, progress)
        else:
            blind = _from_nothing(lessons, settings, progress, taught=taught)
    said: dict[str, Reading] = {}
    for one, part, ordinary_part in zip(blind, parts, ordinary_parts, strict=True):
        encoder = exported(one, tokens, samples(_without(notes, part)))
        unseen = [one.sentences for one, out in zip(projected, part, strict=True) if out]
        unseen += [one for one, out in zip(background, ordinary_part, strict=True) if out]
        said |= zip(map(readings.key, unseen), encoder.read(unseen), strict=True)
    network.export(network.average(blind), folder / GRAPH, samples(notes))
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
    lessons: Sequence[Lesson], settings: Sequence[Settings], progress: Progress, *, taught: bool
) -> list[Network]:
    """Give for each lesson the average of the networks that learn from it by these settings."""
    if taught:
        lessons = [
            replace(one, teacher=replace(one, settings=TEACHER, base=teacher.base))
            for one in lessons
        ]
    each = [
        replace(one, settings=how, seed=one.seed + number)
        for one in lessons
        for number, how in enumerate(settings)
    ]
    waited_for = {one.teacher.name: one.teacher for one in each if one.teacher and not one.is_ready}
    _learn([*waited_for.values()], progress, "fine-tuning the teachers")
    learners = _learn(each, progress, "fine-tuning")
    by_lesson = range(0, len(learners), len(settings))
    return [network.average(learners[n : n + len(settings)]) for n in by_lesson]


def _further(
    lessons: Sequence[Lesson], networks: Sequence[Network], progress: Progress
) -> list[Network]:
    """Give networks that have gone half of the way to what they would have become.

    The mean of before and after forgets nothing (Wortsman and others, Robust fine-tuning of
    zero-shot models, 2022).
    """
    onwards = [replace(one, onwards=its) for one, its in zip(lessons, networks, strict=True)]
    learners = _learn(onwards, progress, "fine-tuning")
    return [network.average(pair) for pair in zip(networks, learners, strict=True)]


def _to_learn(notes: Sequence[Item], known: Mask, left_out: Mask, again: int) -> list[Item]:
    """Give what is new, and some of what is known, lest it be forgotten."""
    rest = _without(notes, ~known | left_out)
    chance = random.Random(SEED)  # noqa: S311 - nothing secret hangs on it
    return _without(notes, known | left_out) + chance.sample(rest, min(again, len(rest)))


def _learn(lessons: Sequence[Lesson], progress: Progress, label: str) -> list[Network]:
    """Fine-tune side by side, unless that was done before."""

    def tell(share: float) -> None:
        progress(int(1000 * share), 1000, label)

    return side_by_side(_learnt, lessons, network.at_once(len(lessons)), tell)


def _learnt(lesson: Lesson, tell: Tell) -> Network:
    """Fine-tune on one core, in a process that shares the machine with others."""
    torch.set_num_threads(1)
    if not lesson.is_ready:
        by = _learnt(lesson.teacher, lambda _: None) if lesson.teacher else None
        learnt = fine_tune(lesson, lambda share, _: tell(share), by)
        kept.save_one(learnt, lesson.ready, lesson.name)
    tell(1)
    return kept.load_one(lesson.ready, lesson.name)


def fine_tune(
    lesson: Lesson, told: Callable[[float, float], None], teacher: Network | None = None
) -> Network:
    """Fine-tune a base model or what went on from it; the rate rises and then falls to nothing.

    On an accelerator where there is one. `told` hears after each step how far it is, and the loss.
    With a `teacher` the network is to say what that says, as much as what the labels say.
    """
    settings = lesson.settings
    torch.manual_seed(lesson.seed)
    chance = random.Random(lesson.seed)  # noqa: S311 - nothing secret hangs on it
    where = network.accelerator()
    learner = copy.deepcopy(lesson.onwards or lesson.base()).to(where)
    learner.dropout.p = settings.dropout
    if teacher is not None:
        teacher = teacher.to(where, torch.bfloat16).eval()
    # The words keep their meaning: moving half of all weights gains nothing and takes time.
    learner.words.requires_grad_(requires_grad=False)
    learner.train()
    batches = [
        batch
        for _ in range(settings.epochs)
        for batch in _batches(
            _epoch(lesson.notes, lesson.ordinary, settings, chance), settings.pieces, chance
        )
    ]
    optimizer = torch.optim.AdamW(_groups(learner, settings), lr=settings.rate, fused=True)
    rising = max(1, int(settings.warm_up * len(batches)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, 1 - step / len(batches))
    )
    for step, batch in enumerate(batches):
        loss = _loss(learner, batch, settings, teacher)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        told((step + 1) / len(batches), loss.item())
    return learner.cpu()


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
        network.export(learner, Path(folder) / GRAPH, read)
        return Encoder(Path(folder) / GRAPH, tokens)


def samples(items: Sequence[Item]) -> list[Window]:
    """Give the beginnings of some messages, of all parts of the corpus."""
    chosen = items[:: max(1, len(items) // _SAMPLES)]
    return [laid_out(item.head, item.parts)[0] for item in chosen]


def _without(items: Sequence[Item], marks: Mask) -> list[Item]:
    return [item for item, marked in zip(items, marks.tolist(), strict=True) if not marked]


def labelled(tokens: Tokens, one: Projected, settings: Settings) -> Item:
    """Give an example to learn from."""
    head, parts = tokens.parts(one.sentences)
    is_note = one.example.kind == "thank_you"
    categories = [CATEGORIES.index(name) if name else None for name in one.categories]
    return Item(head, parts, categories, is_note, 1 if is_note else settings.other_weight, 1)


def unlabelled(tokens: Tokens, message: Sentences, settings: Settings) -> Item:
    """Give an ordinary message, which holds no flub, to learn from."""
    head, parts = tokens.parts(message)
    weight, kind_weight = settings.background_weight, settings.background_kind_weight
    return Item(head, parts, [None] * len(parts), is_note=False, weight=weight,
                kind_weight=kind_weight)  # fmt: skip


def _epoch(
    notes: Sequence[Item], ordinary: Sequence[Item], settings: Settings, chance: random.Random
) -> Iterator[Item]:
    """Give every labelled message once, some with ordinary sentences mixed in.

    Composed notes alone would let the encoder take the style of ordinary mail for the sign
    of "other": a plain sentence such as ordinary mail is full of must not speak against a note.
    """
    pool = [part for item in ordinary for part in item.parts if _MIXED_PIECES(len(part))]
    drawn = chance.sample(ordinary, min(settings.background, len(ordinary)))
    for item in notes:
        thin = chance.random() < settings.thinned
        mix = pool and item.is_note and chance.random() < settings.mixed
        shown = _thinned(item, chance) if thin else item
        shown = _with_ordinary(shown, pool, chance) if mix else shown
        shown = _cut(_perhaps_bare(shown, settings, chance), LENGTH, chance)
        yield _perhaps_altered(shown, settings, chance)
    for item in drawn:
        length = chance.choice(_ORDINARY_LENGTHS)
        shown = _cut(_perhaps_bare(item, settings, chance), length, chance)
        yield _perhaps_altered(shown, settings, chance)


# Mostly short, to save time; some whole, or length would become the sign of a note.
_ORDINARY_LENGTHS = (128, 128, LENGTH)
_MIXED_PIECES = range(6, 41).__contains__
_MOST_MIXED = 3
_KEPT = 0.7
_FEWEST_KEPT = 3
_WORDS_KEPT = 0.85


def _with_ordinary(item: Item, pool: Sequence[Part], chance: random.Random) -> Item:
    parts, categories = list(item.parts), list(item.categories)
    for _ in range(chance.randint(1, _MOST_MIXED)):
        place = chance.choice([0, len(parts), chance.randint(0, len(parts))])
        parts.insert(place, chance.choice(pool))
        categories.insert(place, None)
    return replace(item, parts=parts, categories=categories)


def _perhaps_bare(item: Item, settings: Settings, chance: random.Random) -> Item:
    """Leave out the subject now and then: drafts have none, or one that says nothing."""
    is_bare = chance.random() < settings.bare
    return replace(item, head=(item.head[0], item.head[-1])) if is_bare else item


def _thinned(item: Item, chance: random.Random) -> Item:
    """Leave out some sentences: what a note is must not hang on one of them."""
    kept = [n for n in range(len(item.parts)) if chance.random() < _KEPT]
    if len(kept) < _FEWEST_KEPT:
        return item
    return replace(
        item,
        parts=[item.parts[n] for n in kept],
        categories=[item.categories[n] for n in kept],
    )


def _perhaps_altered(item: Item, settings: Settings, chance: random.Random) -> Item:
    """Leave out words here and there: of what is left the teacher alone can say what it means."""
    if chance.random() >= settings.altered:
        return item
    parts = [
        (*(piece for piece in part[:-1] if chance.random() < _WORDS_KEPT), part[-1])
        for part in item.parts
    ]
    return replace(item, parts=parts, altered=True)


def _cut(item: Item, length: int, chance: random.Random) -> Item:
    """Give a run of sentences that fits; only the first says what kind of message it is."""
    if len(item) <= length:
        return item
    room = length - len(item.head)
    start = chance.choice([0, chance.randrange(len(item.parts))])
    end = start
    while end < len(item.parts) and (room := room - len(item.parts[end])) >= 0:
        end += 1
    return replace(
        item,
        parts=item.parts[start:end],
        categories=item.categories[start:end],
        kind_weight=item.kind_weight if start == 0 else 0.0,
    )


def _batches(items: Iterator[Item], pieces: int, chance: random.Random) -> list[list[Item]]:
    """Put messages of about the same length together, in random order."""
    ordered = sorted(items, key=lambda item: len(item) + chance.random() * 12)
    batches: list[list[Item]] = [[]]
    for item in ordered:
        if (len(batches[-1]) + 1) * len(item) > pieces and batches[-1]:
            batches.append([])
        batches[-1].append(item)
    chance.shuffle(batches)
    return batches


def _groups(learner: Network, settings: Settings) -> list[dict[str, object]]:
    """Let matrices decay, and biases and norms not."""
    moving = [p for p in learner.parameters() if p.requires_grad]
    matrices, others = [p for p in moving if p.ndim > 1], [p for p in moving if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": settings.decay},
        {"params": others, "weight_decay": 0.0},
    ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What answers are to say: of each sentence, and of each message.

    Chances, (sentences,), (sentences, categories) and (messages,).
    """

    flub: Tensor
    categories: Tensor
    note: Tensor

    def mixed(self, other: _Wanted, batch: Sequence[Item], heard: float) -> _Wanted:
        """Mix so much of the other in, and of altered messages all."""
        by_message = torch.tensor([1.0 if item.altered else heard for item in batch])
        share = by_message.repeat_interleave(torch.tensor([len(item.parts) for item in batch]))
        share, by_message = share.to(self.flub.device), by_message.to(self.flub.device)
        return _Wanted(
            torch.lerp(self.flub, other.flub, share),
            torch.lerp(self.categories, other.categories, share[:, None]),
            torch.lerp(self.note, other.note, by_message),
        )


def _loss(
    learner: Network, batch: Sequence[Item], settings: Settings, teacher: Network | None
) -> Tensor:
    """Add up the three questions' losses: each sentence a flub, of which category, a note."""
    where = learner.answers.weight.device
    *shown, is_sentence = laid_out_together(batch)
    shown = [one.to(where) for one in shown]
    sentences, note = _answers(learner, shown, is_sentence)
    wanted = _labels(batch, settings.smoothing, where)
    if teacher is not None:
        with torch.no_grad():
            opinion, on_note = _answers(teacher, shown, is_sentence)
        said = _Wanted(opinion[:, 0].sigmoid(), opinion[:, 1:-1].softmax(dim=-1), on_note.sigmoid())
        wanted = wanted.mixed(said, batch, settings.heard)
    weights = torch.tensor([item.weight for item in batch for _ in item.parts])
    loss = _yes_or_no(sentences[:, 0], wanted.flub, weights.to(where))
    flubs = _categories(batch) != _NO_CATEGORY
    if flubs.any():
        loss = loss + settings.category_weight * functional.cross_entropy(
            sentences[flubs, 1:-1], wanted.categories[flubs]
        )
    kind_weights = torch.tensor([item.kind_weight for item in batch])
    return loss + settings.kind_weight * _yes_or_no(note, wanted.note, kind_weights.to(where))


def _answers(
    network: Network, shown: Sequence[Tensor], is_sentence: Tensor
) -> tuple[Tensor, Tensor]:
    """Give the answers about each sentence, and whether each message is a note, in log-odds."""
    with torch.autocast(shown[0].device.type, torch.bfloat16):
        answers = network(*shown).float()
    return answers[is_sentence], answers[:, 0, -1]


def _labels(batch: Sequence[Item], smoothing: float, where: torch.device) -> _Wanted:
    categories = _categories(batch)
    is_flub = (categories != _NO_CATEGORY).float()
    one_of = functional.one_hot(categories.clamp(min=0), len(CATEGORIES)).float()
    is_note = torch.tensor([item.is_note for item in batch]).float()
    return _Wanted(
        (is_flub * (1 - 2 * smoothing) + smoothing).to(where),
        (one_of * (1 - smoothing) + smoothing / len(CATEGORIES)).to(where),
        (is_note * (1 - 2 * smoothing) + smoothing).to(where),
    )


def _yes_or_no(odds: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    losses = functional.binary_cross_entropy_with_logits(odds, wanted, reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def laid_out_together(batch: Sequence[Item]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Give word pieces, where to answer, where pieces are, and which answers are of sentences.

    (batch, pieces), (batch, places), (batch, pieces), (batch, places); shorter messages are
    filled up with nothing.
    """
    windows = [Window.of(item.head, item.parts) for item in batch]
    is_sentence = [(False,) * BEFORE + (True,) * len(window.ends) for window in windows]
    return (
        _filled([torch.tensor(window.pieces) for window in windows]),
        _filled([torch.tensor(window.asked) for window in windows]),
        _filled([torch.ones(len(window.pieces)) for window in windows]),
        _filled(list(map(torch.tensor, is_sentence))),
    )


def _filled(rows: list[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


def _categories(batch: Sequence[Item]) -> Tensor:
    found = chain.from_iterable(item.categories for item in batch)
    return torch.tensor([_NO_CATEGORY if one is None else one for one in found])
