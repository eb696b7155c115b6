"""The three looks that a message must pass to be read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.learning import artifact, shelf
from scanner.learning.corpus import Example
from scanner.learning.gate import COLUMNS, Gate, paired, shut, unguarded
from scanner.learning.readings import NOT_ASKED
from scanner.learning.words import Floats, single

ODDS = st.floats(-50, 50, width=32)
GLIMPSES = arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(COLUMNS)), elements=ODDS)
WEIGHTS = st.tuples(*[ODDS] * len(unguarded().weights))
GATES = st.builds(Gate, ODDS, ODDS, ODDS, ODDS, WEIGHTS, ODDS)
EXITS = arrays.arrays(np.float32, st.integers(1, 5), elements=ODDS | st.just(NOT_ASKED))
TEXTS = st.text(st.sampled_from("aB9é'’_ \n.-"), max_size=30)


@given(GATES, GLIMPSES)
def test_a_gate_that_was_opened_for_messages_lets_them_pass(gate: Gate, glimpses: Floats):
    """And whatever passed before."""
    opened = gate.opened(glimpses, hair=0.1, last=0.2)
    assert opened.passes(glimpses).all()
    assert opened.weights == gate.weights
    for look in ("first", "closer", "short", "long"):
        assert getattr(opened, look) <= getattr(gate, look)


@given(GATES, EXITS)
def test_a_gate_that_was_opened_for_what_is_said_at_the_exit_reads_that_on(
    gate: Gate, exits: Floats
):
    """And all that it read on before; of what nothing is said there is read on anyway."""
    opened = gate.reading_on(exits, hair=0.1)
    assert opened.reads_on(exits).all()
    assert opened.reads_on(exits[gate.reads_on(exits)]).all()
    assert opened.reads_on(np.array([NOT_ASKED], np.float32)).all()
    assert replace(opened, exit=gate.exit) == gate


def test_where_of_few_anything_is_said_at_the_exit_everything_is_read_on():
    """They do not show how little is said of the next one."""
    exits = np.array([NOT_ASKED, 3, NOT_ASKED, 2], np.float32)
    strict = shut(unguarded().weights)
    assert strict.reading_on(exits, enough=3).exit == unguarded().exit
    assert strict.reading_on(exits, enough=2).exit == pytest.approx(2, abs=0.01)


@given(GATES, ODDS)
def test_a_long_note_opens_it_for_long_messages_alone(gate: Gate, odds: float):
    """Most mail is short, and would be read with it."""
    sentences = np.log1p(np.array([6, 7], np.float32))
    short, long = np.array([[odds, odds, odds, each, odds] for each in sentences], np.float32)
    assert gate.opened(long[None]).short == gate.short
    assert gate.opened(short[None]).long == gate.long


def test_where_either_are_few_the_lowest_of_all_counts_for_both():
    """A few long notes do not show how low the next one may be."""
    strict = shut((*unguarded().weights[:-1], 1.0))
    short = np.log1p(np.array([2, 3, 9], np.float32))
    glimpses = np.array([[1, 1, 1, each, odds] for odds, each in enumerate(short)], np.float32)
    parted, together = strict.opened(glimpses, enough=1), strict.opened(glimpses, enough=2)
    assert parted.short == together.short == together.long < parted.long < np.inf


# Thousands that all but cancel: in single precision each sum was out by more than the gate allows.
CANCELLING = [0, 1.75, -1.908, 0, 0, 0, -39, 0, 0, 1, -33.75, 1]
UNLIKE = np.full((4, COLUMNS), -41.847656, np.float32)
UNLIKE[0, 1:3] = -46.053482, -0.5


@given(GATES, GLIMPSES)
@example(Gate(0.0, 0.0, 0.0, 0.0, (*map(float, CANCELLING), *[0.0] * 8), 0.0), UNLIKE)
def test_it_lets_them_pass_without_a_hair_and_one_by_one(gate: Gate, glimpses: Floats):
    """As a user's own notes are asked, which may be odd, and few."""
    opened = gate.opened(glimpses)
    assert all(opened.passes(glimpses[[row]]).all() for row in range(len(glimpses)))


@given(GLIMPSES)
def test_the_last_look_is_at_each_thing_and_at_each_two(glimpses: Floats):
    """So it may ask more of a short message than of a long one."""
    assert paired(glimpses).shape == (len(glimpses), COLUMNS + COLUMNS * (COLUMNS + 1) // 2)
    assert unguarded().passes(glimpses).all()


@given(TEXTS, TEXTS)
def test_the_words_of_two_texts_are_those_of_both(one: str, other: str):
    """Whatever their case, and however a client wraps lines and prettifies quotes."""
    assert single(f"{one} {other}") == single(one) | single(other)
    assert single(one.upper().replace("'", "’").replace(" ", "\n")) == single(one)


@pytest.mark.parametrize("blank", ["\u2002", "\u2009", "\u202f", "\u3000", "\u200b", "…", "\ufeff"])
def test_whatever_parts_words_parts_them_at_a_glance_too(blank: str):
    """Editors and mail clients put in more blanks than one."""
    text = "Zoë, thank you for the interview"
    assert single(text.replace(" ", blank)) == single(text)


def test_a_glance_at_drafts_decides_as_the_gate_does(everything: list[Example]):
    """Whether a draft is cut into sentences or not."""
    model = artifact.load(shelf.shipped())
    drafts = [Draft(example.text, example.subject) for example in everything[::40]]
    passed = model.may_be_notes(drafts)
    assert passed == model.reads([segment(draft) for draft in drafts])
    assert set(passed) == {True, False}
