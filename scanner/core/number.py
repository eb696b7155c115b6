"""A count and what is counted, in one form everywhere."""

from __future__ import annotations


def number_of(count: int, noun: str) -> str:
    """Give both: "1 message", "2 messages", "1,000 messages"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
