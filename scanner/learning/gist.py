"""One line instead of tables: did it get better, on what, by how much, how sure is that."""

from __future__ import annotations

from scanner.learning.approval import Comparison, Judgement
from scanner.learning.measures import CLEAN, ORDINARY, OTHER, SENTENCES, direction
from scanner.learning.trial import Trial

_BEGUN = {1: "it got better", -1: "it got worse", 0: "no clear change"}
_WORDS = {
    SENTENCES.f1: "sentences told apart (F1)",
    CLEAN: "clean notes warned about",
    OTHER: "other messages warned about",
    ORDINARY: "ordinary mail warned about",
}
# From here on there is little left to gain.
_WELL = {SENTENCES.f1: 0.85, CLEAN: 0.05, OTHER: 0.05, ORDINARY: 0.005}


def gist(trial: Trial, judgement: Judgement) -> str:
    """Say what became of the user's own messages, and whether the shipped ones paid for it."""
    has_flubs = any(any(case.truth) for case in trial.cases if case.is_yours)
    yours = (one for one in judgement.comparisons if one.is_yours)
    found = [one for one in yours if has_flubs or one.metric != SENTENCES.f1]
    if not found:
        return "There is nothing of yours to tell by whether it got better."
    told = [found[0], *(one for one in found[1:] if one.is_enough and _sign(one))]
    said = "; ".join(_said(one, judgement.preset) for one in told)
    return f"{said[0].upper()}{said[1:]}. {_shipped(judgement)}"


def _sign(one: Comparison) -> int:
    return direction(one.metric, one.change)


def _shipped(judgement: Judgement) -> str:
    """Say the same of the shipped ones; at another preset it may be otherwise."""
    shipped = [one for one in judgement.comparisons if not one.is_yours]
    if any(one.is_worse for one in shipped):
        return "On the shipped messages it got worse."
    if not all(one.is_enough for one in shipped):
        return "On the shipped messages it cannot be told."
    return f"On the shipped messages it is no worse at the preset {judgement.preset}."


def _said(one: Comparison, preset: str) -> str:
    sign = _sign(one)
    begun = _BEGUN[sign] if one.is_enough else "whether it got better cannot be told"
    now = one.before + one.change.value
    prospect = _prospect(one) if one.is_enough and not sign else ""
    return (
        f"{begun} on {one.count:,} {'message' if one.count == 1 else 'messages'} of yours, held "
        f"out: {_WORDS[one.metric]} at the preset {preset} {one.before:.1%} before, "
        f"{now:.1%} now ({_spread(one)}){prospect}"
    )


def _spread(one: Comparison) -> str:
    if one.is_enough and one.is_unchanged:
        return "no change"
    change, low, high = (f"{100 * share:+.1f}" for share in one.change)
    sure = f"95 % sure: {low} to {high}" if one.is_enough else "of too few to be sure"
    return f"{change} points; {sure}"


def _prospect(one: Comparison) -> str:
    """Say where little could be gained."""
    well = _WELL[one.metric]
    reads_well = one.before >= well if one.metric.higher_is_better else one.before <= well
    return "; such messages were read well before" if reads_well else ""
