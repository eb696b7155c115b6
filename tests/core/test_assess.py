"""From probabilities to passages, share and severity."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.assess import Assessment, assess, digest, without
from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.draft import Sentence, Sentences

HALF = Thresholds(kind=0.5, flub=0.5)
probabilities = st.floats(0, 1)
predictions = st.builds(SentencePrediction, probabilities, st.sampled_from(CATEGORIES))


def message(texts: Sequence[str], gap: str = " ") -> Sentences:
    """A message of these sentences, after a salutation that belongs to none of them."""
    text, items = "Dear all,\n\n", []
    for sentence in texts:
        items.append(Sentence(len(text), len(text) + len(sentence), sentence))
        text += sentence + gap
    return Sentences("Thanks", text, tuple(items))


def judged(
    flags: str,
    *,
    kind: float = 1.0,
    folded: float = 0.0,
    sentence: str = "One sentence of five{} words.",
    gap: str = " ",
) -> Assessment:
    """Assess one sentence for each letter: `x` is a flub, `.` is not."""
    texts = [sentence.format(i) for i in range(len(flags))]
    scores = [SentencePrediction(0.9 if flag == "x" else 0.1, "excuse") for flag in flags]
    return assess(message(texts, gap), Predictions(kind, tuple(scores), folded), HALF)


@pytest.mark.parametrize(
    ("flags", "runs"),
    [("...", []), ("x..", [1]), ("xx.x", [2, 1]), (".x.xxx", [1, 3]), ("xxxx", [4])],
)
def test_neighbouring_flagged_sentences_become_one_passage(flags, runs):
    """A passage is a run of flagged sentences, and each run is one passage."""
    assert [len(passage.sentences) for passage in judged(flags).passages] == runs


def test_a_passage_spans_its_sentences_and_what_lies_between():
    """The passage starts with its first sentence and ends with its last, line ends included."""
    sentences = message(["One.", "Two.", "Three."], gap="\n\n")
    scores = (0.1, 0.8, 0.7)
    answer = Predictions(1.0, tuple(SentencePrediction(p, "plea") for p in scores))
    (passage,) = assess(sentences, answer, HALF).passages
    assert passage.text == "Two.\n\nThree."
    assert sentences.text[passage.start : passage.end] == passage.text
    assert passage.confidence == 0.8


@pytest.mark.parametrize(
    ("scores", "category"),
    [
        ([(0.9, "plea"), (0.6, "excuse")], "plea"),
        ([(0.9, "plea"), (0.6, "excuse"), (0.6, "excuse")], "excuse"),
    ],
)
def test_the_category_with_the_most_confidence_names_the_passage(scores, category):
    """Two weaker sentences of one category outweigh a strong one of another."""
    sentences = message([f"Sentence {i}." for i in range(len(scores))])
    answer = Predictions(1.0, tuple(SentencePrediction(*score) for score in scores))
    assert assess(sentences, answer, HALF).passages[0].category == category


def test_the_share_counts_words_of_the_whole_own_text():
    """The two words of the salutation count below the line, passage words above it."""
    assert judged(".x").share == 5 / 12
    assert judged("x.x").share == 10 / 17


def test_the_share_is_at_most_the_whole_also_where_no_space_parts_the_sentences():
    """In Chinese two passages may lie in what looks like one word."""
    assert 0 < judged("x.x.x.x", sentence="我很抱歉{}。", gap="").share <= 1


@pytest.mark.parametrize(
    ("flags", "folded", "severity"),
    [
        ("......", 0.9, "none"),
        ("...x..", 0.5, "folded"),
        ("...x..", 0.4, "flub"),
        ("..x.x...", 0.9, "flub"),
        (".xx", 0.9, "flub"),
    ],
)
def test_one_passage_that_is_likely_folded_in_is_folded(flags, folded, severity):
    """Without a passage there is nothing to fold, of two one sticks out, and a long one does."""
    assert judged(flags, folded=folded).severity == severity


def test_a_message_that_is_no_note_has_no_passage():
    """Whatever the sentences say, only a post-interview note can hold a flub."""
    assessment = judged("xxx", kind=0.2)
    assert (assessment.kind, assessment.severity, assessment.passages) == ("other", "none", ())
    assert assessment.kind_confidence == 0.8


def test_the_thresholds_themselves_are_enough():
    """A probability equal to its threshold counts as reaching it."""
    answer = Predictions(0.5, (SentencePrediction(0.5, "plea"),))
    assert len(assess(message(["One."]), answer, HALF).passages) == 1


def test_what_was_dismissed_is_taken_out_of_its_passage():
    """The middle sentence dismissed, its neighbours stay, as two passages."""
    assessment = judged("xxx..")
    first, middle, last = assessment.passages[0].sentences
    left = without(assessment, frozenset({middle.digest}))
    assert [passage.sentences for passage in left.passages] == [(first,), (last,)]
    assert left.share < assessment.share
    assert left.severity == assessment.severity


def test_with_everything_dismissed_nothing_is_left():
    """Then there is no passage, no share and no severity, but still a note."""
    assessment = judged(".xx.x")
    left = without(assessment, assessment.digests)
    assert (left.passages, left.share, left.severity) == ((), 0.0, "none")
    assert left.kind == "thank_you"


def test_dismissing_something_else_changes_nothing():
    """Digests that the message does not hold have no effect."""
    assessment = judged(".xx.x")
    assert without(assessment, frozenset({digest("Another sentence.")})) == assessment


@pytest.mark.parametrize(
    "other", ["I'm sorry,\nI   rambled!", "i'm SORRY I rambled", "“I’m sorry”, I rambled…"]
)
def test_a_digest_names_a_sentence_by_its_words_alone(other):
    """Wrapping, spacing, case, quotes and punctuation do not change the identity."""
    assert digest(other) == digest("I'm sorry I rambled.")


@pytest.mark.parametrize("other", ["I am sorry I rambled.", "I'm sorry I rambled on.", "rambled"])
def test_other_words_have_another_digest(other):
    """An edited sentence is another sentence."""
    assert digest(other) != digest("I'm sorry I rambled.")


@given(st.data(), st.lists(st.text(min_size=1), max_size=8), probabilities, probabilities)
def test_spans_and_share_hold_for_every_message(data, texts, kind, flub):
    """Spans cut exactly their text out, in order and apart, and the share is a share.

    Not every script parts its words, or its sentences, by spaces.
    """
    sentences = message(texts, gap=data.draw(st.sampled_from([" ", "\n", ""])))
    scores = data.draw(st.tuples(*[predictions for _ in texts]))
    assessment = assess(sentences, Predictions(0.5, scores), Thresholds(kind, flub))
    position = 0
    for passage in assessment.passages:
        assert position <= passage.start < passage.end
        position = passage.end
        for span in (passage, *passage.sentences):
            assert assessment.text[span.start : span.end] == span.text
    assert 0 <= assessment.share <= 1
    assert assessment.kind == ("thank_you" if kind <= 0.5 else "other")
    assert bool(assessment.passages) == (assessment.severity != "none")


@given(
    st.lists(predictions, max_size=8),
    st.tuples(probabilities, probabilities).map(sorted),
    st.tuples(probabilities, probabilities).map(sorted),
    probabilities,
)
def test_lower_thresholds_never_lose_a_flagged_sentence(scores, flubs, kinds, thank_you):
    """Whoever asks to miss less is shown no less."""
    sentences = message([f"Sentence {i}." for i in range(len(scores))])
    answer = Predictions(thank_you, tuple(scores))
    low, high = (
        assess(sentences, answer, Thresholds(kind, flub)).digests
        for kind, flub in zip(kinds, flubs, strict=True)
    )
    assert low >= high


@given(st.lists(predictions, max_size=8), st.sets(st.integers(0, 7)))
def test_dismissal_takes_away_exactly_what_was_dismissed(scores, chosen):
    """The other flagged sentences stay, whatever the passages were."""
    texts = [f"Sentence {i}." for i in range(len(scores))]
    assessment = assess(message(texts), Predictions(1.0, tuple(scores)), HALF)
    dismissed = frozenset(digest(f"Sentence {i}.") for i in chosen)
    left = without(assessment, dismissed)
    assert left.digests == assessment.digests - dismissed
    assert without(left, dismissed) == left
