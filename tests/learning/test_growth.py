"""The learning curve, on a small corpus."""

from __future__ import annotations

import numpy as np
import pytest

from scanner.learning import growth, preparing
from scanner.learning.growth import Growth, Point
from scanner.learning.measures import Estimate

WRITERS = [f"t{number}" for number in range(1, 16)]


@pytest.fixture(scope="module")
def prepared(everything, encoder, known):
    some = [one for name in WRITERS for one in [e for e in everything if e.writer == name][:24]]
    return preparing.read_corpus(some, (), encoder, known).prepared


def test_the_curve_grows_by_whole_writers(prepared):
    """A quarter, half and all of the writers that are not held out, each point with an interval."""
    steps = []
    curve = growth.grow(
        prepared, prepared.writers, "of the corpus", progress=lambda *one: steps.append(one)
    )
    sizes = [point.messages for point in curve.points]
    assert sizes == [pytest.approx(share * 240, abs=24) for share in growth.SHARES]
    assert all(0 < one.reached.low <= one.reached.value <= one.reached.high for one in curve.points)
    assert curve.last_doubling.value == pytest.approx(
        curve.points[-1].reached.value - curve.points[-2].reached.value
    )
    assert [done for done, _, _ in steps] == list(range(len(growth.SHARES) * 3))


def test_ones_own_notes_grow_on_top_of_the_others(prepared):
    """The others are learnt from all along; the first point is what they teach alone."""
    groups = np.where(
        prepared.writers == "t15", np.arange(len(prepared.writers)).astype(str), prepared.writers
    )
    varied = prepared.writers == "t15"
    curve = growth.grow(prepared, groups, "of your own", varied=varied)
    assert [point.messages for point in curve.points] == [0, 4, 8, 16]
    assert "messages of your own" in curve.answer


def test_too_few_writers_give_no_curve(prepared):
    """A quarter of a handful of writers is nobody."""
    few = np.where(prepared.writers == "t1", "one", "other")
    assert growth.grow(prepared, few, "of the corpus") is None


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Estimate(0.03, 0.01, 0.05), "More labels would help. From 100 to 200 messages"),
        (Estimate(0.004, 0.002, 0.006), "More labels would help a little."),
        (Estimate(0.001, -0.004, 0.006), "More labels of the same sort would hardly help."),
        (Estimate(0.02, -0.02, 0.06), "Whether more labels would help cannot be told"),
        (Estimate(0.0, 0.0, 0.0), "Whether more labels would help cannot be told from so few."),
    ],
)
def test_the_answer_follows_the_last_doubling(gain, said):
    """Only what is beyond chance is promised, and only what is small is called small."""
    points = tuple(Point(size, Estimate(0.8, 0.7, 0.9)) for size in (50, 100, 200))
    assert Growth("of your own", points, gain).answer.startswith(said)
