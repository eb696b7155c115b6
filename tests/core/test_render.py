"""The warning draft: what it says, and what it must never hold."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.notes import OPENING, STRENGTH, note
from support.phrases import assessed, assessed_draft

from scanner import __version__
from scanner.adapters.mailbox import FETCH_LIMIT
from scanner.core.assess import Assessment, FlaggedSentence, Passage, digest
from scanner.core.draft import Draft
from scanner.core.render import WARNS_ABOUT, Envelope, recognise, remainder, render

FLUB = "What a flub of an apology that was."
READ = assessed_draft(1, note(OPENING, FLUB, STRENGTH))
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
printable = st.characters(exclude_categories=["Cc", "Cs"])  # what parse lets through
OURS = Envelope("me@example.org", "<w1@example.org>", NOW)


def rendered(
    draft: Draft = READ.draft, assessment: Assessment = READ.assessment, **changes: str
) -> bytes:
    return render(replace(draft, **changes), assessment, OURS)


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(raw: bytes, subtype: str) -> str:
    part = parsed(raw).get_body((subtype,))
    assert part is not None
    return part.get_content()


def flagging(text: str, *flagged: str) -> Assessment:
    """An assessment of the text in which each of these pieces is a passage."""
    starts = [text.index(piece) for piece in flagged]
    sentences = [
        FlaggedSentence(start, start + len(piece), piece, "plea", 0.9)
        for start, piece in zip(starts, flagged, strict=True)
    ]
    passages = tuple(
        Passage(one.start, one.end, one.text, "plea", 0.9, (one,)) for one in sentences
    )
    return replace(READ.assessment, text=text, passages=passages)


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_a_warning_names_all_that_a_passage_does(subtype):
    """In the order of its sentences; the reason is that of its main category."""
    flubs = "That excuse was a flub. My answer about pay was a flub. An excuse, a flub."
    read = assessed_draft(1, note(OPENING, flubs, STRENGTH))
    shown = body(rendered(read.draft, read.assessment), subtype)
    words = " ".join(shown.split())
    assert (
        "It gives the reason for something that went wrong and "
        "answers the question about pay again." in words
    )
    assert "A good reason still sounds defensive" in words
    assert "A second try tells the reader" not in words


def test_what_is_folded_in_is_called_tolerable():
    """The warning says that some readers will not mind it, and of a plain flub it does not."""
    folded = assessed_draft(1, note(OPENING, "The flub had its value.", STRENGTH))
    for read, says in ((folded, True), (READ, False)):
        for subtype in ("plain", "html"):
            shown = body(rendered(read.draft, read.assessment), subtype)
            assert ("This one is folded in" in shown) is says


def test_the_headers_are_those_of_the_contract():
    """Sender, thread, marks and date stand there, and nobody is addressed."""
    message = parsed(rendered())
    assert message["From"] == "me@example.org"
    assert message["Message-ID"] == "<w1@example.org>"
    assert message["In-Reply-To"] == message["References"] == "<note-1@client.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Unflub-Version"] == __version__
    assert message[WARNS_ABOUT] == digest(FLUB)
    assert message["Subject"].startswith("⚠ unflub:")
    assert "Thank you for the interview" in message["Subject"]
    assert message["Date"].datetime == NOW
    assert not {"To", "Cc", "Bcc", "Reply-To", "Sender"} & set(message.keys())
    assert message.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("subtype", ["plain", "html"])
@pytest.mark.parametrize(
    "words",
    [
        "Your note: Thank you for the interview",
        FLUB,
        "apologises for something in the interview",
        "asks the reader to think of the moment once more",
        "It takes 19% of the note's words",
        "The note without it",
        "the ward manager position at Larkfield Hospital",
        "Delete this warning draft",
        "nobody else has read your note",
    ],
)
def test_each_part_says_everything(subtype, words):
    """Quote, name, reason, share, remainder, reference and dismissal stand in both parts."""
    shown = unescape(" ".join(body(rendered(), subtype).split()))
    assert words.casefold() in shown.casefold()


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_the_note_is_shown_with_and_without_its_passage(subtype):
    """The passage is quoted and marked in its place, and missing in the note without it."""
    before, after = body(rendered(), subtype).casefold().split("the note without it")
    assert before.count(FLUB.casefold()) == 2
    assert FLUB.casefold() not in after
    assert OPENING.casefold() in after
    mark = {"plain": f">>> [1] {FLUB} <<<", "html": f'2px 3px">{FLUB}<sup'}[subtype]
    assert mark.casefold().split(FLUB.casefold())[0][-4:] in before


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_what_the_note_does_not_name_is_left_to_fill_in(subtype):
    """Without position and employer the text for the references has blanks."""
    said = assessed_draft(1, note("Thank you for your time.", FLUB))
    content = body(rendered(said.draft, said.assessment), subtype)
    assert "[the position]" in content
    assert "[the employer]" in content


def test_nothing_found_is_nothing_to_render():
    """There is no warning draft without a passage."""
    with pytest.raises(ValueError, match="nothing to warn about"):
        rendered(assessment=replace(READ.assessment, passages=()))


@pytest.mark.parametrize(
    "subject",
    [
        "x\r\nBcc: evil@example.com",
        "x\nTo: evil@example.com",
        "x\r\n\r\nbody",
        "x\x00\x0b\x0c\x1b[2Jy\x85\u2028z",
        "=?utf-8?q?x=0D=0ABcc:_evil@example.com?=",
        "👩‍⚕️ Ward Nurse ❤️ " * 30,
        "w" * 5000,
        "w " * 5000,
        "\u202ereversed",
        "",
    ],
)
def test_a_subject_cannot_break_out_of_its_header(subject):
    """Whatever the note's subject holds, it stays inside ours, on lines short enough."""
    raw = rendered(subject=subject)
    message = parsed(raw)
    assert set(message.keys()) == set(parsed(rendered()).keys())
    assert message["Subject"].startswith("⚠ unflub: before you send “")
    assert len(message["Subject"]) < 200
    assert all(len(line) <= 78 for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n"))
    found = recognise(raw)
    assert found
    assert found.sealed


@pytest.mark.parametrize(
    "message_id",
    [
        "<a@b>",
        "<" + "a" * 75 + "@eur01.prod.outlook.example>",
        "<" + "ab(c" * 200 + ">",
        "<=?utf-8?q?a?=@b>",
        "<x!#$%&'*+/=?^_`{|}~()[]:;,\"\\@d>",
        "<@>",
    ],
)
def test_the_thread_is_named_byte_for_byte(message_id):
    """A Message-ID that is long or odd is neither folded nor encoded: clients compare bytes."""
    raw = rendered(message_id=message_id)
    assert f"\r\nIn-Reply-To: {message_id}\r\nReferences: {message_id}\r\n".encode() in raw
    found = recognise(raw)
    assert found
    assert found.about == message_id


@pytest.mark.parametrize(
    "message_id",
    ["", "no brackets", "<a b>", "<a\r\nBcc: x@y>", "<a\x00@b>", "<é@b>", "<" + "a" * 2000 + ">"],
)
def test_what_is_no_message_id_is_left_out(message_id):
    """Then the warning draft belongs to no thread."""
    message = parsed(rendered(message_id=message_id))
    assert not {"In-Reply-To", "References", "Bcc"} & set(message.keys())


def test_markup_in_a_note_is_only_text():
    """HTML, script and template code in note and subject are shown, never run."""
    evil = "<script>alert(1)</script><img src=x onerror=y> & {{ 7*7 }} {% raw %} flub."
    said = assessed_draft(1, note(OPENING, evil))
    raw = rendered(said.draft, said.assessment, subject=f"</title>{evil}")
    html, text = body(raw, "html"), body(raw, "plain")
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "{{ 7*7 }}" in html
    assert "<script>alert(1)</script>" in text
    assert html.count("<title>") == html.count("</title>") == 1


@pytest.mark.parametrize(
    ("text", "flagged", "left"),
    [
        ("One. Flub. Two.", ["Flub."], "One. Two."),
        ("One.\n\nFlub.\n\nTwo.", ["Flub."], "One.\n\nTwo."),
        ("One.\nFlub.\nTwo.", ["Flub."], "One.\nTwo."),
        ("One.\n\nFlub. Blub.\n\nTwo. Flob.", ["Flub. Blub.", "Flob."], "One.\n\nTwo."),
        ("One. Flub\nflub. Two.", ["Flub\nflub."], "One. Two."),
        ("One.\n\nP.S. Flub.", ["Flub."], "One."),
        ("One.\n\nPS: Flub. Two.", ["Flub."], "One.\n\nPS: Two."),
        ("- One.\n- Flub.\n- Two.", ["Flub."], "- One.\n- Two."),
        ("1. One.\n2) Flub.\n(c) Flob.\n", ["Flub.", "Flob."], "1. One."),
        ("Flub.", ["Flub."], ""),
        ("a   b\n\nFlub.\n\n-- \nAda", ["Flub."], "a   b\n\n-- \nAda"),
    ],
)
def test_the_note_without_its_passages_has_no_gaps(text, flagged, left):
    """No double space, blank line, empty bullet, number or P.S. tells of what was taken out."""
    assert remainder(text, flagging(text, *flagged).passages) == left


def test_many_blanks_beside_a_passage_take_no_time():
    """A line is as long as a hostile note may have it; the time does not grow with its square."""
    text = f"One{' ' * 150_000}. Flub. Two.{' ' * 40_000}x"
    passages = flagging(text, "Flub.").passages
    began = time.thread_time()
    assert "Flub" not in remainder(text, passages)
    assert time.thread_time() - began < 2


def test_a_note_of_passages_alone_leaves_a_fresh_start():
    """Where nothing is left, the warning says so instead of showing an empty box."""
    said = assessed_draft(
        1, note(FLUB).replace(b"Dear Ms Okafor,", b"").replace(b"Kind regards,", b"")
    )
    assessment = flagging(said.draft.text, said.draft.text)
    assert "start afresh" in body(rendered(said.draft, assessment), "plain")


@given(
    st.lists(st.text(printable, min_size=1), min_size=1, max_size=4),
    st.sets(st.integers(0, 3), min_size=1),
    st.text(),
    st.text(),
)
def test_whatever_is_rendered_is_recognised(texts, flags, subject, message_id):
    """Every note gives a warning draft that is sealed and names the same sentences."""
    texts = [f"Flub {text}." if i in flags else text for i, text in enumerate(texts)]
    draft = Draft("\n\n".join(texts), subject, f"<{message_id}>")
    assessment = assessed(draft)
    assume(assessment.passages)
    found = recognise(render(draft, assessment, OURS))
    assert found
    assert found.sealed
    assert found.digests == assessment.digests
    assert found.about in (draft.message_id, "")


@pytest.mark.parametrize("many", [1, 100])
def test_of_a_very_long_note_the_middles_are_left_out(many):
    """However many bytes its characters take, each part is fetched whole; passages stay marked."""
    long = "👍 & “so” <on> 'ever'… " * 3000
    flubs = [f"Flub number {n} of an apology." for n in range(many)]
    said = assessed_draft(1, note(OPENING, *(f"{flub} {long[: 60_000 // many]}" for flub in flubs)))
    message = parsed(rendered(said.draft, said.assessment))
    for part in message.iter_parts():
        assert len(part.get_payload()) < FETCH_LIMIT
        shown = unescape(part.get_content())
        assert "[…]" in shown
        assert all(flub in shown for flub in flubs)
