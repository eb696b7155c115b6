"""What a mail client shows of a note before it is sent, as values for JSON."""

from __future__ import annotations

from typing import Any, TypeAlias

from scanner.core.assess import Assessment
from scanner.core.render import view
from scanner.core.report import headline
from scanner.core.verdict import Verdict
from scanner.errors import UnreadableError

Values: TypeAlias = dict[str, Any]

# An answer must stay below what browsers take: 1 MB (MDN, "Native messaging").
_LONGEST_QUOTE = 2_000
_MOST_PASSAGES = 50
_MOST_DIGESTS = 2_000


def shown(verdict: Verdict, assessment: Assessment) -> Values:
    """Say what was found in a note, of which `assessment` is what the user wants to know."""
    if not assessment.passages:
        return _nothing("Nothing to bring up", headline(assessment))
    said = view(verdict.draft, assessment)
    return {
        "heading": said["heading"],
        "lead": said["lead"],
        "passages": [
            {
                "quote": passage["quote"][:_LONGEST_QUOTE],
                "deed": f"It {passage['name']}.",
                "reason": passage["reason"],
            }
            for passage in said["passages"][:_MOST_PASSAGES]
        ],
        **{key: said[key] for key in ("why", "share", "folded", "instead")},
        "steps": [{"gist": gist, "rest": rest} for gist, rest in said["steps"]],
        "letter": said["reference"],
        "digests": sorted(assessment.digests)[:_MOST_DIGESTS],
    }


def unread(why: UnreadableError) -> Values:
    """Say why a note was not checked."""
    return _nothing("Not checked", str(why))


def _nothing(heading: str, lead: str) -> Values:
    words = lead[:1].upper() + lead[1:].removesuffix(".")
    return {"heading": heading, "lead": f"{words}.", "passages": [], "steps": []}
