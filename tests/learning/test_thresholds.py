"""What a preset may cost is what it costs, on the messages that its thresholds are chosen on."""

from __future__ import annotations

import numpy as np
import pytest

from scanner.learning.gate import COLUMNS
from scanner.learning.thresholds import LIMITS, HeldOut, choose, warned, without

EACH = 200
"""So many notes with a flub, clean ones, and messages that are no notes; a sentence each."""


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
        folded=np.zeros(3 * EACH, np.float32),
        message=np.arange(3 * EACH),
        is_flub=is_flub,
        category=np.zeros(3 * EACH, np.int64),
        ordinary_glimpses=np.zeros((0, COLUMNS), np.float32),
        ordinary_kinds=nothing,
        ordinary_flubs=nothing,
        kinds=np.where(is_note, (1 + kinds) / 2, kinds).astype(np.float32),
        flubs=np.where(is_flub, (1 + flubs) / 2, np.where(is_note, flubs, 1)).astype(np.float32),
    )


@pytest.mark.parametrize("preset", LIMITS)
def test_no_more_messages_are_warned_about_than_the_preset_allows(held_out: HeldOut, preset: str):
    """Neither clean notes nor messages that are none; and some flub notes all the same."""
    at = choose(held_out)[preset]
    marks = warned(held_out.kinds, held_out.likeliest, at)
    assert marks[held_out.is_clean].mean() <= LIMITS[preset].clean
    assert marks[~held_out.is_note].mean() <= LIMITS[preset].other
    assert marks[held_out.is_note & ~held_out.is_clean].any()


def test_what_a_preset_shows_the_laxer_ones_show_too(held_out: HeldOut):
    """Whoever asks to miss less is shown no less."""
    cautious, balanced, strict = choose(held_out).values()
    for one, other in ((cautious, balanced), (balanced, strict)):
        assert one.flub >= other.flub
        assert one.also >= other.also
        assert one.sure >= other.sure


def test_without_a_clean_note_as_little_as_possible_is_shown(held_out: HeldOut):
    """That none is warned about says nothing where there is none."""
    for at in choose(without(held_out, held_out.is_clean)).values():
        assert at.flub == pytest.approx(0.99)
