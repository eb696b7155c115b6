"""`unflub check` and `unflub scan` as scripts and people meet them."""

from __future__ import annotations

import json
import mailbox
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from support import hostile, letters
from support.notes import CLEAN, FLUBBED
from support.program import Program
from support.terminal import on_terminal

from scanner.cli import cli

OTHER = b"From: a@example.org\r\nSubject: Lunch\r\n\r\nSorry I was late for lunch today.\r\n"
ENCRYPTED = (
    b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n\r\nxyz\r\n--b--\r\n"
)
EMPTY = b"From: a@example.org\r\nSubject: x\r\n\r\n\r\n"
FIELDS = {
    "source", "message_id", "subject", "direction", "kind", "kind_confidence", "severity",
    "share", "passages", "error",
}  # fmt: skip


def save(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("raw", "status"),
    [(FLUBBED, 1), (CLEAN, 0), (OTHER, 0), (ENCRYPTED, 5), (EMPTY, 5)],
    ids=["flub", "clean", "other", "encrypted", "empty"],
)
def test_the_exit_status_of_check_tells_the_verdict(program, raw, status):
    """0 is nothing found, 1 a flub, 5 a message that cannot be read."""
    done = program.run("check", stdin=raw)
    assert done.returncode == status, done.stderr
    assert not done.stderr


def test_plain_text_is_checked_like_a_message(program):
    """A body without header fields, as a pre-send hook may hand it over, is enough."""
    assert program.run("check", stdin=letters.FLUBBED.encode()).returncode == 1


def test_a_record_has_the_fields_of_the_contract_and_exact_spans(program):
    """Offsets point into the text that --with-text prints, for passages and sentences."""
    done = program.run("check", "--format", "jsonl", "--with-text", stdin=FLUBBED)
    (row,) = rows(done)
    assert row.keys() == FIELDS | {"text"}
    assert (row["kind"], row["severity"], row["error"]) == ("thank_you", "flub", None)
    assert (row["message_id"], row["direction"]) == ("<note-1@client.example>", "outgoing")
    assert 0 < row["share"] < 1
    assert row["passages"]
    for passage in row["passages"]:
        for span in (passage, *passage["sentences"]):
            assert row["text"][span["start"] : span["end"]] == span["text"]
            assert span.keys() >= {"category", "confidence"}


def test_an_unreadable_message_is_never_called_clean(program):
    """Its record has an error and no verdict."""
    (row,) = rows(program.run("check", "--format", "jsonl", stdin=ENCRYPTED))
    assert row["error"].startswith("encrypted")
    assert row["kind"] is row["severity"] is row["share"] is None


def test_a_file_that_is_not_there_keeps_no_other_from_being_checked(program, tmp_path):
    """It has a row, as what cannot be read has."""
    done = program.run("check", "--format", "json", "nowhere", save(tmp_path, "a.eml", FLUBBED))
    missing, flubbed = json.loads(done.stdout)
    assert missing["error"] == "there is no such file; check the path."
    assert (flubbed["severity"], done.returncode) == ("flub", 1)


def test_where_nothing_was_found_there_is_nothing_to_dismiss(program):
    """It does not sound as if something had been done."""
    done = program.run("dismiss", stdin=CLEAN)
    assert (done.returncode, done.stdout) == (0, "nothing found to dismiss\n")


@pytest.mark.parametrize("command", [("check",), ("check", "--explain"), ("dismiss",)])
def test_a_mailbox_is_not_taken_for_its_first_message(program, tmp_path, command):
    """What is in the others is not called clean: it is said what reads them all."""
    separator = b"From ines@example.org Tue Mar  4 10:12:00 2025\n"
    one, two = (
        b"\n".join([separator + raw for raw in raws]) for raws in ([CLEAN], [CLEAN, FLUBBED])
    )
    done = program.run(*command, save(tmp_path, "sent.mbox", two))
    assert done.returncode == 5
    assert (
        "it is a mailbox of several messages; use `unflub scan FILE`" in done.stdout + done.stderr
    )
    assert program.run(*command, stdin=two).returncode == 5
    assert program.run(*command, stdin=one).returncode == 0


def test_json_is_one_array_and_direction_is_told(program, tmp_path):
    """`json` can be parsed whole; the direction is what the user said."""
    paths = [save(tmp_path, "a.eml", FLUBBED), save(tmp_path, "b.eml", CLEAN)]
    done = program.run("check", "--format", "json", "--direction", "incoming", *paths)
    records = json.loads(done.stdout)
    assert [record["source"] for record in records] == [str(path) for path in paths]
    assert {record["direction"] for record in records} == {"incoming"}


def test_text_marks_the_passages_in_place_without_colour_in_a_pipe(program):
    """In a pipe the marks are characters."""
    done = program.run("check", stdin=FLUBBED)
    assert ">>> I am sorry I rambled" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("setting", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_know_it_and_no_color_wins(
    program, tmp_path, setting, colored
):
    """On a terminal the marks are colour, unless NO_COLOR is set."""
    environment = program.environment | setting
    status, output = on_terminal(
        Program(tmp_path, environment), "stdout", "check", save(tmp_path, "a.eml", FLUBBED)
    )
    assert status == 1
    assert (b"\x1b[" in output) is colored
    assert (b">>>" in output) is not colored
    looked = on_terminal(Program(tmp_path, environment), "stdout", "doctor")[1]
    assert (b"\x1b[31m" in looked) is colored
    assert b"WRONG" in looked


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One of each: an .eml in a subfolder, an mbox and a Maildir."""
    top = tmp_path / "mail"
    (top / "letters").mkdir(parents=True)
    save(top / "letters", "flub.eml", FLUBBED)
    box = mailbox.mbox(top / "sent.mbox")
    for raw in (CLEAN, OTHER, FLUBBED):
        box.add(raw)
    box.close()
    maildir = mailbox.Maildir(top / "Maildir")
    maildir.add(FLUBBED)
    maildir.add(EMPTY)
    return top


def test_scan_reads_eml_mbox_and_maildir(program, archive):
    """Every message of a folder of mixed sources has one row, numbered in an mbox."""
    done = program.run("scan", "--format", "jsonl", archive)
    found = rows(done)
    assert done.returncode == 1
    assert len(found) == 6
    flubbed = [row["source"] for row in found if row["severity"] == "flub"]
    assert sorted(str(Path(s).relative_to(archive)).split("/")[0] for s in flubbed) == [
        "Maildir", "letters", "sent.mbox#3",
    ]  # fmt: skip
    assert sum(row["error"] is not None for row in found) == 1


def test_scan_text_shows_findings_and_a_summary(program, archive):
    """Clean messages are only counted."""
    done = program.run("scan", archive)
    assert done.stdout.count(": flub: ") == 3
    assert done.stdout.splitlines()[-1] == "5 checked, 3 with a flub, 1 without own text"
    assert "not checked" not in done.stdout


def test_scan_only_counts_what_has_no_text_of_the_writers_own(program, tmp_path):
    """Archives are full of forwards: none is a line or a failure, now or of rows gone on with."""
    path = save(tmp_path, "a.eml", EMPTY)
    words = "0 checked, 0 with a flub, 1 without own text"
    done = program.run("scan", path)
    assert (done.returncode, done.stdout) == (0, f"{words}\n")
    page = program.run("scan", "--format", "html", path)
    assert (page.returncode, page.stdout.count("a.eml")) == (0, 0)
    for _ in range(2):
        done = program.run("scan", "--format", "jsonl", "--resume", "rows", path)
        assert (done.returncode, words in done.stderr) == (0, True)
    (row,) = map(json.loads, (program.home / "rows").read_text().splitlines())
    assert row["error"].startswith("empty: ")


def test_check_names_what_has_no_text_of_the_writers_own(program, tmp_path):
    """Who checks a message wants to know why there is no verdict."""
    path = save(tmp_path, "a.eml", EMPTY)
    for form in ("text", "html"):
        done = program.run("check", "--format", form, path, path)
        assert (done.returncode, done.stdout.count("a.eml: ")) == (5, 2)
        assert "0 with a flub, 2 not checked" in done.stdout


def test_what_has_no_date_is_counted_where_days_are_asked_for(program, tmp_path):
    """It may lie between them, so it does not vanish without a word."""
    dated = b"Date: Tue, 4 Mar 2025 10:12:00 +0000\r\n" + CLEAN
    for name, raw in (("dated.eml", dated), ("undated.eml", CLEAN)):
        save(tmp_path, name, raw)
    done = program.run(
        "scan", "--since", "2025-03-01", tmp_path / "dated.eml", tmp_path / "undated.eml"
    )
    assert done.stdout == "1 checked, 0 with a flub, 1 without a date left out\n"


def test_scan_text_tells_when_and_to_whom_it_was_written(program, tmp_path):
    """The day is that of its Date; the subject stands behind them."""
    dated = b"Date: Tue, 4 Mar 2025 10:12:00 +0000\r\n" + FLUBBED
    done = program.run("scan", save(tmp_path, "a.eml", dated))
    second = done.stdout.splitlines()[1]
    assert second == "  2025-03-04, to panel@example.com: Thank you for the interview"


def test_a_scan_of_clean_mail_ends_with_status_0(program, tmp_path):
    """Nothing found, nothing unread: 0, and the summary says so."""
    done = program.run("scan", save(tmp_path, "a.eml", CLEAN))
    assert (done.returncode, done.stdout) == (0, "1 checked, 0 with a flub\n")


def test_an_empty_mbox_is_no_error(program, tmp_path):
    """An archive without messages has nothing in it, and that is said."""
    done = program.run("scan", save(tmp_path, "empty.mbox", b""))
    assert (done.returncode, done.stdout) == (0, "0 checked, 0 with a flub\n")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["scan", "missing.eml"], 5, "missing.eml"),
        (["scan"], 2, "files or folders"),
        (["scan", "--since", "tomorrow", "x"], 2, "'tomorrow' is no day; name one like 2025-03-01"),
        (["scan", "--since", "2025-03-01", "--before", "2025-03-01", "."], 2, "no day is both"),
        (["scan", "--format", "yaml", "x"], 2, "yaml"),
        (["scan", "--account", "home"], 2, "config"),
        (["watch"], 2, "config"),
        (["check", "--model", "nowhere"], 6, "nowhere"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_an_error_is_one_clear_line_with_its_status(program, arguments, status, words):
    """What happened stands on standard error, without a traceback."""
    done = program.run(*arguments, stdin=CLEAN)
    assert done.returncode == status
    assert words in done.stderr
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["unflub:"]


def test_hostile_messages_are_rows_and_end_no_scan(program, tmp_path):
    """Each is one row, with an error or without, whatever is asked for; the note is found."""
    save(tmp_path, "z.eml", FLUBBED)
    mail = [path for path in hostile.CASES if not path.stem.startswith("warning")]
    done = program.run("scan", "--format", "jsonl", tmp_path, hostile.CASES[0].parent)
    assert done.returncode == 1, done.stderr
    found = {Path(str(row["source"])).name: row for row in rows(done)}
    assert found.keys() == {"z.eml", *(path.name for path in mail)}
    assert found["z.eml"]["severity"] == "flub"
    assert str(found["file_name_nul.eml"]["error"]).startswith("broken")
    done = program.run("scan", "--since", "2020-01-01", "--from", "a", hostile.CASES[0].parent)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("form", "number", "status"),
    [
        *((form, signal.SIGINT, 130) for form in ("text", "json", "jsonl", "html")),
        *((form, signal.SIGTERM, 143) for form in ("json", "html")),
    ],
)
def test_ctrl_c_keeps_what_was_found_so_far(program, form, number, status):
    """An interrupted scan prints it whole in any form, and says so in one line; so by SIGTERM."""
    path = program.home / "found"
    process = amid_its_scan(program, form, path)
    process.send_signal(number)
    errors = process.stderr.read()
    process.stdin.close()
    assert process.wait(timeout=60) == status
    summed, interrupted = filter(None, errors.decode().splitlines())
    assert interrupted == "unflub: interrupted"
    assert "; broken off before all was read; written to " in summed
    found = int(re.search(r"(\d+) checked", summed)[1])
    assert 0 < found <= 60
    assert findings(form, path.read_text()) == found


def amid_its_scan(program, form: str, path: Path) -> subprocess.Popen:
    """Start a scan of standard input into a file, which has come to a second batch."""
    process = program.start("scan", "--format", form, "--output", path, "-", stdin=subprocess.PIPE)
    separator = b"From a@example.org Mon Jan  1 00:00:00 2024\n"
    mail = separator + FLUBBED.replace(b"\r\n", b"\n") + b"\n"
    # Batches are judged as they are full, and the pipe is full once the second one waits.
    fill = mail.replace(b"Subject:", b"X-Fill: " + b"x" * 100_000 + b"\nSubject:", 1)
    process.stdin.write(fill * 60)
    process.stdin.flush()
    return process


@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_a_scan_that_is_killed_leaves_the_earlier_report(program, form):
    """It is replaced by one that is whole, and nothing else is left lying there."""
    folder = program.home / "reports"
    folder.mkdir()
    path = save(folder, "found", b"old")
    process = amid_its_scan(program, form, path)
    process.kill()
    process.communicate()
    assert [file.read_bytes() for file in folder.iterdir()] == [b"old"]


def findings(form: str, printed: str) -> int:
    """Count the findings of a report that is whole, but for the mail that was not read."""
    if form == "text":
        last = printed.splitlines()[-1]
        assert re.search(r"^\d+ checked, \d+ with a flub; broken off before all was read$", last)
        return printed.count(": flub: ")
    if form == "html":
        assert printed.rstrip().endswith("</html>")
        assert printed.count("; broken off before all was read") == 2  # title and heading
        return printed.count("<article")
    rows = json.loads(printed) if form == "json" else list(map(json.loads, printed.splitlines()))
    return sum(row["severity"] == "flub" for row in rows)


def test_the_folder_decides_on_the_advice(program, tmp_path):
    """Sent notes get the candidate's advice, received ones the employer's; an option overrides."""
    for name in ("Sent", "Inbox"):
        (tmp_path / name).mkdir()
        save(tmp_path / name, "1.eml", FLUBBED)
    sent = program.run("scan", tmp_path / "Sent").stdout
    assert "To one of your references:" in sent
    received = program.run("scan", tmp_path / "Inbox").stdout
    assert "To the candidate:" in received
    assert "To every reference:" in received
    assert program.run(
        "scan", "--direction", "outgoing", tmp_path / "Inbox"
    ).stdout == sent.replace("/Sent/", "/Inbox/")


def test_own_addresses_of_the_configuration_tell_the_direction(program, tmp_path):
    """What was sent to the account's address was received."""
    program.configure('[accounts.work]\naddress = "Panel@example.com"\nhost = "mail.example"\n')
    (row,) = rows(program.run("scan", "--format", "jsonl", save(tmp_path, "a.eml", FLUBBED)))
    assert row["direction"] == "incoming"


@pytest.mark.parametrize(
    ("aliases", "direction"), [("[]", "incoming"), ('["Me@Example.org"]', "outgoing")]
)
def test_what_comes_from_an_alias_was_written(program, tmp_path, aliases, direction):
    """Though it is not sent from the account's own address, nor lies in Sent."""
    program.configure(
        f'[accounts.work]\naddress = "a@b.example"\nhost = "b.example"\naliases = {aliases}\n'
    )
    (row,) = rows(program.run("scan", "--format", "jsonl", save(tmp_path, "a.eml", FLUBBED)))
    assert row["direction"] == direction


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--fail-on", "never"], 0),
        (["--fail-on", "flub"], 1),
        (["--category", "plea"], 0),
        (["--min-confidence", "1"], 0),
        (["--min-confidence", "0.5", "--quiet"], 1),
        (["--category", "frob"], 2),
    ],
)
def test_the_exit_status_is_about_what_was_asked_for(program, arguments, status):
    """Scripts choose what to fail on; passages that are not asked for do not count."""
    done = program.run("check", *arguments, stdin=FLUBBED)
    assert done.returncode == status, done.stderr
    assert bool(done.stdout) is ("--quiet" not in arguments and status != 2)


def test_html_is_written_into_a_file_and_the_summary_is_said(program, archive, tmp_path):
    """The page is in the file; the terminal tells where, in a line."""
    report = tmp_path / "report.html"
    done = program.run("scan", "--format", "html", "--output", report, archive)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"unflub: 5 checked, 3 with a flub, 1 without own text; written to {report}\n"
    )
    page = report.read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("<article") == 3


def test_a_file_that_cannot_be_written_is_said_before_anything_is_read(program, archive):
    """Nobody should wait an hour for that."""
    done = program.run("scan", "--output", "nowhere/report.html", archive)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_dash_is_standard_output(program):
    """As with other programs, and so also where a script puts it for want of a file."""
    done = program.run("check", "--output", "-", stdin=FLUBBED)
    assert (done.returncode, ">>> I am sorry" in done.stdout, done.stderr) == (1, True, "")
    assert not (program.home / "-").exists()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--model", "nowhere"], 6),
        (["--jobs", "2", "--model", "nowhere"], 6),
        (["--config", "broken.toml"], 2),
    ],
)
def test_a_scan_that_cannot_begin_leaves_the_old_report(program, arguments, status):
    """It is replaced when there is another one, and not before; nothing else is claimed."""
    note = save(program.home, "note.eml", FLUBBED)
    save(program.home, "broken.toml", b"[")
    report = save(program.home, "report.html", b"old")
    done = program.run("scan", *arguments, "--format", "html", "--output", report, note)
    assert (done.returncode, report.read_bytes()) == (status, b"old")
    assert len(done.stderr.splitlines()) == 1
    assert "written" not in done.stderr


def test_a_full_disk_is_all_that_is_said(program):
    """What did not fit was not written."""
    done = program.run("scan", "--output", "/dev/full", save(program.home, "note.eml", FLUBBED))
    assert done.returncode == 74
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == [" cannot go on"]


def test_processes_give_the_same_rows(program, archive):
    """--jobs changes the speed and nothing else."""
    one, two = (
        program.run("scan", "--format", "jsonl", *jobs, archive) for jobs in ([], ["--jobs", "2"])
    )
    assert one.stdout == two.stdout
    assert (one.returncode, two.returncode, two.stderr) == (1, 1, "")


def test_a_scan_that_was_cut_anywhere_goes_on(program, archive, tmp_path):
    """Nothing is lost and nothing doubled, and the exit status counts the earlier rows, too."""
    whole = program.run("scan", "--format", "jsonl", archive).stdout
    for cut in (0, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "rows.jsonl"
        path.write_text(whole[:cut], "utf-8")
        done = program.run("scan", "--format", "jsonl", "--resume", path, archive)
        assert path.read_text("utf-8") == whole
        assert done.returncode == 1
        assert done.stderr.startswith("unflub: 5 checked, 3 with a flub, 1 without own text; ")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
@pytest.mark.parametrize("form", [("html", "--output"), ("jsonl", "--resume")])
def test_a_file_of_findings_is_private(program, archive, form):
    """It quotes letters."""
    program.run("scan", "--format", *form, "found", archive)
    assert stat.S_IMODE((program.home / "found").stat().st_mode) == 0o600


def test_nothing_is_written_over_mail(program, archive):
    """A slip of the keyboard must not cost an archive."""
    path = archive / "sent.mbox"
    before = path.read_bytes()
    for command in ("scan", "check"):
        done = program.run(command, "--output", path, archive / "letters/flub.eml")
        assert done.returncode == 2
        assert "holds mail" in done.stderr
    assert path.read_bytes() == before


def test_nothing_is_written_over_what_is_read(program):
    """A note without header fields looks like a report, but is named."""
    text = letters.FLUBBED.encode()
    path = save(program.home, "note.txt", text)
    for command in ("scan", "check"):
        done = program.run(command, "--output", "./note.txt", path)
        assert done.returncode == 2
        assert "name another file" in done.stderr
    assert path.read_bytes() == text


def test_a_report_in_the_scanned_folder_is_not_scanned(program, archive):
    """Neither one that is written now, on standard output or not, nor rows to go on with."""
    for arguments in (["--output"], ["--resume"], ["--resume"]):
        done = program.run("scan", "--format", "jsonl", *arguments, archive / "found", archive)
        assert done.stderr.startswith("unflub: 5 checked, 3 with a flub, 1 without own text; ")
    (archive / "found").unlink()
    program.shell(f"scan {archive} >{archive}/zz.txt")
    last = (archive / "zz.txt").read_text().splitlines()[-1]
    assert last == "5 checked, 3 with a flub, 1 without own text"


def test_files_with_a_number_behind_their_name_are_not_lost(program, tmp_path):
    """They come in the order of names, and one before the last row need not be done."""
    top = tmp_path / "mail"
    top.mkdir()
    for number in (9, 10, 11):
        save(top, f"note#{number}", CLEAN)
    whole = program.run("scan", "--format", "jsonl", top).stdout
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(whole.splitlines(keepends=True)[:2]))
    program.run("scan", "--format", "jsonl", "--resume", path, top)
    assert path.read_text() == whole


@pytest.mark.parametrize("text", ["my-secret-password", "x", '{"name": "x"}'])
def test_a_file_that_is_no_scan_is_not_gone_on_with(program, archive, text):
    """A slip of the keyboard must not cost that file either, though it is one line without end."""
    path = save(program.home, "secret.txt", text.encode())
    for mail in (archive, "nowhere"):
        done = program.run("scan", "--format", "jsonl", "--resume", path, mail)
        assert (done.returncode, path.read_text()) == (5, text)
        assert "something else than the rows of a scan" in done.stderr


def test_a_row_that_was_cut_goes_when_there_is_something_to_write(program):
    """A scan that cannot begin leaves the file as it is."""
    path = save(program.home, "rows.jsonl", b'{"source": "a.e')
    assert program.run("scan", "--format", "jsonl", "--resume", path, "nowhere").returncode == 5
    assert path.read_bytes() == b'{"source": "a.e'


def test_resume_is_for_json_lines(program, archive):
    """Another format has no rows to go on from."""
    done = program.run("scan", "--resume", "rows.jsonl", archive)
    assert done.returncode == 2
    assert "--format jsonl" in done.stderr


def test_resume_is_for_a_file(program, archive):
    """Standard output holds no rows to go on from, and no file is called so by a slip."""
    done = program.run("scan", "--format", "jsonl", "--resume", "-", archive)
    assert done.returncode == 2
    assert "a file, which - is not" in done.stderr


def test_bad_input_is_reported_and_the_scan_goes_on(program, tmp_path):
    """A loop, a pipe, a picture and a cut mailbox are rows; the exit status says so at the end."""
    top = tmp_path / "mail"
    top.mkdir()
    os.mkfifo(top / "a.fifo")
    (top / "b.loop").symlink_to("b.loop")
    save(top, "c.png", bytes(range(256)) * 50)
    save(top, "d.mbox", b"From a@example.org Mon Jan  1 00:00:00 2024\n" + CLEAN + b"Subject: x")
    save(top, "e.mbox", b"From a@example.org Mon Jan  1 00:00:00 2024\nSubject: cut sh")
    save(top, "z.eml", CLEAN)
    done = program.run("scan", "--format", "jsonl", top)
    assert done.returncode == 5
    bad = [Path(row["source"]).name for row in rows(done) if row["error"]]
    assert bad == ["a.fifo", "b.loop", "c.png", "e.mbox#1", "e.mbox"]
    assert Path(rows(done)[-1]["source"]).name == "z.eml"


def test_a_terminal_sees_how_far_the_scan_is(program, archive):
    """A bar on standard error with the rate; none in a pipe, and none for who wants quiet."""
    status, shown = on_terminal(program, "stderr", "scan", archive)
    assert status == 1
    assert b"scanning" in shown
    assert b" messages, " in shown
    assert b"100%" in shown
    assert b"None" not in shown
    assert not on_terminal(program, "stderr", "scan", "--quiet", archive)[1]


def test_help_is_quick_to_load_and_shows_examples():
    """--help names the commands and examples, and loads no scikit-learn."""
    code = (
        "import sys\nfrom scanner.cli import cli\ntry: cli(['--help'])\n"
        "finally: print([name for name in sys.modules if name.startswith('sklearn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Examples:" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("demo", "check", "scan", "watch", "train", "evaluate", "login"):
        assert command in done.stdout


@pytest.mark.parametrize("words", [(), ("service",), ("plugin",), ("model",)])
def test_who_names_no_command_is_shown_those_that_there_are(program, words):
    """As they are laid out by --help; the exit status tells a slip."""
    done = program.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == program.run(*words, "--help").stdout


def _helps(path: str, command: click.Command) -> Iterator[tuple[str, list[str]]]:
    """Give each command that takes something, and the help of it and of the groups around it."""
    helps = [command.help or ""]
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from ((inner, helps + more) for inner, more in _helps(f"{path} {name}", one))
    if any(one.name not in {"config_path", "version"} for one in command.params):
        yield path, helps


def test_every_command_that_takes_something_has_an_example():
    """In its own help or in that of its group; mail clients start native-host by themselves."""
    for path, helps in _helps("unflub", cli):
        examples = " ".join(help_.partition("Examples:\n")[2] for help_ in helps).split()
        assert f" {path} " in f" {' '.join(examples)} " or path == "unflub native-host"


def test_the_version_is_told(program):
    """--version names program and version."""
    assert program.run("--version").stdout.startswith("unflub, version ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(program, shell):
    """The script calls the command back, which knows its own options."""
    done = program.run("completion", shell)
    assert done.returncode == 0
    assert "_UNFLUB_COMPLETE" in done.stdout
    program.environment.update(
        _UNFLUB_COMPLETE="bash_complete", COMP_WORDS="unflub doctor --w", COMP_CWORD="2"
    )
    assert program.run().stdout == "plain,--wait\n"


def test_the_help_makes_the_folders_that_completions_are_put_into(program):
    """Its lines can be pasted in a home where no shell has been told anything yet."""
    help_ = program.run("completion", "--help").stdout.partition("Examples:\n")[2]
    lines = help_.partition("Options:")[0].replace("  unflub ", f"{sys.executable} -m scanner ")
    done = program.finished(["bash", "-e", "-c", lines])
    assert done.returncode == 0, done.stderr
    made = [path for path in program.home.rglob("*unflub*") if path.is_file()]
    assert ["_UNFLUB_COMPLETE" in path.read_text() for path in made] == [True] * 3


@pytest.mark.parametrize(
    "words",
    ["check", "scan", "dismiss", "label", "label mail", "label forget", "sendmail msmtp -C"],
)
def test_the_shell_completes_names_of_files(program, words):
    """Wherever a command takes them."""
    program.environment.update(
        _UNFLUB_COMPLETE="bash_complete", COMP_WORDS=f"unflub {words} no",
        COMP_CWORD=str(len(words.split()) + 1),
    )  # fmt: skip
    assert program.run().stdout == "file,no\n"


def test_strict_and_cautious_presets_are_accepted(program):
    """A preset is a choice of the user's, for one run too."""
    for preset in ("cautious", "balanced", "strict"):
        done = program.run("check", "--preset", preset, stdin=CLEAN)
        assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("check <&-", 5),
        ("check - > /dev/full", 74),
        ("check /{}/x".format("y" * 300), 5),
        ("scan --format jsonl . | head -n 1", 0),
    ],
    ids=["closed input", "full disk", "name too long", "reader had enough"],
)
def test_odd_surroundings_end_in_one_line_too(program, line, status):
    """No traceback and no internal error, whatever the shell does to the command."""
    for number in range(300):
        save(program.home, f"{number}.eml", CLEAN)
    done = program.shell(line)
    assert done.returncode == status, done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert "internal error" not in done.stderr


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("check nowhere.eml", 5),
        ("scan --bogus", 2),
        ("watch --once", 3),
        ("sendmail -- ./no-program < clean.eml", 2),
        ("check --output found clean.eml", 0),
        ("check --output found flub.eml", 1),
    ],
)
@pytest.mark.parametrize("nowhere", ["2> /dev/full", "2> >(:)"], ids=["full", "nobody reads"])
def test_the_exit_status_is_right_where_nothing_can_be_said(program, line, status, nowhere):
    """A script that asks for the status must not take a full disk for a flub."""
    account = 'address = "me@example.org"\nhost = "127.0.0.1"\npassword_env = "NOT_SET"\n'
    program.configure(f"[accounts.home]\n{account}")
    save(program.home, "clean.eml", CLEAN)
    save(program.home, "flub.eml", FLUBBED)
    assert program.shell(f"{line} {nowhere}").returncode == status


def test_a_threshold_of_ones_own_takes_the_place_of_the_presets(program):
    """By option or in the configuration; what is surer than it is still found."""
    (found,) = json.loads(program.run("check", "--format", "json", stdin=FLUBBED).stdout)
    surest = max(passage["confidence"] for passage in found["passages"])
    above, below = (surest + 1) / 2, surest / 2
    assert program.run("check", "--threshold", str(above), stdin=FLUBBED).returncode == 0
    assert program.run("check", "--threshold", str(below), stdin=FLUBBED).returncode == 1
    program.configure(f"threshold = {above}\n")
    assert program.run("check", stdin=FLUBBED).returncode == 0
    assert program.run("check", "--preset", "balanced", stdin=FLUBBED).returncode == 1
    assert program.run("check", "--threshold", "0", stdin=FLUBBED).returncode == 2


def test_categories_that_are_switched_off_are_not_spoken_of(program, tmp_path):
    """Neither by check nor by scan, and the message is clean where nothing else is in it."""
    (found,) = json.loads(program.run("check", "--format", "json", stdin=FLUBBED).stdout)
    categories = {s["category"] for p in found["passages"] for s in p["sentences"]}
    path = save(tmp_path, "note.eml", FLUBBED)
    program.configure(f"categories_off = {json.dumps(sorted(categories))}\n")
    assert program.run("check", stdin=FLUBBED).returncode == 0
    assert program.run("scan", path).returncode == 0
    program.configure('categories_off = ["no such thing"]\n')
    done = program.run("check", stdin=FLUBBED)
    assert done.returncode == 2
    assert "none of reanswer" in done.stderr
