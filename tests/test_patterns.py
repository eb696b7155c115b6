"""No regular expression of ours is slow on hostile text, however it is made."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.attacks import attacks

import scanner
from scanner.core import attribution
from scanner.core.answers import KEYRING, meaning

SIZE = 16_384
"""Characters; where the time grows with the square of the length, it is seconds there."""
BOUND = 0.5
"""Seconds of processor time, which others on the machine do not lengthen; most take hundredths."""
SIZES = dict.fromkeys(attribution._REPLY_HEADERS, attribution._WINDOW)  # noqa: SLF001
"""Where less is given: the package's own patterns are slow, and lines are short."""
_METHODS = ("search", "match", "fullmatch", "split", "sub", "findall", "finditer")
_OF_ENCODER = frozenset({"torch", "safetensors", "onnx"})
"""Packages of the extra `encoder`, which need not be there."""


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(scanner.__path__, "scanner."):
        if found.name.endswith("__main__"):
            continue
        try:
            yield importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name not in _OF_ENCODER:
                raise


def patterns() -> dict[re.Pattern[Any], set[str]]:
    """All patterns in the modules, and how each is used."""
    found: dict[re.Pattern[Any], set[str]] = defaultdict(set)
    for module in modules():
        source = Path(module.__file__).read_text()
        uses = defaultdict(set)
        for name, method in re.findall(rf"\b(\w+)\.({'|'.join(_METHODS)})\(", source):
            uses[name].add(method)
        for name, value in vars(module).items():
            for pattern in among(value):
                found[pattern] |= uses[name]
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr=method),
                    args=[ast.Constant(value=pattern), *_],
                ) if method in _METHODS:
                    found[re.compile(pattern)].add(method)
    return found


def among(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from among(one)


PATTERNS = patterns()


def test_all_patterns_are_found():
    """In constants, in lists of them, and where they are used at once."""
    written = {pattern.pattern for pattern in PATTERNS}
    assert {r"[0-9a-f]{16}", r"\n{3,}", rb"\(EARLIER\) ([0-9:,]+)"} <= written
    assert len(written) > 80


def test_no_pattern_is_put_together_where_it_is_used():
    """It would not be found; as a constant it is."""
    for module in modules():
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr=method),
                    args=[ast.JoinedStr() | ast.BinOp(), *_],
                ) if method in _METHODS:
                    pytest.fail(f"{module.__name__}:{node.lineno}")


@pytest.mark.parametrize(
    "pattern", PATTERNS, ids=[str(pattern.pattern)[:40] for pattern in PATTERNS]
)
def test_no_text_takes_a_pattern_long(pattern):
    """What it repeats is repeated thousands of times, and nothing fits at the end."""
    for text in attacks(pattern, SIZES.get(pattern, SIZE)):
        given = text if isinstance(pattern.pattern, str) else text.encode()
        for method in PATTERNS[pattern] or {"match"}:  # those in lists are for beginnings
            began = time.thread_time()
            apply(pattern, method, given)
            took = time.thread_time() - began
            assert took < BOUND, f"{method} takes {took:.1f} s on {given[:60]!r}…{given[-9:]!r}"


def apply(pattern: re.Pattern[Any], method: str, text: str | bytes) -> None:
    if method == "sub":
        pattern.sub(text[:0], text)
    elif method == "finditer":
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, method)(text)


@pytest.mark.parametrize("slow", [r"\s*,\s*", r"a.*x.*y$", r"\S+@\S+ *$"])
def test_a_pattern_that_is_slow_is_seen(slow):
    """Its time grows with the square of the length: among the texts is one that shows it."""
    pattern = re.compile(slow)
    assert any(
        spent(pattern, long) > 8 * spent(pattern, short) + 0.01
        for short, long in zip(attacks(pattern, 1000), attacks(pattern, 8000), strict=True)
    )


def spent(pattern: re.Pattern[Any], text: str) -> float:
    began = time.thread_time()
    pattern.search(text)
    return time.thread_time() - began


def test_the_words_of_a_server_are_understood_soon():
    """Its answer to a login may be as long as it likes."""
    began = time.thread_time()
    assert meaning("imap " * 200_000, None, "home", KEYRING).cause
    assert time.thread_time() - began < BOUND
