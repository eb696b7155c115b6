"""`unflub train` and `unflub evaluate`, by the real command on a small corpus."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.notes import FLUBBED
from support.program import Program
from support.terminal import on_terminal

CORPUS = Path(__file__).parents[2] / "training_data"
WRITERS = ("t1", "t2", "t5", "t8", "t12")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The first fifty messages of five writers."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for writer in WRITERS:
        lines = (CORPUS / f"{writer}.jsonl").read_text("utf-8").splitlines(keepends=True)
        (folder / f"{writer}.jsonl").write_text("".join(lines[:50]), "utf-8")
    return folder


@pytest.fixture
def own_notes(tmp_path: Path) -> Path:
    """Two labelled notes of the user's own."""
    text = "Hi Bo,\n\nthanks for the interview. My brain took the scenic route.\n\nCy"
    flub = "My brain took the scenic route."
    start = text.index(flub)
    label = {"start": start, "end": start + len(flub), "text": flub, "category": "self_criticism"}
    note = {"id": "m1", "kind": "thank_you", "subject": "Thanks", "text": text}
    clean = {**note, "id": "m2", "text": text.replace(flub, "I liked the scenic route.")}
    path = tmp_path / "mine.jsonl"
    path.write_text(
        json.dumps({**note, "flubs": [label], "severity": "flub"})
        + "\n"
        + json.dumps({**clean, "flubs": [], "severity": "none"})
        + "\n"
    )
    return path


def test_train_writes_a_versioned_folder_that_check_can_use(program, corpus, tmp_path):
    """Weights, metadata and card are there, and the model loads and answers."""
    models = tmp_path / "models"
    done = program.run("train", "--corpus", corpus, "--output", models)
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in models.iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "model.json", "heads.npz", "heads.skops",
        "encoder.onnx", "tokenizer.json", "readings.npz",
    }  # fmt: skip
    record = json.loads((folder / "model.json").read_text())
    assert record["messages"] == 250
    assert record["thresholds"].keys() == {"cautious", "balanced", "strict"}
    assert program.run("check", "--model", folder, stdin=FLUBBED).returncode in {0, 1}


def test_training_again_gives_the_same_answers(program, corpus, tmp_path):
    """The same corpus, seed and versions make the same predictions, to the last digit."""
    answers = []
    for name in ("one", "two"):
        program.run("train", "--corpus", corpus, "--output", tmp_path / name)
        (folder,) = (path for path in (tmp_path / name).iterdir() if path.is_dir())
        arguments = ("check", "--format", "json", "--preset", "strict", "--model", folder)
        answers.append(program.run(*arguments, stdin=FLUBBED).stdout)
    assert answers[0] == answers[1]
    assert json.loads(answers[0])


@pytest.mark.parametrize("notes", [(), ("--corpus", "unread.jsonl")], ids=["yours", "anew"])
@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--ordinary", "sent.mbox"), 5, "no file or folder 'sent.mbox'"),
        (("--output", "file/models"), 6, "file/models cannot be written"),
    ],
)
def test_what_is_missing_in_the_end_is_known_before_anything_is_read(
    program, notes, options, status, said
):
    """Neither a mistyped path nor a place without room costs a model that is ready."""
    (program.home / "file").touch()
    done = program.run("train", *notes, *options)
    assert done.returncode == status
    assert said in done.stderr


def test_files_of_notes_may_follow_one_another(program, corpus, own_notes, tmp_path):
    """--add takes one file after the other, though one be called as a shipped one is."""
    other = tmp_path / "t1.jsonl"
    other.write_text(own_notes.read_text().replace("scenic", "longer"))
    done = program.run(
        "train", "--corpus", corpus, "--output", tmp_path / "models", "--add", own_notes, other
    )
    assert "trained on 254 messages" in done.stdout, done.stderr


def test_labels_that_do_not_match_their_text_are_named(program, own_notes):
    """A wrong span is refused with file and line, and no model is written."""
    own_notes.write_text(own_notes.read_text().replace('"start": ', '"start": 1'))
    done = program.run("train", "--add", own_notes)
    assert done.returncode == 5
    assert f"{own_notes}:1" in done.stderr
    assert not (program.home / "data").exists()


def test_added_files_without_notes_are_refused(program, tmp_path):
    """Nothing is trained, and no model changes, when there is nothing to learn."""
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    done = program.run("train", "--add", empty)
    assert done.returncode == 5
    assert "no labelled notes" in done.stderr


def test_one_file_cannot_be_held_out_from_itself(program, corpus):
    """Measuring needs two writers at least, and says so."""
    done = program.run("evaluate", "--corpus", corpus / "t1.jsonl")
    assert done.returncode == 2
    assert "name more than one" in done.stderr


def test_evaluate_prints_the_table(program, corpus):
    """Precision, recall and F1, per category, note recall and false alarms."""
    done = program.run("evaluate", "--corpus", corpus, "--groups", "2")
    assert done.returncode == 0, done.stderr
    for words in (
        "sentence precision", "sentence recall", "sentence F1", "flub notes warned about",
        "clean notes warned about", "other mail warned about", "reanswer", "pretext",
    ):  # fmt: skip
        assert words in done.stdout
    assert not done.stderr


def test_evaluate_counts_false_alarms_in_ordinary_mail(program, corpus, tmp_path):
    """--ordinary names mail in which every warning is a false one."""
    paths = [tmp_path / "ordinary.eml", tmp_path / "a" / "sent.eml", tmp_path / "b" / "sent.eml"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"From: a@example.org\r\nSubject: Lunch\r\n\r\nAre we still on?\r\n")
    named = [part for path in paths for part in ("--ordinary", path)]
    done = program.run("evaluate", "--corpus", corpus, "--groups", "2", *named)
    for name in ("ordinary.eml", *paths[1:]):  # two of one name are told apart
        assert f"\n{name}, cautious: 0 of 1 messages warned about" in done.stdout


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--compare", "--report", "page"), 2, "--report does not go with --compare"),
        (("--compare", "--ordinary", "sent.mbox"), 2, "--ordinary does not go with --compare"),
        (("--model", "made"), 2, "--model tells whose false alarms"),
        (("--model", "/nonexistent", "--ordinary", "sent.mbox"), 6, "no model folder"),
        (("--ordinary", "sent.mbox"), 5, "no file or folder 'sent.mbox'"),
    ],
)
def test_what_evaluate_cannot_do_is_said_before_measuring(program, corpus, options, status, said):
    """Nothing is dropped in silence, and nothing missing is found out an hour later."""
    done = program.run("evaluate", "--corpus", corpus, *options)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""


def test_evaluate_writes_a_report_and_says_no_sentence(program, corpus, tmp_path):
    """The page quotes what goes wrong; the terminal has numbers and the folder's name alone."""
    folder = tmp_path / "report"
    done = program.run("evaluate", "--corpus", corpus, "--groups", "2", "--report", folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"unflub: the report is in {folder}; open report.html there\n"
    page = (folder / "report.html").read_text("utf-8")
    quoted = re.findall(r"<blockquote>(.+?)</blockquote>", page)
    assert len(quoted) > 10
    assert not any(text in done.stdout for text in quoted)


def test_a_report_that_cannot_be_written_is_known_before_measuring(program, corpus):
    """Nothing is measured for a page that has no place."""
    done = program.run(
        "evaluate", "--corpus", corpus, "--report", next(corpus.iterdir()) / "report"
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert done.stdout == ""


def test_the_card_is_what_evaluate_prints(program, corpus, tmp_path):
    """What `train --measure` puts into the model card, `evaluate` prints of the same notes."""
    models = tmp_path / "models"
    program.run("train", "--corpus", corpus, "--measure", "--output", models)
    (card,) = models.glob("*/README.md")
    printed = program.run("evaluate", "--corpus", corpus).stdout
    assert "sentence F1" in printed
    assert printed in card.read_text("utf-8")


def test_training_shows_its_progress_on_a_terminal(corpus, tmp_path):
    """There is a bar with the time left on a terminal; elsewhere there is none."""
    status, shown = on_terminal(
        Program(tmp_path), "stderr", "train", "--corpus", corpus, "--output", tmp_path / "models"
    )
    assert status == 0
    assert b"training" in shown
    assert b"100%" in shown
    assert re.search(rb"\d\d:\d\d:\d\d", shown)
