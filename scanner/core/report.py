"""Verdicts to what `check` and `scan` print: the record of the contract, and plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from scanner.core.assess import Assessment, Passage, pieces
from scanner.core.draft import Draft
from scanner.core.verdict import Verdict
from scanner.errors import UnreadableError

if TYPE_CHECKING:  # loaded where needed: most mail is no flub note
    from scanner.core.counsel import Counsel
    from scanner.core.origin import Direction

Mark = Callable[[str], str]
Why: TypeAlias = Mapping[int, tuple[str, ...]] | None
Told: TypeAlias = dict[int, str]
"""By the hash of steps or letters, which are long: the source they were first shown for."""

_BEGINNING = 60
_WIDTH = 96
_MOST_NAMED = 3
_MORE_LIKELY_THAN_NOT = 0.5

EMPTY = "empty: there is no text of the writer's own in it"


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a scan: where it came from and what became of it.

    `why` has the words that weigh most, by the start of each flagged sentence, if asked for;
    `day` is that of its date where passages were found.
    """

    source: str
    direction: Direction
    verdict: Verdict | UnreadableError
    why: Why = None
    day: str = ""

    @property
    def judged(self) -> Verdict | None:
        """The verdict, where the message could be assessed; else there is an `error`."""
        if isinstance(self.verdict, UnreadableError) or self.verdict.is_empty:
            return None
        return self.verdict

    @property
    def error(self) -> str:
        """Why the message could not be assessed, or nothing."""
        if isinstance(self.verdict, UnreadableError):
            return str(self.verdict)
        return EMPTY if self.verdict.is_empty else ""

    @property
    def is_empty(self) -> bool:
        """Whether it was read, and has no text of the writer's own: a forward, or a bare quote."""
        return isinstance(self.verdict, Verdict) and self.verdict.is_empty

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The flagged passages."""
        return self.judged.assessment.passages if self.judged else ()

    @property
    def letterhead(self) -> str:
        """When it was written, and to or from whom, as far as that is known."""
        draft = self.judged.draft if self.judged else Draft("")
        if self.direction == "incoming":
            whom = draft.sender and f"from {draft.sender}"
        else:
            whom = f"to {_some(draft.to)}" if draft.to else ""
        return ", ".join(filter(None, (self.day, whom)))

    @property
    def counsel(self) -> Counsel:
        """What to do about it. Raises ValueError where no passage was found."""
        judged = self.judged
        if judged is None or not judged.assessment.passages:
            raise ValueError("there is nothing to do about it")
        from scanner.core.counsel import counsel

        return counsel(judged.draft.subject, judged.assessment, self.direction)


@dataclass(slots=True)
class Tally:
    """Counts what a scan has seen so far.

    Messages without own text count as unreadable, unless they are set apart: archives are full of
    them, and there is nothing to be done about them.
    """

    checked: int = 0
    flubs: int = 0
    folded: int = 0
    unreadable: int = 0
    undated: int = 0
    empty: int = 0
    sets_empty_apart: bool = False
    categories: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    is_cut: bool = False
    """Whether it broke off before all was read."""

    @property
    def flagged(self) -> int:
        """How many messages have a passage."""
        return self.flubs + self.folded

    def add(self, row: Row) -> None:
        """Count one more message."""
        severity = row.judged.assessment.severity if row.judged else None
        self.count(severity, is_empty=row.is_empty)
        if passages := row.passages:
            self.categories.update(c for passage in passages for c in passage.categories)
            self.months[row.day[:7]] += 1

    def count(self, severity: str | None, *, is_empty: bool) -> None:
        """Count one more message by its severity, which is None where it was not assessed."""
        set_apart = is_empty and self.sets_empty_apart
        self.checked += severity is not None
        self.empty += set_apart
        self.unreadable += severity is None and not set_apart
        self.flubs += severity == "flub"
        self.folded += severity == "folded"


def as_record(row: Row, *, with_text: bool = False) -> dict[str, Any]:
    """Give the JSON object of the contract; a message that was not assessed has nulls."""
    verdict = None if isinstance(row.verdict, UnreadableError) else row.verdict
    judged = row.judged.assessment if row.judged else None
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


def as_text(row: Row, mark: Mark | None = None, told: Told | None = None) -> str:
    """Show a message's own text with each passage marked in its place, why, and what to do.

    Advice that is in `told` is not repeated: the text names the message that shows it. Advice
    that is new is added there.
    """
    source = _visible(row.source)
    if row.judged is None:
        return f"{source}: not checked: {_visible(row.error)}"
    assessment = row.judged.assessment
    lines = [f"{source}: {headline(assessment)}"]
    if assessment.passages:
        lines += _head(row.letterhead, row.judged.draft.subject)
        lines += ["", _indented(_marked(assessment, mark or _pointed)), ""]
        lines += [line for passage in assessment.passages for line in _reasons(passage, row)]
        lines += _what_to_do(row.counsel, source, {} if told is None else told)
    return "\n".join(lines)


def summary(tally: Tally) -> str:
    """Say in one line how a scan ended."""
    parts = [f"{tally.checked} checked", f"{tally.flubs} with a flub"]
    if tally.folded:
        parts.append(f"{tally.folded} folded in")
    if tally.empty:
        parts.append(f"{tally.empty} without own text")
    if tally.unreadable:
        parts.append(f"{tally.unreadable} not checked")
    if tally.undated:
        parts.append(f"{tally.undated} without a date left out")
    return ", ".join(parts) + ("; broken off before all was read" if tally.is_cut else "")


def headline(assessment: Assessment) -> str:
    """Say in a few words what became of a message."""
    if not assessment.passages:
        return _without_passages(assessment)
    count = len(assessment.passages)
    passages = "one passage" if count == 1 else f"{count} passages"
    return f"{assessment.severity}: {passages}, {assessment.percent}% of the words"


def _without_passages(assessment: Assessment) -> str:
    if assessment.kind == "thank_you":
        return "nothing found"
    if assessment.kind_confidence < _MORE_LIKELY_THAN_NOT:
        return "perhaps a post-interview note, but not surely enough to be checked"
    return "not a post-interview note"


def _head(letterhead: str, subject: str) -> list[str]:
    """Give the line by which people know a message again, if there is anything to put there."""
    known = ": ".join(filter(None, (letterhead, subject)))
    return [f"  {_visible(known)}"] if known else []


def _some(addresses: Sequence[str]) -> str:
    more = len(addresses) - _MOST_NAMED
    named = ", ".join(addresses[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named


def _visible(name: str) -> str:
    """Write as escapes what could steer a terminal: a file may be called anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _reasons(passage: Passage, row: Row) -> Iterator[str]:
    from scanner.core.counsel import reasons

    for one in reasons(passage, row.direction):
        why = f": {one.why}" if one.why else ""
        yield f"  - {one.deed} ({one.category}; {one.confidence:.0%} sure it is a flub){why}"
    yield from (f"      {line}" for line in heaviest(passage, row))


def heaviest(passage: Passage, row: Row) -> Iterator[str]:
    """Say which words weigh most in each sentence of a passage, if that was asked for."""
    if row.why is None:
        return
    for sentence in passage.sentences:
        found = row.why.get(sentence.start, ())
        words = ", ".join(f"“{word}”" for word in found) or "no single word"
        weigh = "weigh" if len(found) > 1 else "weighs"
        yield f"{words} {weigh} most in: {_beginning(sentence.text)}"


def _what_to_do(todo: Counsel, source: str, told: Told) -> Iterator[str]:
    yield ""
    if todo.folded:
        yield textwrap.fill(todo.folded, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        yield ""
    steps, letters = (told.get(hash(advice)) for advice in (todo.steps, todo.letters))
    if steps and steps == letters:
        yield f"  What to do, and what to write: as for {steps} above"
    else:
        yield from [f"  What to do: as for {steps} above"] if steps else _steps(todo)
        yield from [f"  What to write: as for {letters} above"] if letters else _letters(todo)
    for advice in (todo.steps, todo.letters):
        told.setdefault(hash(advice), source)
    yield ""


def _steps(todo: Counsel) -> Iterator[str]:
    for number, step in enumerate(todo.steps, 1):
        yield textwrap.fill(step, _WIDTH, initial_indent=f"  {number}. ", subsequent_indent="     ")


def _letters(todo: Counsel) -> Iterator[str]:
    for letter in todo.letters:
        yield f"\n  {letter.title}:"
        for line in letter.text.splitlines():
            yield textwrap.fill(line, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _beginning(text: str) -> str:
    return textwrap.shorten(text, _BEGINNING, placeholder=" …")


def _pointed(text: str) -> str:
    return f">>> {text} <<<"


def _marked(assessment: Assessment, mark: Mark) -> str:
    shown = (mark(piece.text) if piece.number else piece.text for piece in pieces(assessment))
    return "".join(shown).strip()


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}".rstrip() for line in text.splitlines())


def _passage(passage: Passage, why: Why) -> dict[str, Any]:
    return {
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "category": passage.category,
        "confidence": round(passage.confidence, 4),
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
        ],
    }
