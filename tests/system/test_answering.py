"""A running daemon answers checks: with the same words, and without the model in the command."""

from __future__ import annotations

import os
import signal
import time
from subprocess import DEVNULL

import pytest
from support.notes import CLEAN, FLUB, FLUBBED, OPENING, OTHER_FLUB, STRENGTH, note
from support.processes import children_of
from support.program import PATIENCE, Program
from support.waiting import until

from scanner.core.assess import digest

OTHER = b"From: a@example.org\r\nSubject: Lunch\r\n\r\nSorry I was late for lunch today.\r\n"
ENCRYPTED = (
    b"From: a@b.example\r\n\r\n-----BEGIN PGP MESSAGE-----\r\nx\r\n-----END PGP MESSAGE-----"
)
BORDERLINE = note(OPENING, STRENGTH, "I may have been a little unclear about the dates, sorry.")
OPTIONS = (
    ("--format", "json", "--with-text"),
    ("--format", "text"),
    ("--format", "jsonl", "--preset", "strict", "--min-confidence", "0.5"),
    ("--format", "html", "--direction", "incoming", "--category", "apology"),
)


def sockets(program: Program) -> list[str]:
    return [path.name for path in (program.home / "state" / "unflub").glob("*.sock")]


@pytest.fixture
def no_model(tmp_path, household) -> Program:
    """The same command where loading the model, and all that it needs, fails."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("numpy", "onnxruntime", "tokenizers", "lxml", "mailparser"):
        (hidden / f"{name}.py").write_text("raise ImportError('hidden')")
    home = household.program
    return Program(home.home, {**home.environment, "PYTHONPATH": str(hidden)})


def test_a_check_is_the_same_with_a_daemon_and_without(household):
    """Standard output, status and all, whatever the options."""
    paths = []
    for number, raw in enumerate((FLUBBED, CLEAN, OTHER, ENCRYPTED, b"", BORDERLINE)):
        paths.append(household.program.home / f"{number}.eml")
        paths[-1].write_bytes(raw)

    def results() -> list[tuple[int, str, str]]:
        done = [household.program.run("check", *options, *paths) for options in OPTIONS]
        return [(one.returncode, one.stdout, one.stderr) for one in done]

    without = results()
    with household.program.watching():
        assert results() == without


def test_the_command_loads_no_model_when_the_daemon_answers(household, no_model):
    """Neither numpy nor the parsers of mail and HTML: it is quick to start."""
    assert no_model.run("check", stdin=FLUBBED).returncode not in {0, 1}
    with household.program.watching():
        for raw, status in ((FLUBBED, 1), (CLEAN, 0), (OTHER, 0)):
            assert no_model.run("check", stdin=raw).returncode == status


def test_after_sighup_the_new_crew_answers(household, no_model):
    """The one before is gone."""
    with household.program.watching() as daemon:
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded")
        assert no_model.run("check", stdin=FLUBBED).returncode == 1


def test_the_model_comes_back_for_a_check(household, no_model):
    """Where its process was killed, the daemon starts another, and soon answers again."""
    with household.program.watching() as daemon:
        for child in children_of(daemon.process.pid):
            os.kill(child, signal.SIGKILL)
        until(lambda: no_model.run("check", stdin=FLUBBED).returncode == 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_ended_is_not_missed(household, number):
    """Stopped, it leaves no socket; killed, one that nobody minds."""
    with household.program.watching() as daemon:
        assert sockets(household.program)
        daemon.stop(number)
        assert bool(sockets(household.program)) is (number == signal.SIGKILL)
        assert household.program.run("check", stdin=FLUBBED).returncode == 1
    with household.program.watching():
        assert sockets(household.program) == ["check.sock"]


def test_a_dry_run_opens_no_socket(household):
    """It writes nothing."""
    with household.program.watching("--dry-run"):
        assert not sockets(household.program)


def test_it_ends_in_time_while_somebody_is_answered(household):
    """Neither a check that is stuck nor one that never asks holds it up."""
    with household.program.watching() as daemon:
        for child in children_of(daemon.process.pid):
            os.kill(child, signal.SIGSTOP)
        asking = household.program.start("check", stdin=DEVNULL, stdout=DEVNULL)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 20
        asking.wait(PATIENCE * 2)


def test_the_log_holds_nothing_of_what_was_checked(household):
    """Nor does a file in the state folder."""
    with household.program.watching() as daemon:
        household.program.run("check", stdin=FLUBBED)
        household.program.run("dismiss", stdin=FLUBBED)
        assert "budget" not in daemon.log.read_text()
        for path in (household.program.home / "state" / "unflub").iterdir():
            assert path.is_socket() or "budget" not in path.read_text()


def test_what_is_dismissed_before_sending_is_not_warned_about(household):
    """The daemon is running meanwhile; another passage in the same note still is."""
    with household.program.watching():
        assert household.program.run("dismiss", stdin=FLUBBED).returncode == 0
        household.client.save(note(OPENING, FLUB, OTHER_FLUB, STRENGTH))
        household.client.wait_until(lambda client: client.warnings())
        (warning,) = household.client.warnings().values()
        digests = warning.message["X-Unflub-Warns-About"]
        assert digest(OTHER_FLUB) in digests
        assert digest(FLUB.split(". ")[0]) not in digests


def test_a_deleted_warning_is_not_asked_about_before_sending(household):
    """`check --skip-dismissed` and `sendmail` know; a plain `check` says what it finds."""
    household.client.save(FLUBBED)
    household.once()
    household.client.delete(*household.client.warnings())
    household.once()
    assert household.program.run("check", "--skip-dismissed", stdin=FLUBBED).returncode == 0
    assert household.program.run("check", stdin=FLUBBED).returncode == 1
    assert household.program.run("sendmail", "--", "true", stdin=FLUBBED).returncode == 0
