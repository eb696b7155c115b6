"""Whatever bytes a message holds, looking at it ends in an answer or in UnreadableError."""

from __future__ import annotations

import json
from dataclasses import astuple
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from support import hostile
from support.phrases import JUDGE

import scanner.core
from scanner.adapters.sources import Message
from scanner.core.classify import Policy
from scanner.core.judge import Judge, understand
from scanner.core.origin import day, direction
from scanner.core.parse import Draft, glance, parse, read
from scanner.core.render import recognise
from scanner.core.selection import Selection
from scanner.errors import UnreadableError
from scanner.rows import Terms, judged

SIFTING = Judge(JUDGE.classifier, JUDGE.thresholds, gate=lambda texts: [True] * len(texts))
TERMS = Terms(None, Policy())
ASKED = Selection(since=date(2020, 1, 1), sender="a", to="b")
OURS = tuple(f" at {path.name}:" for path in Path(scanner.core.__file__).parent.rglob("*.py"))

LOOKS = {
    "read": read,
    "parse": parse,
    "glance": glance,
    "understand": understand,
    "recognise": recognise,
    "date": day,
    "direction": lambda raw: direction("x.eml", raw, Draft(""), frozenset()),
    "selection": ASKED.takes,
    "row": lambda raw: judged([Message("x.eml", raw)], TERMS, SIFTING),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("path", hostile.CASES, ids=lambda path: path.stem)
def test_a_hostile_message_is_answered(path, look):
    """Each message in the folder, at each way to look at one."""
    answered(look, path.read_bytes())


@given(hostile.MESSAGES)
def test_any_message_is_answered(raw):
    """Odd charsets and parameters, NULs, absurd dates and messages in messages included."""
    for look in LOOKS.values():
        answered(look, raw)


def answered(look, raw: bytes) -> None:
    """Look; what is told can be written down, and what cannot be read is no mistake of ours."""
    try:
        told = look(raw)
    except UnreadableError as error:
        told = str(error)
        assert not any(place in told for place in OURS)
        assert "\n" not in told
    if isinstance(told, Draft):
        told = [sorted(one) if isinstance(one, frozenset) else one for one in astuple(told)]
        json.dumps(told, ensure_ascii=False).encode()


@pytest.mark.parametrize("path", hostile.CASES, ids=lambda path: path.stem)
def test_one_that_cannot_be_read_is_one_row_with_an_error(path):
    """Those that can be read are a row, too; only what looks like our own warning is none."""
    raw = path.read_bytes()
    rows = judged([Message("x.eml", raw)], TERMS, SIFTING)
    assert len(rows) == (0 if path.stem.startswith("warning") else 1)


def test_warnings_that_cannot_be_read_are_not_ours_to_remove():
    """Their header tells what they are, and no more is believed."""
    warnings = [path for path in hostile.CASES if path.stem.startswith("warning")]
    assert warnings
    for path in warnings:
        found = recognise(path.read_bytes())
        assert found
        assert (found.digests, found.sealed) == ({"0123456789abcdef"}, False)
