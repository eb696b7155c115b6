"""What the user wants to be warned about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scanner.core.classify import Policy, Predictions, SentencePrediction, Thresholds

PRESETS = {"cautious": Thresholds(0.9, 0.8, 0.3), "balanced": Thresholds(0.8, 0.6, 0.3)}
SAID = Predictions(
    1.0, (SentencePrediction(0.95, "plea"), SentencePrediction(0.5, "apology"))
)  # fmt: skip


def shown(policy: Policy) -> list[bool]:
    return policy.thresholds(PRESETS).flagged(policy.silenced(SAID))


def test_a_preset_has_its_thresholds():
    """And without a wish it is the balanced one."""
    assert Policy().thresholds(PRESETS) == PRESETS["balanced"]
    assert Policy("cautious").thresholds(PRESETS) == PRESETS["cautious"]


@pytest.mark.parametrize(("number", "flags"), [(0.4, [True, True]), (0.7, [True, False])])
def test_a_number_says_of_every_sentence_whether_it_is_a_flub(number, flags):
    """A doubtful sentence beside a sure one, too; what is a note stays as the preset has it."""
    assert Policy("cautious", number).thresholds(PRESETS).kind == PRESETS["cautious"].kind
    assert shown(Policy("cautious", number)) == flags


def test_what_is_off_is_not_shown_and_makes_no_doubtful_sentence_count():
    """A doubtful apology beside a plea is shown, but not where pleas are never spoken of."""
    assert shown(Policy()) == [True, True]
    assert shown(Policy(off=frozenset({"plea"}))) == [False, False]
    assert shown(Policy(off=frozenset({"apology"}))) == [True, False]


def test_what_is_not_surely_a_note_is_one_without_a_warning():
    """Nobody wants warnings on ordinary mail, and a doubtful note is a note all the same."""
    at, doubtful = Thresholds(0.5, 0.5, sure=0.9), replace(SAID, thank_you=0.8)
    assert at.is_note(doubtful)
    assert not any(at.flagged(doubtful))
    assert any(at.flagged(replace(SAID, thank_you=0.9)))
