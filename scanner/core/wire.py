"""Verdicts and policies as JSON values and back, without loss: for who asks another process."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scanner.core.assess import Assessment, FlaggedSentence, Passage
from scanner.core.classify import Policy
from scanner.core.draft import Draft, Sentence, Sentences
from scanner.core.verdict import Verdict
from scanner.errors import UnreadableError


def as_values(verdict: Verdict | UnreadableError) -> dict[str, Any]:
    """Give a verdict as JSON values; of texts that lie in the own text the spans alone."""
    if isinstance(verdict, UnreadableError):
        return {"error": str(verdict)}
    draft, assessment = verdict.draft, verdict.assessment
    return {
        "text": draft.text,
        "subject": draft.subject,
        "message_id": draft.message_id,
        "sender": draft.sender,
        "recipients": sorted(draft.recipients),
        "to": list(draft.to),
        "is_over": draft.is_over,
        "sentences": [[s.start, s.end] for s in verdict.sentences.items],
        "kind": assessment.kind,
        "kind_confidence": assessment.kind_confidence,
        "severity": assessment.severity,
        "share": assessment.share,
        "passages": [
            {
                "category": passage.category,
                "confidence": passage.confidence,
                "sentences": [
                    [s.start, s.end, s.category, s.confidence] for s in passage.sentences
                ],
            }
            for passage in assessment.passages
        ],
    }


def policy_as_values(policy: Policy) -> dict[str, Any]:
    """Give a policy as JSON values."""
    return {**asdict(policy), "off": sorted(policy.off)}


def policy(values: dict[str, Any]) -> Policy:
    """Give the policy back. Raises KeyError, TypeError or ValueError for what is none."""
    threshold = values["threshold"]
    return Policy(
        str(values["preset"]),
        None if threshold is None else float(threshold),
        frozenset(map(str, values["off"])),
    )


def verdict(values: dict[str, Any]) -> Verdict | UnreadableError:
    """Give the verdict back. Raises KeyError, TypeError or ValueError for what is none."""
    if "error" in values:
        return UnreadableError(str(values["error"]))
    text = values["text"]
    draft = Draft(
        text,
        values["subject"],
        values["message_id"],
        values["sender"],
        frozenset(values["recipients"]),
        tuple(values["to"]),
        values["is_over"],
    )
    items = tuple(Sentence(start, end, text[start:end]) for start, end in values["sentences"])
    assessment = Assessment(
        text,
        values["kind"],
        values["kind_confidence"],
        values["severity"],
        values["share"],
        tuple(_passage(text, passage) for passage in values["passages"]),
    )
    return Verdict(draft, Sentences(draft.subject, text, items), assessment)


def _passage(text: str, values: dict[str, Any]) -> Passage:
    sentences = tuple(
        FlaggedSentence(start, end, text[start:end], category, confidence)
        for start, end, category, confidence in values["sentences"]
    )
    start, end = sentences[0].start, sentences[-1].end
    category, confidence = values["category"], values["confidence"]
    return Passage(start, end, text[start:end], category, confidence, sentences)
