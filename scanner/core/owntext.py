"""Plain text of a message to its own text: quotes, forwards and signatures cut away.

Whole lines are kept or dropped; no character inside a line is ever changed, so what is
found in the own text is found in the message.
"""

from __future__ import annotations

from scanner.core.attribution import ahead_of_colons, is_quoted, quote_header
from scanner.core.footers import BEGINNINGS, is_disclaimer, is_sent_from

_SIGNATURE = 15
"""A bare "--" opens a signature only when so few lines follow; "-- " always does."""

_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_PGP_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_PGP_END = "-----END PGP SIGNATURE-----"


def own_text(text: str) -> str:
    """Keep the lines that the author of the message wrote."""
    lines = _unsigned(text.split("\n"))
    return "\n".join(_trimmed(_without_disclaimers(_written(lines))))


def _written(lines: list[str]) -> list[str]:
    """Give the lines outside quotes, up to where a quoted message without marks begins."""
    ahead = ahead_of_colons(lines)
    kept: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if at not in ahead and _is_prose(line):
            kept.append(line)
            at += 1
        elif is_quoted(line) or is_sent_from(line):
            at += 1
        elif "--" in line and _opens_signature(lines, at):
            break
        elif header := quote_header(lines, at, ahead):
            at += header
            if not _marks_follow(lines, at):
                break
        else:
            kept.append(line)
            at += 1
    return kept


def _is_prose(line: str) -> bool:
    """Tell most lines that open nothing, by their first letters and for want of a colon."""
    is_lettered = line[:1].isalpha() and line.isascii() and ":" not in line
    return not line or (is_lettered and line[:3].lower() not in BEGINNINGS)


def _opens_signature(lines: list[str], at: int) -> bool:
    """Tell the line above a signature (RFC 3676 section 4.3); many clients trim its last space."""
    line = lines[at]
    return line == "-- " or (line.strip() == "--" and len(lines) - at <= _SIGNATURE)


def _marks_follow(lines: list[str], at: int) -> bool:
    """Whether the quoted message bears ">" marks, so that own text may follow it."""
    for line in lines[at:]:
        if line.strip():
            return is_quoted(line)
    return False


def _unsigned(lines: list[str]) -> list[str]:
    """Take off the armour of an inline PGP signature (RFC 9580 section 7)."""
    if _PGP_SIGNED not in lines:
        return lines
    start = lines.index(_PGP_SIGNED)
    body = start + 1
    while body < len(lines) and lines[body].strip():
        body += 1
    end = lines.index(_PGP_SIGNATURE, body) if _PGP_SIGNATURE in lines[body:] else len(lines)
    after = lines.index(_PGP_END, end) + 1 if _PGP_END in lines[end:] else len(lines)
    return lines[:start] + lines[body:end] + lines[after:]


def _without_disclaimers(lines: list[str]) -> list[str]:
    kept: list[str] = []
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if line and not line.isspace():
            paragraph.append(line)
            continue
        if paragraph and not is_disclaimer("\n".join(paragraph)):
            kept += paragraph
        paragraph = []
        kept.append(line)
    return kept


def _trimmed(lines: list[str]) -> list[str]:
    """Without blank lines and rules at either end."""
    end = len(lines)
    while end and not lines[end - 1].strip(" \t\xa0_=*-"):
        end -= 1
    first = 0
    while first < end and not lines[first].strip():
        first += 1
    return lines[first:end]
