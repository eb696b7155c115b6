"""What is told of a message that was judged: whose it is, and the passages that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.adapters.single import Message
from scanner.core.assess import Passage, only, without
from scanner.core.classify import Policy
from scanner.core.draft import Draft
from scanner.core.header import raw_header
from scanner.core.report import Row
from scanner.core.verdict import AnyJudge, Verdict
from scanner.errors import UnreadableError

if TYPE_CHECKING:  # loaded where needed
    from scanner.core.origin import Direction

_MAY_BE_OURS = b"x-unflub"


@dataclass(frozen=True, slots=True)
class Terms:
    """How to judge and what to tell: the model and policy, whose mail it is, which passages.

    Without a `model` it is the one in use. Without a `direction` that is told for each message;
    without `categories` all are shown. Sentences with `dismissed` digests are left out. With
    `dated` the day is told of messages with passages.
    """

    model: Path | None
    policy: Policy
    direction: Direction | None = None
    own: frozenset[str] = field(default=frozenset(), repr=False)
    least: float = 0.0
    categories: frozenset[str] = frozenset()
    dismissed: frozenset[str] = frozenset()
    dated: bool = False

    def wants(self, passage: Passage) -> bool:
        """Tell whether a passage is asked for: one sentence is reason enough."""
        return any(
            confidence >= self.least
            for category, confidence in passage.categories.items()
            if not self.categories or category in self.categories
        )


def judged(batch: Sequence[Message], terms: Terms, judge: AnyJudge) -> list[Row]:
    """Judge a few messages together; unflub's own warning drafts are passed over."""
    others = [m for m in batch if m.error or not is_own(m.raw)]
    verdicts = iter(judge([m.raw for m in others if not m.error]))
    return [_row(m, m.error or next(verdicts), terms) for m in others]


def is_own(raw: bytes) -> bool:
    """Tell a warning draft of unflub's, which is never scanned and never learnt from."""
    header = raw_header(raw)
    if _MAY_BE_OURS not in header.lower():
        return False
    from scanner.core.render import recognise

    return recognise(header) is not None


def _row(message: Message, verdict: Verdict | UnreadableError, terms: Terms) -> Row:
    way = terms.direction or message.direction or _direction(message, verdict, terms)
    row = Row(message.source, way, verdict)
    if row.judged is None or not row.passages:
        return row
    left = only(without(row.judged.assessment, terms.dismissed), terms.wants)
    day = _day(message) if terms.dated else ""
    return replace(row, verdict=replace(row.judged, assessment=left), day=day)


def _direction(message: Message, verdict: Verdict | UnreadableError, terms: Terms) -> Direction:
    from scanner.core import origin

    draft = Draft("") if isinstance(verdict, UnreadableError) else verdict.draft
    return origin.direction(message.source, message.raw, draft, terms.own)


def _day(message: Message) -> str:
    from scanner.core import origin

    return origin.day(message.raw)
