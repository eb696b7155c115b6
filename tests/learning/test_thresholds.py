"""What a preset may cost is what it costs, on the messages that its thresholds are chosen on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scanner.core.classify import Thresholds
from scanner.errors import ConfigurationError
from scanner.learning.gate import COLUMNS
from scanner.learning.thresholds import (
    LIMITS,
    Base,
    HeldOut,
    choose,
    gate_and_presets,
    require_warnings,
    warned,
    without,
)
from scanner.learning.words import Floats

EACH = 200
"""So many notes with a flub, clean ones, and messages that are no notes; a sentence each."""
ORDINARY = 4000


@pytest.fixture
def held_out() -> HeldOut:
    """Heads that tell notes and flubs by half, and take other messages for flubs always."""
    chance = np.random.default_rng(1)
    is_note, is_flub = np.arange(3 * EACH) < 2 * EACH, np.arange(3 * EACH) < EACH
    kinds, flubs = chance.beta(2, 2, 3 * EACH), chance.beta(2, 2, 3 * EACH)
    nothing = np.zeros(0, np.float32)
    return HeldOut(
        is_note=is_note,
        glimpses=np.zeros((3 * EACH, COLUMNS), np.float32),
        exits=np.full(3 * EACH, np.inf, np.float32),
        folded=np.zeros(3 * EACH, np.float32),
        message=np.arange(3 * EACH),
        is_flub=is_flub,
        category=np.zeros(3 * EACH, np.int64),
        ordinary_glimpses=np.zeros((0, COLUMNS), np.float32),
        ordinary_exits=nothing,
        ordinary_kinds=nothing,
        ordinary_flubs=nothing,
        kinds=np.where(is_note, (1 + kinds) / 2, kinds).astype(np.float32),
        flubs=np.where(is_flub, (1 + flubs) / 2, np.where(is_note, flubs, 1)).astype(np.float32),
    )


@pytest.fixture
def amid_mail(held_out: HeldOut) -> HeldOut:
    """Notes that are told well, and much mail that is taken for flubs, and nearly for notes."""
    kinds = np.where(held_out.is_note, held_out.kinds, 0.7 * held_out.kinds)
    ordinary = 0.85 * np.random.default_rng(2).beta(2, 2, ORDINARY)
    return beside(replace(held_out, kinds=kinds), ordinary, np.ones(ORDINARY))


def beside(held_out: HeldOut, kinds: Floats, flubs: Floats) -> HeldOut:
    """Give the same with ordinary mail of which that was said."""
    return replace(
        held_out,
        ordinary_glimpses=np.zeros((len(kinds), COLUMNS), np.float32),
        ordinary_exits=np.full(len(kinds), np.inf, np.float32),
        ordinary_kinds=kinds.astype(np.float32),
        ordinary_flubs=flubs.astype(np.float32),
    )


def has_flub(held_out: HeldOut) -> np.ndarray:
    return held_out.is_note & ~held_out.is_clean


def found(held_out: HeldOut, at: Thresholds) -> int:
    """Count the flub notes that are warned about."""
    return int(warned(held_out.kinds, held_out.likeliest, at)[has_flub(held_out)].sum())


def alarms(held_out: HeldOut, at: Thresholds) -> int:
    """Count what is no note and warned about all the same."""
    others = warned(held_out.kinds, held_out.likeliest, at)[~held_out.is_note]
    return int(others.sum() + warned(held_out.ordinary_kinds, held_out.ordinary_flubs, at).sum())


@pytest.mark.parametrize("preset", LIMITS)
def test_no_more_messages_are_warned_about_than_the_preset_allows(held_out: HeldOut, preset: str):
    """Neither clean notes nor messages that are none; and some flub notes all the same."""
    at = choose(held_out)[preset]
    marks = warned(held_out.kinds, held_out.likeliest, at)
    assert marks[held_out.is_clean].mean() <= LIMITS[preset].clean
    assert marks[~held_out.is_note].mean() <= LIMITS[preset].other
    assert found(held_out, at)


@pytest.mark.parametrize("preset", LIMITS)
def test_no_more_ordinary_mail_is_warned_about_than_the_preset_allows(
    amid_mail: HeldOut, preset: str
):
    """As much as that, and hardly less; where there is no look at it, it is more."""

    def share(at: Thresholds) -> float:
        return float(warned(amid_mail.ordinary_kinds, amid_mail.ordinary_flubs, at).mean())

    alone = beside(amid_mail, np.zeros(0), np.zeros(0))
    at, unaware = choose(amid_mail)[preset], choose(alone)[preset]
    assert share(at) <= LIMITS[preset].ordinary < share(unaware)
    assert share(replace(at, sure=at.sure - 0.006)) > LIMITS[preset].ordinary
    assert found(amid_mail, at)


def test_what_a_preset_shows_the_laxer_ones_show_too(held_out: HeldOut):
    """Whoever asks to miss less is shown no less."""
    cautious, balanced, strict = choose(held_out).values()
    for one, other in ((cautious, balanced), (balanced, strict)):
        assert one.flub >= other.flub
        assert one.also >= other.also
        assert one.sure >= other.sure


def test_what_is_a_note_is_told_amid_the_thresholds_that_are_about_as_good(held_out: HeldOut):
    """Where nothing lies between 0.2 and 0.9 all between are as good; one other tells little."""
    kinds = np.where(held_out.is_note, 0.9, 0.2)
    kinds[-1] = 0.3
    apart = replace(held_out, kinds=kinds.astype(np.float32))
    assert [at.kind for at in choose(apart).values()] == pytest.approx([0.55] * 3, abs=0.06)


def test_without_a_clean_note_as_little_as_possible_is_shown(held_out: HeldOut):
    """That none is warned about says nothing where there is none."""
    for at in choose(without(held_out, held_out.is_clean)).values():
        assert at.flub == pytest.approx(0.99)


def test_a_preset_that_ordinary_mail_has_silenced_is_refused_with_how_much_of_it_did(
    held_out: HeldOut,
):
    """As much as is read as flub notes; where there is none, it is the notes that are too few."""
    require_warnings(held_out, choose(held_out))
    kinds, flubs = np.full(500, 0.01), np.full(500, 0.9)
    kinds[:2] = 0.997
    among = beside(held_out, kinds, flubs)
    with pytest.raises(ConfigurationError, match="of 500 background messages 2 may be"):
        require_warnings(among, choose(among))
    require_warnings(held_out, {"cautious": Thresholds(0.5, 1.0)})


@pytest.mark.parametrize(("few", "leaves"), [(False, True), (True, False)])
def test_what_is_left_off_early_costs_no_warning(
    amid_mail: HeldOut, monkeypatch: pytest.MonkeyPatch, *, few: bool, leaves: bool
):
    """Where of few notes anything is said there, nobody knows how little it is of the next one."""
    monkeypatch.setattr("scanner.learning.thresholds._ENOUGH", 5)
    said = np.random.default_rng(3).normal(np.where(has_flub(amid_mail), 2, -2), 1)
    said[4 if few else EACH : EACH] = np.inf
    told = replace(amid_mail, exits=said.astype(np.float32))
    gate, presets = gate_and_presets(told)
    marks = warned(told.kinds, told.likeliest, presets["balanced"]) & has_flub(told)
    assert marks.any()
    assert told.passes(gate)[marks].all()
    assert (~gate.reads_on(told.exits)).any() == leaves


@pytest.fixture
def base(amid_mail: HeldOut) -> Base:
    return Base(choose(amid_mail), amid_mail)


@pytest.mark.parametrize("preset", LIMITS)
def test_what_says_the_same_keeps_its_thresholds(base: Base, preset: str):
    """But for a hair, by which what is asked lies below what was found."""
    at, before = choose(base.held_out, base)[preset], base.thresholds[preset]
    assert (at.kind, at.flub, at.sure) == pytest.approx(
        (before.kind, before.flub, before.sure), abs=0.01
    )


@pytest.mark.parametrize("preset", LIMITS)
def test_where_all_sounds_less_like_a_note_as_much_is_found_as_before(base: Base, preset: str):
    """Ordinary mail that was learnt from lowers every probability; less is asked for then."""
    lower = replace(
        base.held_out,
        kinds=base.held_out.kinds * np.where(base.held_out.is_note, 0.8, 0.7),
        ordinary_kinds=base.held_out.ordinary_kinds * 0.7,
    )
    at, before = choose(lower, base)[preset], base.thresholds[preset]
    notes = lower.is_note
    assert (lower.kinds[notes] >= at.kind).sum() >= (
        base.held_out.kinds[notes] >= before.kind
    ).sum()
    assert found(lower, at) >= found(base.held_out, before) > found(lower, before)
    assert alarms(lower, at) <= alarms(base.held_out, before)


@pytest.mark.parametrize("mail", ["other", "ordinary"])
@pytest.mark.parametrize("preset", LIMITS)
def test_no_more_is_warned_about_in_vain_than_before(base: Base, preset: str, mail: str):
    """Where mail and clean notes are taken for more than they were, more is asked for."""
    said = base.held_out
    worse = replace(said, flubs=np.where(said.is_flub, said.flubs, np.sqrt(said.flubs)))
    if mail == "other":
        worse = replace(worse, kinds=np.where(said.is_note, said.kinds, said.kinds**0.3))
    else:
        worse = replace(worse, ordinary_kinds=np.sqrt(said.ordinary_kinds))
    at, before = choose(worse, base)[preset], base.thresholds[preset]
    assert alarms(worse, at) <= alarms(said, before) < alarms(worse, before)
    clean = worse.likeliest[worse.is_clean]
    assert (clean >= at.flub).sum() <= (said.likeliest[said.is_clean] >= before.flub).sum()


@pytest.mark.parametrize("preset", LIMITS)
def test_for_one_clean_note_too_many_a_hair_more_is_asked(base: Base, preset: str):
    """Much more would cost flub notes, and the model would be refused for them."""
    said, before = base.held_out, base.thresholds[preset]
    one = np.flatnonzero(said.is_clean & (said.likeliest < before.flub))[0]
    flubs = np.where(said.message == one, np.float32(before.flub + 0.0005), said.flubs)
    at = choose(replace(said, flubs=flubs), base)[preset]
    assert before.flub < at.flub <= before.flub + 0.002


@pytest.mark.parametrize("preset", LIMITS)
def test_less_than_half_is_never_asked_for(base: Base, preset: str):
    """What is told by mail that is not at hand is not given up for that which is."""
    faint = replace(
        base.held_out,
        kinds=base.held_out.kinds / 10,
        ordinary_kinds=base.held_out.ordinary_kinds / 10,
    )
    at, before = choose(faint, base)[preset], base.thresholds[preset]
    assert at.kind == pytest.approx(before.kind / 2, abs=0.001)
    assert at.sure == pytest.approx(before.sure / 2, abs=0.001)
