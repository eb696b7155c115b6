"""Fine-tune one network on whole notes: what it is shown, and what it is to say of that."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn import functional

import scanner
from scanner.core.classify import CATEGORIES
from scanner.core.draft import Sentences
from scanner.learning import accelerator
from scanner.learning import base as base_model
from scanner.learning.corpus import Projected
from scanner.learning.network import Network
from scanner.learning.windows import BEFORE, LENGTH, Part, Tokens, Window

_NO_CATEGORY = -1

# Sentences of ordinary mail that are mixed into a note: how long they are, in word pieces, and how
# many at most.
_MIXED_PIECES = range(6, 41)
_MOST_MIXED = 3
# Of a message that is thinned: the share of its sentences that stay, and how many at least.
_KEPT = 0.7
_FEWEST_KEPT = 3
# Of a message that is altered: the share of its word pieces that stay.
_PIECES_KEPT = 0.85
# In word pieces: mostly short, to save time; some whole, or length would become the sign of a note.
_ORDINARY_LENGTHS = (128, 128, LENGTH)


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
    """With a teacher: the share of what it says in the targets; the rest are the labels.

    A network that learns further has itself, as it was before, for a teacher; of what is new to it
    only the labels count.
    """
    altered: float = 0.0
    """With a teacher: the share of messages that lose words, whose targets are what it says."""
    again: int = 4000
    """Where networks learn further: so many of the messages they know are shown once more."""


ALONE = (Settings(),)
"""For the one network that leaves out a part of the writers, without a teacher.

The mean of two that differ by chance alone is hardly better on that part (F1 of sentences 0.851
instead of 0.848 and 0.850), and takes twice as long.
"""

FURTHER = Settings(epochs=3, rate=1e-4, warm_up=0.1, background=325, heard=0.8)
"""For networks that know most of the corpus already."""

TEACHER = Settings(epochs=4, rate=1e-4, pieces=4096)
"""For a teacher, which is larger."""

TAUGHT = (
    Settings(epochs=8, rate=2e-4, pieces=4096, heard=0.7, altered=0.5),
    Settings(epochs=8, rate=4e-4, pieces=4096, heard=0.9, altered=0.5),
)
"""For the two that have a teacher: they see more, of which not all is labelled."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message to learn from: its word pieces, and the truth of each sentence.

    Where there is a teacher, `heard` is the share of what it says in the targets; None leaves that
    to the settings.
    """

    head: Part
    parts: Sequence[Part]
    categories: Sequence[int | None]
    is_note: bool
    weight: float
    kind_weight: float
    heard: float | None = None

    def __len__(self) -> int:
        """Count the word pieces."""
        return len(self.head) + sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one network learns from and how, from a base model or `onwards` from another.

    The network that learns from the lesson `teacher` teaches this one.
    """

    notes: Sequence[Item]
    ordinary: Sequence[Item]
    settings: Settings
    seed: int
    base: Callable[[], Network] = base_model.model
    onwards: Network | None = None
    teacher: Lesson | None = None

    @property
    def name(self) -> str:
        """Give a name that changes with whatever the result depends on."""
        versions = (scanner.__version__, torch.__version__)
        its = (self.notes, self.ordinary, self.settings, self.seed)
        said = sha256(repr((versions, its)).encode())
        said.update(self.base.__module__.encode())
        said.update(self.teacher.name.encode() if self.teacher else b"")
        for weights in self.onwards.state_dict().values() if self.onwards else ():
            said.update(weights.numpy().tobytes())
        return said.hexdigest()[:16]


def fine_tune(
    lesson: Lesson, told: Callable[[float, float], None], taught_by: Network | None = None
) -> Network:
    """Fine-tune as a lesson says, on an accelerator where there is one.

    The learning rate rises and then falls to nothing. `told` hears after each step how far it is,
    from 0 to 1, and the loss. `taught_by` is the teacher: what it says is mixed with the labels.
    """
    settings = lesson.settings
    torch.manual_seed(lesson.seed)
    where = accelerator.device()
    learner = copy.deepcopy(lesson.onwards or lesson.base()).to(where)
    learner.dropout.p = settings.dropout
    if taught_by is not None:
        taught_by = copy.deepcopy(taught_by).to(where, torch.bfloat16).eval()
    # The words keep their meaning: moving half of all weights gains nothing and takes time.
    learner.words.requires_grad_(requires_grad=False)
    learner.train()
    batches = _all_batches(lesson)
    optimizer = torch.optim.AdamW(_groups(learner, settings), lr=settings.rate, fused=True)
    rising = max(1, int(settings.warm_up * len(batches)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, 1 - step / len(batches))
    )
    for step, batch in enumerate(batches):
        loss = _loss(learner, batch, settings, taught_by)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        told((step + 1) / len(batches), loss.item())
    return learner.cpu()


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


def _all_batches(lesson: Lesson) -> list[list[Item]]:
    """Give the batches of all epochs, in order."""
    settings = lesson.settings
    chance = random.Random(lesson.seed)  # noqa: S311 - nothing secret hangs on it
    batches: list[list[Item]] = []
    for _ in range(settings.epochs):
        shown = _epoch(lesson.notes, lesson.ordinary, settings, chance)
        batches += _batches(shown, settings.pieces, chance)
    return batches


def _epoch(
    notes: Sequence[Item], ordinary: Sequence[Item], settings: Settings, chance: random.Random
) -> Iterator[Item]:
    """Give every labelled message once, some with ordinary sentences mixed in.

    Composed notes alone would let the encoder take the style of ordinary mail for the sign
    of "other": a plain sentence such as ordinary mail is full of must not speak against a note.
    """
    pool = [part for item in ordinary for part in item.parts if len(part) in _MIXED_PIECES]
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
    """Leave out words here and there: the labels may not fit what is left, so the teacher says."""
    if chance.random() >= settings.altered:
        return item
    parts = [
        (*(piece for piece in part[:-1] if chance.random() < _PIECES_KEPT), part[-1])
        for part in item.parts
    ]
    return replace(item, parts=parts, heard=1.0)


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
class _Targets:
    """The probabilities that the answers should give.

    `flub` (sentences,), `categories` (sentences, categories) and `note` (messages,).
    """

    flub: Tensor
    categories: Tensor
    note: Tensor

    def mixed(self, other: _Targets, batch: Sequence[Item], heard: float) -> _Targets:
        """Mix in the other ones with the share `heard`, unless a message has a share of its own."""
        by_message = torch.tensor([heard if one.heard is None else one.heard for one in batch])
        share = by_message.repeat_interleave(torch.tensor([len(item.parts) for item in batch]))
        share, by_message = share.to(self.flub.device), by_message.to(self.flub.device)
        return _Targets(
            torch.lerp(self.flub, other.flub, share),
            torch.lerp(self.categories, other.categories, share[:, None]),
            torch.lerp(self.note, other.note, by_message),
        )


def _loss(
    learner: Network, batch: Sequence[Item], settings: Settings, taught_by: Network | None
) -> Tensor:
    """Add up the three questions' losses: each sentence a flub, of which category, a note."""
    where = learner.answers.weight.device
    *shown, is_sentence = laid_out_together(batch)
    shown = [one.to(where) for one in shown]
    sentences, note = _answers(learner, shown, is_sentence)
    categories = _categories(batch)
    targets = _labels(batch, categories, settings.smoothing, where)
    if taught_by is not None:
        with torch.no_grad():
            opinion, on_note = _answers(taught_by, shown, is_sentence)
        said = _Targets(
            opinion[:, 0].sigmoid(), opinion[:, 1:-1].softmax(dim=-1), on_note.sigmoid()
        )
        targets = targets.mixed(said, batch, settings.heard)
    weights = torch.tensor([item.weight for item in batch for _ in item.parts])
    loss = _yes_or_no(sentences[:, 0], targets.flub, weights.to(where))
    flubs = categories != _NO_CATEGORY
    if flubs.any():
        loss = loss + settings.category_weight * functional.cross_entropy(
            sentences[flubs, 1:-1], targets.categories[flubs]
        )
    kind_weights = torch.tensor([item.kind_weight for item in batch])
    return loss + settings.kind_weight * _yes_or_no(note, targets.note, kind_weights.to(where))


def _answers(
    network: Network, shown: Sequence[Tensor], is_sentence: Tensor
) -> tuple[Tensor, Tensor]:
    """Give the answers about each sentence, and whether each message is a note, in log-odds."""
    with torch.autocast(shown[0].device.type, torch.bfloat16):
        answers = network(*shown).float()
    return answers[is_sentence], answers[:, 0, -1]


def _labels(
    batch: Sequence[Item], categories: Tensor, smoothing: float, where: torch.device
) -> _Targets:
    is_flub = (categories != _NO_CATEGORY).float()
    one_of = functional.one_hot(categories.clamp(min=0), len(CATEGORIES)).float()
    is_note = torch.tensor([item.is_note for item in batch]).float()
    return _Targets(
        (is_flub * (1 - 2 * smoothing) + smoothing).to(where),
        (one_of * (1 - smoothing) + smoothing / len(CATEGORIES)).to(where),
        (is_note * (1 - 2 * smoothing) + smoothing).to(where),
    )


def _yes_or_no(odds: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    losses = functional.binary_cross_entropy_with_logits(odds, targets, reduction="none")
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
