"""The labelled corpus: JSON lines on disk, `Example` in memory, labels on sentences."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from scanner.core.assess import Kind, Severity
from scanner.core.classify import CATEGORIES
from scanner.core.draft import Sentence, Sentences
from scanner.core.parse import plain
from scanner.core.segment import segment
from scanner.errors import UnreadableError

KINDS = get_args(Kind)
SEVERITIES = get_args(Severity)

SEED = 20260101
"""All chance sets out from it: the same corpus gives the same model, and the same measures."""

_FIELDS = {"id", "kind", "subject", "text", "flubs", "severity"}
_PLACE = {"start", "end"}
_LABEL_FIELDS = {"text", "category"}
_MOST_NAMED, _MOST_PROBLEMS = 5, 20


@dataclass(frozen=True, slots=True)
class Label:
    """One flub sentence: `example.text[start:end] == text`, offsets in code points."""

    start: int
    end: int
    text: str
    category: str


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled message. `writer` is the stem of the file it came from (see `read`).

    `place` is where it stands there ("line 3"), empty where that is not known, or is its `id`.
    """

    id: str
    kind: str
    subject: str
    text: str
    labels: tuple[Label, ...]
    severity: str
    writer: str
    pair: str | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Projected:
    """One example on the segmenter's sentences.

    `categories` has one entry per sentence: the category of the flub it is, or None.
    `lost` holds the labels that no sentence carries (in a quoted thread, for instance).
    """

    example: Example
    sentences: Sentences
    categories: tuple[str | None, ...]
    lost: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """Several corpora as one; both lists pair each example dropped with its successor.

    `contradictions` are labelled otherwise, `duplicates` the same.
    """

    examples: tuple[Example, ...]
    contradictions: tuple[tuple[Example, Example], ...]
    duplicates: tuple[tuple[Example, Example], ...] = ()


def shipped() -> Path:
    """Give the folder of the corpus that comes with unflub, in a checkout or installed.

    Raises `UnreadableError` where there is none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent / "training_data", package / "training_data"):
        if any(folder.glob("*.jsonl")):
            return folder
    raise UnreadableError("no training_data folder comes with this copy of unflub; install it anew")


def read(paths: Iterable[Path]) -> list[Example]:
    """Read labelled files, and every `*.jsonl` of labelled folders, in order of name.

    Each file is taken for one writer's, even where two have the same name, and is read only once.
    Raises `UnreadableError` that names every problem as file:line.
    """
    examples: list[Example] = []
    problems: list[str] = []
    for path, writer in _files(paths).items():
        try:
            lines = path.read_text("utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: {_reason(error)}")
            continue
        if not any(line.lstrip().startswith("{") for line in lines) and any(map(str.strip, lines)):
            problems.append(f"{path}: no notes; `unflub label import` takes other tools' files")
            continue
        for number, line in enumerate(lines, 1):
            if line.strip():
                example, wrong = _example(line, writer)
                problems += [f"{path}:{number}: {problem}" for problem in wrong]
                examples += [replace(example, place=f"line {number}")] if example else []
    if problems:
        raise UnreadableError(f"labelled notes need mending first: {some(problems)}")
    return examples


def some(problems: Sequence[str]) -> str:
    """Put problems into one line: the first twenty, and how many more there are."""
    more = len(problems) - _MOST_PROBLEMS
    return "; ".join([*problems[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])])


def as_json(example: Example) -> str:
    """One example as its one line of JSON; the `writer` is not in it, the file's name says it."""
    record: dict[str, Any] = {"id": example.id}
    if example.pair is not None:
        record["pair"] = example.pair
    record |= {"kind": example.kind, "subject": example.subject, "text": example.text}
    record["flubs"] = [
        {"start": x.start, "end": x.end, "text": x.text, "category": x.category}
        for x in example.labels
    ]
    record["severity"] = example.severity
    return json.dumps(record, ensure_ascii=False)


def digest(examples: Iterable[Example]) -> str:
    """SHA-256, in hex, of what examples say, whatever their order and their files' layout."""
    lines = sorted(f"{example.writer}\t{as_json(example)}" for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def merge(*corpora: Sequence[Example]) -> Merged:
    """Join corpora; of two examples with the same text the later one wins.

    Those whose labels differ are listed as contradictions, equal ones as duplicates.
    Ids may repeat: they name lines for people and decide nothing.
    """
    kept: dict[str, Example] = {}
    contradictions: list[tuple[Example, Example]] = []
    duplicates: list[tuple[Example, Example]] = []
    for example in (example for corpus in corpora for example in corpus):
        key = " ".join(f"{example.subject} {example.text}".split())
        before = kept.get(key)
        if before:
            same = _verdict(before) == _verdict(example)
            (duplicates if same else contradictions).append((before, example))
        kept[key] = example
    return Merged(tuple(kept.values()), tuple(contradictions), tuple(duplicates))


def repeated(merged: Merged) -> Iterator[str]:
    """Say which messages were given twice, with the same labels or with others."""
    yield from named("the same message twice, of which the last counts", merged.duplicates)
    yield from named("labelled otherwise before; the last label counts", merged.contradictions)


def named(what: str, pairs: Sequence[tuple[Example, Example]]) -> Iterator[str]:
    """Say it of pairs of messages, if there are any, by file, id and place, never by their text."""
    if pairs:
        shown = [f"{reference(one)} and {reference(other)}" for one, other in pairs[:_MOST_NAMED]]
        more = f", and {len(pairs) - _MOST_NAMED} more" if len(pairs) > _MOST_NAMED else ""
        yield f"{what}: {'; '.join(shown)}{more}"


def reference(example: Example) -> str:
    """Name a message by its file, its id and where it stands there, never by its text."""
    place = f" ({example.place})" if example.place else ""
    name = f"{example.writer} {example.id}{place}"
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def project(example: Example) -> Projected:
    """Cut an example's own text into sentences and lay its labels on them.

    A sentence is a flub when labels cover at least half of its characters, or when it
    covers most of a label that the segmenter cut elsewhere than the labeller.
    """
    draft = plain(example.text)
    sentences = segment(replace(draft, subject=example.subject))
    spans = [(label, _locate(label, example.text, sentences.text)) for label in example.labels]
    found = [(label, span) for label, span in spans if span]
    categories = tuple(_category(sentence, found) for sentence in sentences.items)
    carried = {
        label
        for label, span in found
        for sentence, category in zip(sentences.items, categories, strict=True)
        if category and _overlap(sentence, span)
    }
    lost = tuple(label for label in example.labels if label not in carried)
    return Projected(example, sentences, categories, lost)


def _files(paths: Iterable[Path]) -> dict[Path, str]:
    """Name each file's writer: its stem, and a number where another file has the same."""
    files: dict[Path, Path] = {}
    for path in paths:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            files.setdefault(file.resolve(), file)
    writers: dict[Path, str] = {}
    stems: Counter[str] = Counter()
    for file in files.values():
        stems[file.stem] += 1
        count = stems[file.stem]
        writers[file] = file.stem if count == 1 else f"{file.stem} {count}"
    return writers


def _reason(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 (byte {error.start})"
    return (error.strerror or "cannot be read").lower()


def _example(line: str, writer: str) -> tuple[Example | None, list[str]]:
    """Read one line: the example or None, and all that is wrong with it."""
    try:
        record = json.loads(line)
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return None, ["half a character; export it once more"]
    except RecursionError:
        return None, ["not JSON of a note (nested too deeply)"]
    except ValueError as error:
        return None, [f"not JSON ({error})"]
    if wrong := _wrong_fields(record):
        return None, wrong
    record["flubs"] = [_placed(flub, record["text"]) for flub in record["flubs"]]
    if wrong := _wrong_values(record):
        return None, wrong
    labels = tuple(sorted((Label(**flub) for flub in record["flubs"]), key=lambda x: x.start))
    return Example(**{**_without_flubs(record), "labels": labels, "writer": writer}), []


def _without_flubs(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "flubs"}


def _wrong_fields(record: Any) -> list[str]:
    """List what is missing, unknown or of another type, so that the values can be looked at."""
    if not isinstance(record, dict):
        return ["not a JSON object"]
    wrong = [f"field {name!r} is missing" for name in sorted(_FIELDS - record.keys())]
    wrong += [f"field {name!r} is unknown" for name in sorted(record.keys() - _FIELDS - {"pair"})]
    wrong += [
        f"field {name!r} is not text"
        for name in ("id", "kind", "subject", "text", "severity", "pair")
        if name in record and not isinstance(record[name], str)
    ]
    flubs = record.get("flubs", [])
    if not isinstance(flubs, list):
        return [*wrong, "field 'flubs' is not a list"]
    return wrong + [
        f"flub {number} needs text and category, perhaps start and end, and nothing else"
        for number, flub in enumerate(flubs, 1)
        if not _is_label(flub)
    ]


def _is_label(flub: Any) -> bool:
    return (
        isinstance(flub, dict)
        and flub.keys() in (_LABEL_FIELDS, _LABEL_FIELDS | _PLACE)
        and all(type(flub[name]) is int for name in _PLACE & flub.keys())
        and all(isinstance(flub[name], str) for name in _LABEL_FIELDS)
    )


def _placed(flub: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """Give a label without offsets its own, if its words are in the text just once."""
    words = flub["text"]
    start = text.find(words)
    if flub.keys() > _LABEL_FIELDS or start < 0 or start != text.rfind(words):
        return flub
    return {**flub, "start": start, "end": start + len(words)}


def _wrong_values(record: Mapping[str, Any]) -> list[str]:
    wrong = [] if record["text"].strip() else ["its text is empty"]
    if record["kind"] not in KINDS:
        wrong.append(f"kind {record['kind']!r} is none of {', '.join(KINDS)}")
    if record["severity"] not in SEVERITIES:
        wrong.append(f"severity {record['severity']!r} is none of {', '.join(SEVERITIES)}")
    elif (record["severity"] == "none") != (not record["flubs"]):
        wrong.append(f"severity {record['severity']!r} with {len(record['flubs'])} flubs")
    if record["kind"] == "other" and record["flubs"]:
        wrong.append("a message of kind 'other' cannot hold flubs")
    for number, flub in enumerate(record["flubs"], 1):
        wrong += [f"flub {number} {problem}" for problem in _wrong_label(flub, record["text"])]
    return wrong + _overlapping(record["flubs"])


def _wrong_label(flub: Mapping[str, Any], text: str) -> Iterator[str]:
    if flub["category"] not in CATEGORIES:
        yield f"has the unknown category {flub['category']!r}"
    if flub.keys() == _LABEL_FIELDS:
        is_there = flub["text"] in text
        yield (
            "is in the text more than once; give start and end"
            if is_there
            else "is not in the text"
        )
    elif not 0 <= flub["start"] < flub["end"] <= len(text):
        yield f"spans {flub['start']} to {flub['end']} of a text of {len(text)} characters"
    elif text[flub["start"] : flub["end"]] != flub["text"]:
        yield f"does not match its text at {flub['start']} to {flub['end']}"


def _overlapping(flubs: Sequence[Mapping[str, Any]]) -> list[str]:
    spans = sorted((flub["start"], flub["end"]) for flub in flubs if "start" in flub)
    return [
        f"flubs overlap at character {later[0]}"
        for earlier, later in pairwise(spans)
        if later[0] < earlier[1]
    ]


def _verdict(example: Example) -> tuple[str, str, frozenset[tuple[str, str]]]:
    labels = frozenset((" ".join(label.text.split()), label.category) for label in example.labels)
    return example.kind, example.severity, labels


def _locate(label: Label, text: str, own: str) -> tuple[int, int] | None:
    """Where a label of `text` lies in the own text, which may be cut and wrapped otherwise.

    White space is ignored; of several equal passages the one with as many before it counts.
    """
    if own.startswith(text[: label.end]):  # mostly nothing so far was cut or wrapped otherwise
        return label.start, label.end
    wanted = "".join(label.text.split())
    where = [offset for offset, character in enumerate(own) if not character.isspace()]
    squeezed = "".join(own.split())
    before = "".join(text[: label.start].split()).count(wanted)
    at = squeezed.find(wanted)
    for _ in range(before):
        later = squeezed.find(wanted, at + 1)
        at = later if later >= 0 else at
    return (where[at], where[at + len(wanted) - 1] + 1) if at >= 0 else None


def _overlap(sentence: Sentence, span: tuple[int, int]) -> int:
    return max(0, min(sentence.end, span[1]) - max(sentence.start, span[0]))


def _category(sentence: Sentence, found: Sequence[tuple[Label, tuple[int, int]]]) -> str | None:
    overlaps = [(_overlap(sentence, span), span[1] - span[0], label) for label, span in found]
    covered = sum(overlap for overlap, _, _ in overlaps)
    mostly = any(2 * overlap > length for overlap, length, _ in overlaps)
    if not mostly and (not covered or 2 * covered < sentence.end - sentence.start):
        return None
    return max(overlaps, key=lambda one: one[0])[2].category
