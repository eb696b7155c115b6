"""Which messages a scan is asked for: by date, sender and recipient, as IMAP SEARCH tells them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from email.message import Message

from scanner.core.dates import sent
from scanner.core.fields import decoded, parsed_header


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for, in the meaning of RFC 9051 section 6.4.4; nothing given is everything.

    `since` and `before` are SENTSINCE and SENTBEFORE: the day that the Date field names,
    whatever its time and zone. `sender` and `to` are FROM and TO: some characters of that field,
    large or small, names included.
    """

    since: date | None = None
    before: date | None = None
    sender: str = ""
    to: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is asked for in particular."""
        return self == Selection()

    def takes(self, raw: bytes) -> bool:
        """Tell whether a message is asked for; without a date it lies in no span of days."""
        if self.is_everything:
            return True
        header = parsed_header(raw)
        return (
            self._takes_day(header)
            and _holds(header, "From", self.sender)
            and _holds(header, "To", self.to)
        )

    def is_undated(self, raw: bytes) -> bool:
        """Tell a message that nothing but its lack of a date keeps out."""
        is_dated = sent(parsed_header(raw)) is not None
        return not is_dated and replace(self, since=None, before=None).takes(raw)

    def _takes_day(self, header: Message) -> bool:
        if self.since is None and self.before is None:
            return True
        time = sent(header)
        if time is None:
            return False
        day = time.date()
        return (self.since or day) <= day and (self.before is None or day < self.before)


def _holds(header: Message, name: str, wanted: str) -> bool:
    if not wanted:
        return True
    values = (decoded(str(value)).casefold() for value in header.get_all(name, []))
    return any(wanted.casefold() in value for value in values)
