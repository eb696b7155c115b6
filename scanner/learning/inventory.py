"""How many labelled messages there are of each sort, for the data sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from scanner.core.classify import CATEGORIES
from scanner.learning.corpus import KINDS, SEVERITIES, Example, Projected

_LENGTHS = {40: "up to 40 words", 80: "41 to 80", 160: "81 to 160", 320: "161 to 320"}
_LONGER = "more than 320"


def as_text(corpus: Sequence[Projected]) -> str:
    """Lay the counts out as Markdown tables."""
    examples = [one.example for one in corpus]
    notes = [one for one in corpus if one.example.kind == KINDS[0]]
    sentences = Counter(name for one in corpus for name in one.categories if name)
    lengths = Counter(_length(one) for one in examples)
    return "\n\n".join(
        (
            f"{len(corpus):,} messages by {len({one.writer for one in examples})} writers; "
            f"{sum(len(one.categories) for one in corpus):,} sentences, of which "
            f"{sum(len(one.categories) for one in notes):,} in notes and "
            f"{sentences.total():,} flubs; {len(_pairs(examples)):,} minimal pairs.",
            _table("kind and severity", _kinds(examples)),
            _table("length of the message", {name: lengths[name] for name in _names()}),
            _table("flub sentences", {name: sentences[name] for name in CATEGORIES}),
            _table("messages a writer", _spread(examples)),
        )
    )


def _kinds(examples: Sequence[Example]) -> dict[str, int]:
    counts = Counter((one.kind, one.severity) for one in examples)
    notes = {f"note, {name}": counts[KINDS[0], name] for name in SEVERITIES}
    return notes | {"other message": counts[KINDS[1], SEVERITIES[0]]}


def _pairs(examples: Iterable[Example]) -> set[tuple[str, str]]:
    return {(one.writer, one.pair) for one in examples if one.pair is not None}


def _spread(examples: Iterable[Example]) -> dict[str, int]:
    sizes = sorted(Counter(one.writer for one in examples).values())
    return {"fewest": sizes[0], "median": sizes[len(sizes) // 2], "most": sizes[-1]}


def _length(example: Example) -> str:
    words = len(example.text.split())
    return next((name for bound, name in _LENGTHS.items() if words <= bound), _LONGER)


def _names() -> Iterator[str]:
    yield from _LENGTHS.values()
    yield _LONGER


def _table(title: str, counts: Mapping[str, int]) -> str:
    rows = (f"| {name} | {count:,} |" for name, count in counts.items())
    return "\n".join((f"| {title} | count |", "| --- | ---: |", *rows))
