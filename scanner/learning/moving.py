"""Move the shipped model by the user's own notes and ordinary mail, and say what they changed.

What the user's notes say of flubs is added (`leaning`). What is a note the shipped model
knows from ordinary mail that is not at hand, so that knowledge is only moved
(`adapting.adapted`). The same is done to each lesser model of the shipped one's rehearsal (see
there), with the user's messages dealt to the folds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import Thresholds
from scanner.core.draft import Sentences
from scanner.learning import (
    adapting,
    features,
    groups,
    leaning,
    matrices,
    readings,
    rehearsal,
    thresholds,
    trial,
    words,
)
from scanner.learning.answers import flub_odds
from scanner.learning.features import Mask
from scanner.learning.folds import folds, require_enough
from scanner.learning.gate import Gate, glimpses
from scanner.learning.heads import Heads
from scanner.learning.holding_out import held_out_of
from scanner.learning.ingredients import described
from scanner.learning.model import Model
from scanner.learning.preparing import Mail, ReadCorpus
from scanner.learning.rehearsal import NOWHERE, Folds, Rehearsal
from scanner.learning.thresholds import HeldOut
from scanner.learning.trial import Case, Side, Trial
from scanner.learning.words import message_text, whole_text

# How far a weight may be moved: the inverse of the penalty, chosen on held-out writers
# (at ten times as much the corpus itself moves, and more other mail passes for notes).
_ADAPTING_C = 3.0

# How far the gate may be opened at each look, in log-odds. Of ordinary mail (3,400 messages of
# Enron and of a mailing list) 1.6 % pass the shipped gate, and 2.8 % one that is so much wider.
# Without a bound, one message called a note by mistake could let a third of it pass.
_REACH = 1.0


@dataclass(frozen=True, slots=True)
class Start:
    """Where to start from: the shipped model, and its rehearsal on the shipped corpus."""

    model: Model
    rehearsal: Rehearsal


@dataclass(frozen=True)  # no slots: cached_property needs a __dict__
class TrainingSet:
    """The shipped corpus and the user's notes, marked as `yours`, as an encoder read them.

    `groups` names the messages that may not be parted (`groups.grouped`).
    """

    read: ReadCorpus
    yours: Mask
    groups: NDArray[np.str_]

    @property
    def mail(self) -> Mail:
        """All labelled messages."""
        return self.read.prepared.mail

    @property
    def ordinary(self) -> Mail:
        """The user's ordinary mail."""
        return self.read.ordinary

    @cached_property
    def needing(self) -> list[int]:
        """The user's notes with a flub, which are those that need reading, as indices."""
        mine: list[int] = np.flatnonzero(self.yours & self.read.prepared.has_flub).tolist()
        return mine

    @cached_property
    def names(self) -> list[str]:
        """Name the labelled messages as a rehearsal does."""
        return rehearsal.keys(self.mail.messages)

    @cached_property
    def ordinary_names(self) -> list[str]:
        """Name the ordinary mail."""
        return rehearsal.keys(self.ordinary.messages)

    @cached_property
    def ordinary_groups(self) -> NDArray[np.str_]:
        """Name the groups of ordinary mail that may not be parted."""
        return groups.of_mail(self.ordinary.messages, self.ordinary_names)


@dataclass(frozen=True, slots=True)
class Contender:
    """A model before a trial: its name, its thresholds, and how to ask it what it has not seen."""

    name: str
    thresholds: dict[str, Thresholds]
    rehearsal: Rehearsal


def moved(learnt: TrainingSet, start: Start, done: Callable[[], None]) -> tuple[Model, Rehearsal]:
    """Give the moved model and its rehearsal; `done` is called for each model that is fitted.

    Raises `ConfigurationError` where there is too little to fit anything to.
    """
    base, prepared = start.model, learnt.read.prepared
    fold, ordinary_fold = _dealt(learnt, start.rehearsal)
    numbers = range(len(start.rehearsal.heads))
    require_enough(
        prepared.is_note, prepared.message, prepared.categories, [fold == n for n in numbers]
    )

    def lesser(number: int) -> Heads:
        taught, heard = fold != number, ordinary_fold != number
        made = _heads(learnt, start.rehearsal.heads[number], taught, heard)
        done()
        return made

    lessers = rehearsal.in_threads(lesser, numbers)
    everything = np.ones(len(fold), bool), np.ones(len(ordinary_fold), bool)
    heads = _heads(learnt, base.heads, *everything)
    done()
    named = [*learnt.names, *learnt.ordinary_names]
    where = dict(zip(named, [*fold.tolist(), *ordinary_fold.tolist()], strict=True))
    own = Rehearsal(lessers, {name: n for name, n in where.items() if n != NOWHERE})
    held_out, before = (
        _held_out(learnt, one, fold, ordinary_fold) for one in (own, start.rehearsal)
    )
    chosen = thresholds.choose(held_out, thresholds.Base(base.thresholds, before))
    model = Model(
        "new",
        heads,
        _opened(base.gate, heads, learnt),
        chosen,
        base.encoder,
        _described(learnt, base) | {"scores": thresholds.scores(held_out, chosen)},
    )
    return model, own


def compared(learnt: TrainingSet, before: Contender, after: Contender) -> Trial:
    """Put both to the same messages, none of which either has learnt from.

    `after` must have been made of `learnt`; what `before` has not met is put to the lesser
    model that has learnt from as much of the corpus as its counterpart.
    """
    sides = [_places(learnt, one, after.rehearsal) for one in (before, after)]
    asked = (sides[0][0] != NOWHERE) & (sides[1][0] != NOWHERE)
    heard = (sides[0][1] != NOWHERE) & (sides[1][1] != NOWHERE)
    cases = [
        *trial.cases(learnt.read.projected, learnt.groups.tolist()),
        *_ordinary_cases(learnt),
    ]
    keep = np.concatenate([asked, heard])
    yours = np.concatenate([learnt.yours, np.ones(len(heard), bool)])
    return Trial(
        tuple(
            replace(case, is_yours=mine)
            for case, mine, kept in zip(cases, yours.tolist(), keep.tolist(), strict=True)
            if kept
        ),
        _side(learnt, before, sides[0], keep),
        _side(learnt, after, sides[1], keep),
    )


def opened(gate: Gate, heads: Heads, notes: Sequence[Sentences]) -> Gate:
    """Open a gate for notes that need reading; `heads` say what it asks of them.

    It stays shut to notes that it would have to be opened far for: much other mail would pass, too.
    """
    wholes = [words.bag(message_text(note)) for note in notes]
    seen = glimpses(
        heads.first.odds([whole_text(note) for note in notes]),
        heads.note_odds(wholes).tolist(),
        [heads.hints([words.bag(sentence.text) for sentence in note.items]) for note in notes],
        heads.closer_odds(wholes).tolist(),
    )
    return gate.opened(seen[gate.wider(_REACH).passes(seen)])


def _opened(gate: Gate, heads: Heads, learnt: TrainingSet) -> Gate:
    """Open a gate for the user's notes, which are read to their end whatever the exit says."""
    mail, needing = learnt.mail, learnt.needing
    said = readings.exits([mail.readings[n] for n in needing])
    return opened(gate, heads, [mail.messages[n] for n in needing]).reading_on(said)


def _heads(learnt: TrainingSet, start: Heads, taught: Mask, heard: Mask) -> Heads:
    """Move heads by the messages marked: those of the corpus `taught`, and ordinary ones `heard`.

    Without the corpus beside yours, a thousand notes would make every word a sign of a note.
    """
    prepared, ordinary = learnt.read.prepared, learnt.ordinary
    rows, others = np.flatnonzero(taught), np.flatnonzero(heard)
    note, kind = start.note, start.kind
    is_new = bool((learnt.yours & taught).any())
    if is_new or len(others):
        counts = matrices.vstack(prepared.mail.words[rows], ordinary.words[others])
        answers = np.concatenate([prepared.is_note[rows], np.zeros(len(others), bool)])
        dense = np.vstack([prepared.mail.dense[rows], ordinary.dense[others]])
        mine = leaning.counting(learnt.yours[rows])
        weights = np.concatenate([mine, np.ones(len(others), np.float32)])
        bare = features.bare(len(answers))
        note = adapting.adapted(note, counts, bare, answers, _ADAPTING_C, counting=weights)
        kind = adapting.adapted(kind, counts, dense, answers, _ADAPTING_C, counting=weights)
    if not is_new:  # nothing was said about flubs
        return replace(start, note=note, kind=kind)
    # The shipped model has nothing of anybody's own yet.
    mail = prepared.mail
    said = flub_odds(start, mail.sentence_words, mail.sentence_dense, mail.message)
    own = leaning.flub(prepared, said, start.flub.idf, taught, learnt.yours)
    return replace(start, note=note, kind=kind, own=own)


def _dealt(learnt: TrainingSet, base: Rehearsal) -> tuple[Folds, Folds]:
    """Deal the user's messages to the folds of the corpus: with those like them, or else evenly."""
    otherwise = np.full(len(learnt.yours), NOWHERE)
    places = np.flatnonzero(learnt.yours)
    for number, part in enumerate(folds(learnt.groups[learnt.yours], len(base.heads))):
        otherwise[places[part]] = number
    fold = rehearsal.places(learnt.names, learnt.groups, base, otherwise)
    return fold, _by_name(learnt.ordinary_groups, len(base.heads))


def _by_name(grouped: NDArray[np.str_], count: int) -> Folds:
    """Deal ordinary mail by its group's hash, so that it lies in the same fold every time."""
    return np.array([int(name, 16) % count for name in grouped.tolist()], np.int64)


def _held_out(learnt: TrainingSet, own: Rehearsal, fold: Folds, ordinary_fold: Folds) -> HeldOut:
    prepared, ordinary = learnt.read.prepared, learnt.ordinary
    said = rehearsal.ask(own, prepared.mail, fold)
    told = held_out_of(prepared, ordinary, said, rehearsal.ask(own, ordinary, ordinary_fold))
    return thresholds.without(told, fold == NOWHERE)


def _described(learnt: TrainingSet, base: Model) -> dict[str, Any]:
    """Say what the model was made of; of the user's own things only how many they are."""
    said = described(learnt.read, base.encoder.known().writers)
    prepared, mine = learnt.read.prepared, learnt.yours
    return said | {
        "base": base.version,
        "yours": {
            "with_flubs": int((mine & prepared.has_flub).sum()),
            "clean": int((mine & prepared.is_note & ~prepared.has_flub).sum()),
            "other": int((mine & ~prepared.is_note).sum()),
        },
        "background": said["background"]
        | {"kind_taken_from": base.version, "of_that": base.metadata.get("background", {})},
    }


def _places(learnt: TrainingSet, one: Contender, newest: Rehearsal) -> tuple[Folds, Folds]:
    mails = (
        (learnt.names, learnt.groups),
        (learnt.ordinary_names, learnt.ordinary_groups),
    )
    labelled, ordinary = (
        rehearsal.places(named, grouped, one.rehearsal, newest.of(named))
        for named, grouped in mails
    )
    return labelled, ordinary


def _side(learnt: TrainingSet, one: Contender, places: tuple[Folds, Folds], keep: Mask) -> Side:
    mails = (learnt.mail, learnt.ordinary)
    said = [
        prediction
        for mail, place in zip(mails, places, strict=True)
        for prediction in rehearsal.ask(one.rehearsal, mail, place).predictions(mail)
    ]
    kept = [said[n] for n in np.flatnonzero(keep).tolist()]
    return trial.side(one.name, kept, one.thresholds)


def _ordinary_cases(learnt: TrainingSet) -> list[Case]:
    return [
        Case(
            id=f"ordinary {number}",
            writer="ordinary",
            group=f"ordinary {group}",
            is_note=False,
            texts=tuple(sentence.text for sentence in message.items),
            truth=(None,) * len(message.items),
            is_ordinary=True,
        )
        for number, (group, message) in enumerate(
            zip(learnt.ordinary_groups.tolist(), learnt.ordinary.messages, strict=True), 1
        )
    ]
