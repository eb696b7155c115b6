"""Training, prediction and measuring, on a small corpus."""

from __future__ import annotations

import dataclasses
import json
import os
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from scanner.core.classify import CATEGORIES
from scanner.core.draft import Draft, Sentences
from scanner.core.segment import segment
from scanner.errors import ConfigurationError
from scanner.learning import (
    artifact,
    card,
    compare,
    corpus,
    evaluate,
    evidence,
    holding_out,
    preparing,
    thresholds,
    words,
)
from scanner.learning.answers import Answers, ask
from scanner.learning.corpus import Example
from scanner.learning.evaluate import Measured, Report
from scanner.learning.folds import folds, require_enough
from scanner.learning.gate import unguarded
from scanner.learning.groups import grouped
from scanner.learning.model import Model
from scanner.learning.on_demand import OnDemand
from scanner.learning.preparing import ReadCorpus
from scanner.learning.readings import Known
from scanner.learning.scores import Scores

ORDINARY = [
    segment(Draft(f"The pump of line {n} stopped at noon. We changed the seal.", "Pump report"))
    for n in range(40)
]


@pytest.fixture(scope="module")
def messages(few: list[Example]) -> list[Sentences]:
    return [corpus.project(example).sentences for example in few]


def test_the_same_corpus_and_seed_give_the_same_predictions(
    few: list[Example], model: Model, messages: list[Sentences], trained: Callable[..., Model]
):
    """Training twice gives identical predictions and thresholds."""
    again = trained(few, version="again")
    assert again.predict(messages) == model.predict(messages)
    assert again.thresholds == model.thresholds


def test_each_sentence_gets_a_probability_and_a_category(model: Model, messages: list[Sentences]):
    """Predictions are as many as sentences, between 0 and 1, in known categories."""
    said = model.predict(messages)
    assert [len(one.sentences) for one in said] == [len(one.items) for one in messages]
    assert all(0 <= one.thank_you <= 1 for one in said)
    assert all(0 <= s.probability <= 1 for one in said for s in one.sentences)
    assert {s.category for one in said for s in one.sentences} <= set(CATEGORIES)


def test_a_message_is_judged_alone(model: Model, messages: list[Sentences]):
    """What else is in a batch changes nothing about a message."""
    together = model.predict(messages[:6])
    for one, said in zip(messages[:6], together, strict=True):
        [alone] = model.predict([one])
        assert alone.thank_you == pytest.approx(said.thank_you, abs=1e-5)
        assert [s.probability for s in alone.sentences] == pytest.approx(
            [s.probability for s in said.sentences], abs=1e-5
        )


def test_many_at_once_are_told_what_each_is_told(model: Model, messages: list[Sentences]):
    """Training asks for whole corpora as rows, a verdict for one message: the answers agree."""
    mail = preparing.prepare_mail(messages, model.encoder.read(messages))
    answers = Answers.empty(mail)
    ask(model.heads, mail, np.ones(len(mail.messages), bool), answers)
    least = min(at.kind for at in model.thresholds.values())
    pairs = zip(answers.predictions(mail), model.predict(messages), strict=True)
    both = [pair for pair in pairs if pair[1].thank_you >= least]
    assert len(both) > len(messages) / 3
    for one, other in both:
        assert one.thank_you == pytest.approx(other.thank_you, abs=1e-4)
        assert one.folded == pytest.approx(other.folded, abs=1e-4)
        assert [s.probability for s in one.sentences] == pytest.approx(
            [s.probability for s in other.sentences], abs=1e-4
        )


def test_nothing_and_empty_messages_are_judged_too(model: Model):
    """An empty batch gives nothing, an empty message no sentences."""
    assert model.predict([]) == []
    [said] = model.predict([Sentences("", "", ())])
    assert said.sentences == ()


def test_a_long_message_is_a_note_or_none_as_if_it_had_been_read_to_its_end(
    few: list[Example], model: Model
):
    """What cannot become a note by its end is given up before; of a note nothing is left out."""
    filler = " ".join(f"The seal of pump {n} was changed by noon." for n in range(120))
    beginnings = ["The pumps, all of them.", *(example.text for example in few[:12])]
    messages = [segment(Draft(f"{beginning}\n\n{filler}")) for beginning in beginnings]
    whole = model.encoder.read(messages)
    bags = [words.bag(words.message_text(message)) for message in messages]
    kinds = model.heads.kind_probability(bags, whole, model.heads.note_odds(bags))
    least = min(at.kind for at in model.thresholds.values())
    said = model.predict(messages)
    assert [one.thank_you >= least for one in said] == (kinds >= least).tolist()
    for one, message, reading in zip(said, messages, whole, strict=True):
        if one.thank_you >= least:
            bags = [words.bag(sentence.text) for sentence in message.items]
            chances, _ = model.heads.sentences(message, bags, reading)
            assert [s.probability for s in one.sentences] == pytest.approx(chances.tolist())


def test_wrapping_and_typographic_quotes_do_not_matter(model: Model):
    """A client's line breaks and curly quotes leave a prediction as it is."""
    plain = (
        "Thank you for the interview last Thursday about the post in your office. "
        "I'm sorry that I was late for our talk, the tram had stopped."
    )
    wrapped = textwrap.fill(plain, 60).replace("'", "\u2019")
    one, other = model.predict([segment(Draft(plain)), segment(Draft(wrapped))])
    assert one.thank_you == other.thank_you
    assert one.sentences[-1].probability == pytest.approx(other.sentences[-1].probability)


def test_background_makes_ordinary_mail_less_of_a_note(
    few: list[Example], model: Model, trained: Callable[..., Model]
):
    """Ordinary mail as background lowers what is taken for a note, and is named by hash."""
    taught = trained(few, ORDINARY, version="taught")
    [before], [after] = model.predict(ORDINARY[:1]), taught.predict(ORDINARY[:1])
    assert after.thank_you < before.thank_you
    assert taught.metadata["background"]["messages"] == len(ORDINARY)
    assert len(taught.metadata["background"]["sha256"]) == 64


def test_a_late_aside_is_folded_in_sooner_than_a_note_full_of_excuses(model: Model):
    """Where and how much of a note a flub takes says how bad it is."""
    value = "I ran the grain depot in Aarhus for six years, and no load was ever late. "
    thanks = "Thank you for the interview on Monday about the depot. "
    aside = "The depot held 400 tonnes and not 40, as I said, and I would love to fill yours."
    excuses = (
        "I am sorry that I was so nervous. I had not slept, for the baby was ill. My answers were "
        "poor, and I lost the thread about the silos. I hope that you can overlook it."
    )
    late, full = model.predict(
        [segment(Draft(thanks + 3 * value + aside)), segment(Draft(thanks + excuses))]
    )
    assert late.folded > full.folded


def test_without_an_example_nothing_is_ever_folded_in(
    few: list[Example], trained: Callable[..., Model], messages: list[Sentences]
):
    """Who labels every flub as one is told of no other; the estimators lack one then."""
    plain = [dataclasses.replace(e, severity="flub") if e.severity == "folded" else e for e in few]
    model = trained(plain, version="plain")
    assert max(one.folded for one in model.predict(messages)) < 1e-6
    assert model.estimators is not None
    assert model.estimators.folded is None


def test_progress_counts_up_to_its_total(few: list[Example], trained: Callable[..., Model]):
    """Progress is told in steps up to all of them, each with a label."""
    steps: list[tuple[int, int, str]] = []
    trained(few, version="told", progress=lambda *step: steps.append(step))
    assert all(0 <= done <= total and label for done, total, label in steps)
    assert steps[-1][0] == steps[-1][1]
    assert len({done for done, _, _ in steps}) == len(folds(np.array([e.writer for e in few]))) + 1


def test_one_writer_is_too_few(few: list[Example], trained: Callable[..., Model]):
    """A corpus that leaves nobody to hold out is refused in one line."""
    with pytest.raises(ConfigurationError, match="too few labelled notes"):
        trained([e for e in few if e.writer == "t9"], version="no")


def require_enough_with(third: str) -> None:
    """Look at three writers: each has notes with a plea, with an excuse, a third, and an other."""
    is_note = np.array([True, True, True, False] * 3)
    categories = np.array(["plea", "", "excuse", "", third, "", "", ""] * 3)
    held_out = [np.arange(12) // 4 == writer for writer in range(3)]
    require_enough(is_note, np.repeat(np.arange(12), 2), categories, held_out)


def test_clean_sentences_beside_flubs_do_not_tell_what_a_clean_note_is():
    """Without a clean note nothing would bound the false alarms in such notes."""
    require_enough_with("")
    with pytest.raises(ConfigurationError, match="too few labelled notes"):
        require_enough_with("plea")


def test_a_note_in_the_background_is_refused_before_it_silences_a_preset(
    everything: list[Example], trained: Callable[..., Model]
):
    """Few messages allow no false alarm, and a note among them asks more than any note has."""
    notes = [one for one in everything if one.writer in {"t1", "t2", "t5", "t8"}][::2]
    note = next(one for one in everything if one.writer == "t26" and one.labels)
    background = [*ORDINARY, corpus.project(note).sentences]
    with pytest.raises(ConfigurationError, match="of 41 background messages 1 may be one"):
        trained(notes, background, version="silent")


def test_the_gate_costs_no_warning(read: ReadCorpus):
    """Of flub notes held out, balanced and cautious warn about those they would without a gate."""
    said = holding_out.cross_fit(read.prepared, read.ordinary, folds(read.prepared.writers))
    gate, presets = thresholds.gate_and_presets(said)
    passed, flubs = said.passes(gate), said.is_note & ~said.is_clean
    for name in ("cautious", "balanced"):
        assert passed[flubs & thresholds.warned(said.kinds, said.likeliest, presets[name])].all()
    assert not gate.passes(said.ordinary_glimpses).any()


def test_without_ordinary_mail_nothing_is_turned_away(model: Model):
    """The heads have met none, and would turn notes away by what tells them from each other."""
    assert model.gate == unguarded()


@pytest.fixture(scope="module")
def read(few: list[Example], encoder: OnDemand, known: Known) -> ReadCorpus:
    return preparing.read_corpus(few, ORDINARY, encoder, known)


@pytest.fixture(scope="module")
def found(read: ReadCorpus) -> Measured:
    return evaluate.leave_writers_out(read)


@pytest.fixture(scope="module")
def report(found: Measured) -> Report:
    return found.report


def test_every_writer_is_held_out_once(few: list[Example], report: Report):
    """Leave-one-writer-out measures every message once, and its text says how it went."""
    assert report.messages == len(few)
    assert set(report.presets) == {"cautious", "balanced", "strict"}
    assert 0 < report.average_precision < 1
    assert 0 <= report.calibration_error < 1
    for row in ("sentence F1", "flub notes warned about", "macro average"):
        assert row in evaluate.as_text(report)


def test_fitted_in_several_processes_the_heads_say_the_same(
    read: ReadCorpus, report: Report, monkeypatch: pytest.MonkeyPatch
):
    """So they are fitted for a large corpus, on all cores."""
    monkeypatch.setattr(holding_out, "_LARGE", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert evaluate.leave_writers_out(read).report == report


def test_warnings_that_the_gate_costs_are_those_without_it_less_those_behind_it(
    read: ReadCorpus, report: Report
):
    """With the thresholds that were chosen for each writer on the others."""
    held_out = evaluate.writers_held_out(grouped(read.projected))
    said = holding_out.cross_fit(read.prepared, read.ordinary, held_out)
    without_gate: Counter[str] = Counter()
    for fold in held_out:
        _, chosen = thresholds.gate_and_presets(thresholds.without(said, fold))
        flub_notes = fold & said.is_note & ~said.is_clean
        for name, at in chosen.items():
            marks = thresholds.warned(said.kinds, said.likeliest, at)
            without_gate[name] += int(marks[flub_notes].sum())
    for name, preset in report.presets.items():
        assert preset.flub_notes.part + preset.lost.part == without_gate[name]
        assert 0 < preset.lost.part < report.flubs_away.part
    assert report.others_away.part > 0
    for words_ in ("the gate turns away", "warnings lost by that"):
        assert words_ in evaluate.as_text(report)


def test_groups_deal_every_writer_out_once(few: list[Example]):
    """Groups of writers are disjoint and hold everybody."""
    writers = np.array([example.writer for example in few])
    alone = [set(writers[group].tolist()) for group in evaluate.writers_held_out(writers)]
    assert alone == [{"t13"}, {"t2"}, {"t9"}]
    dealt = evaluate.writers_held_out(writers, 2)
    assert len(dealt) == 2
    assert (np.sum(dealt, axis=0) == 1).all()


def test_readers_are_compared_on_the_same_sentences(read: ReadCorpus):
    """Phrases, words, encoder and heads are scored in this order, the first without ranking."""
    held_out = evaluate.writers_held_out(read.prepared.writers)
    readers = compare.compare(read, held_out)
    assert [one.average_precision is None for one in readers] == [True, False, False, False]
    assert all(0 < one.f1 < 1 for one in readers)
    assert all(one.name in compare.as_text(readers) for one in readers)


def test_a_changed_note_is_not_taken_for_one_the_encoder_never_saw(
    few: list[Example], encoder: OnDemand, known: Known
):
    """Whose note was learnt by the encoder cannot come back as unseen with a comma more."""
    changed = dataclasses.replace(few[0], subject=f"{few[0].subject}, again")
    with pytest.raises(ConfigurationError, match=f"1 notes \\({few[0].id}, "):
        preparing.read_corpus([changed, *few[1:]], (), encoder, known)


def test_another_writer_of_the_same_name_is_not_taken_for_him(
    few: list[Example], encoder: OnDemand, known: Known
):
    """A file of one's own may be called t9.jsonl; no note of it was ever learnt."""
    own = dataclasses.replace(few[0], subject=f"{few[0].subject}, again", writer="t9")
    others = [one for one in few if one.writer != "t9"]
    read = preparing.read_corpus([own, *others], (), encoder, known)
    assert len(read.examples) == len(others) + 1


def test_alarms_agree_with_the_predictions(model: Model, messages: list[Sentences]):
    """False alarms are counted per preset over all messages, none of an empty mailbox."""
    mail = [*ORDINARY, *messages]
    said = model.predict(mail)
    alarms = evaluate.false_alarms(model, mail)
    assert alarms.messages == len(mail)
    for name, at in model.thresholds.items():
        notes = [one for one in said if one.thank_you >= at.kind]
        likeliest = [max(s.probability for s in one.sentences) for one in notes]
        surely = [one.thank_you >= at.sure for one in notes]
        warned = sum(
            sure and chance >= at.flub for sure, chance in zip(surely, likeliest, strict=True)
        )
        assert alarms.notes[name] == len(notes)
        assert alarms.warned[name] == warned
        assert 0 < warned < len(notes)
        assert f"{name}: {warned} of {len(mail)} messages" in evaluate.alarms_as_text(alarms)
    assert set(evaluate.false_alarms(model, []).warned.values()) == {0}


@pytest.fixture(scope="module")
def noted(model: Model, found: Measured) -> dict[str, Any]:
    alarms = {"pumps.mbox": evaluate.false_alarms(model, ORDINARY)}
    return evidence.as_record(found, alarms, model.metadata["writers"])


def test_the_card_says_what_was_measured(
    few: list[Example], model: Model, found: Measured, noted: dict[str, Any]
):
    """The model card names version, corpus, thresholds, and what `evaluate` prints."""
    measured = dataclasses.replace(model, metadata={**model.metadata, "measured": noted})
    written = card.write(measured)
    for part in ("# unflub model tiny", corpus.digest(few), "balanced", "pumps"):
        assert part in written
    assert evaluate.as_text(found.report) in written
    assert "Not measured" in card.write(model)


def test_where_it_fails_is_said_of_the_shipped_model_alone(model: Model, noted: dict[str, Any]):
    """The sentences are of its corpus, and the pictures lie beside it: another has neither."""
    measured = dataclasses.replace(model, metadata={**model.metadata, "measured": noted})
    for part in ("## Where it fails", "../../docs/"):
        assert part not in card.write(measured)
        assert part in card.write(measured, is_shipped=True)


def test_the_card_of_a_moved_model_says_where_its_thresholds_come_from(model: Model):
    """Not those of a training from nothing, but of the model it was moved from."""
    yours = {"with_flubs": 3, "clean": 2, "other": 1}
    written = card.write(
        dataclasses.replace(model, metadata={**model.metadata, "yours": yours, "base": "2026.1"})
    )
    for part in ("6 messages are\nits owner's", "that of 2026.1", "thresholds are those of 2026.1"):
        assert part in written
    assert "--add" not in written


def test_what_was_measured_survives_json(found: Measured, noted: dict[str, Any]):
    """A report and its false alarms come back from a model's metadata as they were."""
    read = json.loads(json.dumps(noted))
    assert evidence.report_of(read) == found.report
    assert evidence.alarms_of(read)["pumps.mbox"].messages == len(ORDINARY)
    assert evidence.report_of({}) is None


def test_of_writers_that_a_model_does_not_name_nothing_is_noted(found: Measured):
    """The names of one's own files stay out of the model."""
    assert evidence.as_record(found, {}, ["t2"])["by_writer"].keys() == {"t2"}


def test_what_was_counted_by_writer_adds_up_to_the_report(found: Measured, noted: dict[str, Any]):
    """So the tables of a card can be checked writer by writer, also after it lay in JSON."""
    writers = evidence.writers_of(json.loads(json.dumps(noted))).values()
    for name, preset in found.report.presets.items():
        assert sum((one.sentences[name] for one in writers), Scores()) == preset.sentences
        assert sum(one.clean_notes[name].part for one in writers) == preset.clean_notes.part
    for name, scores in found.report.categories.items():
        assert sum((one.categories[name] for one in writers), Scores()) == scores


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_scores_are_those_of_scikit_learn(sentences: list[tuple[bool, bool]]):
    """Precision, recall and F1, also where nothing is true or nothing is shown."""
    truth, shown = np.array(sentences).T
    found = Scores.of(truth, shown)
    *expected, _ = precision_recall_fscore_support(truth, shown, average="binary", zero_division=0)
    assert [found.precision, found.recall, found.f1] == pytest.approx(expected)


def test_a_card_is_written_anew_and_the_model_stays_as_it_was(
    folder: Path, model: Model, messages: list[Sentences], noted: dict[str, Any]
):
    """Other words, or numbers, in the card change no prediction; the folder is still believed."""
    before = model.predict(messages[:9])
    card.renew(folder, noted)
    again = artifact.load(folder)
    assert (folder / "README.md").read_text("utf-8") == card.write(again)
    assert "pumps.mbox" in card.write(again)
    assert again.predict(messages[:9]) == before
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    card.renew(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept
