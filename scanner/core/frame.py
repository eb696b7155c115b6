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
    r"|to the|to all|g'?day|sir|madam|sirs|salutations|yo|namaste|ciao|bonjour|hola)\b",
    re.IGNORECASE,
)

_CLOSING = re.compile(
    r"(?:(?:my |our |very |the )?(?:kind(?:est|ly)?|warm(?:est|ly)?|best|sincere|good|all good) "
    r"(?:regards?|wishes|thanks|greetings|personal regards)"
    r"|with (?:best|kind(?:est)?|warm(?:est)?|many|my|thanks|gratitude|love|respect|every|sincere"
    r"|regards|appreciation|all|friendly|great|high)"
    r"|best(?=\W|$)(?! \w+ \w)|all (?:the|my) (?:very )?best|kindest(?=,|$)|warmly|warmest(?=,|$)"
    r"|regards|rgds|yours?(?:,|$)|yours (?:\w+ )?(?:sincerely|truly|faithfully|\w+ly\b|in|etc)"
    r"|sincerely|most sincerely|respectfully|cordially|gratefully|faithfully|appreciatively"
    r"|fondly|humbly|obediently|love(?= from| to|,|$| \w+$)|lots of love|hugs|xo+|xx+|take care"
    r"|(?:talk|speak) (?:soon|to you)|see you|bye|(?:god )?bless(?: you| up|ings)|onwards?(?=,|$)"
    r"|have a (?:good|great|nice|lovely)|until (?:then|we|next)|looking forward|in gratitude"
    r"|saludos|un saludo|cordialement|bien à vous|mit freundlichen|(?:viele|liebe|herzliche) grüße"
    r"|laters?(?=,|$)|peace(?=,|$)|from (?:\w+)(?: \w+)?$"
    r"|(?:many |my |sincere |big |with )?(?:thanks|thank you|thx|ta|cheers|gracias|merci|danke)"
    r"(?: again| so much| very much| kindly| a lot| a million| in advance| once more"
    r"| for (?:your|the) (?:time|consideration|help))*(?: and (?:best|kind|god)\b.*+)?[ ,.!]*$)",
    re.IGNORECASE,
)
_CLOSING_WORDS = 6
_PHRASE_WORDS = 3
_SALUTATION_WORDS = 7
_SIGNATURE_WORDS = 8
_NAME_WORDS = 4
_AFTER_COMMA_WORDS = 3
_SENTENCE_WORDS = 3

_APOLOGY = re.compile(r"\b(?:sorry|apolog\w+)\b", re.IGNORECASE)
_TELLING = re.compile(
    r"\b(?:I|im|me|my|it|that|is|was|am|are|were|should|had|have|did)\b", re.IGNORECASE
)
"""Words of sentences. What ends in a full stop in a signature ("Lund & Co.") has none."""

_POSTSCRIPT = re.compile(
    r"[ \t\xa0]*(?:p\.?[ ]?(?:p\.?[ ]?)?s\.?|post ?script(?:um)?)"
    r"(?=[\s:,.\u2013\u2014-])[\s:,.\u2013\u2014-]*",
    re.IGNORECASE,
)
_SENTENCE_END = (".", "!", "?", "\u2026")


def postscript_marker(text: str) -> int:
    """How many characters "P.S." takes where it opens `text`."""
    marker = _POSTSCRIPT.match(text)
    return marker.end() if marker else 0


def body_units(text: str) -> list[Unit]:
    """Give the units between salutation and closing, and the postscript after it."""
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
    if len(pieces) == 1 or not pieces or len(pieces[0].split()) > _SALUTATION_WORDS:
        return 0
    first = pieces[0]
    if _GREETING.match(first):
        return int(not _goes_on(first))
    if first.endswith((",", ":", ";", "-", "\u2013", "\u2014")):
        return int(_is_name(first) or first.endswith(","))
    alone = found[1].after_blank and not first.endswith(_SENTENCE_END)
    return int(alone and _is_name(first))


def _goes_on(greeting: str) -> bool:
    """Tell a greeting with a sentence behind it: "Hi Ann, sorry I froze today!"."""
    if greeting.endswith(("?", ".")) and len(greeting.split()) > _NAME_WORDS:
        return True
    behind = greeting.partition(",")[2]
    long = len(behind.split()) > _AFTER_COMMA_WORDS and not behind.endswith((",", ":"))
    return long or _is_short_sentence(greeting)


def _closing(found: list[Unit], pieces: list[str], start: int, end: int) -> int:
    """Where the closing begins in `pieces[start:end]`, a phrase or a name alone; else `end`."""
    at = end
    while at > start and _fits_signature(pieces[at - 1]):
        at -= 1
    if start < at < end and pieces[at - 1].endswith(",") and found[at - 1].after_blank:
        at -= 1  # a long closing: "With thanks to you, to the panel and to the cat,"
    for phrase in range(max(at, 1), end):
        if _is_closing_phrase(pieces[phrase]) or _is_closing_above_name(found, pieces, phrase, end):
            return phrase
    if end - 1 > start and _is_signed(found, pieces, end - 1):
        return end - 1
    return end


def _is_closing_above_name(found: list[Unit], pieces: list[str], at: int, end: int) -> bool:
    """Tell a closing in any language: some words and a comma, or a few words, then a name."""
    if at + 1 >= end or not _is_name(pieces[at + 1]) or found[at + 1].after_blank:
        return False
    words = len(pieces[at].split())
    if pieces[at].endswith(","):
        return found[at].after_blank or words <= _CLOSING_WORDS
    short = words <= _PHRASE_WORDS and not pieces[at].endswith(_SENTENCE_END)
    return short and found[at].after_blank and at + 2 == end


def _is_signed(found: list[Unit], pieces: list[str], last: int) -> bool:
    """Tell a name on the last line, set off by a blank line or below a full sentence."""
    set_off = found[last].after_blank or pieces[last - 1].endswith(_SENTENCE_END)
    return set_off and _is_name(pieces[last])


def _fits_signature(piece: str) -> bool:
    """Whether a line may stand under a letter: short, and no sentence."""
    words = len(piece.split())
    longest = _CLOSING_WORDS if piece.endswith(_SENTENCE_END) else _SIGNATURE_WORDS
    if words > longest:
        return False
    return not _is_short_sentence(piece) or _is_closing_phrase(piece)


def _is_short_sentence(piece: str) -> bool:
    """Tell "Sorry again for my rambling answer." from "Lund & Co." or "Think before you print!"."""
    if len(piece.split()) < _SENTENCE_WORDS:
        return False
    ends = piece.endswith(_SENTENCE_END) and _TELLING.search(piece)
    return bool(ends or _APOLOGY.search(piece))


def _is_closing_phrase(piece: str) -> bool:
    words = len(piece.split())
    if piece.endswith("?") or words > _CLOSING_WORDS or not _CLOSING.match(piece):
        return False
    # "I remain very keen." is a sentence; "Thanks again." is none to speak of.
    return words <= _PHRASE_WORDS or not piece.endswith(_SENTENCE_END)


def _is_name(piece: str) -> bool:
    """Tell a name: a few words, each with a capital, or one word; kisses may follow."""
    words = [word for word in piece.split() if word.strip("xXoO.,!")] or piece.split()
    if not words or len(words) > _NAME_WORDS or piece.endswith(("?", "!")):
        return False
    return len(words) == 1 or all(word[:1].isupper() or not word[:1].isalpha() for word in words)
