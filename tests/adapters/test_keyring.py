"""Passwords in a real Secret Service: GNOME's keyring on a D-Bus of its own."""

from __future__ import annotations

import signal

import pytest
from support import dovecot
from support.desktop import Desktop
from support.household import Household


@pytest.fixture
def session(session, household) -> Desktop:
    """A desktop, and no password in the environment."""
    household.configure(password_env="")
    return session


def log_in(household: Household) -> str:
    """Store the password; give the error line, if there is one."""
    done = household.program.run("login", "home", stdin=f"{dovecot.PASSWORD}\n".encode())
    assert dovecot.PASSWORD not in done.stdout + done.stderr
    return done.stderr.splitlines()[-1] if done.returncode else ""


def advice(household: Household) -> str:
    """The one line that a pass without a password ends with."""
    done = household.program.run("watch", "--once")
    assert done.returncode == 3
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("unflub: ")]
    assert dovecot.PASSWORD not in done.stderr
    return line


def test_the_keyring_keeps_the_password(session, household):
    """`unflub login` stores it under the account's name, and a pass finds it there."""
    with session.keyring() as keyring:
        assert "run `unflub login home`" in advice(household)
        assert log_in(household) == ""
        assert keyring.items() == {"Password for 'home' on 'unflub'": dovecot.PASSWORD}
        assert "drafts read" in household.once()


def test_a_locked_keyring_says_how_to_unlock_it(session, household):
    """Both who stores and who reads is told."""
    with session.keyring() as keyring:
        assert log_in(household) == ""
        keyring.lock()
        assert "the keyring is locked" in advice(household)
        assert "the keyring is locked" in log_in(household)


@pytest.mark.usefixtures("session")
def test_a_desktop_without_a_keyring_says_what_to_install(household):
    """There is a D-Bus, but no Secret Service on it."""
    assert "this system has no keyring; install" in advice(household)
    assert "this system has no keyring; install" in log_in(household)


def test_a_service_that_cannot_reach_the_keyring_says_so(session, household):
    """Outside a desktop session the keyring may well exist, but there is no way to it."""
    with session.keyring():
        assert log_in(household) == ""
        household.program.environment.update(DBUS_SESSION_BUS_ADDRESS="", XDG_RUNTIME_DIR="")
        line = advice(household)
        assert "cannot be reached from here" in line
        assert "systemd credential" in line


@pytest.mark.usefixtures("session")
@pytest.mark.parametrize("bus", [True, False])
def test_whose_token_cannot_be_had_is_not_sent_for_a_password(household, bus):
    """It would be no good; a command that prints a token is."""
    household.configure(password_env="", oauth_client_id='"x"')
    if not bus:
        household.program.environment.update(DBUS_SESSION_BUS_ADDRESS="", XDG_RUNTIME_DIR="")
    line = advice(household)
    assert line.startswith("unflub: account home: ")
    assert line.endswith("or set token_command in the configuration")
    assert "password" not in line


def test_a_daemon_waits_for_the_keyring(session, household):
    """At login the keyring may come after the daemon, which tries again, and at once on SIGHUP."""
    with household.program.watching(wait=False) as daemon:
        daemon.wait_for("this system has no keyring")
        with session.keyring():
            assert log_in(household) == ""
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for(" drafts read; ")
