"""Is a text English? The classifier reads no other language, and must not call it clean."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

# Where no blank parts the words (Chinese, Japanese), each character counts as one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+(?:['’][^\W\d_]+)?")

# The commonest words of English that are rare in the languages around it. Every third word
# of English prose is one of them; in the corpus hardly a message has fewer than one in five.
_COMMON = frozenset(
    """the and of to a you for that it's it with my your i i'm i'll we our be is are was were
    have had has not this at on as but if they what about when which will would could can
    from by or an me us thank thanks please""".split()
)
_FEWEST_WORDS = 15
_ENGLISH_SHARE = 0.15
_SURE = 0.93
_ENOUGH = 3_000
"""So many characters tell the language as well as all of them."""


def foreign(text: str) -> str:
    """Give the ISO 639-1 code of the language a text is surely written in, if not English.

    Nothing where it is English, too short to tell, or hard to tell.
    """
    words = _WORD.findall(text.lower())
    if len(words) < _FEWEST_WORDS:
        return ""
    if sum(map(_COMMON.__contains__, words)) >= _ENGLISH_SHARE * len(words):
        return ""
    code, sure = _identifier().classify(text[:_ENOUGH])
    return "" if code == "en" or sure < _SURE else str(code)


@cache
def _identifier() -> Any:
    # Loaded for the few texts that do not look English at once: it takes a fifth of a second.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
