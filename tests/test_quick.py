"""What is asked before Send: done whole by a daemon, or by the command itself, and the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from support.notes import CLEAN, FLUBBED, OPENING, note
from support.phrases import JUDGE
from support.program import PATIENCE, Program
from support.waiting import until

from scanner import __version__, checking, errands
from scanner.adapters import answering, dismissals, local
from scanner.core.assess import digest
from scanner.core.verdict import Check, Verdicts

_INTERRUPTED_AT_CLICK = """
import os, signal, sys
from scanner import quick

class Interrupting:
    def find_spec(self, name, *_):
        if name == "click":
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["unflub", "scan", "x"]
quick.main()
"""
MARKED = note(OPENING, "Only a test would call this a flub.", "This apology flub is another one.")
FOLDED = note(OPENING, "We talked about pumps.", "I like pumps.", "I said a flub.", "Pumps it is.")
LUNCH = b"From: a@example.org\r\nSubject: Lunch\r\n\r\nSorry, lunch was a flub.\r\n"
BROKEN = b"\x00\xff\x00"
OWN = b"X-Unflub-Warns-About: 0123456789abcdef\r\nSubject: x\r\n\r\nflub\r\n"
LET_THROUGH = b"x-unflub:  Send\r\n" + MARKED
MAILBOX = b"".join(
    b"From a@example.org Tue Mar  4 10:12:00 2025\n" + raw + b"\n" for raw in (CLEAN, MARKED)
)
MESSAGES = {
    "marked.eml": MARKED,
    "folded.eml": FOLDED,
    "clean.eml": CLEAN,
    "lunch.eml": LUNCH,
    "broken.eml": BROKEN,
    "own.eml": OWN,
    "empty.eml": b"",
    "sent.mbox": MAILBOX,
    "let-through.eml": LET_THROUGH,
}
# Whatever may stand on the command line, with the message on standard input.
CHECKED_BY_DAEMON = (
    "check", "check -", "check marked.eml", "check ./folded.eml", "check -- marked.eml",
    "check --format json", "check --format=jsonl --with-text", "check --format text -q",
    "check --skip-dismissed", "check --fail-on flub", "check --fail-on never --quiet",
    "check --category apology", "check --category=apology --category plea",
    "check --min-confidence 0.95", "check --direction incoming", "check --preset strict",
    "check --threshold 0.5 --preset cautious", "check marked.eml --format json",
    """check "$(printf 'caf\\351.eml')" """, "check h\u00e9.eml --format json",
)  # fmt: skip
SENT_BY_DAEMON = (
    "sendmail -- cat", "sendmail cat", "sendmail --preset strict -- cat -u",
    "sendmail --no-question cat -", "sendmail --unasked send -- sh -c 'cat; exit 3'",
    "sendmail cat --no-such-option",
)  # fmt: skip
BY_ITSELF = (
    "check marked.eml clean.eml", "check - -", "check --explain -h", "check --help", "check -qh",
    "check --format html -o page.html", "check --format", "check --format xml", "check --bogus",
    "check --category nonsense", "check --threshold 0", "check nosuch.eml", "check .",
    "check --config nosuch.toml", "check --model nosuch", "check --config", "check ''",
    "sendmail", "sendmail --", "sendmail --help", "sendmail --anyway -- cat", "sendmail -- nosuch",
    "sendmail -- ./broken.eml", "sendmail -- cat -bs", "sendmail --bogus -- cat",
    "sendmail --unasked perhaps -- cat", "sendmail --config nosuch.toml -- cat", "sendmail -- ''",
)  # fmt: skip
SLOWLY = ("-c", "from scanner.cli import main; main()")
QUICKLY = ("-m", "scanner")


class Daemon:
    """A daemon whose verdicts nobody else would give, and what it did for commands."""

    def __init__(self) -> None:
        self.done: list[dict] = []
        self.asked: list[Check] = []

    def check(self, asked: Check) -> Verdicts | None:
        self.asked.append(asked)
        return JUDGE(asked.messages)

    def answer(self, question: dict) -> dict:
        said = errands.answer(self, question)
        self.done += [said] if "prints" in said or "runs" in said else []
        return said


@contextmanager
def running() -> Iterator[Daemon]:
    daemon = Daemon()
    with answering.answering(daemon.answer):
        yield daemon


@pytest.fixture
def command(program, monkeypatch) -> Program:
    """The command in a folder of messages; this process, where the daemon is, sees it likewise."""
    for name in local.surroundings():
        monkeypatch.delenv(name, raising=False)
    for name, value in program.surroundings().items():
        monkeypatch.setenv(name, value)
    for name, raw in MESSAGES.items():
        (program.home / name).write_bytes(raw)
    for name in (b"caf\xe9.eml", "h\u00e9.eml".encode()):  # not all names are text
        Path(os.fsdecode(bytes(program.home) + b"/" + name)).write_bytes(MARKED)
    dismissals.path().parent.mkdir(parents=True)
    dismissals.add([digest("This apology flub is another one.")])
    return program


def run(command: Program, way: tuple[str, ...], line: str, raw: bytes = b"") -> tuple:
    """Run a command line in one of the two ways; a shell is its parent, as it often is."""
    script = f"exec {sys.executable} {' '.join(map(repr, way))} {line}"
    done = subprocess.run(
        ["sh", "-c", script], input=raw, capture_output=True, env=command.surroundings(),
        cwd=command.home, timeout=PATIENCE * 2, check=False, start_new_session=True,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("line", [*CHECKED_BY_DAEMON, *SENT_BY_DAEMON, *BY_ITSELF])
def test_both_ways_print_and_end_alike(command, line):
    """Output, errors and status; what takes no more than words is really done by the daemon."""
    raw = LUNCH if line in SENT_BY_DAEMON else MARKED
    with running() as daemon:
        quickly = run(command, QUICKLY, line, raw)
        assert daemon.done or line in BY_ITSELF
        assert quickly == run(command, SLOWLY, line, raw)


@pytest.mark.parametrize("name", MESSAGES)
def test_both_ways_say_the_same_of_every_message(command, name):
    """Whatever becomes of it; and what is sent is sent as it was."""
    with running():
        for line in ("check", f"check --format json {name}", "sendmail -- cat"):
            raw = MESSAGES[name]
            assert run(command, QUICKLY, line, raw) == run(command, SLOWLY, line, raw)


def test_both_ways_print_json_in_utf_8(command):
    """Whatever standard output is for, or it would be none (RFC 8259); text is for who reads it."""
    command.environment["PYTHONIOENCODING"] = "cp1252"
    raw = note(OPENING, "A flub – alas \N{WAVING HAND SIGN}.")
    with running():
        for form, shown in (
            ("jsonl", "– alas \N{WAVING HAND SIGN}".encode()),
            ("text", b"\x96 alas"),
        ):
            quickly = run(command, QUICKLY, f"check --format {form}", raw)
            assert quickly == run(command, SLOWLY, f"check --format {form}", raw)
            assert shown in quickly[1]


def test_the_command_loads_next_to_nothing_where_a_daemon_answers(command):
    """Not even what parses command lines, so that it is quick."""
    code = (
        "import atexit, sys; sys.argv[1:] = ['check'];"
        "atexit.register(lambda: print(sorted(sys.modules), file=sys.stderr));"
        "from scanner.quick import main; main()"
    )
    with running():
        status, _, loaded = run(command, ("-c", code), "", FLUBBED)
    assert status == 0
    for name in (b"scanner.cli", b"click", b"pathlib", b"typing", b"dataclasses", b"inspect"):
        assert repr(name.decode()).encode() not in loaded


@pytest.mark.parametrize("size", [local.MOST_MESSAGE, local.MOST_MESSAGE + 1, 9 * 2**20])
def test_what_is_too_long_for_the_daemon_is_sent_whole(command, size):
    """It was read in part when that was seen."""
    raw = (LUNCH * (size // len(LUNCH) + 1))[:size]
    with running() as daemon:
        status, sent, _ = run(command, QUICKLY, "sendmail -- cat", raw)
        assert len(daemon.done) == (size <= local.MOST_MESSAGE)
    assert (status, sent) == (0, raw)


def test_a_daemon_that_goes_away_in_between_is_not_missed(command):
    """The message was read already, and is judged, or sent, by the command itself."""
    wants = {**checking.greeting(), "wants": "-"}
    with answering.answering(lambda question: {} if "message" in question else wants):
        assert run(command, QUICKLY, "check --format jsonl", FLUBBED)[0] == 1
        assert run(command, QUICKLY, "sendmail -- cat", CLEAN) == (0, CLEAN, b"")


@pytest.mark.parametrize(
    "said",
    [{"runs": ["touch", "ran"]}, {"runs": []}, {"runs": "cat"}, {"runs": [["cat"]]},
     {"prints": 7, "status": 0}, {"prints": "x"}, {"prints": "x", "status": "0"}],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_none(command, said):
    """Least of all is anything run that the user did not name."""
    with answering.answering(lambda question: said if "message" in question else {"wants": "-"}):
        assert run(command, QUICKLY, "sendmail -- cat", CLEAN) == (0, CLEAN, b"")
    assert not (command.home / "ran").exists()


@pytest.mark.parametrize(
    "redirected",
    ["0> unreadable", "<&-", ">&-", "2>&-", "< marked.eml > /dev/full", "< marked.eml | :"],
)
@pytest.mark.parametrize("line", ["check", "sendmail -- cat"])
def test_both_ways_fare_alike_with_bad_pipes(command, line, redirected):
    """A standard input that is closed or for writing, an output that is closed, full, or left."""
    with running():
        assert run(command, QUICKLY, f"{line} {redirected}") == run(
            command, SLOWLY, f"{line} {redirected}"
        )


@pytest.mark.parametrize("way", [QUICKLY, SLOWLY], ids=["daemon", "itself"])
def test_what_is_typed_ends_with_one_ctrl_d(command, way):
    """After its end a terminal could be read on; also what the daemon has read and given back."""
    with running():
        talk = pexpect.spawn(
            sys.executable, [*way, "sendmail", "cat"], cwd=str(command.home), timeout=PATIENCE,
            env=command.surroundings(), encoding="utf-8", dimensions=(100, 200),
        )  # fmt: skip
        for line in MARKED.decode().splitlines():
            talk.sendline(line)
        talk.sendeof()
        talk.expect("Your choice")


def test_both_ways_take_a_pipe_that_does_not_wait_to_its_end(command):
    """Some programs set their pipes so (O_NONBLOCK)."""
    for way in (QUICKLY, SLOWLY):
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        with running():
            process = subprocess.Popen(
                [sys.executable, *way, "sendmail", "cat"], stdin=ours, stdout=subprocess.PIPE,
                env=command.surroundings(), cwd=command.home,
            )  # fmt: skip
            until(lambda ours=ours, process=process: os.get_blocking(ours) or ended(process))
            os.write(theirs, LUNCH)
            os.close(theirs)
            assert process.communicate(timeout=PATIENCE)[0] == LUNCH
        os.close(ours)


def ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def test_both_ways_show_the_same_on_a_terminal(command):
    """Passages are coloured there, unless it is dumb or NO_COLOR is set (no-color.org)."""

    def shown(way: tuple[str, ...], **more: str) -> str:
        talk = pexpect.spawn(
            sys.executable, [*way, "check", "marked.eml"], cwd=str(command.home), timeout=PATIENCE,
            env={**command.surroundings(), **more}, encoding="utf-8", dimensions=(100, 200),
        )  # fmt: skip
        talk.expect(pexpect.EOF)
        talk.close()
        assert talk.exitstatus == 1
        return talk.before

    with running() as daemon:
        assert "\x1b[43m" in shown(QUICKLY)
        assert shown(QUICKLY) == shown(SLOWLY)
        assert "\x1b[43m" in shown(QUICKLY, NO_COLOR="") == shown(SLOWLY, NO_COLOR="")
        assert "\x1b" not in shown(QUICKLY, NO_COLOR="1")
        assert "\x1b" not in shown(QUICKLY, TERM="dumb")
        assert len(daemon.done) == 5


def test_a_relative_place_is_another_one_in_another_folder(tmp_path, monkeypatch):
    """So a daemon that was started elsewhere does not answer by a configuration of its own."""
    monkeypatch.setenv("UNFLUB_CONFIG", "unflub.toml")
    monkeypatch.chdir(tmp_path)
    here = local.surroundings()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert local.surroundings() != here


def test_an_interrupt_while_it_reads_is_told_in_one_line(command):
    """As the command itself tells it."""

    def interrupted(way: tuple[str, ...]) -> tuple:
        reading, writing = os.pipe()
        with subprocess.Popen(
            [sys.executable, *way, "check"], stdin=reading, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, env=command.surroundings(), cwd=command.home,
        ) as process:  # fmt: skip
            os.close(reading)
            place = Path(f"/proc/{process.pid}/syscall")
            until(lambda: place.read_text().startswith("0 0x0 "))  # read(2) of standard input
            process.send_signal(signal.SIGINT)
            said = process.stderr.read()
            os.close(writing)
        return process.returncode, said

    with running():
        assert interrupted(QUICKLY) == interrupted(SLOWLY) == (130, b"\nunflub: interrupted\n")


def test_an_interrupt_while_the_command_is_loaded_is_told_in_one_line(command):
    """Loading takes longer than most of what is done then."""
    done = command.python(_INTERRUPTED_AT_CLICK)
    assert (done.returncode, done.stderr) == (130, "\nunflub: interrupted\n")


@pytest.mark.parametrize("name", local.surroundings())
@pytest.mark.usefixtures("command")
def test_who_has_other_surroundings_is_refused(monkeypatch, name):
    """Configuration or model may be others there; so may a command of another version be."""
    errand = {
        "version": __version__, "arguments": ["check"], "in_color": False,
        "surroundings": local.surroundings(),
    }  # fmt: skip
    daemon = Daemon()
    assert daemon.answer(errand) == {"wants": "-"}
    assert daemon.answer({**errand, "version": "0.0.1"}) == checking.greeting()
    monkeypatch.setenv(name, "/elsewhere")
    assert daemon.answer(errand) == checking.greeting()


def test_a_model_named_by_a_relative_path_is_left_to_the_command(command, monkeypatch):
    """The daemon works in another folder."""
    command.configure('model = "models/mine"\n')
    monkeypatch.setenv("UNFLUB_CONFIG", command.environment["UNFLUB_CONFIG"])
    with running() as daemon:
        run(command, QUICKLY, "check", MARKED)
        assert not daemon.done
        assert [asked.model for asked in daemon.asked] == [command.home / "models" / "mine"]


@pytest.mark.parametrize(
    "changes",
    [{"arguments": 7}, {"arguments": ["nonsense"]}, {"arguments": []}, {"message": 7},
     {"message": "not base64!"}, {"arguments": None}, {"arguments": [["check"]]}],
)  # fmt: skip
@pytest.mark.usefixtures("command")
def test_an_errand_that_is_none_is_not_done(caplog, changes):
    """The daemon stands, and logs no slip of its own."""
    errand = {
        "version": __version__, "arguments": ["check"], "in_color": False, "message": "",
        "surroundings": local.surroundings(),
    }  # fmt: skip
    with running() as daemon:
        assert local.ask({**errand, **changes}, PATIENCE) is None
        assert local.ask(errand, PATIENCE)["status"] == 5
    assert len(daemon.done) == 1
    assert not caplog.text


@pytest.mark.usefixtures("command")
def test_the_socket_is_guessed_where_it_lies(monkeypatch):
    """The quick way does without what knows the folders of every platform."""
    assert local.guess() == str(local.path())
    monkeypatch.delenv("XDG_STATE_HOME")
    assert local.guess() == str(local.path())
