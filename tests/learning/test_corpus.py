"""Reading, checking and projecting labelled notes."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from support import workshop

from scanner.errors import UnreadableError
from scanner.learning import corpus
from scanner.learning.corpus import Example, Projected

NOTE: dict[str, Any] = {
    "id": "one",
    "kind": "thank_you",
    "subject": "Café manager",
    "text": "Dear Zoë,\n\nThank you for the talk. Sorry I was late. I can start in May.\n\nBo",
    "flubs": [{"start": 35, "end": 52, "text": "Sorry I was late.", "category": "apology"}],
    "severity": "flub",
}
LABEL = NOTE["flubs"][0]
UNPLACED = {"text": LABEL["text"], "category": LABEL["category"]}


def written(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def test_every_shipped_label_is_the_text_at_its_offsets(everything: list[Example]):
    """Every span of training_data is exact, in code points."""
    for example in everything:
        for label in example.labels:
            assert example.text[label.start : label.end] == label.text


def test_the_shipped_ids_are_unique(everything: list[Example]):
    """No two shipped messages share an id, and none share subject and text."""
    assert len({example.id for example in everything}) == len(everything)
    assert corpus.merge(everything).examples == tuple(everything)


def test_every_shipped_label_lands_on_a_sentence(projected: list[Projected]):
    """The segmenter's sentences carry all labels but one in a hundred."""
    labels = sum(len(one.example.labels) for one in projected)
    lost = sum(len(one.lost) for one in projected)
    assert lost <= labels / 100


def test_what_is_written_is_read_again(tmp_path: Path, everything: list[Example]):
    """A corpus survives writing and reading unchanged, and so does its hash."""
    first = [example for example in everything if example.writer == "t3"]
    workshop.write(tmp_path / "t3.jsonl", first)
    again = corpus.read([tmp_path])
    assert again == first
    assert corpus.digest(again) == corpus.digest(first)


def test_the_hash_does_not_depend_on_order(few: list[Example]):
    """The corpus hash is the same in any order, and changes with one character."""
    assert corpus.digest(few) == corpus.digest(few[::-1])
    changed = dataclasses.replace(few[0], subject=few[0].subject + ".")
    assert corpus.digest([changed, *few[1:]]) != corpus.digest(few)


def test_a_label_without_offsets_is_found_by_its_words(tmp_path: Path):
    """What stands in the text once need not be counted out by hand."""
    counted = written(tmp_path / "counted.jsonl", NOTE)
    named = written(tmp_path / "named.jsonl", NOTE | {"flubs": [UNPLACED]})
    assert corpus.read([named])[0].labels == corpus.read([counted])[0].labels


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"flubs": [LABEL | {"start": 34}]}, "does not match its text at 34 to 52"),
        ({"flubs": [LABEL | {"end": 900}]}, "spans 35 to 900 of a text of"),
        ({"flubs": [LABEL | {"category": "lateness"}]}, "unknown category 'lateness'"),
        ({"flubs": [LABEL, LABEL]}, "flubs overlap at character 35"),
        ({"flubs": [{"start": 35}]}, "flub 1 needs text and category, perhaps start and end"),
        ({"flubs": [LABEL | {"start": True}]}, "flub 1 needs text and category"),
        ({"flubs": [UNPLACED | {"text": "Never said."}]}, "flub 1 is not in the text"),
        ({"flubs": [UNPLACED | {"text": "e"}]}, "flub 1 is in the text more than once; give start"),
        ({"flubs": [UNPLACED, UNPLACED]}, "flubs overlap at character 35"),
        ({"flubs": "none"}, "field 'flubs' is not a list"),
        ({"kind": "other"}, "kind 'other' cannot hold flubs"),
        ({"kind": "letter"}, "kind 'letter' is none of thank_you, other"),
        ({"severity": "none"}, "severity 'none' with 1 flubs"),
        ({"severity": "bad"}, "severity 'bad' is none of none, folded, flub"),
        ({"subject": None}, "field 'subject' is not text"),
        ({"colour": "red"}, "field 'colour' is unknown"),
    ],
)
def test_a_wrong_field_is_named_with_file_and_line(
    tmp_path: Path, change: dict[str, Any], said: str
):
    """A record that breaks the format is refused, with file and line, and never mended."""
    path = written(tmp_path / "mine.jsonl", NOTE, NOTE | change)
    with pytest.raises(UnreadableError) as caught:
        corpus.read([path])
    assert f"{path}:2: " in str(caught.value)
    assert said in str(caught.value)


def test_all_problems_are_named_at_once(tmp_path: Path):
    """One error names the problems of all files, in one line."""
    first = written(tmp_path / "a.jsonl", {"id": "x"}, [1])
    second = tmp_path / "b.jsonl"
    second.write_text("{broken\n", "utf-8")
    third = tmp_path / "c.jsonl"
    third.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableError) as caught:
        corpus.read([tmp_path, tmp_path / "absent.jsonl"])
    said = str(caught.value)
    assert "\n" not in said
    for place in (f"{first}:1: field", f"{first}:2: not a JSON object", f"{second}:1: not JSON"):
        assert place in said
    assert f"{third}: not UTF-8 (byte 0)" in said
    assert f"{tmp_path / 'absent.jsonl'}: no such file" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (json.dumps(NOTE | {"text": NOTE["text"] + "\ud83d"}), "half a character"),
        (json.dumps(NOTE | {"subject": "\ud83d"}), "half a character"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_only_looks_like_json_is_named_with_file_and_line(
    tmp_path: Path, line: str, said: str
):
    """Half of a surrogate pair, and depths that no reader goes down to."""
    path = tmp_path / "mine.jsonl"
    path.write_text(f"{json.dumps(NOTE)}\n{line}\n", "utf-8")
    with pytest.raises(UnreadableError, match=f"mine.jsonl:2: .*{said}"):
        corpus.read([path])


def test_a_byte_order_mark_is_no_part_of_the_first_record(tmp_path: Path):
    """Editors on Windows write one."""
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(NOTE) + "\n", "utf-8-sig")
    assert [one.id for one in corpus.read([path])] == [NOTE["id"]]


def test_each_file_is_one_writers(tmp_path: Path):
    """Files of one name in two folders are two writers', and a file named twice is read once."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / "notes.jsonl", NOTE)
    again = tmp_path / "b" / ".." / "b" / "notes.jsonl"
    read = corpus.read([tmp_path / "a", tmp_path / "b" / "notes.jsonl", again])
    assert [one.writer for one in read] == ["notes", "notes 2"]


def test_line_separators_inside_text_do_not_end_a_record(tmp_path: Path):
    """A record whose text holds U+2028 stays one record."""
    path = tmp_path / "mine.jsonl"
    record = NOTE | {"text": NOTE["text"] + "\u2028", "subject": "\x85"}
    path.write_text(json.dumps(record, ensure_ascii=False) + "\n", "utf-8")
    assert corpus.read([path])[0].text == record["text"]


def test_labels_land_on_the_sentence_they_cover(tmp_path: Path):
    """The sentence that a label covers gets its category, the others get none."""
    projected = corpus.project(corpus.read([written(tmp_path / "a.jsonl", NOTE)])[0])
    flagged = [
        (sentence.text, category)
        for sentence, category in zip(projected.sentences.items, projected.categories, strict=True)
        if category
    ]
    assert flagged == [("Sorry I was late.", "apology")]
    assert projected.lost == ()


def test_a_label_in_a_quoted_thread_is_counted_as_lost(tmp_path: Path):
    """A label that lies in quoted text is carried by no sentence and is reported."""
    text = "Thank you for the talk.\n\nOn Mon, Bo <b@example.org> wrote:\n> Sorry I was late.\n"
    start = text.index("Sorry")
    label = LABEL | {"start": start, "end": start + 17}
    record = NOTE | {"text": text, "flubs": [label]}
    projected = corpus.project(corpus.read([written(tmp_path / "a.jsonl", record)])[0])
    assert [one.text for one in projected.lost] == ["Sorry I was late."]
    assert not any(projected.categories)


def test_of_contradicting_notes_the_last_wins_and_both_are_listed(tmp_path: Path):
    """A note labelled anew replaces the older one, whatever their ids and line breaks."""
    clean = NOTE | {"id": "two", "flubs": [], "severity": "none"}
    clean["text"] = NOTE["text"].replace("\n\nThank", "\nThank")
    old = corpus.read([written(tmp_path / "a.jsonl", NOTE)])
    new = corpus.read([written(tmp_path / "b.jsonl", clean)])
    merged = corpus.merge(old, new)
    assert merged.examples == tuple(new)
    assert merged.contradictions == ((old[0], new[0]),)


def test_the_same_labels_twice_are_no_contradiction(tmp_path: Path):
    """A note given twice with equal labels is one note."""
    path = written(tmp_path / "a.jsonl", NOTE, NOTE | {"id": "again"})
    merged = corpus.merge(corpus.read([path]))
    assert len(merged.examples) == 1
    assert merged.contradictions == ()


def shingles(text: str) -> set[tuple[str, ...]]:
    """Give all runs of five words."""
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[n:] for n in range(5)), strict=False))


def test_no_two_shipped_messages_are_nearly_the_same(everything: list[Example]):
    """But for minimal pairs, no message has 35 % of its runs of five words from another."""
    runs = [shingles(example.text) for example in everything]
    holders = defaultdict(list)
    for number, one in enumerate(runs):
        for run in one:
            holders[run].append(number)
    # A run that many share is a set phrase, and would only take time.
    common = Counter(
        pair for numbers in holders.values() if len(numbers) < 40
        for pair in combinations(numbers, 2)
    )  # fmt: skip
    near = [
        (everything[one].id, everything[other].id)
        for (one, other), count in common.items()
        if count >= 0.35 * max(min(len(runs[one]), len(runs[other])), 6)
        and (everything[one].pair is None or everything[one].pair != everything[other].pair)
    ]
    assert near == []


def test_of_many_problems_the_first_are_named(tmp_path: Path):
    """A file that is something else altogether is one line, not a page of them."""
    path = written(tmp_path / "a.jsonl", *[[n] for n in range(30)])
    path.write_text(path.read_text("utf-8") + "{}\n" * 3, "utf-8")
    with pytest.raises(UnreadableError, match=r":20: not a JSON object; and \d\d more$"):
        corpus.read([path])
    path.write_text("id,sentence,category\n1,I was late.,apology\n", "utf-8")
    with pytest.raises(UnreadableError, match=r"a\.jsonl: no notes; `unflub label import`"):
        corpus.read([path])


def test_a_note_without_text_is_none(tmp_path: Path):
    """It would teach that nothing at all is a clean note."""
    record = {
        "id": "x", "kind": "thank_you", "subject": "", "text": " \n", "flubs": [],
        "severity": "none",
    }  # fmt: skip
    with pytest.raises(UnreadableError, match="its text is empty"):
        corpus.read([written(tmp_path / "a.jsonl", record)])
