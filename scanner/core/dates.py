"""When a message says it was sent (RFC 5322 section 3.6.1)."""

from __future__ import annotations

from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime


def sent(header: Message) -> datetime | None:
    """Give the time of the Date field, in its own zone; None where there is none to be read."""
    try:
        return parsedate_to_datetime(str(header["Date"]))
    except Exception:  # noqa: BLE001 - OverflowError for absurd years; which ones depends on Python
        return None
