"""Mail to what is labelled: which messages, in which order, and as training will see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.notes import CLEAN, FLUBBED, note

from scanner.adapters.single import Message
from scanner.core.classify import Predictions, SentencePrediction, Thresholds
from scanner.core.parse import plain
from scanner.core.render import WARNS_ABOUT
from scanner.labelling.items import doubtful_first, gathered, items, settled, uncertainty
from scanner.learning import corpus
from scanner.learning.corpus import project

CORPUS = Path(__file__).parents[2] / "training_data"


def said(note_: float, *flubs: float) -> Predictions:
    return Predictions(note_, tuple(SentencePrediction(p, "apology") for p in flubs))


def test_doubt_is_greatest_where_the_model_knows_least():
    """Sure messages teach nothing; doubt about a sentence counts as far as it is a note."""
    assert uncertainty(said(0.0)) == uncertainty(said(1.0, 0.0, 1.0)) == 0
    assert uncertainty(said(0.5)) == 1
    assert uncertainty(said(1.0, 0.0, 0.5)) == 1
    assert uncertainty(said(1.0, 0.4)) > uncertainty(said(1.0, 0.1)) > uncertainty(said(0.0, 0.5))


def test_messages_in_doubt_come_first_and_others_keep_their_order():
    """Of equally sure messages the first stays the first."""
    read = gathered(
        [Message("a", CLEAN), Message("b", FLUBBED), Message("c", note("Other words."))]
    )
    pairs = zip((0.0, 0.4, 0.0), read.messages.values(), strict=True)
    predictions = [said(1.0, *[chance] * len(one.items)) for chance, one in pairs]
    made = items(read.messages, predictions, Thresholds(0.9, 0.5), {}, frozenset())
    assert [made.index(one) for one in doubtful_first(made)] == [1, 0, 2]


def test_the_same_message_is_shown_once():
    """Copies in two folders are one message, also where one answers a quoted mail."""
    copy = FLUBBED.replace(b"Ada", b"Ada\r\n\r\n> When can you start?\r\n")
    assert len(gathered([Message("a", FLUBBED), Message("b", copy)]).messages) == 1


@pytest.mark.parametrize("path", sorted(CORPUS.glob("t[15].jsonl")), ids=lambda path: path.stem)
def test_training_sees_the_sentences_that_were_labelled(path):
    """What is cut here for labelling is cut alike when it is read again as an example."""
    for one in corpus.read([path]):
        sentences = settled(plain(one.text))
        bare = corpus.Example("", "other", "", sentences.text, (), "none", "")
        assert project(bare).sentences == sentences


def test_unflubs_own_drafts_and_unreadable_mail_are_left_out():
    """A warning draft is never learnt from; what cannot be read is counted."""
    mark = f"{WARNS_ABOUT}: 0123456789abcdef\r\nSubject:".encode()
    own = FLUBBED.replace(b"Subject:", mark, 1)
    read = gathered([Message("a", own), Message("b", b"\x00" * 900), Message("c", CLEAN)])
    assert (len(read.messages), read.unreadable) == (1, 1)
