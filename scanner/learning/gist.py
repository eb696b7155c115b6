"""One line for who reads no table: did it get better, on what, by how much, how sure is that."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from scanner.learning.approval import Finding
from scanner.learning.measures import CLEAN, ORDINARY, OTHER, SENTENCES, direction
from scanner.learning.trial import Case, Trial

_BEGUN = {1: "it got better", -1: "it got worse", 0: "no clear change"}
_WORDS = {
    SENTENCES.f1: "sentences told apart (F1)",
    CLEAN: "clean notes warned about",
    OTHER: "other messages warned about",
    ORDINARY: "ordinary mail warned about",
}
# From here on there is little left to gain.
_WELL = {SENTENCES.f1: 0.85, CLEAN: 0.05, OTHER: 0.05, ORDINARY: 0.005}


def gist(trial: Trial, findings: Sequence[Finding]) -> str:
    """Say what became of the user's own messages, and whether the shipped ones paid for it."""
    yours = [case for case in trial.cases if case.is_yours]
    counts = {
        SENTENCES.f1: sum(case.is_note for case in yours) if any(map(_has_flub, yours)) else 0,
        CLEAN: sum(case.is_note and not _has_flub(case) for case in yours),
        OTHER: sum(not case.is_note and not case.is_ordinary for case in yours),
        ORDINARY: sum(case.is_ordinary for case in yours),
    }
    found = [one for one in findings if one.is_yours and counts.get(one.metric)]
    if not found:
        return "There is nothing of yours to tell by whether it got better."
    told = [found[0], *(one for one in found[1:] if direction(one.metric, one.change))]
    said = "; ".join(_said(one, counts[one.metric]) for one in told)
    return f"{said[0].upper()}{said[1:]}. {_shipped([one for one in findings if not one.is_yours])}"


def _has_flub(case: Case) -> bool:
    return any(case.truth)


def _shipped(findings: Sequence[Finding]) -> str:
    if any(one.is_worse for one in findings):
        return "On the shipped messages it got worse."
    if any(isnan(one.change.low) for one in findings):
        return "On the shipped messages it cannot be told."
    return "On the shipped messages it is no worse."


def _said(one: Finding, count: int) -> str:
    sign = direction(one.metric, one.change)
    told = not isnan(one.change.low)
    begun = _BEGUN[sign] if told else "whether it got better cannot be told"
    now, low, high = one.before + one.change.value, one.change.low, one.change.high
    sure = f"95 % sure: {100 * low:+.1f} to {100 * high:+.1f}" if told else "of too few to be sure"
    return (
        f"{begun} on {count:,} {'message' if count == 1 else 'messages'} of yours, held out: "
        f"{_WORDS[one.metric]} {one.before:.1%} before, {now:.1%} now "
        f"({100 * one.change.value:+.1f} points; {sure}){'' if sign else _prospect(one)}"
    )


def _prospect(one: Finding) -> str:
    """Say where little could be gained."""
    well = _WELL[one.metric]
    reads_well = one.before >= well if one.metric.higher_is_better else one.before <= well
    return "; such messages were read well before" if reads_well else ""
