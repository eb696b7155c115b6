"""What notes of one's own add to the verdict on flubs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from scanner.learning import corpus, estimators, leaning, matrices, preparing
from scanner.learning.corpus import Example, Label
from scanner.learning.features import Mask
from scanner.learning.heads import Head
from scanner.learning.odds import expit
from scanner.learning.preparing import Prepared
from scanner.learning.words import Floats

ODD = "The team meets on Mondays in the old library."
PLAIN = "Thank you for the afternoon in the tower."


def note(number: int, *, is_flub: bool) -> Example:
    text = f"{PLAIN} {ODD} The lamp on stair {number} was lit."
    at = text.index(ODD)
    labels = (Label(at, at + len(ODD), ODD, "excuse"),) if is_flub else ()
    severity = "flub" if is_flub else "none"
    return Example(f"n{number}", "thank_you", "The tower", text, labels, severity, "mine")


@pytest.fixture(scope="module")
def prepared(few, encoder, known) -> Prepared:
    """A small corpus, and twelve notes with one odd sentence, which is always a flub."""
    mine = [note(number, is_flub=True) for number in range(12)]
    examples = corpus.merge(few, mine).examples
    return preparing.read_corpus(examples, (), encoder, known).prepared


@pytest.fixture(scope="module")
def start(prepared: Prepared) -> Head:
    return estimators.fit_flub(prepared, prepared.writers != "mine").head


@pytest.fixture(scope="module")
def said(prepared: Prepared, start: Head) -> Floats:
    """What is said of each sentence before one's own notes are learnt from."""
    return odds(prepared, start)


def odds(prepared: Prepared, head: Head) -> Floats:
    mail = prepared.mail
    return matrices.odds(head, mail.sentence_words, mail.sentence_dense)[:, 0]


def everything(prepared: Prepared) -> Mask:
    return np.ones(len(prepared.is_note), bool)


def leaned(prepared: Prepared, said: Floats, start: Head) -> Floats:
    """Give each sentence's probability after learning from one's own notes."""
    yours = prepared.writers == "mine"
    return expit(
        said + odds(prepared, leaning.flub(prepared, said, start.idf, everything(prepared), yours))
    )


def test_what_is_a_flub_in_a_few_notes_of_ones_own_becomes_one(
    prepared: Prepared, said: Floats, start: Head
):
    """Twelve notes among hundreds are enough, and what is none in them stays none."""
    after = leaned(prepared, said, start)
    mine = (prepared.writers == "mine")[prepared.message]
    odd, plain = mine & prepared.is_flub, mine & ~prepared.is_flub
    assert expit(said)[odd].mean() < 0.5
    assert after[odd].mean() > 0.6
    assert after[plain].mean() < 0.3


def test_the_shipped_notes_are_not_forgotten(prepared: Prepared, said: Floats, start: Head):
    """They are told apart as well as before, but for a point."""
    theirs = (prepared.is_note & (prepared.writers != "mine"))[prepared.message]
    truth = prepared.is_flub[theirs]
    before, after = (
        ((chances[theirs] >= 0.5) == truth).mean()
        for chances in (expit(said), leaned(prepared, said, start))
    )
    assert after > before - 0.01


def test_that_there_are_no_flubs_is_not_learnt(prepared: Prepared, said: Floats, start: Head):
    """Clean notes alone do not make it deaf: who labels only such has others, too."""
    clean = dataclasses.replace(prepared, categories=prepared.categories.copy())
    mine = (prepared.writers == "mine")[prepared.message]
    clean.categories[mine] = ""
    flubs = prepared.is_flub & ~mine
    before, after = (chances[flubs].mean() for chances in (expit(said), leaned(clean, said, start)))
    assert after > before - 0.05


def test_without_notes_of_ones_own_nothing_is_added(prepared: Prepared, said: Floats, start: Head):
    """Nor by other mail alone, which holds no sentence to learn from."""
    for yours in (~everything(prepared), ~prepared.is_note):
        own = leaning.flub(prepared, said, start.idf, everything(prepared), yours)
        assert not odds(prepared, own).any()


def test_many_of_ones_own_do_not_drown_the_shipped_ones():
    """Each counts for five at most, all together for a quarter, and none for less than one."""
    for own, shipped, counts_for in ((10, 990, 5.0), (100, 900, 2.25), (500, 500, 1.0)):
        mine = np.arange(own + shipped) < own
        assert leaning.counting(mine)[0] == counts_for
        assert leaning.counting(mine)[-1] == 1.0
