"""The password is seen nowhere while the daemon runs, nor when it dies."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import dovecot
from support.processes import children_of

from scanner.core.classify import Policy
from scanner.judging import JudgingProcess


def dumps_core(pid: int) -> bool:
    _, status = os.waitpid(pid, 0)
    return os.WCOREDUMP(status)


def test_no_process_shows_the_password(household, tmp_path):
    """Neither command lines nor environments of the daemon and what it starts hold it."""
    secret = tmp_path / "secret"
    secret.write_text(dovecot.PASSWORD)
    secret.chmod(0o600)
    household.program.environment.pop("TEST_PASSWORD")
    household.configure(password_env="", password_file=f'"{secret}"')
    with household.program.watching() as daemon:
        for process in Path("/proc").glob("[0-9]*"):
            for file in ("cmdline", "environ"):
                try:
                    seen = (process / file).read_bytes()
                except OSError:
                    continue
                ours = b"scanner" in seen or str(household.program.home).encode() in seen
                assert not (ours and dovecot.PASSWORD.encode() in seen)
        assert dovecot.PASSWORD not in daemon.log.read_text()


def test_the_judge_is_not_given_the_password(household):
    """What reads hostile mail has its environment from the daemon, less what password_env names."""
    with household.program.watching() as daemon:
        (judge,) = children_of(daemon.process.pid)
        given = (Path("/proc") / str(judge) / "environ").read_bytes()
    assert b"UNFLUB_CONFIG=" in given
    assert dovecot.PASSWORD.encode() not in given


@pytest.fixture
def _cores(monkeypatch, tmp_path):
    """Where programs leave core files unless they see to it."""
    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] == 0:
        pytest.skip("no core files are allowed here")
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        other = subprocess.Popen([sys.executable, "-c", "import os; os.abort()"])
        if not dumps_core(other.pid):
            pytest.skip("the system writes no core files")
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.usefixtures("_cores")
def test_the_daemon_leaves_no_core_file(household):
    """Killed so that others leave a core, it leaves none: neither a file nor one for a handler."""
    with household.program.watching() as daemon:
        daemon.process.send_signal(signal.SIGABRT)
        assert not dumps_core(daemon.process.pid)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize(
    "command", ["setup --host localhost --address me@example.org", "login home"]
)
def test_who_asks_for_a_password_leaves_no_core_file(household, command):
    r"""With Ctrl-\, which ends it so, what was typed in would lie there."""
    household.configure(password_env="")
    asking = household.program.converse(*command.split())
    asking.expect("Password")
    limits = (Path("/proc") / str(asking.pid) / "limits").read_text()
    asking.close(force=True)
    assert re.search(r"Max core file size +0 ", limits)


@pytest.mark.usefixtures("_cores")
def test_the_judge_leaves_no_core_file():
    """It holds mail, and libraries of others that hostile mail may break."""
    judge, before = JudgingProcess(None, Policy()), children_of(os.getpid())
    judge.start()
    (process,) = children_of(os.getpid()) - before
    os.kill(process, signal.SIGABRT)
    assert not dumps_core(process)


def test_the_kernel_is_told_not_to_dump(program):
    """The limit alone does not bind a handler that takes cores (core(5))."""
    done = program.python(
        "from scanner.adapters import secrecy; import ctypes, resource; secrecy.no_core_file();"
        "print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    assert done.stdout.strip() == "0 0"
