"""What is asked of who sends a flub note, on their terminal."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

from scanner.adapters import tty
from scanner.core.advice import ADVICE, deeds
from scanner.core.counsel import counsel
from scanner.core.verdict import Verdict

assert sys.platform != "win32"  # noqa: S101 - the type checker, too, is to know

_WIDTH = 78
_CHOICES = (
    "  [b] go back and edit",
    "  [s] send anyway",
    "  [n] not a flub: send, and do not bring it up again",
    "",
)


def ask(verdict: Verdict) -> str | None:
    """Ask on the terminal: "send", "dismiss" or "back"; None where there is none to ask on."""
    answer = tty.ask("\n".join(_lines(verdict)) + "\n", "Your choice [b]: ")
    if answer is None:
        return None
    return {"s": "send", "n": "dismiss"}.get(answer.casefold(), "back")


def in_short(verdict: Verdict) -> str:
    """Name what the passages do, without their words: fit for an error."""
    names = dict.fromkeys(ADVICE[one.category].name for one in verdict.assessment.passages)
    return ", and ".join(names)


def _lines(verdict: Verdict) -> Iterator[str]:
    assessment = verdict.assessment
    yield f"unflub: this thank-you note explains a flub ({assessment.percent}% of its words)"
    todo = counsel(verdict.draft.subject, assessment, "outgoing")
    yield from textwrap.wrap(todo.folded, _WIDTH)
    for passage in assessment.passages:
        done = deeds(passage.categories, passage.text)
        yield ""
        yield from textwrap.wrap(
            passage.text, _WIDTH, initial_indent="  > ", subsequent_indent="  > "
        )
        yield from textwrap.wrap(f"It {done}. {ADVICE[passage.category].reason}", _WIDTH,
                                 initial_indent="  ", subsequent_indent="  ")  # fmt: skip
    yield ""
    first, _, last = todo.steps
    for step in (first.removeprefix("Not sent yet? "), last):
        yield from textwrap.wrap(step, _WIDTH, initial_indent="  * ", subsequent_indent="    ")
    yield ""
    yield from _CHOICES
