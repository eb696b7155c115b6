"""The line that says whether it got better."""

from __future__ import annotations

from support.trials import as_sure, made_up, turned

from scanner.learning.approval import judged
from scanner.learning.gist import gist
from scanner.learning.trial import Trial

# The later model of this trial is the better one.
TRIAL = made_up(800)
FEW = {"m700", "m710", "m720", "m730"}
NINE = {f"m{number}" for number in range(701, 790, 10)}


def said(trial: Trial) -> str:
    return gist(trial, judged(trial))


def test_better_is_said_with_its_number_and_how_sure_it_is():
    """On what, by how much, and that nothing else paid for it."""
    line = said(TRIAL)
    assert line.startswith("It got better on 160 messages of yours, held out: ")
    assert " before, " in line
    assert "at the preset balanced" in line
    assert "95 % sure: +" in line
    assert line.endswith("On the shipped messages it is no worse at the preset balanced.")


def test_worse_is_said_too():
    """Of the user's own messages and of the shipped ones."""
    line = said(turned(TRIAL))
    assert line.startswith("It got worse on ")
    assert line.endswith("On the shipped messages it got worse.")


def test_it_speaks_of_the_preset_that_decides():
    """Which need not be the usual one."""
    line = gist(TRIAL, judged(TRIAL, "strict"))
    assert "at the preset strict" in line
    assert "balanced" not in line


def test_no_change_is_called_none():
    """Nobody is told that it got better where that may be chance."""
    assert TRIAL.before
    assert said(Trial(TRIAL.cases, TRIAL.before, TRIAL.before)).startswith("No clear change on ")


def test_where_there_is_little_to_gain_it_says_so():
    """A model that reads such notes well cannot become much better at them."""
    well = as_sure(TRIAL.after, TRIAL.cases, 0.9, 0.1)
    assert "such messages were read well before" in said(Trial(TRIAL.cases, well, well))
    assert TRIAL.before
    assert "read well" not in said(Trial(TRIAL.cases, TRIAL.before, TRIAL.before))


def test_of_few_notes_it_cannot_be_told():
    """Four notes tell nothing, and that is what it says."""
    line = said(TRIAL.only(lambda case: case.id in FEW))
    assert line.startswith("Whether it got better cannot be told on 4 messages of yours")


def test_of_nine_notes_nothing_is_claimed():
    """Nor where none of them changed, which would have a range of no width."""
    few = TRIAL.only(lambda case: not case.is_yours or case.id in NINE)
    for sides in ((few.before, few.after), (few.after, few.after)):
        line = said(Trial(few.cases, *sides))
        assert line.startswith("Whether it got better cannot be told on 9 messages of yours")
        assert "of too few to be sure" in line


def test_where_nothing_changed_no_certainty_is_claimed():
    """It is no change of these messages, whatever it is of others."""
    assert TRIAL.before
    line = said(Trial(TRIAL.cases, TRIAL.before, TRIAL.before))
    assert "now (no change)" in line
    assert "sure" not in line


def test_of_few_shipped_messages_no_harmlessness_is_claimed():
    """Too few to tell is not the same as no worse."""
    line = said(TRIAL.only(lambda case: case.is_yours or case.writer in {"w1", "w2"}))
    assert line.endswith("On the shipped messages it cannot be told.")


def test_notes_without_flubs_tell_by_their_false_alarms():
    """Where nothing could rightly be shown, only what is wrongly shown counts."""
    clean = TRIAL.only(lambda case: case.is_note and not any(case.truth))
    assert "clean notes warned about" in said(clean)
    assert "F1" not in said(clean)


def test_without_messages_of_ones_own_nothing_is_claimed():
    """The shipped notes do not tell for the user's."""
    assert said(TRIAL.only(lambda case: not case.is_yours)).startswith("There is nothing of yours")
