"""Where the sentences of one paragraph begin and end: sentencex, and what it gets wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sentencex

_TITLES = re.compile(
    r"\b(?:mr|mrs|ms|mx|dr|drs|prof|rev|hon|st|fr|sr|sra|sgt|capt|cpt|lt|col|gen|gov|sen|rep|messrs"
    r"|mme|mlle|ing|no|nos|vs|approx|ext|fig)\.\s*$",
    re.IGNORECASE,
)
"""What no sentence ends in: sentencex parts "Ms. Ibarra" where the name begins with a vowel."""

_ABBREVIATIONS = frozenset(
    "mr mrs ms mx dr drs prof rev hon st fr sr jr sra sgt capt cpt lt col gen gov sen rep messrs"
    " mme mlle vs approx ext fig dept est inc ltd co corp bros ave blvd rd apt mt ft tel"
    " jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat"
    " eg ie cf al op ed eds vol pp assoc asst univ govt mgr dir ph phd".split()
)

_JOINT = re.compile(
    r"(?<![\w.'\u2019])([^\W\d_]{2,20})([.!?]+)[\"')\]\u201d\u2019]*[ \t]+(?=(\S{1,2}))"
)
"""A full stop inside what sentencex takes for one sentence."""

_WORDS = frozenset({"me", "us", "may", "no", "it", "so"})
"""Words that are abbreviations too ("Me." is Maine); a sentence may end in them."""

_EMOJI = r"[\U0001f300-\U0001faff\u2600-\u27bf]"
# Each run is tried once, from its beginning.
_SHOUT = re.compile(
    rf"(?<![!?])[!?]{{2,}}+[ \t]+|(?<!{_EMOJI})(?<!{_EMOJI}\ufe0f)(?:{_EMOJI}\ufe0f?)++[ \t]+"
)
"""Ends of sentences in chat: "the chat!! so i ...", or an emoji between two sentences."""

_WORD = re.compile(r"\S+")
_LONGEST = 80
"""In words: no sentence of the corpus has more, and the encoder reads little more of one."""

_PIECES = range(10, 31)
"""In words: how long a piece of what is longer may be; the last may be longer by the fewest."""

_CLAUSE = re.compile(
    r"(?:and|but|so|because|then) (?:i|i['’]m|we|you|it|he|she|they|my|if|when)\b", re.IGNORECASE
)
"""Where a piece begins best."""

_BLANKS = dict.fromkeys(
    (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000), " "
)
"""Blanks of more than one byte: at one between an initial and a full stop sentencex panics.

What it raises then is no `Exception`, and would end a whole scan.
"""

_WORD_CHARACTER = re.compile(r"\w")
_OPENERS = "\"'(\u201c\u2018"


def boundaries(text: str) -> Iterator[tuple[int, int]]:
    """Give the spans of the sentences of `text`, in order, together all of it."""
    start = 0
    blank = text if text.isascii() else text.translate(_BLANKS)
    for found in sentencex.get_sentence_boundaries("en", blank):
        end = found["end_index"]
        if end < len(text) and _TITLES.search(text, max(start, end - 12), end):
            continue
        yield from _parted(text, start, end)
        start = end
    if start < len(text):
        yield from _parted(text, start, len(text))


def _parted(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut one span where sentencex overlooked the end of a sentence."""
    for cut in sorted({*_full_stops(text, start, end), *_shouts(text, start, end)}):
        yield from _run_on(text, start, cut)
        start = cut
    yield from _run_on(text, start, end)


def _run_on(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut what was dictated without a full stop, before a clause where there is one."""
    if end - start <= 2 * _LONGEST:  # so few characters hold no more words
        yield start, end
        return
    words = [word.start() for word in _WORD.finditer(text, start, end)]
    done = 0
    while len(words) > _LONGEST and len(words) - done >= _PIECES[0] + _PIECES[-1]:
        lengths = [n for n in _PIECES if _CLAUSE.match(text, words[done + n], end)]
        done += lengths[-1] if lengths else _PIECES[-1]
        yield start, words[done]
        start = words[done]
    yield start, end


def _full_stops(text: str, start: int, end: int) -> Iterator[int]:
    for joint in _JOINT.finditer(text, start, end):
        word = joint[1].lower()
        following = joint[3].lstrip(_OPENERS)[:1]
        one_stop = joint[2] == "."
        if (word in _WORDS and one_stop) or (following.isupper() and word not in _ABBREVIATIONS):
            yield joint.end()


def _shouts(text: str, start: int, end: int) -> Iterator[int]:
    word = _WORD_CHARACTER.search(text, start, end)
    first = word.start() if word else end
    for shout in _SHOUT.finditer(text, first, end):
        # An emoji that opens the sentence, or ends it, parts nothing.
        if shout.end() < end:
            yield shout.end()
