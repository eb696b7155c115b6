"""The shipped model moved by notes of one's own, and the trial of both."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import workshop

from scanner.core.draft import Draft, Sentences
from scanner.core.segment import segment
from scanner.learning import (
    approval,
    corpus,
    lessons,
    moving,
    preparing,
    readings,
    rehearsal,
    words,
)
from scanner.learning.corpus import Example
from scanner.learning.gate import unguarded
from scanner.learning.groups import grouped
from scanner.learning.model import Model
from scanner.learning.moving import Contender, Start, TrainingSet
from scanner.learning.on_demand import OnDemand
from scanner.learning.progress import silent
from scanner.learning.readings import NOT_ASKED, Known

ORDINARY = [
    segment(Draft(f"Thank you for the talk {about}. I am sorry {why}.", "The pump"))
    for about, why in {
        "on line four": "I was late for it",
        "about the new seal": "the lift was shut all day",
        "with the fitters": "about the noise next door",
        "we had this noon": "nobody wrote anything down",
        "at the weir": "it had to be so short",
        "on oil and grease": "my boots were full of mud",
        "under the old crane": "we forgot the drawings",
        "beside the boiler": "the tea had gone cold",
        "in your van": "the map was upside down",
        "before the parade": "the keys were in my coat",
        "over the fence": "our dog would not be quiet",
        "by the canteen door": "there was no cake left",
    }.items()
]
NEWSLETTERS = [
    segment(
        Draft(
            "The reading room is open from nine to five, and the kettle is always on. Bring back "
            f"what you borrowed before the summer, and tell us what to buy for shelf {number}.",
            "The reading room",
        )
    )
    for number in range(8)
]
ODD = "Pump 4 stopped at noon. The seal of pump 4 was changed."


@pytest.fixture(scope="module")
def training_set(few: list[Example], encoder: OnDemand, known: Known) -> Callable[..., TrainingSet]:
    def of(own: list[Example], ordinary: list[Sentences] | None = None) -> TrainingSet:
        mine = [dataclasses.replace(one, writer="your notes") for one in own]
        examples = corpus.merge(few, mine).examples
        read = preparing.read_corpus(examples, (), encoder, known)
        heard = ordinary or []
        mail = preparing.prepare_mail(heard, readings.read(heard, encoder, known, silent))
        yours = np.array([one.writer == "your notes" for one in examples])
        groups = grouped(read.projected, ["your notes"])
        return TrainingSet(dataclasses.replace(read, ordinary=mail), yours, groups)

    return of


@pytest.fixture(scope="module")
def start(model: Model, training_set: Callable[..., TrainingSet]) -> Start:
    learnt = training_set([])
    return Start(
        model, rehearsal.rehearse(learnt.read.prepared, model.heads, ~learnt.yours, _nothing)
    )


def _nothing() -> None:
    """Nobody watches."""


def note(text: str, subject: str = "Pump", kind: str = "thank_you") -> Example:
    return Example("mine", kind, subject, text, (), "none", "mine")


def judged(training_set: TrainingSet, start: Start) -> approval.Judgement:
    made, own = moving.moved(training_set, start, _nothing)
    before = Contender("before", dict(start.model.thresholds), start.rehearsal)
    after = Contender("after", dict(made.thresholds), own)
    return approval.judged(moving.compared(training_set, before, after))


def test_a_note_of_ones_own_is_rather_a_note(
    training_set: Callable[..., TrainingSet], start: Start
):
    """Whatever its words, for its owner labelled it."""
    message = corpus.project(note(ODD)).sentences
    moved, _ = moving.moved(training_set([note(ODD)]), start, _nothing)
    assert moved.predict([message])[0].thank_you > start.model.predict([message])[0].thank_you


@pytest.mark.parametrize(
    ("missing", "label", "is_read"),
    [(0.5, "flub", True), (0.5, "clean", False), (5.0, "flub", False)],
)
def test_the_gate_is_opened_for_ones_own_notes_with_a_flub_but_not_far(
    training_set: Callable[..., TrainingSet],
    start: Start,
    missing: float,
    label: str,
    *,
    is_read: bool,
):
    """What is clean needs no reading; what is far away would let much other mail in."""
    flub = next(one for one in workshop.strangers() if one.labels)
    mine = flub if label == "flub" else workshop.forgiven(flub)
    message = corpus.project(mine).sentences
    (odds,) = start.model.heads.closer_odds([words.bag(words.message_text(message))])
    gate = dataclasses.replace(unguarded(), closer=float(odds) + missing)
    guarded = dataclasses.replace(start, model=dataclasses.replace(start.model, gate=gate))
    moved, _ = moving.moved(training_set([mine]), guarded, _nothing)
    assert moved.reads([message]) == [is_read]
    assert is_read or moved.gate == gate


def test_ones_own_notes_with_a_flub_are_read_to_their_end(
    training_set: Callable[..., TrainingSet], start: Start
):
    """However little they say early: to read them takes time, and lets in no other mail."""
    flub = next(one for one in workshop.strangers() if one.labels)
    gate = dataclasses.replace(unguarded(), exit=math.inf)
    guarded = dataclasses.replace(start, model=dataclasses.replace(start.model, gate=gate))
    message = corpus.project(flub).sentences
    [said] = start.model.encoder.read([message])
    assert said.exit != NOT_ASKED
    moved, _ = moving.moved(training_set([flub]), guarded, _nothing)
    assert moved.gate.exit == pytest.approx(said.exit, abs=0.01)
    assert moved.predict([message])[0].thank_you > 0


def test_one_odd_note_moves_other_mail_little(
    training_set: Callable[..., TrainingSet], start: Start
):
    """What a single note says of its own words is not believed of everybody else's mail."""
    moved, _ = moving.moved(training_set([note(ODD)]), start, _nothing)
    other = segment(Draft("Lunch is at one in the garden. Bring a chair if you have one.", "Lunch"))
    bags = [words.bag(words.message_text(other))]
    before, after = (one.heads.note_odds(bags) for one in (start.model, moved))
    assert after[0] == pytest.approx(before[0], abs=0.5)


def test_no_lesser_model_is_asked_about_what_it_has_seen(
    training_set: Callable[..., TrainingSet], start: Start
):
    """Of near-duplicates, and of a note that is like one of the corpus, none is parted."""
    learnt = training_set([])
    like = dataclasses.replace(
        learnt.read.examples[0], text=learnt.read.examples[0].text + "\nThat is all.", labels=(),
        severity="none",
    )  # fmt: skip
    long = "\n".join(
        f"Thank you for showing me hall {n} and its {n} presses, and how they are oiled each day."
        for n in range(9)
    )
    twins = [note(long), note(long.replace("each day", "each week"))]
    own_notes = training_set([*twins, like])
    _, own = moving.moved(own_notes, start, _nothing)
    keys = rehearsal.keys(own_notes.mail.messages)
    fold = {group: set() for group in own_notes.groups.tolist()}
    for key, group in zip(keys, own_notes.groups.tolist(), strict=True):
        fold[group].add(own.fold[key])
    assert all(len(folds) == 1 for folds in fold.values())
    assert own.fold[keys[-1]] == start.rehearsal.fold[keys[0]]


def test_messages_alike_to_several_folds_are_nowhere():
    """Nobody can be asked who has not seen the like of them."""
    of = rehearsal.Rehearsal((), {"a": 0, "b": 1})
    of = dataclasses.replace(of, heads=(None, None, None))  # type: ignore[arg-type]
    groups = np.array(["one", "one", "one", "two", "two"])
    places = rehearsal.places(["a", "b", "c", "d", "e"], groups, of, np.full(5, 2))
    assert places.tolist() == [0, 1, rehearsal.NOWHERE, 2, 2]


def test_a_rehearsal_is_read_as_it_was_written(start: Start, tmp_path: Path):
    """And what is spoilt is as good as none."""
    path = tmp_path / "kept" / "one.npz"
    rehearsal.save(start.rehearsal, path)
    back = rehearsal.load(path)
    assert back is not None
    assert back.fold == start.rehearsal.fold
    for one, other in zip(back.heads, start.rehearsal.heads, strict=True):
        assert np.array_equal(one.flub.words, other.flub.words.astype(np.float16))
    whole = path.read_bytes()
    middle = len(whole) // 2
    turned = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for spoilt in (b"spoilt", b"", whole[:middle], whole[:-1], turned):
        path.write_bytes(spoilt)
        assert rehearsal.load(path) is None


def test_good_notes_are_approved_and_flipped_ones_refused(
    training_set: Callable[..., TrainingSet], start: Start
):
    """The user's notes count, and the shipped ones tell whether they may."""
    own = workshop.strangers(80)
    assert judged(training_set(own), start).objections == ()
    objections = judged(training_set([workshop.flipped(one) for one in own]), start).objections
    assert any("wrong way round" in one for one in objections)


def test_kinds_that_are_the_wrong_way_round_are_refused(
    training_set: Callable[..., TrainingSet], start: Start
):
    """Notes called other mail, and other mail called notes."""
    swapped = {"thank_you": "other", "other": "thank_you"}
    own = [
        dataclasses.replace(workshop.forgiven(one), kind=swapped[one.kind])
        for one in corpus.read([workshop.ROOT / "training_data" / "t50.jsonl"])[:40]
    ]
    assert any("wrong way round" in one for one in judged(training_set(own), start).objections)


def test_background_lowers_false_alarms_in_mail_like_it(
    training_set: Callable[..., TrainingSet], start: Start
):
    """Mail of the user's own that was like a note is so less, in parts that were held out."""
    learnt = training_set([], ORDINARY)
    moved, own = moving.moved(learnt, start, _nothing)
    place = np.array([own.fold[name] for name in rehearsal.keys(ORDINARY)])
    before, after = (
        rehearsal.ask(one, learnt.ordinary, place).kinds.mean() for one in (start.rehearsal, own)
    )
    assert after < before
    assert moved.metadata["background"]["messages"] == len(ORDINARY)
    assert judged(learnt, start).objections == ()


def test_nearly_the_same_ordinary_mail_lies_on_one_side(
    training_set: Callable[..., TrainingSet], start: Start
):
    """A newsletter sent eight times is met by a model that has seen none of the eight."""
    learnt = training_set([], [*ORDINARY, *NEWSLETTERS])
    _, own = moving.moved(learnt, start, _nothing)
    assert len({own.fold[name] for name in rehearsal.keys(NEWSLETTERS)}) == 1
    assert len({own.fold[name] for name in rehearsal.keys(ORDINARY)}) == len(own.heads)
    contender = Contender("after", dict(start.model.thresholds), own)
    cases = moving.compared(learnt, contender, contender).cases
    assert len({case.group for case in cases if "reading room" in " ".join(case.texts)}) == 1


def test_words_of_few_messages_are_left_out_of_ones_own(training_set: Callable[..., TrainingSet]):
    """A name in one note leaves no trace in what is learnt from; common words stay."""
    learnt = training_set([note("Thank you for the time, Zebulon Quixotrix. I liked the talk.")])
    rest = lessons.without_rare(learnt.read, learnt.yours, 3)
    [mine] = np.flatnonzero(learnt.yours)
    name, common = (words.bag(word).columns[0] for word in ("zebulon", "thank"))
    for before, after in (
        (learnt.read.prepared.mail.words, rest.prepared.mail.words),
        (learnt.read.prepared.mail.sentence_words, rest.prepared.mail.sentence_words),
    ):
        assert before[:, name].sum() == 1
        assert after[:, name].sum() == 0
        assert after[:, common].sum() == before[:, common].sum()
    theirs = np.flatnonzero(~learnt.yours)
    assert (rest.prepared.mail.words[theirs] != learnt.read.prepared.mail.words[theirs]).nnz == 0
    assert rest.prepared.mail.words[mine].nnz > 0
