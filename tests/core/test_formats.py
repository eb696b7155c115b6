"""Rows as text, JSON and HTML."""

from __future__ import annotations

import json
from dataclasses import replace

import lxml.html
from support.notes import CLEAN, OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.core.formats import Json, JsonLines, Page, Text
from scanner.core.report import Row, Tally, as_text
from scanner.errors import UnreadableError

FLUBBED = note(OPENING, "<b>An excuse</b> & a flub.", STRENGTH, subject="Thanks <script>x</script>")


def row(raw, direction="outgoing", day=""):
    (verdict,) = JUDGE([raw])
    return Row("notes.mbox#3", direction, verdict, day=day)


ROWS = [
    row(FLUBBED, day="2025-03-04"),
    row(note(OPENING, "A plea of value was my flub.", STRENGTH), "incoming"),
    row(CLEAN),
    Row("x.eml", "outgoing", UnreadableError("broken: it is not text")),
]


def printed(form, rows=ROWS):
    tally = Tally()
    lines = []
    for one in rows:
        tally.add(one)
        lines.append(form.row(one))
    return "\n".join(line for line in (*lines, form.end(tally)) if line is not None)


def test_an_array_is_whole_at_any_length():
    """It reads as one array, empty or not, as if it had been written at once."""
    assert printed(Json(), []) == "[]"
    records = json.loads(printed(Json()))
    assert printed(Json()) == json.dumps(records, ensure_ascii=False, indent=2)
    assert len(records) == len(ROWS)


def test_lines_are_the_same_records():
    """Each line is one element of the array."""
    lines = [json.loads(line) for line in printed(JsonLines(with_text=True)).splitlines()]
    assert lines == json.loads(printed(Json(with_text=True)))


def test_text_leaves_out_what_is_clean():
    """Findings and what was not checked are shown, then the summary."""
    shown = printed(Text())
    assert shown.count("notes.mbox#3: ") == 2
    assert shown.splitlines()[-1] == "3 checked, 1 with a flub, 1 folded in, 1 not checked"
    assert printed(Text(show_clean=True), [row(CLEAN)]) == "notes.mbox#3: nothing found"


def test_text_gives_the_same_advice_once():
    """Later messages name the ones that show it; what another job changes is shown."""
    flubs = [
        ("a.eml", OPENING, "A flub."),
        ("b.eml", OPENING, "An apology, a flub."),
        ("c.eml", OPENING.replace("Larkfield Hospital", "Acme"), "A flub."),
        ("d.eml", OPENING.replace("Larkfield Hospital", "Acme"), "A flub of value."),
    ]
    rows = [replace(row(note(*paragraphs)), source=source) for source, *paragraphs in flubs]
    form = Text()
    assert form.row(rows[0]) == as_text(rows[0])
    shown = [str(form.row(one)) for one in rows[1:]]
    assert [last(text) for text in shown] == [
        "What to do, and what to write: as for a.eml above",
        "[Your name]",
        "What to write: as for c.eml above",
    ]
    assert "  What to do: as for a.eml above\n\n  To one of your references:\n" in shown[1]
    assert "  What to do: as for a.eml above\n  What to write" in shown[2]
    assert "manager position at Acme" in " ".join(shown[1].split())
    assert "  1. " not in "".join(shown)
    assert "This one is folded in" in shown[2]


def test_text_gives_an_employer_s_advice_for_each_concern():
    """It is another than the candidate's; questions differ by what is to be asked about."""
    rows = [
        row(FLUBBED),
        *(
            replace(row(note(OPENING, words), "incoming"), source=source)
            for source, words in (("a", "An excuse, a flub."), ("b", "An apology, a flub."))
        ),
    ]
    form = Text()
    _, first, second = (str(form.row(one)) for one in rows)
    assert first == as_text(rows[1])
    assert "  What to do: as for a above\n\n  To the candidate:\n" in second
    assert "To every reference:\n" in second


def test_a_name_that_advice_refers_to_cannot_steer_the_terminal():
    """It is shown as in the headline."""
    form, named = Text(), replace(ROWS[0], source="\x1b[31m.eml")
    form.row(named)
    assert last(str(form.row(named))).endswith(r": as for \x1b[31m.eml above")


def last(text):
    return text.rstrip().splitlines()[-1].strip()


def test_a_page_shows_notes_with_marks_reasons_and_totals():
    """What the writer wrote stays text, and each finding is in the totals."""
    page = lxml.html.document_fromstring(printed(Page()))
    assert [mark.text for mark in page.iter("mark")] == [
        "<b>An excuse</b> & a flub.",
        "A plea of value was my flub.",
    ]
    assert page.findall(".//script") == []
    tables = [[cell.text for cell in table.iter("td")] for table in page.iter("table")]
    assert tables == [["1", "1"], ["1", "1"]]
    text = page.text_content()
    for words in (
        "3 checked, 1 with a flub, 1 folded in, 1 not checked",
        "2025-03", "without a date", "received",
        "To every reference", "To one of your references", "x.eml: broken: it is not text",
    ):  # fmt: skip
        assert words in text
    assert "your own computer" not in text  # a cluster may have read the notes, too


SEVERAL = row(
    note(OPENING, "This excuse was a flub.\n\nAn apology, a flub.", "A plea flub.", STRENGTH)
)


def test_all_categories_of_a_passage_are_named_and_counted():
    """By text, page and totals; on the page the number of a passage is that of its reasons."""
    tally = Tally()
    tally.add(SEVERAL)
    assert tally.categories == {"excuse": 1, "apology": 1, "plea": 1}
    shown = as_text(SEVERAL)
    for category in tally.categories:
        assert f"({category}; 90% sure it is a flub)" in shown
    page = lxml.html.document_fromstring(printed(Page(), [SEVERAL]))
    (passage,) = page.findall(".//article/ol[1]/li")
    assert [strong.text for strong in passage.iter("strong")] == [
        "It gives the reason for something that went wrong",
        "It apologises for something in the interview",
        "It asks the reader to overlook something",
    ]


def test_totals_speak_of_the_writer():
    """Who received the notes did not write them."""
    flubs = ("This self_criticism was a flub.", "A correction, a flub.", "An omission, a flub.")
    rows = [row(note(OPENING, flub, STRENGTH), "incoming") for flub in flubs]
    page = lxml.html.document_fromstring(printed(Page(), rows))
    totals = " ".join(name.text for name in page.find(".//table").iter("th"))
    assert totals.count("the writer") == 3
    assert " you" not in totals


def test_a_page_without_findings_says_so():
    """An empty page would leave a doubt."""
    assert "No passage was found" in printed(Page(), [row(CLEAN)])


def test_a_tally_counts_by_category_and_month():
    """Folded and flub are told apart, for who wants to fail on one alone."""
    tally = Tally()
    for one in ROWS:
        tally.add(one)
    assert (tally.checked, tally.flagged, tally.unreadable) == (3, 2, 1)
    assert (tally.flubs, tally.folded) == (1, 1)
    assert tally.categories == {"excuse": 1, "plea": 1}
    assert tally.months == {"2025-03": 1, "": 1}
