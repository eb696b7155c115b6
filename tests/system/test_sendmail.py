"""`unflub sendmail` on the way from a mail client to the program that sends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.notes import CLEAN, FLUB, FLUBBED, OPENING, STRENGTH, note
from support.processes import children_of
from support.program import PATIENCE, Program

CASES = Path(__file__).parent.parent / "cases" / "hostile"
QUESTION = r"Your choice \[b\]: "


class Sink:
    """The program that sends: it keeps what it is given, each time in a file of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.command = ["sh", "-c", f'cat > "$(mktemp {folder}/XXXXXX)"; exit "${{1:-0}}"', "send"]

    @property
    def sent(self) -> list[bytes]:
        return [path.read_bytes() for path in self.folder.iterdir()]

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()


@pytest.fixture
def sink(tmp_path) -> Sink:
    return Sink(tmp_path / "sent")


def send(program: Program, sink: Sink, raw: bytes, *options: str) -> subprocess.CompletedProcess:
    """Send as a client without a terminal does."""
    command = [sys.executable, "-m", "scanner", "sendmail", *options, "--", *sink.command]
    return subprocess.run(
        command, input=raw, capture_output=True, timeout=PATIENCE * 2, check=False,
        env=program.surroundings(), cwd=program.home, start_new_session=True,
    )  # fmt: skip


def ask(program: Program, sink: Sink, raw: bytes) -> pexpect.spawn:
    """Send on a terminal."""
    (program.home / "note.eml").write_bytes(raw)
    line = f'exec {sys.executable} -m scanner sendmail -- "$@" < note.eml'
    return pexpect.spawn(
        "sh", ["-c", line, "sh", *sink.command], env=program.surroundings(),
        cwd=str(program.home), timeout=PATIENCE, encoding="utf-8", dimensions=(50, 100),
    )  # fmt: skip


def status(asking: pexpect.spawn) -> int | None:
    asking.expect(pexpect.EOF)
    asking.close()
    return asking.exitstatus


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
@example(b"")
@example(b"\x00")
@example(b"Subject: x\r\n\r\nNo end of line")
@example(b"Subject: x\n\nA dot\n.\nand more\r\n\x00\xff\r")
@example(CLEAN)
@example(CLEAN + b"\r\n" * 2_000_000)
def test_any_message_is_passed_on_byte_for_byte_and_once(program, sink, raw):
    """Whatever is in it, however long it is."""
    sink.clear()
    done = send(program, sink, raw)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sink.sent == [raw]


@pytest.mark.parametrize("case", ["charset_extended_base64", "encoded_word_nul", "file_name_nul"])
def test_hostile_messages_are_passed_on_without_a_word(program, sink, case):
    """What cannot be read is no flub, and no trouble of the engine's."""
    raw = (CASES / f"{case}.eml").read_bytes()
    done = send(program, sink, raw)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sink.sent == [raw]


def test_a_note_whose_charset_is_told_the_long_way_is_held(program, sink):
    """A parameter as RFC 2231 has it, and 8-bit text."""
    raw = FLUBBED.replace(b'charset="utf-8"', b"charset*=us-ascii''iso-8859-1")
    raw = raw.replace(b"Ada", b"Ad\xe9")
    assert send(program, sink, raw).returncode == 75
    assert not sink.sent


def test_it_ends_as_the_program_that_sends_does(program, sink):
    """Its status tells the client; nothing is tried again."""
    sink.command.append("67")
    assert send(program, sink, CLEAN).returncode == 67
    assert sink.sent == [CLEAN]


def test_a_flub_note_is_held_where_nobody_can_be_asked(program, sink):
    """The client keeps it: status 75 and one line, without the words of the note."""
    done = send(program, sink, FLUBBED)
    assert done.returncode == 75
    (line,) = done.stderr.decode().splitlines()
    assert "apologises" in line
    assert "X-Unflub: send" in line
    assert "budget" not in line
    assert sink.sent == []


@pytest.mark.parametrize("way", ["--unasked=send", "--anyway", "header"])
def test_it_can_be_let_through(program, sink, way):
    """By an option, or by a header field, which is sent with the rest."""
    raw = FLUBBED if way != "header" else b"X-Unflub: send\r\n" + FLUBBED
    done = send(program, sink, raw, *([way] if way != "header" else []))
    assert (done.returncode, sink.sent) == (0, [raw])


def test_the_header_counts_in_the_header_alone(program, sink):
    """Words in the text let nothing through."""
    assert send(program, sink, FLUBBED + b"\r\nX-Unflub: send\r\n").returncode == 75


def test_on_a_terminal_it_asks_with_passage_reason_and_advice(program, sink):
    """Send anyway sends, once."""
    asking = ask(program, sink, FLUBBED)
    asking.expect(QUESTION)
    said = " ".join(asking.before.replace(">", " ").split())
    for words in (FLUB, "An apology asks the reader", "references"):
        assert words in said
    assert sink.sent == []
    asking.sendline("s")
    assert status(asking) == 0
    assert sink.sent == [FLUBBED]


def test_a_small_flub_is_asked_about_in_gentler_words(program, sink):
    """Those of the warning draft, where the flub is turned into something that speaks for them."""
    folded = (
        "I spoke too quickly about my certificate, but it has served me well on every ward since."
    )
    asking = ask(program, sink, note(OPENING, STRENGTH, STRENGTH, folded))
    asking.expect("Some readers will not mind it")
    asking.expect(QUESTION)
    asking.sendline("")
    assert status(asking) == 75


@pytest.mark.parametrize(
    "answer", ["\r", "b\r", "x\r", "\x03", "\x04", "s\x03", "send it\r", "s" * 500 + "\r"]
)
def test_any_other_answer_goes_back(program, sink, answer):
    """Enter, Ctrl-C, Ctrl-D and slips of the finger: nothing is sent, and the client is told."""
    asking = ask(program, sink, FLUBBED)
    asking.expect(QUESTION)
    asking.send(answer)
    assert status(asking) == 75
    assert sink.sent == []


def test_not_a_flub_is_remembered(program, sink):
    """It is sent, and not asked about again; nor is it warned about, as the file says."""
    asking = ask(program, sink, FLUBBED)
    asking.expect(QUESTION)
    asking.sendline("n")
    assert status(asking) == 0
    assert send(program, sink, FLUBBED).returncode == 0
    assert sink.sent == [FLUBBED, FLUBBED]
    kept = (program.home / "state" / "unflub" / "dismissals").read_text()
    assert "budget" not in kept
    assert program.run("check", stdin=FLUBBED).returncode == 1  # which says what it finds


def test_what_was_typed_before_the_question_is_no_answer(program, sink):
    """An impatient "s" does not send a note that was not seen to be one."""
    asking = ask(program, sink, FLUBBED)
    asking.sendline("s")
    asking.expect(QUESTION)
    asking.sendline("")
    assert status(asking) == 75


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_at_the_question_sends_nothing(program, sink, number):
    """And the terminal is as it was."""
    (program.home / "note.eml").write_bytes(FLUBBED)
    line = f'{sys.executable} -m scanner sendmail -- "$@" < note.eml; echo "ended $?"; stty -a'
    asking = pexpect.spawn(
        "sh", ["-c", f"trap : HUP INT; stty -icanon -echo; {line}", "sh", *sink.command],
        env=program.surroundings(), cwd=str(program.home), timeout=PATIENCE, encoding="utf-8",
    )  # fmt: skip
    asking.expect(QUESTION)
    (process,) = children_of(asking.pid)
    os.kill(process, number)
    asking.expect(r"ended (\d+)")
    assert asking.match[1] != "0"
    asking.expect("-icanon.* -echo ")
    assert sink.sent == []


def test_from_the_background_nobody_is_asked(program, sink):
    """Using the terminal there would stop the client."""
    (program.home / "note.eml").write_bytes(FLUBBED)
    line = f'set -m; {sys.executable} -m scanner sendmail -- "$@" < note.eml & wait $!; echo e$?'
    asking = pexpect.spawn(
        "sh", ["-c", line, "sh", *sink.command], env=program.surroundings(),
        cwd=str(program.home), timeout=PATIENCE, encoding="utf-8",
    )  # fmt: skip
    asking.expect("not sent.*e75")


@pytest.mark.parametrize("trouble", ["no model", "configuration", "state folder", "library"])
def test_with_an_engine_in_trouble_the_mail_goes(program, sink, trouble, tmp_path):
    """One line says so; nobody's mail is kept for a fault of ours."""
    if trouble == "no model":
        program.configure('model = "nowhere"')
    elif trouble == "configuration":
        program.configure("preset = 7")
    elif trouble == "state folder":
        (tmp_path / "state").write_text("no folder")
    else:
        (tmp_path / "onnxruntime.py").write_text("raise RuntimeError('broken')")
        program.environment["PYTHONPATH"] = str(tmp_path)
    done = send(program, sink, FLUBBED)
    if trouble == "state folder":  # costs nothing but what was dismissed
        assert done.returncode == 75
        return
    assert done.returncode == 0
    (line,) = done.stderr.decode().splitlines()
    assert "sent without a check" in line
    assert trouble != "library" or "internal error, RuntimeError at onnxruntime.py:1;" in line
    assert sink.sent == [FLUBBED]


def test_the_mail_goes_also_where_nobody_can_be_told(program, sink):
    """Standard error is broken, and so is the configuration."""
    program.configure("preset = 7")
    (program.home / "note.eml").write_bytes(FLUBBED)
    command = [sys.executable, "-m", "scanner", "sendmail", "--", *sink.command]
    with (program.home / "note.eml").open("rb") as raw, Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, stdin=raw, stderr=full, timeout=PATIENCE * 2, check=False,
            env=program.surroundings(), cwd=program.home, start_new_session=True,
        )  # fmt: skip
    assert (done.returncode, sink.sent) == (0, [FLUBBED])


def test_a_silent_daemon_costs_a_wait_and_no_mail(program, sink):
    """The verdict is made here then."""
    folder = program.home / "state" / "unflub"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "check.sock"))
        silent.listen()
        assert send(program, sink, FLUBBED).returncode == 75


def test_what_reads_no_message_is_run_as_it_is(program):
    """sendmail -bs talks with its client: nothing is read before it says something."""
    talk = 'read line; echo "250 $line"'
    process = program.start(
        "sendmail", "--", "sh", "-c", f"echo 220 ready; {talk}", "-bs",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == b"220 ready\n"
    process.stdin.write(b"EHLO me\n")
    process.stdin.close()
    assert process.stdout.readline() == b"250 EHLO me\n"
    assert process.wait(PATIENCE) == 0


def test_closed_input_and_a_missing_program_are_said(program):
    """Nothing is sent, and the client is told."""
    closed = program.shell("sendmail -- cat <&-")
    assert (closed.returncode, closed.stdout) == (5, "")
    assert "standard input is closed" in closed.stderr
    missing = program.run("sendmail", "--", "no-such-program", stdin=CLEAN)
    assert missing.returncode == 2
    assert "not sent: no-such-program" in missing.stderr
    assert program.run("sendmail", stdin=CLEAN).returncode == 2


def test_the_program_that_sends_gets_its_signals_as_usual(program):
    """Python ignores SIGPIPE; who is run by us does not."""
    done = program.run("sendmail", "--", "grep", "SigIgn", "/proc/self/status", stdin=CLEAN)
    ignored = int(done.stdout.split()[1], 16)
    assert not any(ignored >> (number - 1) & 1 for number in (signal.SIGPIPE, signal.SIGXFSZ))


def test_dismissing_a_message_is_remembered(program, sink):
    """`unflub dismiss` is for clients that ask by themselves."""
    done = program.run("dismiss", stdin=FLUBBED)
    assert (done.returncode, done.stdout) == (0, "2 sentences will not be brought up again\n")
    assert send(program, sink, FLUBBED).returncode == 0
