"""Labels from and to other tools: what goes out comes back, and nothing is guessed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.core.classify import CATEGORIES
from scanner.errors import UnreadableError
from scanner.labelling import exchange
from scanner.labelling.exchange import Foreign
from scanner.learning import corpus
from scanner.learning.corpus import Example, Label, project

CASES = Path(__file__).parents[1] / "cases" / "labels"
FORMATS = get_args(Foreign)
SENTENCES = (
    "Thank you for your time 🙏 today.", "I am sorry I was late 🚆💥 again.", "My head was empty!",
    "Could we do that once more?", "𝔗he plan is good.", "I said “five”, and meant three.",
    "Ja.", "I am sorry I was late 🚆💥 again.", "👩🏽‍🔬 I forgot my badge.",
    "=SUM of it, I rambled;",
)  # fmt: skip


def from_sentences(sentences, joints, flubs, *, kind="thank_you", folded=False):
    text = "".join(part for pair in zip(sentences, joints, strict=False) for part in pair)
    bare = Example("n1", kind, "Re: 🙂", text, (), "none", "me")
    labels, at = [], 0
    for number, sentence in enumerate(project(bare).sentences.items):
        start = text.find(sentence.text, at)
        if start < 0:
            continue
        at = start + len(sentence.text)
        if kind == "thank_you" and number in flubs:
            labels.append(Label(start, at, sentence.text, CATEGORIES[number % 8]))
    severity = ("folded" if folded else "flub") if labels else "none"
    return replace(bare, labels=tuple(labels), severity=severity)


@st.composite
def examples(draw):
    """A message of sentences with characters that are two units, on lines or in paragraphs."""
    sentences = draw(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=8))
    joints = draw(
        st.lists(st.sampled_from([" ", "\n", "\n\n", "\n\n🎉\n"]), min_size=8, max_size=8)
    )
    return from_sentences(
        sentences,
        joints,
        draw(st.sets(st.integers(0, 9))),
        kind=draw(st.sampled_from(corpus.KINDS)),
        folded=draw(st.booleans()),
    )


def read(content: str, form: Foreign) -> list[Example]:
    assert exchange.recognised(content) == form
    return list(exchange.read(content, form, source="me").examples)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=50)
@given(st.lists(examples(), min_size=1, max_size=3, unique_by=lambda one: one.text))
def test_what_is_exported_is_imported(form, notes):
    """Export and import give every message back, with all that is said of it."""
    notes = [
        replace(one, id=f"n{number}", pair="p1" if number else None)
        for number, one in enumerate(notes)
    ]
    assert read(exchange.written(notes, form), form) == notes


def test_a_message_of_any_length_is_exported_and_imported():
    """A cell of a table may hold more than Python's module for them expects."""
    note = from_sentences(["The plan is good."] * 10_000, [" "] * 10_000, {1})
    assert read(exchange.written([note], "csv"), "csv") == [note]


def test_all_lines_for_doccano_have_the_same_keys():
    """It would fill what one of them lacks with NaN, which its database refuses."""
    notes = [replace(from_sentences(["Ja."], [" "], ()), pair=pair) for pair in (None, "p1")]
    lines = exchange.written(notes, "doccano").splitlines()
    assert len({tuple(json.loads(line)) for line in lines}) == 1


def counted(text: str, *, utf16: bool, crlf: bool) -> int:
    text = text.replace("\n", "\r\n") if crlf else text
    return len(text.encode("utf-16-le")) // 2 if utf16 else len(text)


def as_counted(note: Example, form: Foreign, *, utf16: bool, crlf: bool, sent: bool) -> str:
    """Write a note as a tool does that counts in this way, and sends CRLF or not."""

    def at(offset: int) -> int:
        return counted(note.text[:offset], utf16=utf16, crlf=crlf)

    def out(text: str) -> str:
        return text.replace("\n", "\r\n") if sent else text

    spans = [(at(x.start), at(x.end), x.category, out(x.text)) for x in note.labels]
    said = {"id": "n1", "subject": note.subject, "kind": note.kind, "severity": note.severity}
    if form == "doccano":
        return json.dumps({"text": out(note.text), "label": [s[:3] for s in spans], **said})
    if form == "prodigy":
        marked = [dict(zip(("start", "end", "label", "text"), span, strict=True)) for span in spans]
        return json.dumps(
            {"text": out(note.text), "spans": marked, "answer": "accept", "meta": said}
        )
    result = [
        {"type": "labels", "value": {"start": s, "end": e, "labels": [c], "text": text}}
        for s, e, c, text in spans
    ]
    data = {"text": out(note.text), **said}
    return json.dumps([{"id": 7, "data": data, "annotations": [{"result": result}]}])


WAYS = list(product((False, True), repeat=3))


@pytest.mark.parametrize("form", ["doccano", "label-studio", "prodigy"])
@pytest.mark.parametrize(("utf16", "crlf", "sent"), WAYS)
@settings(max_examples=50)
@given(note=examples())
def test_every_way_to_count_is_recognised(form, utf16, crlf, sent, note):
    """Code points or UTF-16 units, a line end as one or two, LF or CRLF in the text."""
    content = as_counted(note, form, utf16=utf16, crlf=crlf, sent=sent)
    try:
        found = read(content, form)
    except UnreadableError as error:
        # With one message to go by, in which sentences come twice, two ways may fit as well.
        if "may mean two places" not in str(error):
            raise
    else:
        assert found == [note]


@pytest.mark.parametrize(("utf16", "crlf", "sent"), WAYS)
def test_one_message_tells_for_the_others_of_its_file(utf16, crlf, sent):
    """What one message leaves open another decides, since one tool wrote them all."""
    # Of the first, both sentences are alike: a label on one may be read as one on the other.
    open_ = from_sentences(["🎉🎉 Ja.", "Ja.", "Ja."], [" "] * 3, {1})
    plain = from_sentences(SENTENCES[:4], ["\n"] * 4, {1, 2})
    lines = [as_counted(n, "doccano", utf16=utf16, crlf=crlf, sent=sent) for n in (open_, plain)]
    assert read("\n".join(lines), "doccano") == [open_, plain]


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (1, 1)])
def test_a_sentence_marked_with_the_space_beside_it_is_that_sentence(before, after):
    """People drag a little too far; one such label alone tells how its file counts."""
    text = "Dear Bo,\n\nThanks for today. I am sorry I was late. The plan is good."
    start, end = text.index("I am"), text.index(" The")
    line = {"text": text, "label": [[start - before, end + after, "apology"]]}
    (taken,) = read(json.dumps(line), "doccano")
    assert [x.text.strip() for x in taken.labels] == ["I am sorry I was late."]


def test_a_label_on_nothing_but_the_space_between_two_sentences_is_refused():
    """It marks neither of them, though one ends and one begins there."""
    text = "Dear Bo,\n\nThanks for today. I am sorry I was late. The plan is good."
    space = text.index(" The")
    line = {"text": text, "label": [[space, space + 1, "plea"]]}
    with pytest.raises(UnreadableError, match="record 1, label 1 does not match its text"):
        read(json.dumps(line), "doccano")


def test_a_label_that_fits_only_as_nobody_else_counts_is_refused():
    """Where the file counts code points, a span that marks words in UTF-16 units is a slip."""
    proof = from_sentences(SENTENCES[:4], [" "] * 4, {1, 2})
    odd = "🎉🎉 Thank you very much. I am sorry I was late."
    start, end = odd.index("am sorry"), odd.index(" was late")
    good = {"text": odd, "label": [[start, end, "apology"]]}
    first = as_counted(proof, "doccano", utf16=False, crlf=False, sent=False)
    _, taken = read(f"{first}\n{json.dumps(good)}", "doccano")
    assert taken.labels[0].text == "am sorry I"
    bad = {"text": odd, "label": [[start + 2, end + 2, "apology"]]}
    with pytest.raises(UnreadableError, match="line 2, label 1 does not match its text"):
        read(f"{first}\n{json.dumps(bad)}", "doccano")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("by", [-2, 2, 500])
def test_labels_that_do_not_fit_are_named_and_nothing_of_them_is_said(form, by):
    """A span that is off by some characters is refused by record and label, without its words."""
    sentences = ("Thank you for your time.", "I am sorry I was late.", "The plan is good.")
    note = from_sentences(sentences, [" "] * 3, {1})
    (label,) = note.labels
    moved = replace(label, start=label.start + by, end=label.end + by)
    with pytest.raises(UnreadableError) as caught:
        read(exchange.written([note, replace(note, id="n2", labels=(moved,))], form), form)
    where = {"csv": r"row \d", "label-studio": "record 2, label 1"}.get(form, "line 2, label 1")
    assert re.match(f"{where} does not match its text; nothing was taken", str(caught.value))
    assert not any(word in str(caught.value) for word in ("sorry", "Thank", "plan", "five"))


@pytest.mark.parametrize(
    "path",
    sorted(p for p in CASES.iterdir() if ".expected" not in p.suffixes),
    ids=lambda p: p.name,
)
def test_files_as_the_tools_write_them(path):
    """Each file gives the examples beside it, or the error that its `.expected.txt` holds."""
    content = path.read_bytes().decode("utf-8-sig")
    error = path.with_suffix(".expected.txt")
    if error.exists():
        with pytest.raises(UnreadableError) as caught:
            exchange.read(content, exchange.recognised(content), source="me")
        assert str(caught.value) == error.read_text("utf-8").strip()
        return
    done = exchange.read(content, exchange.recognised(content), source="me")
    expected = path.with_suffix(".expected.jsonl")
    lines = expected.read_text("utf-8").splitlines()
    assert [json.loads(corpus.as_json(one)) for one in done.examples] == [
        json.loads(line) for line in lines[:-1]
    ]
    assert {"left_out": done.left_out} == json.loads(lines[-1])


@pytest.mark.parametrize("form", ["prodigy", "unflub"])
def test_labels_of_others_are_not_lost_as_label_studios(form):
    """Whoever names the wrong format would else teach flubs as none."""
    content = exchange.written([from_sentences(SENTENCES[:4], [" "] * 4, {1, 2})], form)
    with pytest.raises(UnreadableError, match="name another --format"):
        exchange.read(content, "label-studio", source="me")


@pytest.mark.parametrize("name", ["annotations", "entities", "flubs", "spans"])
def test_labels_of_label_studio_may_be_named_as_those_of_others(name):
    """In its JSON-MIN they stand under the name that the user gave to Labels."""
    text = "Thanks for today. I am sorry I was late. The plan is good."
    start, end = text.index("I am"), text.index(" The")
    task = {"text": text, name: [{"start": start, "end": end, "labels": ["apology"]}]}
    (taken,) = read(json.dumps([task]), "label-studio")
    assert [label.text for label in taken.labels] == ["I am sorry I was late."]


@pytest.mark.parametrize("content", ["{}", "[]", "Dear Bo,", '{"a": 1}', "\x00\x01", "[1]"])
def test_what_is_none_of_the_formats_is_said(content):
    """Nothing is taken for a file of labels that is none."""
    with pytest.raises(UnreadableError, match="name it with --format"):
        exchange.recognised(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            "text label labels entities spans answer meta data annotations result value start end "
            "choices accept tokens token_start token_end start_offset end_offset id kind".split()
        ), inner, max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=50)
@given(JSON | st.text())
@example({"text": "a", "spans": [], "accept": 1})
def test_whatever_a_file_holds_is_read_or_refused(form, value):
    """There is no third way: no file ends in a traceback."""
    content = value if isinstance(value, str) else json.dumps(value)
    try:
        exchange.read(content, form, source="me")
    except UnreadableError:
        return
