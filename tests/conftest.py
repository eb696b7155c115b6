"""Real servers and the real program, ready for a test."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import dovecot
from support.desktop import Desktop, desktop
from support.household import Household, household_on
from support.program import Program

import scanner  # noqa: F401 - before any test imports numpy, whose threads it forbids

# Run in the background, or by nohup, the tests would else pass on to every program that these
# signals are ignored: a shell has its background jobs ignore them.
signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32":
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)

# How long an example takes says nothing, on a busy machine least of all. Where $CI is set,
# Hypothesis tries the same ones every time; a run by hand looks for new ones.
settings.register_profile("unflub", deadline=None)
settings.load_profile("unflub")


@pytest.fixture(scope="session")
def server() -> Iterator[dovecot.Dovecot]:
    """A Dovecot with everything it can do."""
    with dovecot.running() as running:
        yield running


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The command with an empty home."""
    return Program(tmp_path, {"TEST_PASSWORD": dovecot.PASSWORD})


@pytest.fixture
def household(server: dovecot.Dovecot, program: Program) -> Household:
    """A fresh user on the shared server."""
    return household_on(server, program)


@pytest.fixture
def session(tmp_path: Path, household: Household) -> Iterator[Desktop]:
    """A desktop session in which the household's program runs."""
    with desktop(tmp_path / "session") as running:
        household.program.environment.update(running.environment)
        yield running
