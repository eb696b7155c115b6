"""What becomes of a message that is judged, and what is asked of a judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from scanner.core.assess import Assessment
from scanner.core.classify import Policy
from scanner.core.draft import Draft, Sentences
from scanner.errors import UnreadableError


@dataclass(frozen=True, slots=True)
class Verdict:
    """A message that was read and assessed."""

    draft: Draft
    sentences: Sentences
    assessment: Assessment

    @property
    def is_empty(self) -> bool:
        """Whether there was no text of the writer's own to assess."""
        return not self.draft.text.strip()


Verdicts: TypeAlias = list[Verdict | UnreadableError]
"""The verdict on each message, or why there is none, in order."""

AnyJudge: TypeAlias = Callable[[Sequence[bytes]], Verdicts]
"""Messages to verdicts, in this process or another."""


@dataclass(frozen=True, slots=True)
class Check:
    """Messages to be judged for another program: by which model and policy.

    `model` is a folder, or None for the one in use.
    """

    messages: Sequence[bytes]
    policy: Policy
    model: Path | None = None
