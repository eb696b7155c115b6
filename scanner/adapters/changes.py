r"""What a server says of a mailbox at EXAMINE, to the list of messages in it (RFC 7162).

With QRESYNC it tells what changed since the last look, so that nothing has to be listed anew;
with CONDSTORE, whether anything did. Both are believed as long as the counts agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imapclient.response_parser import parse_fetch_response

_EARLIER = re.compile(rb"\(EARLIER\) ([0-9:,]+)", re.IGNORECASE)
# A hostile server could name four thousand million UIDs in a few bytes.
_MOST_NAMED = 100_000


@dataclass(frozen=True, slots=True)
class Mark:
    """Which state of a mailbox a look saw; 0 is what the server does not tell."""

    uidvalidity: int
    uidnext: int
    exists: int
    modseq: int

    def is_same(self, other: Mark) -> bool:
        """Tell for sure that nothing changed between two looks."""
        return bool(self.modseq and self.uidnext) and self == other


@dataclass(frozen=True, slots=True)
class Held:
    r"""The messages a mailbox held at a mark; `deleted` counts those flagged `\Deleted`."""

    mark: Mark
    uids: frozenset[int]
    deleted: int


def mark_of(response: Mapping[bytes, Any]) -> Mark:
    """Read what SELECT and EXAMINE answer (RFC 9051 section 6.3.2)."""
    names = (b"UIDVALIDITY", b"UIDNEXT", b"EXISTS", b"HIGHESTMODSEQ")
    return Mark(*(int(response.get(name) or 0) for name in names))


def follow(held: Held, mark: Mark, untagged: Mapping[str, list[Any]]) -> Held | None:
    """Bring a list up to date by what QRESYNC told; None where the counts do not agree."""
    if mark.uidvalidity != held.mark.uidvalidity or mark.uidnext < held.mark.uidnext:
        return None
    uids, deleted = set(held.uids), held.deleted
    for uid in _vanished(untagged.get("VANISHED", ())):
        deleted -= uid not in uids
        uids.discard(uid)
    for uid, is_deleted in _flagged(untagged.get("FETCH", ())):
        was_deleted = uid not in uids and uid < held.mark.uidnext
        deleted += is_deleted - was_deleted
        if is_deleted:
            uids.discard(uid)
        else:
            uids.add(uid)
    agrees = deleted >= 0 and len(uids) + deleted == mark.exists
    return Held(mark, frozenset(uids), deleted) if agrees else None


def _vanished(lines: Iterable[Any]) -> Iterator[int]:
    """Read VANISHED (EARLIER) (RFC 7162 section 3.2.10)."""
    named = 0
    for line in lines:
        match = _EARLIER.match(line or b"")
        for part in match[1].split(b",") if match else ():
            low, _, high = part.partition(b":")
            first, last = sorted((int(low), int(high or low)))
            named += last - first + 1
            if named > _MOST_NAMED:
                return
            yield from range(first, last + 1)


def _flagged(lines: Iterable[Any]) -> Iterator[tuple[int, bool]]:
    r"""Yield each UID whose flags were told, and whether `\Deleted` is among them."""
    for uid, row in parse_fetch_response(list(lines)).items() if lines else ():
        if b"FLAGS" in row:
            yield uid, b"\\deleted" in {flag.lower() for flag in row[b"FLAGS"]}
