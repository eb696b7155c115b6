"""The frame of a letter: which units of the own text are body, and which salutation or closing.

Where it is in doubt a unit is body: a sentence too many costs the reader nothing, a
sentence left out is never looked at.
"""

from __future__ import annotations

import re

from scanner.core.lines import Unit, units

_GREETING = re.compile(
    r"(?:dear|dearest|hi|hii+|hello|hey|heya|hiya|hallo|howdy|greetings|alright|respected|esteemed"
    r"|good (?:morning|afternoon|evening|day)|morning|afternoon|evening|to whom it may concern"
    r"|to the|g'?day|sir|madam|sirs|salutations|yo|namaste|ciao|bonjour|hola)\b",
    re.IGNORECASE,
)

_CLOSING = re.compile(
    r"(?:(?:with |my |our |all my |all the |all |very |the |many |kind(?:est)?|warm(?:est|ly)?|best"
    r"|sincere(?:ly|st)?|yours?|most|thanks?|thank you|thx|cheers|regards?|rgds|respectfully"
    r"|cordially|gratefully|truly|faithfully|wishes|love|take care|talk soon|speak soon|see you"
    r"|bye|bless(?:ings| you)|have a (?:good|great|nice|lovely)|onwards?|ever|in (?:gratitude|christ)"
    r"|until|looking forward|hope to|appreciatively|hugs?|xo|xx|respect|humbly|obediently"
    r"|fondly|later|ta|peace|god bless|accept|best of|go |keep|stay|hasta|saludos|salut|mit|viele|liebe"
    r"|cordialement|bien|your |i (?:am|remain))\b)",
    re.IGNORECASE,
)
_CLOSING_WORDS = 6
_SALUTATION_WORDS = 7
_SIGNATURE_WORDS = 8
_NAME_WORDS = 4

_POSTSCRIPT = re.compile(
    r"[ \t\xa0]*(?:p\.?[ ]?(?:p\.?[ ]?)?s\.?|post ?script(?:um)?)(?=[\s:,.\u2013\u2014-])[\s:,.\u2013\u2014-]*",
    re.IGNORECASE,
)
_SENTENCE_END = (".", "!", "?", "\u2026")


def postscript_marker(text: str) -> int:
    """How many characters "P.S." takes where it opens `text`."""
    marker = _POSTSCRIPT.match(text)
    return marker.end() if marker else 0


def body_units(text: str) -> list[Unit]:
    """The units between salutation and closing, and the postscript after it."""
    found = units(text)
    pieces = [text[unit.start : unit.end].strip() for unit in found]
    start = _salutation(found, pieces)
    postscript = _first_postscript(pieces, start)
    end = _closing(found, pieces, start, postscript)
    last = _closing(found, pieces, postscript, len(found))
    return found[start:end] + found[postscript:last]


def _first_postscript(pieces: list[str], start: int) -> int:
    marked = (at for at in range(start, len(pieces)) if postscript_marker(pieces[at]))
    return next(marked, len(pieces))


def _salutation(found: list[Unit], pieces: list[str]) -> int:
    """How many units at the top address the reader."""
    if len(pieces) < 2 or len(pieces[0].split()) > _SALUTATION_WORDS:
        return 0
    first = pieces[0]
    if first.endswith((",", ":", ";", "-", "\u2013", "\u2014")):
        return 1
    if _GREETING.match(first):
        return int(not first.endswith(("?", ".")) or len(first.split()) <= _NAME_WORDS)
    alone = found[1].after_blank and not first.endswith(_SENTENCE_END)
    return int(alone and _is_name(first))


def _closing(found: list[Unit], pieces: list[str], start: int, end: int) -> int:
    """Where the closing begins in `pieces[start:end]`: a phrase, or a name alone."""
    at = end
    while at > start and _fits_signature(pieces[at - 1]):
        at -= 1
    for phrase in range(at, end):
        if _is_closing_phrase(pieces[phrase]) and (phrase > start or start):
            return phrase
    if end - 1 > start and found[end - 1].after_blank and _is_name(pieces[end - 1]):
        return end - 1
    return end


def _fits_signature(piece: str) -> bool:
    """Whether a line may stand under a letter: short, and no sentence."""
    words = piece.split()
    return len(words) <= _SIGNATURE_WORDS and not (
        len(words) > _CLOSING_WORDS and piece.endswith(_SENTENCE_END)
    )


def _is_closing_phrase(piece: str) -> bool:
    return (
        len(piece.split()) <= _CLOSING_WORDS
        and bool(_CLOSING.match(piece))
        and not piece.endswith("?")
    )


def _is_name(piece: str) -> bool:
    """A name signs a letter: a few words, each with a capital, or one word."""
    words = piece.split()
    if not words or len(words) > _NAME_WORDS or piece.endswith(("?", "!")):
        return False
    return len(words) == 1 or all(word[:1].isupper() or not word[:1].isalpha() for word in words)
