"""`unflub train` and `unflub evaluate`, by the real command on a small corpus."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import workshop
from support.notes import FLUB, FLUBBED, OPENING, STRENGTH
from support.program import Program
from support.terminal import on_terminal

WRITERS = ("t1", "t2", "t5", "t8", "t12")


@dataclass(frozen=True)
class Evaluated:
    """What was printed, the folder of the report, and the ordinary mail."""

    stdout: str
    stderr: str
    report: Path
    ordinary: list[Path]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first fifty messages of five writers."""
    folder = tmp_path_factory.mktemp("corpus")
    workshop.small_corpus(folder, WRITERS, 50)
    return folder


@pytest.fixture(scope="module")
def measured(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that was trained on them and measured."""
    home = tmp_path_factory.mktemp("measured")
    done = Program(home).run("train", "--corpus", corpus, "--measure", "--output", home / "models")
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in (home / "models").iterdir() if path.is_dir())
    return folder


@pytest.fixture(scope="module")
def again(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Another such model, trained on a terminal, and what was shown there."""
    home = tmp_path_factory.mktemp("again")
    mail = home / "lunch.eml"
    mail.write_bytes(b"Subject: Lunch\r\n\r\nAre we still on for lunch?\r\n")
    arguments = ("train", "--corpus", corpus, "--ordinary", mail, "--output", home / "models")
    status, shown = on_terminal(Program(home), "stderr", *arguments)
    assert status == 0, shown
    (folder,) = (path for path in (home / "models").iterdir() if path.is_dir())
    return folder, shown


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


def test_train_writes_a_versioned_folder_that_check_can_use(program, measured):
    """Weights, metadata and card are there, and the model loads and answers."""
    assert {path.name for path in measured.iterdir()} == {
        "README.md", "model.json", "heads.npz", "heads.skops",
        "encoder.onnx", "tokenizer.json", "readings.npz",
    }  # fmt: skip
    record = json.loads((measured / "model.json").read_text())
    assert record["messages"] == 250
    assert record["thresholds"].keys() == {"cautious", "balanced", "strict"}
    assert program.run("check", "--model", measured, stdin=FLUBBED).returncode in {0, 1}


def test_training_again_gives_the_same_answers(program, measured, again):
    """The same corpus and versions make the same predictions, to the last digit."""
    arguments = ("check", "--format", "json", "--preset", "strict", "--model")
    folders = (measured, again[0])
    one, two = (program.run(*arguments, folder, stdin=FLUBBED).stdout for folder in folders)
    assert one == two
    assert json.loads(one)


@pytest.mark.parametrize("notes", [(), ("--corpus", "unread.jsonl")], ids=["yours", "anew"])
def test_no_model_is_put_in_place_of_mail(program, notes):
    """A mailbox may be called as the file is that names the model in use."""
    box = program.home / "current"
    box.write_bytes(raw := b"From ines@example.org Tue Mar  4 10:12:00 2025\n" + FLUBBED)
    done = program.run("train", *notes, "--output", ".")
    assert (done.returncode, box.read_bytes()) == (2, raw)
    assert "holds mail, which would be lost" in done.stderr


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


@pytest.fixture(scope="module")
def evaluated(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """What `evaluate` does if it is asked for a report, and for ordinary mail as well."""
    home = tmp_path_factory.mktemp("evaluated")
    paths = [home / "ordinary.eml", home / "a" / "sent.eml", home / "b" / "sent.eml"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"From: a@example.org\r\nSubject: Lunch\r\n\r\nAre we still on?\r\n")
    named = [part for path in paths for part in ("--ordinary", path)]
    asked = ("--groups", "2", *named, "--report", home / "report")
    done = Program(home).run("evaluate", "--corpus", corpus, *asked)
    assert done.returncode == 0, done.stderr
    return Evaluated(done.stdout, done.stderr, home / "report", paths)


def test_evaluate_prints_the_table(evaluated):
    """Precision, recall and F1, per category, note recall and false alarms."""
    for words in (
        "sentence precision", "sentence recall", "sentence F1", "flub notes warned about",
        "clean notes warned about", "other mail warned about", "reanswer", "pretext",
    ):  # fmt: skip
        assert words in evaluated.stdout


def test_evaluate_counts_false_alarms_in_ordinary_mail(evaluated):
    """--ordinary names mail in which every warning is a false one."""
    for name in ("ordinary.eml", *evaluated.ordinary[1:]):  # two of one name are told apart
        assert f"\n{name}, cautious: 0 of 1 message warned about" in evaluated.stdout


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


def test_evaluate_writes_a_report_and_says_no_sentence(evaluated):
    """The page quotes what goes wrong; the terminal has numbers and the folder's name alone."""
    folder = evaluated.report
    assert evaluated.stderr == f"unflub: the report is in {folder}; open report.html there\n"
    page = (folder / "report.html").read_text("utf-8")
    quoted = re.findall(r"<blockquote>(.+?)</blockquote>", page)
    assert len(quoted) > 10
    assert not any(text in evaluated.stdout for text in quoted)


def test_a_report_that_cannot_be_written_is_known_before_measuring(program, corpus):
    """Nothing is measured for a page that has no place."""
    done = program.run(
        "evaluate", "--corpus", corpus, "--report", next(corpus.iterdir()) / "report"
    )
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert done.stdout == ""


def test_the_card_is_what_evaluate_prints(program, corpus, measured):
    """What `train --measure` puts into the model card, `evaluate` prints of the same notes."""
    done = program.run("evaluate", "--corpus", corpus)
    assert not done.stderr
    assert "sentence F1" in done.stdout
    assert done.stdout in (measured / "README.md").read_text("utf-8")


def test_training_shows_its_progress_on_a_terminal(again):
    """There is a bar with the time left on a terminal; elsewhere there is none."""
    _, shown = again
    assert b"training" in shown
    assert b"reading ordinary mail" in shown
    assert b"100%" in shown
    assert re.search(rb"\d\d:\d\d:\d\d", shown)


def test_a_model_is_measured_on_notes_it_has_not_learnt_from(program):
    """The table counts its warnings, and what it gets wrong is named, and not quoted."""
    path = Path(__file__).parents[1] / "learning" / "strangers_short.jsonl"
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    has_flub = {one["id"]: bool(one["flubs"]) for one in records}
    done = program.run("model", "measure", path)
    assert (done.returncode, done.stderr) == (0, "")
    _, *listed = done.stdout.split(" at balanced:\n")
    missed, false = (
        re.findall(r"^  strangers_short (\S+)", names, re.MULTILINE) for names in listed
    )
    assert all(has_flub[one] for one in missed)
    assert not any(has_flub[one] for one in false)
    notes = sum(has_flub.values())
    assert f"({notes - len(missed)} of {notes})" in done.stdout
    assert not any(one["text"] in done.stdout for one in records)


def test_who_measures_on_what_was_learnt_is_told_so(program, corpus):
    """Numbers about notes of the shipped corpus flatter the shipped model."""
    done = program.run("model", "measure", corpus / "t1.jsonl", corpus / "t2.jsonl")
    assert done.returncode == 0
    assert "100 messages of the shipped corpus among them" in done.stderr


def test_a_message_that_is_measured_twice_is_named(program, corpus, tmp_path):
    """The last label counts; who labelled otherwise is told where."""
    line = (corpus / "t1.jsonl").read_text("utf-8").splitlines()[0]
    path = tmp_path / "mine.jsonl"
    clean = json.dumps(json.loads(line) | {"id": "two\x1b[2J", "flubs": [], "severity": "none"})
    path.write_text(f"{line}\n{clean}\n", "utf-8")
    done = program.run("model", "measure", path)
    assert done.returncode == 0
    assert "mine t1-001 (line 1) and mine two\ufffd[2J (line 2)" in done.stderr


def test_a_label_in_quoted_text_makes_no_warning_false(program, tmp_path):
    """Who labelled a flub there holds the message for no clean one."""
    text = f"{OPENING} {FLUB} {STRENGTH}\n\n> Sorry I was late."
    flubs = [{"text": "Sorry I was late.", "category": "apology"}]
    record = {"id": "a", "kind": "thank_you", "subject": "Thank you", "text": text}
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(record | {"flubs": flubs, "severity": "flub"}) + "\n", "utf-8")
    done = program.run("model", "measure", path)
    assert "1 label without a sentence" in done.stdout
    assert re.search(r"clean notes warned about \|[^|]+\| +100.0% \(1 of 1\)", done.stdout)
    assert "warned about without a flub" not in done.stdout


def test_a_model_is_measured_on_mail_without_notes_alone(program, tmp_path):
    """Where there is nothing to find, the false alarms can be counted all the same."""
    record = {"id": "a", "kind": "other", "subject": "Lunch", "text": "Are we on?", "flubs": []}
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(record | {"severity": "none"}) + "\n", "utf-8")
    done = program.run("model", "measure", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no thank-you notes" in done.stdout
    assert re.search(r"other mail warned about \| +0.0% \(0 of 1\)", done.stdout)
