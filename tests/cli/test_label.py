"""`unflub label`, by the real command: on a terminal, from files of other tools, from folders."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from support.notes import CLEAN, FLUBBED, OPENING, STRENGTH, note
from support.program import Program
from support.screen import ENTER, Screen

from scanner.core.judge import understand
from scanner.learning import artifact, shelf

CASES = Path(__file__).parents[1] / "cases" / "labels"
ORDINARY = b"From: a@example.org\r\nSubject: Lunch\r\n\r\nAre we still on for lunch?\r\n"
DOUBTFUL = note(OPENING, "I hope the wrong number did not confuse you.", STRENGTH)


@pytest.fixture
def program(tmp_path) -> Program:
    """The command with an empty home."""
    return Program(tmp_path, {"TERM": "xterm-256color"})


@pytest.fixture
def mail(tmp_path) -> Path:
    """A folder of three messages: one ordinary, one clean, one flubbed."""
    folder = tmp_path / "mail"
    folder.mkdir()
    for name, raw in (("a", ORDINARY), ("b", CLEAN), ("c", FLUBBED)):
        (folder / f"{name}.eml").write_bytes(raw)
    return folder


def suggested(raw: bytes) -> list[str]:
    """Give the categories that the shipped model says of the sentences it takes for flubs."""
    model = artifact.load(shelf.shipped())
    _, sentences = understand(raw)
    [said] = model.predict([sentences])
    flagged = model.thresholds["balanced"].flagged(said)
    return [one.category for one, is_flub in zip(said.sentences, flagged, strict=True) if is_flub]


def stored(program: Program) -> list[dict]:
    """Give all examples, with the name of the file they lie in."""
    folder = program.home / "data" / "unflub" / "examples"
    return [
        {**json.loads(line), "source": path.stem}
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


def ok(program: Program, *arguments: str | Path) -> str:
    done = program.run("label", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_note_is_labelled_in_the_terminal_and_kept_at_once(program, mail):
    """Two suggestions are taken, and the label is there though the terminal is closed at once."""
    screen = Screen(program, "label", "--order", "given", mail / "c.eml", mail / "b.eml")
    screen.wait_for(
        "message 1 of 2", "? apology", "I am sorry I rambled when you asked about the budget."
    )
    screen.press("  " + ENTER)
    screen.wait_for("message 2 of 2")
    screen.hang_up()
    (example,) = stored(program)
    said = [flub["category"] for flub in example["flubs"]]
    assert said == suggested(FLUBBED)
    assert (len(said), said[0]) == (2, "apology")
    assert (example["kind"], example["severity"], example["source"]) == (
        "thank_you", "flub", "labelled",
    )  # fmt: skip
    for flub in example["flubs"]:
        assert example["text"][flub["start"] : flub["end"]] == flub["text"]


def test_labelling_goes_on_where_it_was_left(program, mail):
    """What is labelled is not shown again, unless one asks; it then stands as it was."""
    screen = Screen(program, "label", "--order", "given", mail)
    screen.wait_for("message 1 of 3")
    screen.press(ENTER)
    screen.wait_for("message 2 of 3")
    screen.press("q")
    assert screen.end() == 0
    assert "1 of 3 messages labelled" in screen.raw
    screen = Screen(program, "label", "--order", "given", mail)
    screen.wait_for("message 1 of 2")
    screen.press("l")
    screen.wait_for("message 2 of 2")
    screen.press("nn" + ENTER + ENTER)
    assert screen.end() == 0
    assert {one["subject"] for one in stored(program)} == {"Lunch", "Thank you for the interview"}
    screen = Screen(program, "label", "--again", "--order", "given", mail)
    screen.wait_for("message 1 of 3", "labelled before")
    screen.press("q")
    assert screen.end() == 0


def test_a_label_is_found_again_however_the_mail_is_wrapped(program, tmp_path):
    """An imported label stands where the same words come in other lines; Ctrl-C is an end, too."""
    ok(program, "import", CASES / "doccano-older.jsonl")
    body = stored(program)[0]["text"].replace("Friday. I hope", "Friday.\nI hope")
    (tmp_path / "again.txt").write_text(body.replace("entry in", "entry\nin"))
    screen = Screen(program, "label", "--again", tmp_path / "again.txt")
    screen.wait_for("message 1 of 1", "PLEA")
    screen.press(ENTER)
    screen.wait_for("All messages seen")
    screen.press("\x03")
    assert screen.end() == 0
    assert [one["flubs"][0]["category"] for one in stored(program)] == ["plea"]


def test_the_most_doubtful_message_comes_first(program, mail):
    """By default those come first whose label teaches the model most."""
    (mail / "z.eml").write_bytes(DOUBTFUL)
    screen = Screen(program, "label", mail)
    screen.wait_for("message 1 of 4", "wrong number")
    screen.press("q")
    assert screen.end() == 0


def test_undo_takes_the_label_out_of_the_store(program, mail):
    """A label that was taken back leaves nothing behind."""
    screen = Screen(program, "label", mail / "c.eml")
    screen.wait_for("message 1 of 1")
    screen.press("  " + ENTER)
    screen.wait_for("All messages seen")
    assert len(stored(program)) == 1
    screen.press("u")
    screen.wait_for("message 1 of 1")
    screen.press("q")
    assert screen.end() == 0
    assert stored(program) == []


def test_the_screen_can_be_read_on_light_and_dark_and_without_colour(tmp_path, mail):
    """It uses the terminal's own ground and text, and marks by characters and by reversing."""
    for more in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        screen = Screen(Program(tmp_path, {"TERM": "xterm-256color", **more}), "label", mail)
        screen.wait_for("message 1 of 3")
        assert screen.colours() <= {("default", "default")}
        assert screen.reversed_rows()
        screen.press("q")
        assert screen.end() == 0


def test_without_a_terminal_it_says_so(program, mail):
    """Nothing is drawn into a pipe."""
    done = program.run("label", mail)
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a terminal" in done.stderr


@pytest.mark.parametrize(
    ("name", "count"),
    [("doccano.jsonl", 4), ("label-studio.json", 4), ("prodigy.jsonl", 3), ("sentences.csv", 2)],
)
def test_labels_of_other_tools_are_taken(program, name, count):
    """The format is told by looking; taking a file once more changes nothing."""
    path = CASES / name
    source = "import-" + re.sub("[^a-z]", "-", path.stem)
    assert f"{count} messages taken as {source!r}: {count} new" in ok(program, "import", path)
    before = stored(program)
    assert {one["source"] for one in before} == {source}
    again = ok(program, "import", path)
    assert f"0 new, 0 with other labels than before, {count} as before" in again
    assert stored(program) == before


def test_how_many_are_without_labels_is_said(program, tmp_path):
    """A tool may export what nobody labelled as well; where a severity stands, somebody did."""
    bare = {"text": "Thanks for your time.", "label": []}
    decided = {"text": "Thanks a lot.", "label": [], "severity": "none"}
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (bare, decided)))
    done = program.run("label", "import", path)
    assert done.stderr == "unflub: 1 record without labels: taken for messages without flubs\n"


def test_what_a_file_says_twice_is_named_by_id_and_line(program, tmp_path):
    """The last label counts, and no text is shown."""
    one = {"id": "a", "kind": "thank_you", "subject": "Thanks", "text": "Thanks for your time.",
           "flubs": [], "severity": "none"}  # fmt: skip
    other = {**one, "id": "b", "kind": "other"}
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (one, other, {**other, "id": "c"})))
    done = program.run("label", "import", path)
    assert done.stdout.startswith("1 message taken as 'import-mine': 1 new")
    assert done.stderr.splitlines() == [
        "unflub: the same message twice, of which the last counts: "
        "mine b (line 2) and mine c (line 3)",
        "unflub: labelled otherwise before; the last label counts: "
        "mine a (line 1) and mine b (line 2)",
    ]
    assert [each["kind"] for each in stored(program)] == ["other"]


@pytest.mark.parametrize(
    ("ids", "named"),
    [
        (("7", "7"), "import-mine 7 (line 1) and import-mine 7 (line 3)"),
        (("", ""), "import-mine line-1 and import-mine line-3"),
    ],
)
def test_what_the_file_of_another_tool_says_twice_is_named_by_its_place(
    program, tmp_path, ids, named
):
    """Two records may have one id, which tells none of them; or none, and the place is the id."""
    path = tmp_path / "mine.jsonl"
    rows = ((ids[0], "Thanks a lot."), ("between", "Good day."), (ids[1], "Thanks a lot."))
    lines = (json.dumps({"id": name, "text": text, "label": []}) for name, text in rows)
    path.write_text("\n".join(lines))
    done = program.run("label", "import", path)
    assert f"twice, of which the last counts: {named}" in done.stderr


def test_a_file_with_a_wrong_label_is_refused_whole(program):
    """What is wrong is named by its place, nothing is taken, and no text is shown."""
    done = program.run("label", "import", CASES / "doccano-shifted.jsonl")
    assert (done.returncode, done.stdout) == (5, "")
    assert "doccano-shifted.jsonl: line 2, label 1 does not match its text;" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "audition" not in done.stderr
    assert stored(program) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b" \n", "nothing in it"),
        (b"Dear Bo", "--format"),
        (None, "check the path"),
    ],
)
def test_what_is_no_file_of_labels_is_one_line(program, tmp_path, content, words):
    """It says what to do now."""
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)
    done = program.run("label", "import", path)
    assert done.returncode == 5
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("form", ["doccano", "label-studio", "prodigy", "csv", "unflub"])
def test_labels_go_out_and_come_back(program, form):
    """Exported, forgotten, and imported, they are the same, emoji and all."""
    ok(program, "import", CASES / "label-studio.json", "--source", "mine")
    before, path = stored(program), program.home / "out"
    path.write_text(ok(program, "export", "--format", form), "utf-8", newline="")
    ok(program, "forget", "--all")
    assert stored(program) == []
    ok(program, "import", path, "--source", "mine")
    assert stored(program) == before


def test_a_source_that_is_mistyped_forgets_nothing(program):
    """Whoever asks for that must not believe that the labels are gone."""
    ok(program, "import", CASES / "doccano.jsonl", "--source", "mine")
    before = stored(program)
    done = program.run("label", "forget", "--source", "mine", "--source", "nosuch")
    assert done.returncode == 2
    assert "there is no source 'nosuch'; `unflub label list` names them" in done.stderr
    assert stored(program) == before


def test_an_exported_file_is_private(program):
    """It holds letters."""
    ok(program, "import", CASES / "doccano.jsonl")
    ok(program, "export", "--format", "csv", "--output", "out.csv")
    assert stat.S_IMODE((program.home / "out.csv").stat().st_mode) == 0o600


def test_labels_are_not_written_over_mail(program, mail):
    """A slip of the keyboard must not cost a letter."""
    ok(program, "import", CASES / "doccano.jsonl")
    done = program.run("label", "export", "--format", "csv", "--output", mail / "a.eml")
    assert (done.returncode, "holds mail" in done.stderr) == (2, True)


def test_two_folders_teach_like_a_spam_filter(program, mail):
    """All in fine is negative, flubs wait to be labelled; saying it again changes nothing."""
    folders = ("folders", "--fine", mail / "a.eml", "--fine", mail / "b.eml",
               "--flub", mail / "c.eml")  # fmt: skip
    assert "2 learnt as fine, 1 queued for labelling, 0 as before" in ok(program, *folders)
    before = stored(program)
    assert [(one["kind"], one["flubs"]) for one in before] == [("other", []), ("thank_you", [])]
    assert "0 learnt as fine, 0 queued for labelling, 3 as before" in ok(program, *folders)
    assert stored(program) == before
    assert "1  wait to be labelled" in ok(program, "list")
    screen = Screen(program, "label")
    screen.wait_for("message 1 of 1", "I am sorry I rambled")
    screen.press("  " + ENTER + ENTER)
    assert screen.end() == 0
    assert "0  wait to be labelled" in ok(program, "list")
    assert len(stored(program)) == 3
    assert "0 learnt as fine, 0 queued for labelling, 3 as before" in ok(program, *folders)
    assert len(stored(program)) == 3


def test_a_message_that_was_moved_is_learnt_anew(program, mail):
    """The last word counts, whichever folder it was in before; a message in both is a flub."""
    note_ = mail / "c.eml"
    ok(program, "folders", "--fine", note_)
    assert stored(program)[0]["flubs"] == []
    assert "1 queued" in ok(program, "folders", "--flub", note_)
    assert stored(program) == []
    assert "1 learnt as fine" in ok(program, "folders", "--fine", note_)
    assert "0  wait" in ok(program, "list")
    done = program.run("label", "folders", "--fine", note_, "--flub", note_)
    assert "1 lie in both folders, and were queued" in done.stderr
    assert stored(program) == []


def test_a_label_given_since_is_not_taken_back_by_a_folder(program, mail):
    """A folder that says nothing new leaves the label of a person alone."""
    ok(program, "folders", "--fine", mail / "c.eml")
    screen = Screen(program, "label", "--again", mail / "c.eml")
    screen.wait_for("message 1 of 1")
    screen.press("2a" + ENTER + ENTER)
    assert screen.end() == 0
    before = stored(program)
    assert before[0]["flubs"]
    assert "0 learnt as fine" in ok(program, "folders", "--fine", mail / "c.eml")
    assert stored(program) == before


def test_what_is_forgotten_is_as_if_it_had_never_been_learnt(program, mail):
    """By message, by source or all; then it can be learnt once more."""
    ok(program, "folders", "--fine", mail / "b.eml")
    before = stored(program)
    ok(program, "folders", "--fine", mail / "a.eml", "--flub", mail / "c.eml")
    assert "1 label forgotten" in ok(program, "forget", mail / "a.eml", mail / "c.eml")
    assert stored(program) == before
    assert "0  wait" in ok(program, "list")
    assert "0 labels forgotten; `unflub label list`" in ok(program, "forget", mail / "a.eml")
    assert "1 label forgotten" in ok(program, "forget", "--source", "fine")
    assert "1 learnt as fine" in ok(program, "folders", "--fine", mail / "b.eml")
    assert stored(program) == before
    ok(program, "forget", "--all")
    assert stored(program) == []


def test_the_list_counts_and_shows_no_text(program):
    """Sources, kinds, severities and categories, in numbers."""
    ok(program, "import", CASES / "doccano.jsonl")
    shown = ok(program, "list")
    assert "4  from import-doccano" in shown
    assert "3  notes: 2 flub, 0 folded, 1 without a flub" in shown
    assert "1 apology" in shown
    assert "workshop" not in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["folders"], "--fine"),
        (["forget"], "--all"),
        (["export", "--format", "csv"], "no labels"),
        (["--folder", "Sent"], "--account"),
        (["--from-dismissed", "--account", "home", "--folder", "Sent"], "--from-dismissed"),
        (["import"], "FILE"),
        (["mail", "--account", "home", "x"], "either"),
    ],
)
def test_wrong_usage_is_one_line(program, arguments, words):
    """It says what is missing."""
    done = program.run("label", *arguments)
    assert done.returncode in {2, 5}
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_was_dismissed_is_not_looked_for_without_any(program, mail):
    """Who has dismissed nothing is told what it takes."""
    screen = Screen(program, "label", "--from-dismissed", mail)
    assert screen.end() == 5
    assert "no account remembers a dismissed warning" in screen.raw
