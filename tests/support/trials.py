"""A trial made up: forty writers, of whom the later model knows a little more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.learning import trial
from scanner.learning.growth import Growth, Point
from scanner.learning.measures import Estimate
from scanner.learning.trial import Case, Side, Trial

HOSTILE = '<img src="http://example.org/x.png"><script src="http://example.org/x.js"></script>'
AT = {
    "cautious": Thresholds(0.5, 0.8),
    "balanced": Thresholds(0.5, 0.55, 0.4),
    "strict": Thresholds(0.5, 0.4),
}
GROWTH = Growth(
    "of your own",
    (
        Point(0, Estimate(0.80, 0.77, 0.83)),
        Point(25, Estimate(0.82, 0.79, 0.85)),
        Point(50, Estimate(0.84, 0.82, 0.86)),
        Point(100, Estimate(0.86, 0.84, 0.88)),
    ),
    Estimate(0.02, 0.01, 0.03),
)


def made_up(messages: int = 400) -> Trial:
    """Ten messages a writer, one in five no note; the last writers' are the user's own."""
    chance = np.random.default_rng(7)
    cases = [_case(number, messages, chance) for number in range(messages)]
    before, after = ([_said(case, noise, chance) for case in cases] for noise in (0.28, 0.2))
    return Trial(tuple(cases), trial.side("first", before, AT), trial.side("second", after, AT))


def _case(number: int, messages: int, chance: np.random.Generator) -> Case:
    is_note = number % 5 != 0
    truth = tuple(
        str(chance.choice(CATEGORIES)) if is_note and chance.random() < 0.25 else None
        for _ in range(4)
    )
    texts = tuple(f"Sentence {place} of {number}. {HOSTILE}" for place in range(4))
    writer, is_yours = f"w{number // 10}", number >= messages * 3 / 4
    return Case(f"m{number}", writer, writer, is_note, texts, truth, is_yours)


def _said(case: Case, noise: float, chance: np.random.Generator) -> Predictions:
    odds = np.array([0.7 if truth else 0.2 for truth in case.truth]) + chance.normal(0, noise, 4)
    sentences = tuple(
        SentencePrediction(
            float(odd), truth if truth and chance.random() < 0.8 else str(chance.choice(CATEGORIES))
        )
        for odd, truth in zip(np.clip(odds, 0, 1), case.truth, strict=True)
    )
    return Predictions(0.9 if case.is_note else float(chance.random()), sentences)


def turned(made: Trial) -> Trial:
    """Have the better model be the first one."""
    assert made.before
    return Trial(made.cases, made.after, made.before)


def eager_at(preset: str, made: Trial) -> Trial:
    """Have the earlier model again as the later one, which shows nearly all at one preset."""
    assert made.before
    at = {**AT, preset: Thresholds(0.5, 0.1)}
    return Trial(made.cases, made.before, trial.side("eager", made.before.said, at))


def as_sure(side: Side, cases: Sequence[Case], of_flubs: float, of_others: float) -> Side:
    """Have a model be so sure of what is a flub in truth, and so sure of what is none."""
    said = (
        replace(
            one,
            sentences=tuple(
                replace(sentence, probability=of_flubs if truth else of_others)
                for sentence, truth in zip(one.sentences, case.truth, strict=True)
            ),
        )
        for case, one in zip(cases, side.said, strict=True)
    )
    return replace(side, said=tuple(said))
