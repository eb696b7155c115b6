"""The encoder: windows over a message, and what is read from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.core.draft import Sentence, Sentences
from scanner.learning import corpus, readings, shelf
from scanner.learning.corpus import Example, Projected
from scanner.learning.on_demand import OnDemand
from scanner.learning.readings import ANSWERS, NOT_ASKED, Known, Reading
from scanner.learning.windows import LENGTH, Tokens

TOKENS = Tokens.load(shelf.shipped() / "tokenizer.json")


def message(*texts: str, subject: str = "Thank you") -> Sentences:
    """Lay sentences out as the segmenter does, one a line."""
    items, start = [], 0
    for text in texts:
        items.append(Sentence(start, start + len(text), text))
        start += len(text) + 1
    return Sentences(subject, "\n".join(texts), tuple(items))


TO_THE_END = -math.inf

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=900)
long = st.integers(1, 140).map(lambda pieces: "a " * pieces)


@settings(max_examples=60)
@given(st.lists(texts | long, max_size=30), texts)
def test_windows_show_every_sentence_and_none_is_too_long(sentences: list[str], subject: str):
    """Windows follow one another without a gap, each within the encoder's length."""
    windows = TOKENS.windows(message(*sentences, subject=subject))
    shown = {window.first + place for window in windows for place in range(len(window.ends))}
    assert shown == set(range(len(sentences)))
    assert all(len(window.pieces) <= LENGTH for window in windows)
    assert all(end < len(window.pieces) for window in windows for end in window.ends)
    assert windows[0].first == 0


@settings(max_examples=60)
@given(st.lists(long, max_size=30), texts)
def test_a_beginning_is_that_of_a_window_and_ends_with_a_sentence(
    sentences: list[str], subject: str
):
    """It shows the window's first sentences, and saves at least a third of the window."""
    for window in TOKENS.windows(message(*sentences, subject=subject)):
        if (beginning := window.beginning) is not window:
            size, asked = len(beginning.pieces), len(beginning.asked)
            assert beginning.pieces == window.pieces[:size]
            assert beginning.asked == window.asked[:asked]
            assert beginning.ends[-1] == size - 1
            assert size <= 2 / 3 * len(window.pieces)


def always(_number: int, _beginning: Reading) -> bool:
    return True


def asked(read: Reading) -> bool:
    return read.exit != NOT_ASKED


def test_a_long_note_is_read_to_its_end(encoder: OnDemand):
    """A flub far behind the first window is seen as well as at the start of the note."""
    filler = [
        f"My team at berth {n} handled forty thousand containers for you to see." for n in range(90)
    ]
    flub = "I am sorry that I gave you such a muddled answer about the budget in the interview."
    first, last = encoder.read([message(flub, *filler), message(*filler, flub)])
    assert first.sentences.shape == last.sentences.shape == (91, ANSWERS - 1)
    assert first.sentences[0, 0] > np.quantile(first.sentences[5:, 0], 0.9)
    assert last.sentences[-1, 0] > np.quantile(last.sentences[:-5, 0], 0.9)


def test_of_a_long_message_the_rest_is_read_where_that_is_asked_for(encoder: OnDemand):
    """First its beginning, then window after window; a short one is read at once, and whole."""
    filler = [
        f"The seal of pump {n} was changed by noon, and the line runs again." for n in range(90)
    ]
    long, short = message(*filler), message(*filler[:3])
    told: list[int] = []

    def goes_on(number: int, beginning: Reading) -> bool:
        assert beginning.sentences.shape == (90, ANSWERS - 1)
        told.append(number)
        return told == [0, 1]

    glimpsed, begun, whole = encoder.sift([long, long, short], TO_THE_END, goes_on)
    [all_of_it] = encoder.read([long])
    assert glimpsed
    assert begun
    assert whole
    assert told == [0, 1, 1]
    assert begun.kind == all_of_it.kind
    read = [int(np.isfinite(one.sentences[:, 0]).sum()) for one in (glimpsed, begun, all_of_it)]
    assert 2 < read[0] < read[1] < read[2] == len(filler)
    assert np.array_equal(begun.sentences[: read[0]], all_of_it.sentences[: read[0]])
    assert np.isfinite(whole.sentences).all()


def test_a_message_is_left_off_where_less_is_said_early_than_is_asked(
    encoder: OnDemand, few: list[Example]
):
    """And where as much is said, it is read as if there were no exit."""
    messages = [corpus.project(example).sentences for example in few[:9]]
    told = [one for one in zip(messages, encoder.read(messages), strict=True) if asked(one[1])]
    assert len(told) > 4
    for message, read in told:
        [again] = encoder.sift([message], read.exit, always)
        assert again
        assert (again.kind, again.exit) == (read.kind, read.exit)
        assert np.array_equal(again.sentences, read.sentences)
        assert encoder.sift([message], read.exit + 0.01, always) == [None]


def test_of_a_line_and_of_a_long_letter_nothing_is_said_early(encoder: OnDemand):
    """A line says too little of itself, and few letters are so long."""
    line, letter = message("Sorry about the phone."), message(*["I ran the mill at Ash."] * 26)
    for one in (line, letter):
        [read] = encoder.sift([one], math.inf, always)
        assert read
        assert not asked(read)


def test_what_else_is_in_a_batch_changes_nothing(encoder: OnDemand, few: list[Example]):
    """Each message is read for itself, to the last digit."""
    messages = [corpus.project(example).sentences for example in few[:9]]
    together = encoder.read(messages)
    for one, read in zip(messages, together, strict=True):
        [alone] = encoder.read([one])
        assert alone.kind == read.kind
        assert np.array_equal(alone.sentences, read.sentences)


def test_nothing_and_a_message_without_sentences_are_read_too(encoder: OnDemand):
    """No message gives no reading, no sentence no row."""
    assert encoder.read([]) == []
    [read] = encoder.read([Sentences("", "", ())])
    assert read.sentences.shape == (0, ANSWERS - 1)


def test_readings_come_back_as_they_were_kept(tmp_path, encoder: OnDemand, few: list[Example]):
    """Saving and loading keeps each message's reading, nearly."""
    messages = [corpus.project(example).sentences for example in few[:5]]
    kept = dict(zip(map(readings.key, messages), encoder.read(messages), strict=True))
    readings.save(Known(kept, frozenset({"t2", "t9"})), tmp_path / "readings.npz")
    loaded = readings.load(tmp_path / "readings.npz")
    assert loaded.writers == {"t2", "t9"}
    assert loaded.readings.keys() == kept.keys()
    for name, reading in kept.items():
        assert loaded.readings[name].kind == pytest.approx(reading.kind, abs=0.034)
        apart = np.abs(loaded.readings[name].sentences - reading.sentences)
        assert (apart < [0.034, *[0.084] * (ANSWERS - 2)]).all()
        assert loaded.readings[name].exit == pytest.approx(reading.exit, abs=0.063)


def test_every_message_of_the_corpus_was_read_unseen(projected: list[Projected], encoder: OnDemand):
    """The shipped model folder knows what an encoder said of each message before it saw it."""
    known = encoder.known().readings
    missing = [one.example.id for one in projected if readings.key(one.sentences) not in known]
    assert missing == []
