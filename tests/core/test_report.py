"""What `check` and `scan` print of a message."""

from __future__ import annotations

import json
from dataclasses import replace

import lxml.html
import pytest
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core.page import page
from scanner.core.render import view
from scanner.core.report import EMPTY, Row, Tally, as_record, as_text, headline, summary
from scanner.errors import UnreadableError

FLUBBED = note(OPENING, STRENGTH, "That excuse was a flub. A flub it was.", STRENGTH, STRENGTH)
FOLDED = note(OPENING, "The flub had its value.", STRENGTH)
KEYS = [
    "source", "message_id", "subject", "direction", "kind", "kind_confidence", "severity",
    "share", "passages", "error",
]  # fmt: skip


def row(raw: bytes) -> Row:
    (verdict,) = JUDGE([raw])
    return Row("notes.mbox#3", "outgoing", verdict)


BROKEN = Row("x.eml", "incoming", UnreadableError("broken: it is not text"))
BLANK = row(b"Subject: Re: x\nMessage-ID: <1@x>\n\n> You wrote of a flub.\n")


def test_a_record_is_that_of_the_contract():
    """Keys, order and values are as promised, and the record is JSON."""
    record = as_record(row(FLUBBED))
    assert list(record) == KEYS
    assert json.loads(json.dumps(record)) == record
    (passage,) = record.pop("passages")
    assert record == {
        "source": "notes.mbox#3", "message_id": "<note-1@client.example>",
        "subject": "Thank you for the interview", "direction": "outgoing", "kind": "thank_you",
        "kind_confidence": 1.0, "severity": "flub", "share": 0.1268, "error": None,
    }  # fmt: skip
    assert list(passage) == ["start", "end", "text", "category", "confidence", "sentences"]
    assert (passage["category"], passage["confidence"]) == ("excuse", 0.9)
    assert [list(s) for s in passage["sentences"]] == [list(passage)[:-1]] * 2


def test_what_is_folded_in_is_called_so():
    """In the record, the text and the summary's parts; it is found all the same."""
    made, tally = row(FOLDED), Tally()
    tally.add(made)
    assert as_record(made)["severity"] == "folded"
    assert as_text(made).startswith("notes.mbox#3: folded: one passage, ")
    assert (tally.folded, tally.flubs, tally.flagged) == (1, 0, 1)
    assert summary(tally) == "1 checked, 0 with a flub, 1 folded in"


@pytest.mark.parametrize(
    ("direction", "whose"), [("outgoing", "you. "), ("incoming", "the writer.")]
)
def test_what_is_folded_in_is_spoken_of_in_gentler_words(direction, whose):
    """What that means stands in the text and on the page, and with no plain flub."""
    for raw, says in ((FOLDED, True), (FLUBBED, False)):
        made = replace(row(raw), direction=direction)
        for shown in (as_text(made), page([made], Tally())):
            gentler = f"it is short, and it goes on to something that speaks for {whose}"
            assert (gentler in " ".join(shown.split())) is says


def test_offsets_are_into_the_text_that_is_printed_on_request():
    """`text[start:end] == passage.text`, for passages and their sentences."""
    assert "text" not in as_record(row(FLUBBED))
    record = as_record(row(FLUBBED), with_text=True)
    spans = [s for p in record["passages"] for s in (p, *p["sentences"])]
    assert len(spans) == 3
    for span in spans:
        assert record["text"][span["start"] : span["end"]] == span["text"]


@pytest.mark.parametrize(("made", "error"), [(BROKEN, "broken: it is not text"), (BLANK, EMPTY)])
def test_what_was_not_assessed_is_never_called_clean(made, error):
    """Its error is set, and kind, severity and share are null."""
    record = as_record(made)
    assert list(record) == KEYS
    assert record["error"] == error
    assert record["kind"] is record["kind_confidence"] is None
    assert record["severity"] is record["share"] is None
    assert record["passages"] == []
    assert (made.judged, made.passages) == (None, ())
    assert as_text(made) == f"{made.source}: not checked: {error}"


def test_a_passage_takes_at_least_a_percent():
    """Also of a long note: the headline, the page and the warning draft say no 0%."""
    long = row(note(OPENING, "A flub.", STRENGTH * 100))
    verdict = long.judged
    assert verdict
    assert verdict.assessment.share < 0.005
    assert headline(verdict.assessment) == "flub: one passage, 1% of the words"
    assert ", 1% of the words; " in page([long], Tally())
    assert view(verdict.draft, verdict.assessment)["share"].startswith("It takes 1% of")


def test_a_name_cannot_steer_the_terminal():
    """A row is one line, without colours, whatever its file is called."""
    name = "Süd\x1b[31m\nred\u202e.eml"
    for made in (BROKEN, row(note(OPENING))):
        assert as_text(replace(made, source=name)).startswith(r"Süd\x1b[31m\nred\u202e.eml: no")


def test_the_text_marks_each_passage_in_its_place():
    """Headline, own text with the marks, and a reason for each passage."""
    shown = as_text(row(FLUBBED))
    assert shown.startswith(
        "notes.mbox#3: flub: one passage, 13% of the words\n"
        "  to panel@example.com: Thank you for the interview\n\n  | Dear"
    )
    assert "  | >>> That excuse was a flub. A flub it was. <<<\n" in shown
    assert (
        "  - It gives the reason for something that went wrong (excuse; 90% sure it is a flub): "
        in shown
    )
    assert "  | <b>That" in as_text(row(FLUBBED), lambda text: f"<b>{text}</b>")


def sent(fields: bytes) -> Row:
    """The note with these fields for whom it is to."""
    return row(fields + FLUBBED.replace(b"To:", b"X:"))


KNOWN = pytest.mark.parametrize(
    ("made", "known"),
    [
        (replace(row(FLUBBED), day="2025-03-04"), "2025-03-04, to panel@example.com"),
        (replace(row(FLUBBED), direction="incoming"), "from me@example.org"),
        (
            sent(b"To: d@x.example, c@x.example\r\nCc: a@x.example\r\n"),
            "to d@x.example, c@x.example",
        ),
        (
            sent(b"To: e@x.example, d@x.example, c@x.example, a@x.example, b@x.example\r\n"),
            "to e@x.example, d@x.example, c@x.example and 2 more",
        ),
        (sent(b"Bcc: a@x.example\r\n"), ""),
        (replace(row(note(OPENING, "A flub.", to="")), day="2025-03-04"), "2025-03-04"),
        (row(b"\n" + FLUBBED.partition(b"\r\n\r\n")[2]), ""),
    ],
)


@KNOWN
def test_a_message_is_known_again_by_its_day_and_whom_it_is_to_or_from(made, known):
    """As far as it says so; the text puts the subject behind that."""
    assert made.letterhead == known
    second = as_text(made).splitlines()[1]
    subject = made.judged.draft.subject
    assert second == "  " * bool(known or subject) + ": ".join(filter(None, (known, subject)))


@KNOWN
def test_the_page_says_beside_that_whose_note_it_is(made, known):
    """Where there is no more to say that alone, in the list of notes and above each note."""
    shown = lxml.html.document_fromstring(page([made], Tally()))
    whose = "received" if made.direction == "incoming" else "written by you"
    says = ", ".join(filter(None, (whose, known)))
    subject = made.judged.draft.subject or "(no subject)"
    assert [item.text_content() for item in shown.iterfind(".//nav//li")] == [f"{subject}, {says}"]
    (above,) = shown.iterfind(".//article/p[@class='soft']")
    assert above.text_content().split("; ")[1:] == [says, "notes.mbox#3"]


def test_the_words_that_weigh_most_stand_below_the_reason():
    """Two or more, one, or none, each in good English."""
    first, second = (sentence.start for sentence in row(FLUBBED).passages[0].sentences)
    for why, said in (
        (
            {first: ("excuse", "flub"), second: ("flub",)},
            ["“excuse”, “flub” weigh", "“flub” weighs"],
        ),
        ({}, ["no single word weighs"] * 2),
    ):
        shown = as_text(replace(row(FLUBBED), why=why))
        lines = [line.strip() for line in shown.splitlines() if " most in: " in line]
        assert [line.partition(" most in: ")[0] for line in lines] == said
        on_page = lxml.html.document_fromstring(page([replace(row(FLUBBED), why=why)], Tally()))
        assert [one.text_content() for one in on_page.iterfind(".//li/span")] == lines


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (note(OPENING), "nothing found"),
        (note("How about lunch? No flub."), "not a post-interview note"),
        (note("A flub.", OPENING, "Another flub."), "flub: 2 passages, "),
    ],
)
def test_the_headline_says_how_it_ended(raw, words):
    """One line for a clean note, another message, and a note with two passages."""
    assert as_text(row(raw)).splitlines()[0].startswith(f"notes.mbox#3: {words}")


def test_a_message_that_may_be_a_note_is_not_called_none():
    """Of what is less than half surely something else nothing was looked for."""
    other = row(note("How about lunch?"))
    for confidence, words in (
        (0.4, "perhaps a post-interview note, but not surely enough to be checked"),
        (0.6, "not a post-interview note"),
    ):
        doubtful = replace(other.verdict.assessment, kind_confidence=confidence)
        shown = as_text(replace(other, verdict=replace(other.verdict, assessment=doubtful)))
        assert shown == f"notes.mbox#3: {words}"


def test_the_summary_counts():
    """What could not be read is told only where there is some."""
    tally = Tally(checked=3, flubs=1)
    assert summary(tally) == "3 checked, 1 with a flub"
    tally.add(BROKEN)
    tally.add(BLANK)
    tally.add(row(FLUBBED))
    assert summary(tally) == "4 checked, 2 with a flub, 2 not checked"
    tally.sets_empty_apart = True
    tally.add(BLANK)
    assert summary(tally) == "4 checked, 2 with a flub, 1 without own text, 2 not checked"
    tally.is_cut = True
    assert summary(tally).endswith(", 2 not checked; broken off before all was read")
