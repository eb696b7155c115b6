"""A verdict that went through JSON is the verdict that it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.notes import CLEAN, FLUB, FLUBBED, OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core import wire
from scanner.core.classify import Policy
from scanner.errors import UnreadableError


def there_and_back(verdict):
    return wire.verdict(json.loads(json.dumps(wire.as_values(verdict))))


@pytest.mark.parametrize(
    "raw",
    [
        FLUBBED,
        CLEAN,
        CLEAN + b"> Quoted.\r\n",
        note(OPENING, "My flub.", STRENGTH, "An apology flub. Another flub, 面接の件。"),
        b"From: a@b.example\r\n\r\nNot \xff ASCII: flub \x00.\r\n",
        b"",
        b"To: b@x.example, a@x.example\r\nBcc: c@x.example\r\n\r\nFlub.\r\n",
    ],
)
def test_a_verdict_comes_back_as_it_was(raw):
    """Texts, offsets, addresses, numbers to the last digit."""
    (verdict,) = JUDGE([raw])
    assert there_and_back(verdict) == verdict


@given(st.lists(st.text(max_size=40).map(lambda text: f"{text} flub."), max_size=5))
def test_any_text_survives(paragraphs):
    """Also half a surrogate pair, controls and what is not in any alphabet."""
    raw = "\n\n".join(paragraphs).encode("utf-8", "replace")
    for verdict in JUDGE([raw, f"Subject: x\r\n\r\n{FLUB}".encode()]):
        if not isinstance(verdict, UnreadableError):
            assert there_and_back(verdict) == verdict


def test_why_there_is_no_verdict_comes_back_too():
    """With the words that the user is to read."""
    back = there_and_back(UnreadableError("encrypted: …"))
    assert isinstance(back, UnreadableError)
    assert str(back) == "encrypted: …"


@pytest.mark.parametrize("values", [{}, {"text": "x"}, {"text": "x", "sentences": [[1]]}])
def test_what_is_no_verdict_is_refused(values):
    """Whoever sent it, nothing is made up."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        wire.verdict(values)


@pytest.mark.parametrize(
    "policy", [Policy(), Policy("strict", 0.7), Policy("cautious", None, frozenset({"apology"}))]
)
def test_a_policy_comes_back_as_it_was(policy):
    """Preset, threshold and the categories that are off."""
    assert wire.policy(json.loads(json.dumps(wire.policy_as_values(policy)))) == policy
