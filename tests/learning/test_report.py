"""A trial in words, and the files of a report."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from math import nan

import pytest
from support.trials import GROWTH, as_sure, made_up

from scanner.errors import ConfigurationError
from scanner.learning import curves, measures, report, showing, trial
from scanner.learning.measures import Estimate
from scanner.learning.trial import Trial

TRIAL = made_up()
ALONE = Trial(TRIAL.cases, None, TRIAL.after)


@pytest.mark.parametrize(
    ("metric", "change", "said"),
    [
        (measures.SENTENCES.f1, Estimate(0.02, 0.01, 0.03), "better"),
        (measures.SENTENCES.f1, Estimate(-0.02, -0.03, -0.01), "worse"),
        (measures.CLEAN, Estimate(0.02, 0.01, 0.03), "worse"),
        (measures.CLEAN, Estimate(-0.02, -0.03, -0.01), "better"),
        (measures.CLEAN, Estimate(0.02, -0.01, 0.05), "no clear difference"),
        (measures.CLEAN, Estimate(0.004, 0.001, 0.007), "no clear difference"),
        (measures.CLEAN, Estimate(0.02, nan, nan), "too few writers to tell"),
    ],
)
def test_better_and_worse_are_what_lies_beyond_chance(metric, change, said):
    """Fewer false alarms are better, more hits are; what may be chance, or is tiny, is neither."""
    assert showing.verdict(metric, change) == said


def test_every_number_in_short_is_said_once():
    """What is measured is better, worse or undecided; what there is none of is left out."""
    parts = showing.short(TRIAL, "balanced")
    for whose in ("Your own notes", "All held-out messages"):
        lines = [line for part in parts if part.title.startswith(whose) for line in part.lines]
        assert len(lines) == len({line.split(":")[0] for line in lines}) == 5
        assert all("before: " in line for line in lines)
        assert not any(line.startswith("Everyday mail") for line in lines)
    assert showing.short(ALONE, "balanced")[-1].title == "All held-out messages: what it reaches"


def test_a_share_that_chance_does_not_move_has_no_range():
    """That none of some clean notes is warned about does not promise that none will be."""
    notes = TRIAL.only(lambda case: case.is_note and not any(case.truth))
    silent = as_sure(notes.after, notes.cases, 0.0, 0.0)
    *_, part = showing.short(Trial(notes.cases, None, silent), "balanced")
    assert part.lines == ("Clean notes that are warned about: 0.0% (too few to tell).",)


def test_ones_own_notes_are_counted_by_themselves_as_well():
    """First the user's own, then all; each with its numbers of messages."""
    own, everything = showing.numbers(TRIAL, "balanced")
    assert own.title == "Your own notes"
    assert own.about.endswith("in 10 groups of one writer or alike.")
    assert [one.caption for one in everything.tables][:3] == [
        "Preset balanced", "Preset cautious", "Preset strict",
    ]  # fmt: skip
    assert len(showing.numbers(TRIAL.only(lambda case: not case.is_yours), "balanced")) == 1


def test_changed_sentences_are_quoted_in_both_directions():
    """Those that are right now, and those that are wrong now, with their number."""
    better, worse = showing.sentences(TRIAL, "balanced")
    changed = trial.changed(TRIAL, "balanced")
    assert better.about.startswith(f"{sum(one.is_better for one in changed)} sentences")
    assert worse.about.startswith(f"{sum(not one.is_better for one in changed)} sentences")
    assert all("before" in line.about for line in (*better.lines, *worse.lines))


def test_a_model_by_itself_is_shown_where_it_fails():
    """The surest mistakes come first: missed flubs, and false alarms."""
    missed, alarms = showing.sentences(ALONE, "balanced")
    assert missed.lines[0].about.startswith("A flub, it ")
    assert alarms.lines[0].about.startswith("No flub; ")
    wrong = [one.chance for one in trial.mistakes(ALONE.cases, ALONE.after, "balanced")]
    assert len(wrong) > len(missed.lines) + len(alarms.lines) > 0


def test_the_confusion_counts_every_labelled_sentence_once():
    """Rows are true categories, and none; the mix-ups are its greatest cells off the diagonal."""
    rows = trial.table(TRIAL.cases, TRIAL.after, "balanced")
    counts = curves.confusion(rows)
    assert counts.sum() == sum(len(case.truth) for case in TRIAL.cases)
    assert counts[-1].sum() == sum(not c for case in TRIAL.cases for c in case.truth)
    assert counts[:, -1].sum() == (rows.said == trial.NONE).sum()
    for true, shown, count in curves.mix_ups(counts):
        assert true != shown
        assert counts[curves.LABELS.index(true), curves.LABELS.index(shown)] == count


def test_the_preset_stands_on_its_curve():
    """The mark in the picture of precision and recall is what a sentence-wise threshold reaches."""
    rows = trial.table(ALONE.cases, trial.side("x", ALONE.after.said, {
        "balanced": trial.Thresholds(0.0, 0.55),
    }), "balanced")  # fmt: skip
    recall, precision = curves.operating_point(rows)
    line = curves.precision_by_recall(rows)
    assert any(line.y[n] == pytest.approx(precision) for n in range(len(line.x))
               if line.x[n] == pytest.approx(recall))  # fmt: skip


def test_a_report_is_a_page_and_pictures(tmp_path):
    """One page and four PNG files, for the owner alone; the page holds the pictures itself."""
    folder = tmp_path / "new" / "report"
    page = report.write(TRIAL, folder, GROWTH, ["The gate let it pass."])
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "precision-recall.png", "calibration.png", "confusion.png",
        "learning-curve.png",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.glob("*.png"))
    written = page.read_text("utf-8")
    assert written.count("data:image/png;base64,") == 8
    assert "The gate let it pass." in written
    assert GROWTH.answer in written
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="files have no mode there")
def test_a_report_is_private_in_a_folder_that_is_not(tmp_path):
    """Whether others may read the folder, or could read the report that lay there before."""
    tmp_path.chmod(0o755)
    for name in (report.PAGE, "calibration.png"):
        (tmp_path / name).write_text("of last week")
        (tmp_path / name).chmod(0o644)
    report.write(ALONE, tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_without_a_curve_the_page_says_what_it_takes(tmp_path):
    """With too few writers three pictures are left, and the question stays open."""
    page = report.write(ALONE, tmp_path)
    assert not (tmp_path / "learning-curve.png").exists()
    assert "There is an answer from 12 writers on, or 12 notes of your own" in page.read_text(
        "utf-8"
    )


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    """A file in the way is one line of advice."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ConfigurationError, match="name another folder for the report"):
        report.write(ALONE, tmp_path / "taken")


def test_without_matplotlib_one_line_says_what_to_install():
    """The smallest install draws nothing, and says so before it measures anything."""
    code = "import sys; sys.modules['matplotlib'] = None; from scanner.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", "--report", "somewhere"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "unflub: a report has pictures, and matplotlib is missing; "
        "install unflub with the extra `plot`"
    ]
