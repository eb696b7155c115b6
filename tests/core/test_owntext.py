"""Cutting quotes, forwards and signatures: the files of tests/cases/own_text, and laws."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.owntext import own_text
from scanner.core.parse import parse

CASES = Path(__file__).parent.parent / "cases" / "own_text"

LINES = st.sampled_from(
    [
        "",
        "Thank you for the tour.",
        "> quoted",
        "-- ",
        "--",
        "On Tue, 4 Mar 2025 at 10:12, Tomas <tomas@example.com> wrote:",
        "From: Tomas",
        "Sent: today",
        "________________________________",
        "-----Original Message-----",
        "Sent from my iPhone",
        "This email is confidential and intended only for the recipient.",
        "-----BEGIN PGP SIGNED MESSAGE-----",
        "-----BEGIN PGP SIGNATURE-----",
        "-----END PGP SIGNATURE-----",
        "wrote:",
    ]
)


@pytest.mark.parametrize("message", sorted(CASES.glob("*.eml")), ids=lambda path: path.stem)
def test_case(message):
    """The own text of each message in the folder is what the file beside it holds."""
    expected = message.with_suffix(".txt").read_text("utf-8").removesuffix("\n")
    assert parse(message.read_bytes()).text == expected


@given(st.lists(st.one_of(LINES, st.text(max_size=30))).map("\n".join))
def test_own_text_is_made_of_whole_lines(text):
    """Own text is a subsequence of the lines of the message, none of them changed."""
    remaining = iter(text.split("\n"))
    own = own_text(text)
    assert not own or all(line in remaining for line in own.split("\n"))


@given(st.lists(LINES).map("\n".join))
def test_own_text_of_own_text_has_no_quoted_line(text):
    """No line with a quote mark is own text."""
    assert not any(line.startswith(">") for line in own_text(text).split("\n"))


def test_a_bare_rule_of_two_hyphens_high_up_is_no_signature():
    """Two hyphens with a long text below them part two sections of the letter."""
    text = "\n".join(["One.", "--", *["Another line."] * 30])
    assert own_text(text) == text


def test_sentence_that_begins_like_a_phone_footer_is_kept():
    """A sentence that begins "Sent from my" goes on after the device."""
    text = "Sent from my old desk by the window last night, the parcel must be with you by now."
    assert own_text(text) == text
