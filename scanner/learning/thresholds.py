"""The gate and the presets' thresholds, chosen on messages that the heads were not fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scanner.core.classify import DEFAULT_PRESET, Thresholds
from scanner.errors import ConfigurationError
from scanner.learning.features import Mask
from scanner.learning.gate import Gate, paired, shut, unguarded
from scanner.learning.scores import Scores
from scanner.learning.words import Floats

LOWEST_KIND = 0.1
"""Below this probability a message is never taken for a note: it keeps ordinary mail cheap."""

# Of a standard deviation of the notes' odds, at the gate and at its last look: with 0.05 or 0.26 a
# warning about a held-out note is lost.
_HAIR_AT_GATE = 0.1
_LAST_HAIR = 0.27
_ENOUGH = 200  # notes, of which the lowest tells something of the next
_STEPS = 1000
_HAIR = 0.005
_LENIENT = 0.5  # of the base's `kind` and `sure`, chosen on mail that is not at hand
_ABOUT = 0.001  # of the share of messages that are told right
_GRID = tuple(step / 100 for step in range(1, 100))
# For what is compared: a hundredth more, for one clean note too many, costs `cautious` a point of
# recall.
_FINE = tuple(step / 1000 for step in range(10, 1000))


@dataclass(frozen=True, slots=True)
class Limits:
    """How many false alarms a preset may cost.

    `clean` is the share of clean notes that may be warned about, `other` that of the corpus's
    messages that are no notes, `ordinary` that of background mail.
    """

    clean: float
    other: float
    ordinary: float


# Of the corpus's clean notes every fourth is the twin of a flub one, and the others tempt as well:
# of those that strangers wrote, which no model had seen, a third as many are warned about. With as
# many as balanced allows, sentences' F1 is within two thousandths of the best. A false alarm in a
# thousand ordinary messages is what that preset may cost on the background, whose sort the encoder
# and the gate were shown; a stranger's mail may cost more.
LIMITS: Mapping[str, Limits] = {
    "cautious": Limits(clean=0.04, other=0.03, ordinary=0.0005),
    "balanced": Limits(clean=0.11, other=0.065, ordinary=0.001),
    "strict": Limits(clean=0.25, other=0.08, ordinary=0.002),
}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What heads said of messages they were not fitted on, beside the truth.

    Per message of the corpus `is_note`, `glimpses` and `exits` (for the gate), `kinds` and `folded`
    (probabilities); per sentence its `message` (an index), `is_flub`, `flubs` (probability) and
    `category` (its number); per message of the background the same as `ordinary_…`, of its
    sentences the likeliest.
    """

    is_note: Mask
    glimpses: Floats
    exits: Floats
    kinds: Floats
    folded: Floats
    message: NDArray[np.int64]
    is_flub: Mask
    flubs: Floats
    category: NDArray[np.int64]
    ordinary_glimpses: Floats
    ordinary_exits: Floats
    ordinary_kinds: Floats
    ordinary_flubs: Floats

    def passes(self, gate: Gate) -> Mask:
        """Mark the messages that pass a gate and are read to their end."""
        return gate.passes(self.glimpses) & gate.reads_on(self.exits)

    @property
    def likeliest(self) -> Floats:
        """Each message's likeliest sentence."""
        return highest(self.message, self.flubs, len(self.is_note))

    @property
    def is_clean(self) -> Mask:
        """Marks the notes without a flub."""
        clean: Mask = self.is_note & (highest(self.message, self.is_flub, len(self.is_note)) == 0)
        return clean


def highest(message: NDArray[np.int64], values: Floats | Mask, messages: int) -> Floats:
    """Give each message the highest value among its sentences, 0 where it has none."""
    result = np.zeros(messages, np.float32)
    np.maximum.at(result, message, values)
    return result


def gate_and_presets(held_out: HeldOut) -> tuple[Gate, dict[str, Thresholds]]:
    """Choose the gate, and every preset's thresholds as they are behind it.

    No flub note that the default preset warns about is turned away: each look asks for a hair less
    than the lowest of them has, which is an odd one among thousands. How wide a hair is depends on
    how far they lie apart. Where there was no ordinary mail, the heads have met nothing to tell
    notes from, and no message is turned away.
    """
    if not len(held_out.ordinary_kinds):
        return unguarded(), choose(held_out)
    presets = choose(held_out)
    found = _found(held_out, presets)
    gate = shut(_weights(held_out, found))
    # Behind a gate presets may be laxer, and find notes for which it has to be opened once more.
    while not held_out.passes(gate)[found].all():
        gate = gate.opened(held_out.glimpses[found], _HAIR_AT_GATE, _LAST_HAIR, _ENOUGH)
        gate = gate.reading_on(held_out.exits[found], _HAIR_AT_GATE, _ENOUGH)
        presets = choose(gated(held_out, gate))
        found = _found(held_out, presets)
    return gate, presets


def require_warnings(held_out: HeldOut, presets: Mapping[str, Thresholds]) -> None:
    """Raise `ConfigurationError` where the background has a preset warn about no flub note at all.

    Where the background is small, no message of it may be warned about. If one is a note by
    mistake, more may then be asked than any note has.
    """
    has_flub = held_out.is_note & ~held_out.is_clean
    for name, at in presets.items():
        found = warned(held_out.kinds, held_out.likeliest, at)[has_flub]
        like = (held_out.ordinary_kinds >= at.kind) & (held_out.ordinary_flubs >= at.flub)
        if like.any() and not found.any():
            raise ConfigurationError(
                f"the preset {name} would warn about no note, since of {len(like)} background "
                f"messages {like.sum()} may be one with a flub; label or take out what is one, "
                "or name more mail"
            )


def _found(held_out: HeldOut, presets: Mapping[str, Thresholds]) -> Mask:
    """Mark the flub notes that the default preset warns about; if it warns of none, all of them."""
    has_flub = held_out.is_note & ~held_out.is_clean
    found = has_flub & warned(held_out.kinds, held_out.likeliest, presets[DEFAULT_PRESET])
    return found if found.any() else has_flub


def _weights(held_out: HeldOut, found: Mask) -> tuple[float, ...]:
    """Fit the gate's last look: it tells the notes that were found from ordinary mail."""
    from sklearn.linear_model import LogisticRegression

    notes, others = paired(held_out.glimpses[found]), paired(held_out.ordinary_glimpses)
    answers = np.arange(len(notes) + len(others)) < len(notes)
    estimator = LogisticRegression(class_weight="balanced", max_iter=_STEPS)
    fitted = estimator.fit(np.vstack([notes, others]), answers)
    return tuple(round(float(weight), 4) for weight in fitted.coef_[0])


def gated(held_out: HeldOut, at: Gate) -> HeldOut:
    """Give the same with the gate in front: what is turned away is no note."""
    of_ordinary = at.passes(held_out.ordinary_glimpses) & at.reads_on(held_out.ordinary_exits)
    return replace(
        held_out,
        kinds=held_out.kinds * held_out.passes(at),
        ordinary_kinds=held_out.ordinary_kinds * of_ordinary,
    )


def without(held_out: HeldOut, messages: Mask) -> HeldOut:
    """Give the same without the messages marked, renumbered; the background stays."""
    keep = ~messages
    rows = keep[held_out.message]
    return replace(
        held_out,
        is_note=held_out.is_note[keep],
        glimpses=held_out.glimpses[keep],
        exits=held_out.exits[keep],
        kinds=held_out.kinds[keep],
        folded=held_out.folded[keep],
        message=(np.cumsum(keep) - 1)[held_out.message[rows]],
        is_flub=held_out.is_flub[rows],
        flubs=held_out.flubs[rows],
        category=held_out.category[rows],
    )


@dataclass(frozen=True, slots=True)
class Base:
    """The thresholds of a model that was moved, and what it said of the same messages."""

    thresholds: Mapping[str, Thresholds]
    held_out: HeldOut


def choose(held_out: HeldOut, base: Base | None = None) -> dict[str, Thresholds]:
    """Choose every preset's thresholds.

    `kind`: what is right of about as many messages of the corpus as can be. `flub`: the lowest that
    warns about no more clean notes than the preset allows. `sure`: the lowest that warns about no
    more other or background mail than it allows. `also`: the best sentence F1 after that. With a
    `base` all but `also` are the base's, unless another is needed to find as much, or finds more,
    and to warn about no more clean notes or other mail. What a preset shows, the ones after it show
    too.
    """
    chosen: dict[str, Thresholds] = {}
    most = Thresholds(1.0, 1.0, sure=1.0)
    for name, limits in LIMITS.items():
        at = _moved(held_out, limits, name, base) if base else _anew(held_out, limits)
        at = replace(at, flub=min(at.flub, most.flub), sure=min(at.sure, most.sure))
        at = replace(at, also=min(_also(held_out, at), most.also))
        chosen[name] = most = at
    return chosen


def _anew(held_out: HeldOut, limits: Limits) -> Thresholds:
    kind, flub = _kind(held_out), _flub(held_out, limits.clean)
    others = ~held_out.is_note
    quiet = (
        _quiet(held_out.kinds[others], held_out.likeliest[others] >= flub, limits.other),
        _quiet(held_out.ordinary_kinds, held_out.ordinary_flubs >= flub, limits.ordinary),
    )
    return Thresholds(kind, flub, sure=max(kind, *quiet))


def _moved(held_out: HeldOut, limits: Limits, name: str, base: Base) -> Thresholds:
    """Move a preset: ordinary mail that was learnt from lowers every note's probability a little.

    So what the base asked of a message is lowered until as many notes are recognised, or warned
    about, as before. But no more other and ordinary mail may be warned about.
    """
    at = base.thresholds[name]
    flub = _moved_flub(held_out, limits, name, base)
    notes, before = held_out.kinds[held_out.is_note], base.held_out.kinds[base.held_out.is_note]
    kind = _as_many(notes, int((before >= at.kind).sum()), at.kind)
    found, alarms = _would_warn(held_out, flub)
    found_before, alarms_before = _would_warn(base.held_out, at.flub)
    wanted = int((found_before >= at.sure).sum())
    allowed = int((alarms_before >= at.sure).sum())
    sure = max(_as_many(found, wanted, at.sure), _above(alarms, allowed))
    return Thresholds(min(kind, sure), flub, sure=sure)


def _as_many(kinds: Floats, wanted: int, before: float) -> float:
    """Give the threshold that as many messages pass as before, where it is below the one before."""
    if not wanted or not len(kinds):
        return before
    recalling = float(np.sort(kinds)[::-1][min(wanted, len(kinds)) - 1])
    return round(max(LOWEST_KIND, _LENIENT * before, min(before, recalling - _HAIR)), 3)


def _would_warn(held_out: HeldOut, flub: float) -> tuple[Floats, Floats]:
    """Give the probabilities to be notes, of notes with a flub and of what is no note.

    Only of those that would be warned about if they were surely notes.
    """
    sure = held_out.likeliest >= flub
    flubbed = held_out.kinds[held_out.is_note & ~held_out.is_clean & sure]
    others = held_out.kinds[~held_out.is_note & sure]
    ordinary = held_out.ordinary_kinds[held_out.ordinary_flubs >= flub]
    return flubbed, np.concatenate([others, ordinary])


def warned(kinds: Floats, likeliest: Floats, at: Thresholds) -> Mask:
    """Mark the messages that get a warning; `likeliest` is each one's likeliest sentence."""
    marks: Mask = (kinds >= max(at.kind, at.sure)) & (likeliest >= at.flub)
    return marks


def scores(held_out: HeldOut, chosen: Mapping[str, Thresholds]) -> dict[str, dict[str, float]]:
    """Score each preset on the messages its thresholds were chosen on (`evaluate` does better)."""
    return {name: _score(held_out, at) for name, at in chosen.items()}


def _moved_flub(held_out: HeldOut, limits: Limits, name: str, base: Base) -> float:
    """Choose the lowest `flub` that warns about no more clean notes than the base did."""
    clean = base.held_out.likeliest[base.held_out.is_clean]
    before = _share(clean >= base.thresholds[name].flub)
    return _flub(held_out, min(limits.clean, before), _FINE)


def _flub(held_out: HeldOut, most: float, grid: Sequence[float] = _GRID) -> float:
    """Give the lowest `flub` that warns about no more than that share of clean notes.

    The highest where there are no clean notes: nothing tells what a lower one would cost.
    """
    clean = held_out.likeliest[held_out.is_clean]
    if not len(clean):
        return grid[-1]
    return next((at for at in grid if _share(clean >= at) <= most), grid[-1])


def _also(held_out: HeldOut, at: Thresholds) -> float:
    """Choose the best sentence F1 that no further message need be warned about for."""
    marks = warned(held_out.kinds, held_out.likeliest, at)

    def f1(also: float) -> float:
        flagged = _flagged(held_out, marks, replace(at, also=also))
        return Scores.of(held_out.is_flub, flagged).f1

    return max((also for also in _GRID if also <= at.flub), key=f1)


def _flagged(held_out: HeldOut, marks: Mask, at: Thresholds) -> Mask:
    """Mark the sentences that are flubs in the messages that are warned about."""
    flagged: Mask = marks[held_out.message] & (held_out.flubs >= min(at.flub, at.also))
    return flagged


def _quiet(kinds: Floats, would_warn: Mask, most: float) -> float:
    """Give the `sure` from which on no more than that share of messages is warned about."""
    return _above(kinds[would_warn], int(most * len(kinds)))


def _above(kinds: Floats, allowed: int) -> float:
    """Give a hair more than the surest message has that must not be warned about."""
    falling = np.sort(kinds)[::-1]
    return round(float(falling[allowed]) + _HAIR, 3) if allowed < len(falling) else 0.0


def _kind(held_out: HeldOut) -> float:
    """Choose the median of all `kind` that are right of about as many messages as the best.

    The best of many is best by chance, and the gate is opened for what lies between two of them.
    """
    grid = [at for at in _GRID if at >= LOWEST_KIND]
    right = [_share((held_out.kinds >= at) == held_out.is_note) for at in grid]
    about = [at for at, share in zip(grid, right, strict=True) if share >= max(right) - _ABOUT]
    return about[len(about) // 2]


def _score(held_out: HeldOut, at: Thresholds) -> dict[str, float]:
    is_note = held_out.kinds >= at.kind
    marks = warned(held_out.kinds, held_out.likeliest, at)
    flagged = _flagged(held_out, marks, at)
    ordinary = warned(held_out.ordinary_kinds, held_out.ordinary_flubs, at)
    return {
        "sentence_f1": round(Scores.of(held_out.is_flub, flagged).f1, 4),
        "kind_accuracy": _share(is_note == held_out.is_note),
        "flub_notes_warned": _share(marks[held_out.is_note & ~held_out.is_clean]),
        "clean_notes_warned": _share(marks[held_out.is_clean]),
        "other_messages_warned": _share(marks[~held_out.is_note]),
        "background_warned": _share(ordinary),
    }


def _share(marks: Mask) -> float:
    return round(float(marks.mean()), 5) if len(marks) else 0.0
