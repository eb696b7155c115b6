"""A look at a message on its way to the program that sends it; nothing of ours may stop it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeAlias

from scanner import checking, config
from scanner.adapters import local
from scanner.aside import begun
from scanner.config import Seconds
from scanner.core.assess import without
from scanner.core.classify import Policy
from scanner.core.verdict import Verdict, Verdicts
from scanner.errors import UnflubError, UnreadableError, slip

assert sys.platform != "win32"  # noqa: S101 - the type checker, too, is to know

HEADER = "X-Unflub"
"""The header field that lets a message through where it says "send"."""

_PATIENCE: Seconds = 30  # for a verdict; then the mail goes without
_MOST_HEADER = 256 * 1024


JudgeBy: TypeAlias = Callable[[Sequence[bytes], Policy, Path | None], Verdicts]


class NotCheckedError(UnflubError):
    """The engine is missing, broken or slow: the mail goes all the same."""


def flaw(held: BinaryIO, preset: str | None, config_path: Path | None) -> Verdict | None:
    """Find what there is to ask about, which was not dismissed before.

    A message longer than a daemon is sent is judged by its beginning, where its text is. Raises
    NotCheckedError.
    """
    held.seek(0)
    raw = held.read(local.MOST_MESSAGE)
    return _in_time(partial(look, raw, preset, config_path))


def look(
    raw: bytes, preset: str | None, config_path: Path | None, judge: JudgeBy = checking.verdicts
) -> Verdict | None:
    """Find what there is to ask about in so much of a message, by somebody's verdict."""
    if _is_let_through(raw):
        return None
    settings = config.optional(config_path)
    (verdict,) = judge([raw], settings.policy(preset), settings.model_folder)
    if isinstance(verdict, UnreadableError) or not verdict.assessment.passages:
        return None
    from scanner.adapters import dismissals

    left = without(verdict.assessment, dismissals.everywhere())
    return replace(verdict, assessment=left) if left.passages else None


def _is_let_through(raw: bytes) -> bool:
    head = raw[:_MOST_HEADER]
    if HEADER.lower().encode() not in head.lower():
        return False
    from email.parser import BytesHeaderParser

    header = BytesHeaderParser().parsebytes(head)
    return str(header.get(HEADER, "")).strip().casefold() == "send"


def _in_time(find: Callable[[], Verdict | None]) -> Verdict | None:
    """Have it found in a thread, which is left behind where it takes too long."""
    looking = begun(find)
    if not wait([looking], _PATIENCE).done:
        trouble = "it takes too long"
    elif error := looking.exception():  # nothing of ours may stop a mail
        trouble = str(error) if isinstance(error, UnflubError) else slip(error)
    else:
        return looking.result()
    raise NotCheckedError(f"sent without a check: {trouble}")
