"""A copy of unflub with a small corpus, to train on in seconds, and notes to train it with."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from scanner.learning import corpus
from scanner.learning.corpus import Example, Label, Projected

ROOT = Path(__file__).parents[2]
WRITERS = ("t1", "t2", "t5", "t8", "t12", "t13")
STRANGERS = ("t26", "t36")
"""Writers whom the small corpus does not hold; their notes serve as somebody's own."""
ODD_STRANGERS = ("t59", "t60")
"""Some whose notes are read less well before they are learnt from."""


def build(folder: Path) -> Path:
    """Copy the program; the model is the shipped one, the corpus the beginning of some files."""
    # What is compiled already is taken along, and what somebody is compiling this moment is not.
    being_written = shutil.ignore_patterns("*.pyc.*")
    shutil.copytree(ROOT / "scanner", folder / "scanner", ignore=being_written)
    (folder / "models").symlink_to(ROOT / "models")
    (folder / "training_data").mkdir()
    small_corpus(folder / "training_data", WRITERS, 60)
    return folder


def small_corpus(folder: Path, writers: Iterable[str], each: int) -> None:
    """Write the first so many messages of each of these writers."""
    for name in (f"{writer}.jsonl" for writer in writers):
        lines = (ROOT / "training_data" / name).read_text("utf-8").splitlines(keepends=True)
        (folder / name).write_text("".join(lines[:each]), "utf-8")


def strangers(count: int = 120, writers: tuple[str, ...] = STRANGERS) -> list[Example]:
    """Give notes by writers whom the small corpus does not hold."""
    files = [ROOT / "training_data" / f"{writer}.jsonl" for writer in writers]
    return [one for path in files for one in corpus.read([path])[: count // len(files)]]


def write(path: Path, examples: Iterable[Example]) -> Path:
    """Write a labelled file; its name says who the writer is."""
    path.write_text("".join(f"{corpus.as_json(example)}\n" for example in examples), "utf-8")
    return path


def flipped(example: Example) -> Example:
    """Call what is a flub none, and every other sentence of the note one."""
    if example.kind == "other":
        return example
    return _labelled(corpus.project(example), lambda category: category is None)


def forgiven(example: Example) -> Example:
    """Call nothing a flub."""
    return dataclasses.replace(example, labels=(), severity="none")


def _labelled(message: Projected, is_flub: Callable[[str | None], bool]) -> Example:
    text, at, labels = message.example.text, 0, []
    pairs = zip(message.sentences.items, message.categories, strict=True)
    for sentence, category in pairs:
        start = text.find(sentence.text, at)
        if start >= 0 and is_flub(category):
            at = start + len(sentence.text)
            labels.append(Label(start, at, sentence.text, "excuse"))
    severity = "flub" if labels else "none"
    return dataclasses.replace(message.example, labels=tuple(labels), severity=severity)
