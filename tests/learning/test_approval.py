"""Which models may take another's place."""

from __future__ import annotations

import dataclasses

from support.trials import as_sure, eager_at, made_up, turned

from scanner.learning.approval import judged
from scanner.learning.trial import Trial

# The later model of this trial is the better one.
TRIAL = made_up(800)


def test_a_better_model_is_approved():
    """And every number is told, before and now."""
    found = judged(TRIAL)
    assert found.objections == ()
    lines = [str(one) for one in found.comparisons]
    assert any(line.startswith("sentence F1 of your notes: ") for line in lines)
    assert all(" before, " in line for line in lines)


def test_a_worse_model_is_refused_with_its_numbers():
    """Worse beyond noise, in so many words."""
    objections = judged(turned(TRIAL)).objections
    assert any(one.startswith("sentence F1 of the shipped notes: ") for one in objections)
    assert all(one.endswith(" at the preset balanced") for one in objections if "F1" in one)


def test_the_same_model_is_approved():
    """What is no better is no worse either."""
    assert TRIAL.before
    assert judged(Trial(TRIAL.cases, TRIAL.before, TRIAL.before)).objections == ()


def test_what_is_worse_at_another_preset_alone_is_said_and_refuses_nothing():
    """Whoever uses that one is told; where it is the one in use, it speaks against the model."""
    eager = eager_at("cautious", TRIAL)
    found = judged(eager)
    assert found.objections == ()
    assert all(one.is_unchanged for one in found.comparisons)
    said = "clean notes warned about of the shipped notes: "
    assert any(one.startswith(f"worse at the preset cautious: {said}") for one in found.elsewhere)
    assert not any("balanced" in one or "strict" in one for one in found.elsewhere)
    found = judged(eager, "cautious")
    assert any(one.startswith(said) for one in found.objections)
    assert found.elsewhere == ()


def test_more_false_alarms_in_ordinary_mail_are_refused():
    """Mail that the user gave as ordinary, of which more is warned about than before."""
    cases = tuple(
        dataclasses.replace(case, is_note=False, truth=(None,) * 4, is_ordinary=True, is_yours=True)
        for case in TRIAL.cases
    )
    assert TRIAL.before
    quiet = dataclasses.replace(
        TRIAL.before,
        said=tuple(dataclasses.replace(one, thank_you=0.0) for one in TRIAL.before.said),
    )
    (objection,) = judged(Trial(cases, quiet, TRIAL.after)).objections
    assert objection.startswith(
        "ordinary mail warned about of your ordinary mail past the gate: 0.0% before"
    )


def test_more_clean_notes_warned_about_are_refused():
    """Of the shipped notes as of the user's own, even where more flubs are found for it."""
    assert TRIAL.before
    eager = as_sure(TRIAL.before, TRIAL.cases, 1.0, 1.0)
    objections = judged(Trial(TRIAL.cases, TRIAL.before, eager)).objections
    for whose in ("the shipped notes", "your notes"):
        assert any(one.startswith(f"clean notes warned about of {whose}: ") for one in objections)


def test_the_same_numbers_are_called_no_change():
    """A range from nothing to nothing would claim to be sure."""
    assert TRIAL.before
    lines = map(str, judged(Trial(TRIAL.cases, TRIAL.before, TRIAL.before)).comparisons)
    assert all(line.endswith("(no change)") for line in lines)


def test_of_few_notes_nothing_is_concluded():
    """Four notes tell nothing, however they come out."""
    few = turned(TRIAL).only(lambda case: case.id in {"m700", "m710", "m720", "m730"})
    found = judged(few)
    assert found.objections == ()
    assert all("too few to tell" in str(one) for one in found.comparisons)
