"""Texts on which a regular expression takes the longest: what it repeats, so often that it hurts.

Of each repetition and each alternative in a pattern one text is made of what leads there, then of
what is repeated, and then of something that fits nothing, so that all ways are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)
_GROUPS = {code.SUBPATTERN: 3, code.ASSERT: 1, code.ASSERT_NOT: 1}
_CHARACTERS = "a0_ -.\t\n\xa0@<>:\"'я日。\u2019!"
_FITS_NOTHING = ("", "\x00", "\n!")


def attacks(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Give texts of about so many characters."""
    source = pattern.pattern
    text = source if isinstance(source, str) else source.decode("latin-1")
    flags = pattern.flags & ~(0 if isinstance(source, str) else re.LOCALE)
    tree = parser.parse(text, flags)
    whole = _sample(tree)
    led = [*_led(tree, ""), ("", whole), ("", whole[:-1])]
    led += [("", before + repeated) for before, repeated in led]
    for before, repeated in dict.fromkeys(led):
        if repeated:
            for end in _FITS_NOTHING:
                yield before + repeated * (size // len(repeated)) + end


def _led(sequence: Sequence[Any], before: str) -> Iterator[tuple[str, str]]:
    """Give what leads to each repetition or alternative, and what may stand there."""
    for operator, value in sequence:
        if operator in _REPEATS:
            body = value[2]
            yield before, _sample(body)
            yield from ((before, character) for character in _fitting(body))
            yield from _led(body, before)
        elif operator is code.BRANCH:
            for branch in value[1]:
                yield before, _sample(branch)
                yield from _led(branch, before)
        elif operator is code.ATOMIC_GROUP:
            yield from _led(value, before)
        elif operator in _GROUPS:
            yield from _led(value[_GROUPS[operator]], before)
        before += _sample([(operator, value)])


def _fitting(body: Any) -> list[str]:
    """Give the characters of a class that is repeated; two classes side by side may share one."""
    if len(body) != 1 or body[0][0] not in (code.IN, code.ANY, code.NOT_LITERAL):
        return []
    return [character for character in _CHARACTERS if _fits(body[0], character)]


def _fits(item: tuple[Any, Any], character: str) -> bool:
    operator, value = item
    if operator is code.ANY:
        return character != "\n"
    if operator is code.NOT_LITERAL:
        return ord(character) != value
    negated = value[0][0] is code.NEGATE
    return any(_is_in(member, character) for member in value) != negated


def _is_in(member: tuple[Any, Any], character: str) -> bool:
    operator, value = member
    if operator is code.LITERAL:
        return ord(character) == value
    if operator is code.RANGE:
        return value[0] <= ord(character) <= value[1]
    if operator is code.CATEGORY:
        name = str(value).rpartition("_")[2]
        is_of = re.match({"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[name], character)
        return (is_of is None) == ("NOT" in str(value))
    return False


def _sample(sequence: Sequence[Any]) -> str:
    """Give the shortest text that fits, or nearly."""
    return "".join(_one(operator, value) for operator, value in sequence)


def _one(operator: Any, value: Any) -> str:  # noqa: PLR0911 - a table
    if operator is code.LITERAL:
        return chr(value)
    if operator in _REPEATS:
        return _sample(value[2]) * value[0]
    if operator is code.BRANCH:
        return _sample(value[1][0])
    if operator is code.SUBPATTERN:
        return _sample(value[3])
    if operator is code.ATOMIC_GROUP:
        return _sample(value)
    if operator in (code.IN, code.ANY, code.NOT_LITERAL):
        literals = [chr(v) for o, v in value if o is code.LITERAL] if operator is code.IN else []
        fitting = [c for c in (*literals, *_CHARACTERS) if _fits((operator, value), c)]
        return fitting[0] if fitting else ""
    return ""
