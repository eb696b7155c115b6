"""The findings of a scan as one page of HTML that needs nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scanner.core.advice import ADVICE
from scanner.core.assess import Piece, pieces
from scanner.core.counsel import Counsel, Reason, reasons
from scanner.core.render import templates
from scanner.core.report import Row, Tally, heaviest, summary

_DIRECTIONS = {"outgoing": "written by you", "incoming": "received"}
# Totals are of notes by whomever: where advice says "you" to the writer, they name the writer.
_DEEDS = {
    "self_criticism": "judges the writer's own performance",
    "correction": "takes back something the writer said",
    "omission": "says what the writer forgot to mention",
}


@dataclass(frozen=True, slots=True)
class _Note:
    """One message as the page shows it, with the reasons for each passage, and its words."""

    source: str
    subject: str
    letterhead: str
    severity: str
    share: str
    pieces: tuple[Piece, ...]
    why: tuple[tuple[tuple[Reason, ...], tuple[str, ...]], ...]
    counsel: Counsel


@dataclass(frozen=True, slots=True)
class _Bar:
    """One line of a table of totals; `percent` is its length beside the longest."""

    name: str
    count: int
    percent: int


def page(rows: Sequence[Row], tally: Tally) -> str:
    """Write the page: totals, each note that has passages, and what was not checked."""
    template = templates().get_template("report.html.j2")
    return template.render(
        summary=summary(tally),
        tally=tally,
        categories=list(_bars(_named(tally.categories))),
        months=list(_bars(dict(sorted(_dated(tally.months).items())))),
        notes=list(_notes(rows)),
        unread=[row for row in rows if row.error],
    )


def _named(categories: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(categories.items(), key=lambda item: -item[1])
    return {_DEEDS.get(category, ADVICE[category].name): count for category, count in ordered}


def _dated(months: Mapping[str, int]) -> dict[str, int]:
    return {month or "without a date": count for month, count in months.items()}


def _bars(counts: Mapping[str, int]) -> Iterator[_Bar]:
    most = max(counts.values(), default=1)
    for name, count in counts.items():
        yield _Bar(name, count, round(100 * count / most))


def _notes(rows: Sequence[Row]) -> Iterator[_Note]:
    for row in rows:
        if (judged := row.judged) and row.passages:
            assessment = judged.assessment
            yield _Note(
                source=row.source,
                subject=judged.draft.subject or "(no subject)",
                letterhead=", ".join(filter(None, (_DIRECTIONS[row.direction], row.letterhead))),
                severity=assessment.severity,
                share=f"{assessment.percent}% of the words",
                pieces=tuple(pieces(assessment)),
                why=tuple(
                    (tuple(reasons(one, row.direction)), tuple(heaviest(one, row)))
                    for one in row.passages
                ),
                counsel=row.counsel,
            )
