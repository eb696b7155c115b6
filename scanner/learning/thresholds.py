"""From which probability on: chosen on messages that the estimators were not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from scanner.core.classify import Thresholds
from scanner.learning.features import Mask
from scanner.learning.gate import COLUMNS, Gate
from scanner.learning.scores import Scores
from scanner.learning.words import Floats

LOWEST_KIND = 0.1
"""Below this probability a message is never taken for a note: it keeps ordinary mail cheap."""

# A note and a flub below this probability no preset comes near to.
_MIGHT_BE = 0.2
_NEARLY_A_NOTE = 0.3  # for the closer look, which a few odd notes would open wide
_GATE_MARGIN = 0.05
_WEIGHED = COLUMNS - 1  # of a glimpse; the closer look has a threshold of its own
_HAIR = 0.005
_AS_GOOD = 0.003  # of F1
_LENIENT = 0.5  # of the base's `kind`, which was chosen on mail that is not at hand
_GRID = tuple(step / 100 for step in range(1, 100))


@dataclass(frozen=True, slots=True)
class Preset:
    """How many false alarms a preset may cost.

    `clean` is the share of clean notes that may be warned about, `other` that of the corpus's
    messages that are no notes, `ordinary` that of background mail; `unrecognised` is the share of
    notes worth giving up for fewer of them.
    """

    clean: float
    other: float
    ordinary: float
    unrecognised: float


# The background is mail of the sort that the encoder was shown, and the gate was fitted to; a
# stranger's is met with more false alarms, so hardly any are allowed here.
PRESETS: Mapping[str, Preset] = {
    "cautious": Preset(clean=0.04, other=0.03, ordinary=0.0001, unrecognised=0.06),
    "balanced": Preset(clean=0.12, other=0.05, ordinary=0.0002, unrecognised=0.03),
    "strict": Preset(clean=0.25, other=0.08, ordinary=0.0005, unrecognised=0.015),
}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What heads said of messages they were not fitted on, beside the truth.

    Per message of the corpus `is_note`, `glimpses` (for the gate) and `kinds` (probability); per
    sentence its `message` (an index), `is_flub`, `flubs` (probability) and `category` (its
    number); per message of the background the same as `ordinary_…`, of its sentences the
    likeliest.
    """

    is_note: Mask
    glimpses: Floats
    kinds: Floats
    message: NDArray[np.int64]
    is_flub: Mask
    flubs: Floats
    category: NDArray[np.int64]
    ordinary_glimpses: Floats
    ordinary_kinds: Floats
    ordinary_flubs: Floats

    @classmethod
    def empty(
        cls, is_note: Mask, message: NDArray[np.int64], is_flub: Mask, ordinary: int
    ) -> HeldOut:
        """Make room for what will be said."""

        def room(*shape: int) -> Floats:
            return np.zeros(shape, np.float32)

        return cls(
            is_note, room(len(is_note), COLUMNS), room(len(is_note)), message, is_flub,
            room(len(is_flub)), np.zeros(len(is_flub), np.int64),
            room(ordinary, COLUMNS), room(ordinary), room(ordinary),
        )  # fmt: skip

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
    """Choose the gate, and every preset's thresholds as they are behind it."""
    wide = _gate(held_out)
    read = held_out.glimpses[_found(held_out, _NEARLY_A_NOTE)]
    gate = replace(wide, closer=_below(read[:, -1]))
    return gate, choose(gated(held_out, gate))


def _gate(held_out: HeldOut) -> Gate:
    """Choose the gate without its closer look: no note that might be warned about is turned away.

    The second look is fitted to tell flub notes from ordinary mail, or where there is none
    from other messages of the corpus. Both looks ask for a hair less than what the lowest held
    out has, which is an odd one among thousands.
    """
    has_flub = held_out.is_note & ~held_out.is_clean
    ordinary = held_out.ordinary_glimpses
    others = ordinary if len(ordinary) else held_out.glimpses[~held_out.is_note]
    seen = np.vstack([held_out.glimpses[has_flub], others])[:, :_WEIGHED]
    fitted = LogisticRegression().fit(seen, np.arange(len(seen)) < has_flub.sum())
    weights = tuple(round(float(weight), 4) for weight in fitted.coef_[0])
    look = Gate(-np.inf, -np.inf, -np.inf, weights)
    read = held_out.glimpses[_found(held_out, _MIGHT_BE)]
    return replace(look, first=_below(read[:, 0]), second=_below(look.worth(read)))


def _found(held_out: HeldOut, kind: float) -> Mask:
    """Mark the flub notes that might be warned about; all where there is none."""
    has_flub = held_out.is_note & ~held_out.is_clean
    found: Mask = has_flub & (held_out.kinds >= kind) & (held_out.likeliest >= _MIGHT_BE)
    return found if found.any() else has_flub


def _below(odds: Floats) -> float:
    return round(float(odds.min()) - _GATE_MARGIN, 3)


def gated(held_out: HeldOut, at: Gate) -> HeldOut:
    """Give the same with the gate in front: what is turned away is no note."""
    return replace(
        held_out,
        kinds=held_out.kinds * at.passes(held_out.glimpses),
        ordinary_kinds=held_out.ordinary_kinds * at.passes(held_out.ordinary_glimpses),
    )


def without(held_out: HeldOut, messages: Mask) -> HeldOut:
    """Give the same without the messages marked, renumbered; the background stays."""
    keep = ~messages
    rows = keep[held_out.message]
    return replace(
        held_out,
        is_note=held_out.is_note[keep],
        glimpses=held_out.glimpses[keep],
        kinds=held_out.kinds[keep],
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

    `flub`: the best sentence F1 among those that warn about no more clean notes than the
    preset allows, and `also` the best after that. `kind`: the highest that recognises nearly
    all notes, and higher still where that would warn about more other or background mail than
    allowed; without background the best balance on the corpus. With a `base` both are the base's,
    unless another `flub` is clearly better or is needed to warn about no more clean notes than the
    base, or another `kind` to find as much, and to warn about no more other mail.
    """
    chosen = {}
    for name, preset in PRESETS.items():
        flub = _moved_flub(held_out, preset, name, base) if base else _flub(held_out, preset.clean)
        kind = _moved_kind(held_out, flub, name, base) if base else _kind(held_out, flub, preset)
        chosen[name] = Thresholds(kind, flub, _also(held_out, kind, flub))
    return chosen


def _moved_kind(held_out: HeldOut, flub: float, preset: str, base: Base) -> float:
    """Keep the base's, or a lower one that still finds as many flub notes as the base did.

    For ordinary mail that was learnt from lowers the probability of every note a little. But
    no more other and ordinary mail may be warned about.
    """
    at = base.thresholds[preset]
    found, alarms = _warnings(held_out, flub)
    wanted, allowed = (int((kinds >= at.kind).sum()) for kinds in _warnings(base.held_out, at.flub))
    recalling = float(found[min(wanted, len(found)) - 1]) if wanted and len(found) else at.kind
    lowest = max(LOWEST_KIND, _LENIENT * at.kind)
    return round(max(lowest, min(at.kind, recalling - _HAIR), _above(alarms, allowed)), 3)


def _warnings(held_out: HeldOut, flub: float) -> tuple[Floats, Floats]:
    """Give how probably notes they are, falling: notes with a flub, and what is no note.

    Of those alone that would be warned about, were they surely notes.
    """
    sure = held_out.likeliest >= flub
    flubbed = held_out.kinds[held_out.is_note & ~held_out.is_clean & sure]
    others = held_out.kinds[~held_out.is_note & sure]
    ordinary = held_out.ordinary_kinds[held_out.ordinary_flubs >= flub]
    return np.sort(flubbed)[::-1], np.sort(np.concatenate([others, ordinary]))[::-1]


def scores(held_out: HeldOut, chosen: Mapping[str, Thresholds]) -> dict[str, dict[str, float]]:
    """Score each preset on the messages its thresholds were chosen on (`evaluate` does better)."""
    return {name: _score(held_out, at) for name, at in chosen.items()}


def _moved_flub(held_out: HeldOut, preset: Preset, name: str, base: Base) -> float:
    """Choose the lowest that warns about no more clean notes than the base did.

    A higher one only where it is clearly better, for the best of many is best by chance.
    """
    clean = base.held_out.likeliest[base.held_out.is_clean]
    before = _share(clean >= base.thresholds[name].flub)
    reached = _reached(held_out, min(preset.clean, before))
    return min(at for at, f1 in reached.items() if f1 >= max(reached.values()) - _AS_GOOD)


def _flub(held_out: HeldOut, most: float) -> float:
    reached = _reached(held_out, most)
    return max(reached, key=reached.__getitem__)


def _reached(held_out: HeldOut, most: float) -> dict[float, float]:
    """Give the F1 of each threshold that warns about no more than that share of clean notes."""
    notes = held_out.is_note[held_out.message]
    truth, said = held_out.is_flub[notes], held_out.flubs[notes]
    clean = held_out.likeliest[held_out.is_clean]
    allowed = [at for at in _GRID if _share(clean >= at) <= most]
    return {at: Scores.of(truth, said >= at).f1 for at in allowed or _GRID[-1:]}


def _also(held_out: HeldOut, kind: float, flub: float) -> float:
    """Choose the best sentence F1 that no further message need be warned about for."""
    warned = (held_out.kinds >= kind) & (held_out.likeliest >= flub)

    def f1(also: float) -> float:
        flagged = _flagged(held_out, warned, Thresholds(kind, flub, also))
        return Scores.of(held_out.is_flub, flagged).f1

    return max((at for at in _GRID if at <= flub), key=f1)


def _flagged(held_out: HeldOut, warned: Mask, at: Thresholds) -> Mask:
    """Mark the sentences that are flubs in the messages that are warned about."""
    marks: Mask = warned[held_out.message] & (held_out.flubs >= min(at.flub, at.also))
    return marks


def _kind(held_out: HeldOut, flub: float, preset: Preset) -> float:
    if not len(held_out.ordinary_kinds):
        return _balanced_kind(held_out)
    worth = float(np.quantile(held_out.kinds[held_out.is_note], preset.unrecognised))
    others = ~held_out.is_note
    quiet = (
        _quiet(held_out.kinds[others], held_out.likeliest[others] >= flub, preset.other),
        _quiet(held_out.ordinary_kinds, held_out.ordinary_flubs >= flub, preset.ordinary),
    )
    return round(max(LOWEST_KIND, worth, *quiet), 3)


def _quiet(kinds: Floats, would_warn: Mask, most: float) -> float:
    """Give from where on no more than that share of messages is warned about."""
    return _above(np.sort(kinds[would_warn])[::-1], int(most * len(kinds)))


def _above(falling: Floats, allowed: int) -> float:
    """Give a hair more than the first message that must not be warned about any more has."""
    return float(falling[allowed]) + _HAIR if allowed < len(falling) else 0.0


def _balanced_kind(held_out: HeldOut) -> float:
    notes, others = held_out.kinds[held_out.is_note], held_out.kinds[~held_out.is_note]
    grid = [at for at in _GRID if at >= LOWEST_KIND]
    return max(grid, key=lambda at: _share(notes >= at) + _share(others < at))


def _score(held_out: HeldOut, at: Thresholds) -> dict[str, float]:
    is_note = held_out.kinds >= at.kind
    warned = is_note & (held_out.likeliest >= at.flub)
    flagged = _flagged(held_out, warned, at)
    ordinary = (held_out.ordinary_kinds >= at.kind) & (held_out.ordinary_flubs >= at.flub)
    return {
        "sentence_f1": round(Scores.of(held_out.is_flub, flagged).f1, 4),
        "kind_accuracy": _share(is_note == held_out.is_note),
        "flub_notes_warned": _share(warned[held_out.is_note & ~held_out.is_clean]),
        "clean_notes_warned": _share(warned[held_out.is_clean]),
        "other_messages_warned": _share(warned[~held_out.is_note]),
        "background_warned": _share(ordinary),
    }


def _share(marks: Mask) -> float:
    return round(float(marks.mean()), 5) if len(marks) else 0.0
