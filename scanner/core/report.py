"""Verdicts to what `check` and `scan` print: the record of the contract, and plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from scanner.core.advice import ADVICE, deed
from scanner.core.assess import Assessment, Passage
from scanner.core.judge import Verdict
from scanner.errors import UnreadableError

Direction = Literal["outgoing", "incoming"]
Mark = Callable[[str], str]
Why: TypeAlias = Mapping[int, tuple[str, ...]] | None

_BEGINNING = 60

EMPTY = "empty: there is no text of the writer's own in it"


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a scan: where it came from and what became of it.

    `why` has the words that weigh most, by the start of each flagged sentence, if asked for.
    """

    source: str
    direction: Direction
    verdict: Verdict | UnreadableError
    why: Why = None

    @property
    def error(self) -> str:
        """Why the message could not be assessed, or nothing."""
        if isinstance(self.verdict, UnreadableError):
            return str(self.verdict)
        return EMPTY if self.verdict.is_empty else ""

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The flagged passages."""
        return () if isinstance(self.verdict, UnreadableError) else self.verdict.assessment.passages


def as_record(row: Row, *, with_text: bool = False) -> dict[str, Any]:
    """Give the JSON object of the contract; a message that was not assessed has nulls."""
    verdict = None if isinstance(row.verdict, UnreadableError) else row.verdict
    judged = verdict.assessment if verdict and not row.error else None
    record: dict[str, Any] = {
        "source": row.source,
        "message_id": verdict.draft.message_id if verdict else "",
        "subject": verdict.draft.subject if verdict else "",
        "direction": row.direction,
        "kind": judged.kind if judged else None,
        "kind_confidence": round(judged.kind_confidence, 4) if judged else None,
        "severity": judged.severity if judged else None,
        "share": round(judged.share, 4) if judged else None,
        "passages": [_passage(p, row.why) for p in judged.passages] if judged else [],
        "error": row.error or None,
    }
    if with_text:
        record["text"] = verdict.draft.text if verdict else None
    return record


def as_text(row: Row, mark: Mark = lambda text: f">>> {text} <<<") -> str:
    """Show a message's own text with each passage marked in its place, and why."""
    if row.error:
        return f"{row.source}: not checked: {row.error}"
    assert not isinstance(row.verdict, UnreadableError)  # noqa: S101 - tells mypy what `error` says
    assessment = row.verdict.assessment
    lines = [f"{row.source}: {_headline(assessment)}"]
    if assessment.passages:
        lines += ["", _indented(_marked(assessment, mark)), ""]
        lines += [line for passage in assessment.passages for line in _reason(passage, row.why)]
    return "\n".join(lines)


def summary(checked: int, flagged: int, unreadable: int) -> str:
    """Say in one line how a scan ended."""
    parts = [f"{checked} checked", f"{flagged} with a flub"]
    if unreadable:
        parts.append(f"{unreadable} not checked")
    return ", ".join(parts)


def _headline(assessment: Assessment) -> str:
    if not assessment.passages:
        return "nothing found" if assessment.kind == "thank_you" else "not a post-interview note"
    count = len(assessment.passages)
    passages = "one passage" if count == 1 else f"{count} passages"
    return f"{assessment.severity}: {passages}, {assessment.share:.0%} of the words"


def _reason(passage: Passage, why: Why) -> Iterator[str]:
    advice = ADVICE[passage.category]
    what = f"({passage.category}, {passage.confidence:.0%})"
    yield f"  - It {deed(passage.category, passage.text)} {what}: {advice.reason}"
    for sentence in passage.sentences if why is not None else ():
        words = ", ".join(f"“{word}”" for word in (why or {}).get(sentence.start, ()))
        yield f"      {words or 'no single word'} weighs most in: {_beginning(sentence.text)}"


def _beginning(text: str) -> str:
    return textwrap.shorten(text, _BEGINNING, placeholder=" …")


def _marked(assessment: Assessment, mark: Mark) -> str:
    pieces, position = [], 0
    for passage in assessment.passages:
        pieces += [assessment.text[position : passage.start], mark(passage.text)]
        position = passage.end
    return "".join([*pieces, assessment.text[position:]]).strip()


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}".rstrip() for line in text.splitlines())


def _passage(passage: Passage, why: Why) -> dict[str, Any]:
    span = {
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "category": passage.category,
        "confidence": round(passage.confidence, 4),
    }
    return span | {
        "sentences": [
            {
                "start": s.start,
                "end": s.end,
                "text": s.text,
                "category": s.category,
                "confidence": round(s.confidence, 4),
            }
            | ({} if why is None else {"words": list(why.get(s.start, ()))})
            for s in passage.sentences
        ]
    }
