"""A trial of two models, its numbers, and what chance would make of them."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from scanner.core.classify import Predictions, SentencePrediction, Thresholds
from scanner.learning import measures, trial
from scanner.learning.measures import Estimate, Metric
from scanner.learning.trial import Case, Side, Trial

AT = {"balanced": Thresholds(0.5, 0.5)}
KINDS = ("plea", "apology")


def case(number: int, truth: tuple[str | None, ...], **others) -> Case:
    facts = {"writer": f"w{number}", "group": f"w{number}", "is_note": True} | others
    texts = tuple(f"Sentence {place}." for place in range(len(truth)))
    return Case(id=f"m{number}", texts=texts, truth=truth, **facts)


def side(*chances: tuple[float, ...], kind: float = 0.9, category: str = "plea") -> Side:
    said = [
        Predictions(kind, tuple(SentencePrediction(chance, category) for chance in of_one))
        for of_one in chances
    ]
    return trial.side("made up", said, AT)


def measured(of: Trial, one: Side, metric: Metric) -> Estimate:
    return measures.estimate(trial.table(of.cases, one, "balanced"), metric)


def compared(of: Trial, metric: Metric) -> Estimate:
    return measures.difference(
        *(trial.table(of.cases, one, "balanced") for one in of.sides), metric
    )


@pytest.fixture(scope="module")
def noisy() -> Trial:
    """Forty writers of five messages of four sentences; the later model sees a little better."""
    chance = np.random.default_rng(7)
    cases, before, after = [], [], []
    for number in range(200):
        truth = tuple(chance.choice(KINDS) if chance.random() < 0.3 else None for _ in range(4))
        is_note = number % 10 != 0
        truth = truth if is_note else (None,) * 4
        cases.append(case(number, truth, group=f"g{number // 5}", is_note=is_note))
        signal = np.array([one is not None for one in truth])
        for said, noise in ((before, 0.5), (after, 0.3)):
            odds = signal * 0.5 + 0.25 + chance.normal(0, noise, 4)
            said.append(tuple(np.round(np.clip(odds, 0, 1), 2).tolist()))
    return Trial(tuple(cases), side(*before), side(*after))


def test_a_sentence_counts_as_shown_in_what_is_taken_for_a_note_alone():
    """Precision, recall and F1 are of what the user is shown."""
    cases = (case(1, ("plea", None)), case(2, ("plea",)))
    made = trial.side(
        "x",
        [
            Predictions(0.9, (SentencePrediction(0.6, "plea"), SentencePrediction(0.7, "plea"))),
            Predictions(0.4, (SentencePrediction(0.9, "plea"),)),
        ],
        AT,
    )
    one = Trial(cases, None, made)
    values = [measured(one, made, metric).value for metric in measures.SENTENCES]
    assert values == [0.5, 0.5, 0.5]
    assert measured(one, made, measures.NOTES.recall).value == 0.5


def test_the_numbers_are_those_of_scikit_learn(noisy):
    """Sentences, categories and ranking agree with the library."""
    rows = trial.table(noisy.cases, noisy.after, "balanced")
    values = [measured(noisy, noisy.after, one).value for one in measures.SENTENCES]
    expected = precision_recall_fscore_support(
        rows.truth != trial.NONE, rows.said != trial.NONE, average="binary"
    )
    assert values == pytest.approx(list(expected[:3]))
    plea = [measured(noisy, noisy.after, one).value for one in measures.BY_CATEGORY["plea"]]
    columns = precision_recall_fscore_support(rows.truth, rows.said, labels=[6], average=None)
    assert plea == pytest.approx([float(column[0]) for column in columns[:3]])
    notes = rows.in_note
    truth, chance = rows.truth[notes] != trial.NONE, rows.chance[notes]
    ranked = measured(noisy, noisy.after, measures.AVERAGE_PRECISION).value
    assert ranked == pytest.approx(average_precision_score(truth, chance))


@pytest.mark.parametrize(
    ("chance", "truth", "error"), [(0.5, ("plea", None), 0), (0.75, ("plea", "plea"), 0.25)]
)
def test_calibration_error_is_how_far_probabilities_lie_from_what_came_true(chance, truth, error):
    """Half right at 0.5 is no error; all right at 0.75 is a quarter off."""
    made = side((chance, chance))
    one = Trial((case(1, truth),), None, made)
    assert measured(one, made, measures.CALIBRATION).value == error


@pytest.mark.parametrize("metric", measures.ALL, ids=lambda metric: metric.name)
def test_a_draw_counts_a_group_as_often_as_it_was_drawn(noisy, metric):
    """A number under a draw is the number of the trial in which the groups stand that often."""
    rows = trial.table(noisy.cases, noisy.after, "balanced")
    drawn = measures.draws(rows.groups)[3]
    names = sorted({one.group for one in noisy.cases})
    times = [int(drawn[names.index(one.group)]) for one in noisy.cases]
    places = [n for n, count in enumerate(times) for _ in range(count)]
    again = Side(
        "again",
        tuple(noisy.after.said[n] for n in places),
        tuple(noisy.after.thresholds[n] for n in places),
    )
    repeated = trial.table([noisy.cases[n] for n in places], again, "balanced")
    [expected] = metric.of(repeated, np.ones((1, repeated.groups)))
    [value] = metric.of(rows, drawn[None])
    assert value == pytest.approx(expected, nan_ok=True)


def test_an_interval_holds_its_value_and_narrows_with_more_groups(noisy):
    """The interval lies around the value; a quarter of the writers knows less."""
    some = noisy.only(lambda one: int(one.id[1:]) < 50)
    widths = []
    for one in (some, noisy):
        found = measured(one, one.after, measures.SENTENCES.f1)
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0]


def test_of_too_few_groups_no_interval_is_told():
    """One writer's notes say nothing of how others would fare."""
    cases = tuple(case(n, ("plea", None), group="me") for n in range(9))
    made = side(*[(0.9, 0.1)] * 9)
    found = compared(Trial(cases, made, made), measures.SENTENCES.f1)
    assert found.value == 0
    assert isnan(found.low)
    assert isnan(found.high)


def test_what_cannot_be_divided_is_no_number():
    """Without other mail there is no share of it."""
    made = side((0.9,))
    assert isnan(measured(Trial((case(1, ("plea",)),), None, made), made, measures.OTHER)[0])


def test_a_better_model_is_beyond_noise_and_an_equal_one_is_not(noisy):
    """The interval of a true difference leaves 0 out, that of two like models holds it."""
    found = compared(noisy, measures.AVERAGE_PRECISION)
    assert 0 < found.low < found.value < found.high
    same = compared(Trial(noisy.cases, noisy.after, noisy.after), measures.AVERAGE_PRECISION)
    assert same == (0, 0, 0)


def test_pairs_tell_more_than_two_numbers_apart(noisy):
    """The same draws for both sides: the difference is surer than either number."""
    paired = compared(noisy, measures.SENTENCES.f1)
    single = [measured(noisy, one, measures.SENTENCES.f1) for one in noisy.sides]
    assert paired.high - paired.low < sum(one.high - one.low for one in single)


def test_ordinary_mail_counts_for_false_alarms_alone():
    """A warning in everyday mail is no sentence of the labelled ones."""
    cases = (case(1, ("plea",)), case(2, (None,), is_note=False, is_ordinary=True))
    made = side((0.9,), (0.9,))
    one = Trial(cases, None, made)
    assert measured(one, made, measures.ORDINARY).value == 1
    assert measured(one, made, measures.SENTENCES.precision).value == 1
    assert measured(one, made, measures.NOTES.precision).value == 1


def test_changed_verdicts_are_told_in_both_directions():
    """What is shown by one side alone is better where it is a flub, and worse where it is not."""
    cases = (case(1, ("plea", None, None)), case(2, ("plea",)))
    before, after = side((0.1, 0.8, 0.1), (0.9,)), side((0.9, 0.1, 0.6), (0.4,))
    found = trial.changed(Trial(cases, before, after), "balanced")
    assert [(one.case.id, one.place, one.was, one.now, one.is_better) for one in found] == [
        ("m1", 0, False, True, True),
        ("m1", 1, True, False, True),
        ("m1", 2, False, True, False),
        ("m2", 0, True, False, False),
    ]
    assert found[0].text == "Sentence 0."
    assert trial.changed(Trial(cases, None, after), "balanced") == []


def test_sides_about_other_sentences_are_refused():
    """Both models must have been asked the same."""
    with pytest.raises(ValueError, match="other sentences"):
        Trial((case(1, ("plea", None)),), None, side((0.9,)))
