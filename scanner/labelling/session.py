"""Labelling as a series of steps: pure, each step gives the next state, and each can be undone.

A sentence is *open* while the model suggests a category and nobody has decided. A message is
done when nothing of it is open; what is to be kept of it then stands in `kept`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from scanner.core.draft import Sentences
from scanner.labelling.severity import severity
from scanner.learning.corpus import Example, Label, project

T = TypeVar("T")

NO_FLUB = ""
"""What is decided of a sentence that is no flub; None is not decided."""

Decided = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A message to label, and what the model makes of it.

    `name` is its key among the examples. `suggested` has one entry a sentence: a category, or
    None for no flub; `confidence` is that of the kind, and `doubt` how much a label would teach.
    `dismissed` numbers the sentences whose warning the user deleted. `before` is its label so far.
    """

    name: str
    sentences: Sentences
    kind: str
    suggested: Decided
    confidence: float = 1.0
    doubt: float = 0.0
    dismissed: frozenset[int] = frozenset()
    before: Example | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What is decided of a message so far; `severity` where the user has set it."""

    kind: str
    decided: Decided
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Where one stands: at which message and sentence, and what is decided and kept.

    `kept` is each message's label as it is to stand in the store. After the last message `at` is
    the number of messages.
    """

    items: tuple[Item, ...]
    marks: tuple[Marks, ...]
    kept: tuple[Example | None, ...]
    at: int = 0
    cursor: int = 0
    typed: int = 0
    past: Session | None = field(default=None, compare=False, repr=False)

    @property
    def is_over(self) -> bool:
        """Whether there is no message left."""
        return self.at >= len(self.items)

    @property
    def item(self) -> Item:
        """The message at hand."""
        return self.items[self.at]

    @property
    def mark(self) -> Marks:
        """What is decided of the message at hand."""
        return self.marks[self.at]

    @property
    def is_note(self) -> bool:
        """Whether the message at hand is taken for a note, which alone can hold flubs."""
        return self.mark.kind == "thank_you"

    @property
    def flubs(self) -> Decided:
        """The category of each sentence of the message at hand, None for no flub."""
        return tuple(d or None for d in self.mark.decided) if self.is_note else _none(self.item)

    @property
    def open(self) -> tuple[int, ...]:
        """The sentences that are suggested and not decided."""
        if not self.is_note:
            return ()
        pairs = zip(self.item.suggested, self.mark.decided, strict=True)
        return tuple(n for n, (suggested, said) in enumerate(pairs) if suggested and said is None)

    @property
    def severity(self) -> str:
        """The severity of the message at hand: by the guide's rule, or as the user has set it."""
        ruled = severity(self.item.sentences, self.flubs)
        return self.mark.severity or ruled if ruled != "none" else "none"

    def moved(self, by: int) -> Session:
        """Go up or down some sentences."""
        last = len(self.item.sentences.items) - 1
        return replace(self, cursor=max(0, min(last, self.cursor + by)), typed=0)

    def typed_digit(self, digit: int) -> Session:
        """Go to the sentence of a number, from 1, typed digit after digit."""
        for number in (10 * self.typed + digit, digit):
            if 1 <= number <= len(self.item.sentences.items):
                return replace(self, cursor=number - 1, typed=number)
        return replace(self, typed=0)

    def marked(self, category: str) -> Session:
        """Say which flub the sentence is, or NO_FLUB; go on to the next. A flub makes it a note."""
        if not self.item.sentences.items:
            return self
        decided = list(self.mark.decided)
        decided[self.cursor] = category
        kind = "thank_you" if category else self.mark.kind
        return self._deciding(kind=kind, decided=tuple(decided)).moved(1)

    def taken(self) -> Session:
        """Take the model's suggestion for the sentence, also that it is no flub."""
        if not self.item.sentences.items:
            return self
        return self.marked(self.item.suggested[self.cursor] or NO_FLUB)

    def kind_turned(self) -> Session:
        """Turn a note into another message, and back."""
        return self._deciding(kind="other" if self.is_note else "thank_you")

    def severity_turned(self) -> Session:
        """Turn folded into flub, and back."""
        if self.severity == "none":
            return self
        return self._deciding(severity="flub" if self.severity == "folded" else "folded")

    def done(self) -> Session:
        """Keep the label and go on; where something is open, go there instead."""
        if self.open:
            ahead = [n for n in self.open if n > self.cursor]
            return replace(self, cursor=(ahead or self.open)[0], typed=0)
        kept = _put(self.kept, self.at, self._example())
        return self._at(self.at + 1, kept=kept, past=self)

    def later(self) -> Session:
        """Go on without a label; the message is asked about another time."""
        return self._at(self.at + 1, past=self)

    def back(self) -> Session:
        """Go back to the message before."""
        return self._at(max(0, self.at - 1), past=self)

    def undone(self) -> Session:
        """Take the last step back, be it a mark or a message."""
        return self.past or self

    def _deciding(self, **changes: Any) -> Session:
        mark = replace(self.mark, **changes)
        return replace(self, marks=_put(self.marks, self.at, mark), typed=0, past=self)

    def _at(self, at: int, **changes: Any) -> Session:
        there = replace(self, at=at, cursor=0, typed=0, **changes)
        return there if there.is_over or not there.open else replace(there, cursor=there.open[0])

    def _example(self) -> Example:
        sentences = self.item.sentences
        labels = tuple(
            Label(one.start, one.end, one.text, category)
            for one, category in zip(sentences.items, self.flubs, strict=True)
            if category
        )
        return Example(
            id=self.item.name[:12],
            kind=self.mark.kind,
            subject=sentences.subject,
            text=sentences.text,
            labels=labels,
            severity=self.severity,
            writer="",
        )


def begun(items: Iterable[Item]) -> Session:
    """Begin with the first message; labels from before stand, and what was dismissed is no flub."""
    items = tuple(items)
    fresh = Session(items, tuple(map(_marks, items)), tuple(item.before for item in items))
    return fresh._at(0)  # noqa: SLF001 - its own module


def _marks(item: Item) -> Marks:
    if item.before:
        said = project(item.before).categories
        ruled = severity(item.sentences, said)
        set_ = item.before.severity if item.before.severity != ruled else None
        return Marks(item.before.kind, tuple(category or NO_FLUB for category in said), set_)
    numbers = range(len(item.sentences.items))
    return Marks(item.kind, tuple(NO_FLUB if n in item.dismissed else None for n in numbers))


def _none(item: Item) -> Decided:
    return (None,) * len(item.sentences.items)


def _put(values: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    return (*values[:at], value, *values[at + 1 :])
