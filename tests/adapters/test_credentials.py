"""Passwords: from the environment, a command or the keyring, and never in an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from scanner.adapters.credentials import password, store
from scanner.config import Account
from scanner.errors import CredentialsError

SECRET = "hunter2"


class MemoryKeyring(KeyringBackend):
    """A keyring that lives as long as the test."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service, username):
        self._check()
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self._check()
        self.held[service, username] = password

    def delete_password(self, service, username):
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError

    def _check(self):
        if self.locked:
            raise KeyringLocked(f"locked, and it holds {SECRET}")


@pytest.fixture
def ring() -> Iterator[MemoryKeyring]:
    before, ours = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(ours)
    yield ours
    keyring.set_keyring(before)


def account(**settings: object) -> Account:
    return Account("home", "me@example.org", "imap.example.org", **settings)


def printing(code: str) -> Account:
    return account(password_command=(sys.executable, "-c", code))


def refused(asked: Account) -> str:
    """The line of the error; it is one line and holds no secret."""
    with pytest.raises(CredentialsError) as raised:
        password(asked)
    line = str(raised.value)
    assert line.startswith("account home: ")
    assert "\n" not in line
    assert SECRET not in line
    assert raised.value.exit_status == 3
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return line


@pytest.mark.usefixtures("ring")
def test_the_environment_comes_first(monkeypatch):
    """A named variable is taken as it is, whatever else could be asked."""
    monkeypatch.setenv("TEST_UNFLUB", f" {SECRET} ")
    store(account(), "another")
    asked = account(password_env="TEST_UNFLUB", password_command=("false",))
    assert password(asked) == f" {SECRET} "


def test_a_missing_variable_is_not_repeated(monkeypatch):
    """Nothing else is tried in its place, and what stands there may be a password."""
    monkeypatch.delenv("TEST_UNFLUB", raising=False)
    line = refused(account(password_env="TEST_UNFLUB"))
    assert "password_env" in line
    assert "TEST_UNFLUB" not in line


@pytest.mark.parametrize("printed", ["hunter2\\n\\n", "hunter2\\nlogin: me", "hunter2\\0"])
def test_a_password_of_several_lines_is_refused(printed):
    """A line end would let what follows through as a command of its own."""
    code = f"import sys; sys.stdout.buffer.write('{printed}'.encode())"
    line = refused(printing(code))
    assert "more than one line" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("printed", "secret"),
    [
        ("hunter2", "hunter2"),
        ("hunter2\\n", "hunter2"),
        ("hunter2\\r\\n", "hunter2"),
        (" hun ter2 \\n", " hun ter2 "),
        ("pässwörd\\n", "pässwörd"),
    ],
)
def test_a_command_prints_the_password(printed, secret):
    """One line end is taken off, as the shell does, and nothing else."""
    code = f"import sys; sys.stdout.buffer.write('{printed}'.encode())"
    assert password(printing(code)) == secret


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (f"print('{SECRET}'); raise SystemExit(3)", "ended with status 3"),
        (f"import sys; sys.exit('{SECRET}')", "ended with status 1"),
        ("print()", "printed nothing"),
        ("pass", "printed nothing"),
    ],
)
def test_a_failing_command_is_reported_without_what_it_printed(code, problem):
    """The line tells how it ended, and to mend password_command."""
    line = refused(printing(code))
    assert problem in line
    assert "password_command" in line


def test_a_command_that_is_not_there_is_reported():
    """The line says so, and not with a traceback."""
    line = refused(account(password_command=("/no/such/program", SECRET)))
    assert "cannot be run: No such file or directory" in line


def test_what_a_command_reads_is_nothing(capfd):
    """A command that asks at the terminal finds none, and its complaints are not shown."""
    code = "import sys; print(repr(sys.stdin.read())); print('complaint', file=sys.stderr)"
    assert password(printing(code)) == "''"
    assert capfd.readouterr() == ("", "")


def test_what_was_stored_in_the_keyring_is_found(ring):
    """It lies there under the program and the account's name."""
    store(account(), SECRET)
    assert password(account()) == SECRET
    assert ring.held == {("unflub", "home"): SECRET}


@pytest.mark.usefixtures("ring")
def test_a_missing_password_says_how_to_store_it():
    """The line names the command to run."""
    assert "run `unflub login home`" in refused(account())


def test_a_locked_keyring_is_reported_without_its_words(ring):
    """Neither reading nor storing repeats what the keyring said."""
    ring.locked = True
    assert "does not answer (KeyringLocked); unlock it" in refused(account())
    with pytest.raises(CredentialsError, match="unlock it") as raised:
        store(account(), SECRET)
    assert SECRET not in str(raised.value)
