"""Cutting quotes, forwards and signatures: the files of tests/cases/own_text, and laws."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.core.attribution import ahead_of_colons, attribution
from scanner.core.footers import BEGINNINGS, SENT_FROM, is_sent_from
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


@given(st.from_regex(SENT_FROM, fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_every_footer_of_ascii_is_known_by_its_first_letters(line):
    """No line that the patterns know is passed over for how it begins."""
    assert line[:3].lower() in BEGINNINGS


def test_a_footer_outside_ascii_is_looked_at_whole():
    """What begins with a letter that only another case makes ASCII is found as before."""
    assert is_sent_from("ſent from my iPhone")


@given(st.lists(st.one_of(LINES, st.text(alphabet="a: *wrote>1@", max_size=9)), max_size=9))
def test_an_attribution_stands_only_ahead_of_a_colon(lines):
    """Where none can end within its lines, none is found by looking closely."""
    found = {at for at in range(len(lines)) if attribution(lines, at)}
    assert found <= ahead_of_colons(lines)


@pytest.mark.parametrize(
    ("line", "is_cut"),
    [
        (" " * 12 + "From: a", True),
        (" " * 13 + "From: a", False),
        ("*_\t From  : a", True),
        ("*_\t From   : a", False),
        ("-" * 40 + " Original Message", True),
        ("-" * 41 + " Original Message", False),
        ("   -- Original Message", True),
        ("    -- Original Message", False),
        ("   " + "_=-" * 4 + "  \nFrom: a", True),
        ("   " + "_=-" * 3 + "  ", False),
    ],
)
def test_what_stands_before_a_field_or_a_separator_is_counted(line, is_cut):
    """More of it is no longer what a mail client puts there."""
    text = f"Mine.\n{line}\nSubject: b\nTheirs."
    assert own_text(text) == ("Mine." if is_cut else text)


@pytest.mark.parametrize(
    "line",
    [
        "When you asked at 2:30 I wrote a LEFT JOIN, but should have written this:",
        "I am sorry about one line in the report that I wrote in 2019 and showed you:",
        "On the 2023 paper I then wrote the wrong sum, which should be:",
        "-- On the 2023 paper I then wrote the wrong sum --",
        "I had it on 4 March 2025, 10:12 from ann@example.com:",
        "4 March 2025, 10:12 by train, or write to ann@example.com, and then:",
    ],
)
def test_a_sentence_about_writing_opens_no_quote(line):
    """What somebody wrote, told in a sentence, is followed by the writer's own words."""
    text = f"Thank you.\n\n{line}\n\nSELECT 1\n\nI am sorry."
    assert own_text(text) == text


@pytest.mark.parametrize(
    "attribution",
    [
        "मंगल, 4 मार्च 2025 को 10:12 am बजे को Tomas <tomas@example.com> ने लिखा:",
        "Vào Th 3, 4 thg 3, 2025 vào lúc 10:12 Tomas <tomas@example.com> đã viết:",
        "\u202bמאת \u202aTomas\u202c\u200f <\u202atomas@example.com\u202c\u200f>:\u202c",
        "Pada Sel, 4 Mar 2025 pukul 10.12 Tomas\n<tomas@example.com> menulis:",
    ],
)
def test_an_attribution_above_a_quote_needs_no_verb_that_is_known(attribution):
    """In whichever language the mail client is, a mailbox and a colon above quote marks tell it."""
    assert own_text(f"Mine.\n\n{attribution}\n\n> Theirs.") == "Mine."


@pytest.mark.parametrize(
    "line",
    [
        "Whom you could ask is Ann <ann@example.com>:",
        "Please write to Ann <ann@example.com>:   she has my papers.",
    ],
)
def test_a_mailbox_alone_opens_no_quote(line):
    """Where no quote mark follows, a line that names a mailbox may be the writer's."""
    text = f"{line}\n\nI am sorry."
    assert own_text(text) == text


@pytest.mark.parametrize(
    "line",
    ["I am sorry that I froze on SQL.", "PS: sorry I froze", "2) I froze!", "Jo", "Am sorry"],
)
@pytest.mark.parametrize(
    "attribution",
    [
        "On Mon, 3 Mar 2025 at 10:00, Ann <ann@example.com> wrote:",
        "Ann <ann@example.com> wrote:",
        "On Mon, 3 Mar 2025 at 10:00,\nAnn\n<ann@example.com> wrote:",
    ],
)
def test_a_line_right_above_an_attribution_is_kept(line, attribution):
    """An attribution over several lines begins where it says who or when, not above that."""
    assert own_text(f"{line}\n{attribution}\n> See you") == line


@pytest.mark.parametrize(
    "rows",
    [
        "Acme\nFrom: May 2019\nTo: June 2021",
        "Date: any day in May\nTo: Berlin\nFrom: Munich",
        "Data: 2021 to 2023\nFrom: the census",
    ],
)
def test_a_list_from_somewhere_is_no_quoted_header(rows):
    """Where "From:" names nobody and no field is of mail alone, the rows are the writer's list."""
    text = f"My dates:\n\n{rows}\n\nI am sorry that I got these wrong."
    assert own_text(text) == text


@pytest.mark.parametrize(
    "rows",
    [
        "From: Tomas\nSubject: Tour",
        "From: Tomas\nSent: Monday 9:40",
        "From: Tomas Brandt on 03/04/2025 10:12 AM\nTo: Ines",
        "From: tomas@example.com\nTo: Ines",
        "To: Ines\nFrom: T. Brandt",
        "Von: Tomas Brandt\nGesendet: Montag, 3. März 2025 10:00",
        "From: Tomas 2\nSent: Monday\nTo: Ines\nCc: Jo",
    ],
)
def test_a_quoted_header_of_two_fields_is_cut(rows):
    """A short block of copied fields opens a quoted message all the same."""
    assert own_text(f"Mine.\n\n{rows}\n\nTheirs.") == "Mine."


def test_a_bare_rule_of_two_hyphens_high_up_is_no_signature():
    """Two hyphens with a long text below them part two sections of the letter."""
    text = "\n".join(["One.", "--", *["Another line."] * 30])
    assert own_text(text) == text


@pytest.mark.parametrize(
    "paragraph",
    [
        "This email is also to say sorry that I shared a confidential figure in error.",
        "This message is to take back my confidential remark, made in error.",
        "Please note: this message is to take back my confidential remark, made in error.",
        "Question 2: the information in that message was meant for one recipient only.",
    ],
)
def test_a_notice_speaks_of_nobody(paragraph):
    """What the writer says is no disclaimer, whatever words it shares with one."""
    assert own_text(paragraph) == paragraph


@pytest.mark.parametrize(
    "notice",
    [
        "CONFIDENTIALITY NOTICE: This e-mail is for the sole use of the intended recipient.\n"
        "Any other use of what it holds is unauthorized.",
        "*Legal disclaimer*: This message may be privileged, and is intended for its addressee.",
        "Please note: This e-mail and any files are confidential and intended for the addressee.",
        "PRIVILEGED - This message is intended only for the person named above.",
        "The information transmitted is intended only for its addressee and may be privileged.",
        "CAUTION: This email originated from outside the organization. Do not open attachments.",
        "[EXTERNAL] This message was sent from outside of our company.",
    ],
)
def test_a_notice_may_have_a_label(notice):
    """A few words ahead of a notice, on the same line, do not make it the writer's."""
    assert own_text(f"{notice}\n\nMine.\n\n{notice}") == "Mine."


def test_an_italian_notice_is_cut():
    """The Italian article that looks like the English pronoun speaks of nobody."""
    notice = "Questo messaggio è riservato. I dati in esso sono per il solo destinatario."
    assert own_text(f"Mine.\n\n{notice}") == "Mine."


def test_sentence_that_begins_like_a_phone_footer_is_kept():
    """A sentence that begins "Sent from my" goes on after the device."""
    text = "Sent from my old desk by the window last night, the parcel must be with you by now."
    assert own_text(text) == text
