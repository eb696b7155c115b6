"""Passwords: from the environment, a command or the keyring, and never in an error."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError
from support.token_server import CLIENT, SCOPE, TokenServer, token_server
from support.waiting import until

from scanner.adapters import keychain, oauth
from scanner.adapters.credentials import password, printed_by, store
from scanner.config import Account
from scanner.errors import ConfigurationError, CredentialsError, NotYetError

SECRET = "hunter2"


class MemoryKeyring(KeyringBackend):
    """A keyring that lives as long as the test, and takes no more than Windows' does."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.locked = self.forgetful = self.full = False
        self.asked = 0
        self.answered = threading.Event()
        self.answered.set()

    def get_password(self, service, username):
        self._check()
        return self.held.get((service, username))

    def set_password(self, service, username, password):
        self._check()
        if self.full or len(password.encode("utf-16-le")) > 2560:
            raise OSError(f"no room for {password}")
        if not self.forgetful:
            self.held[service, username] = password

    def delete_password(self, service, username):
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError

    def _check(self):
        self.asked += 1
        self.answered.wait(60)
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
    assert "cannot run /no/such/program: No such file or directory" in line


@pytest.mark.parametrize(
    "settings",
    [
        {"password_command": ("false",)},
        {"token_command": ("true",)},
        {"password_command": ("/no/such/program",)},
        {"password_file": "/no/such/file"},
    ],
    ids=["status", "nothing", "no program", "no file"],
)
def test_what_may_be_there_in_a_moment_is_told_from_what_is_wrong(settings):
    """A network, an agent to unlock, a folder to mount: the daemon waits for it."""
    with pytest.raises(NotYetError):
        password(account(**settings))


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


@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, 2000, 4321])
@pytest.mark.parametrize("before", [0, 1000, 3500])
def test_a_secret_may_be_longer_than_a_keyring_takes(ring, length, before):
    """It is kept in pieces; of a longer one before, and of other secrets, nothing gets in."""
    secret = "".join(chr(ord("a") + place % 26) for place in range(length))
    keychain.write("work", SECRET)
    keychain.write("home", "x" * before)
    keychain.write("home", secret)
    assert (keychain.read("home"), keychain.read("work")) == (secret, SECRET)
    assert "".join(piece for (_, name), piece in ring.held.items() if name != "work") == secret


def test_a_long_secret_that_is_kept_in_one_piece_is_found(ring):
    """As it was stored where a keyring takes any length."""
    ring.held["unflub", "home"] = "x" * 3000
    assert keychain.read("home") == "x" * 3000


@pytest.mark.usefixtures("ring")
def test_a_missing_password_says_how_to_store_it():
    """The line names the command to run."""
    assert "run `unflub login home`" in refused(account())


def test_a_locked_keyring_is_reported_without_its_words(ring):
    """Neither reading nor storing repeats what the keyring said."""
    ring.locked = True
    assert "the keyring is locked" in refused(account())
    with pytest.raises(CredentialsError, match="unlock it") as raised:
        store(account(), SECRET)
    assert SECRET not in str(raised.value)


def test_a_keyring_that_forgets_is_found_out(ring):
    """What is stored is read again at once; the null backend accepts everything and keeps none."""
    ring.forgetful = True
    with pytest.raises(CredentialsError, match="did not keep it"):
        store(account(), SECRET)


def test_a_keyring_whose_window_nobody_answers_is_left(ring):
    """The question ends after a while; until it is answered, no second window is opened."""
    ring.answered.clear()
    for _ in range(2):
        with pytest.raises(CredentialsError, match="answer its window"):
            keychain.read("home", patience=0.05)
    assert ring.asked == 1
    ring.answered.set()
    until(lambda: "waits" not in refused(account()))


def test_accounts_that_ask_at_the_same_moment_are_answered_one_after_the_other(ring):
    """A daemon connects all of them when it starts."""
    ring.held = {("unflub", name): SECRET for name in ("home", "work")}
    ring.answered.clear()
    with ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(keychain.read, name) for name in ("home", "work")]
        until(lambda: ring.asked)
        assert ring.asked == 1
        ring.answered.set()
        assert [one.result(60) for one in asking] == [SECRET, SECRET]


def test_a_question_that_was_lost_keeps_nobody_from_asking_again(ring, monkeypatch):
    """As when the keyring's own process ended before it answered."""
    monkeypatch.setattr(keychain, "_LOST", 0.1)
    ring.held = {("unflub", name): SECRET for name in ("home", "work")}
    ring.answered = never = threading.Event()
    with pytest.raises(NotYetError):
        keychain.read("home", patience=0.01)
    ring.answered = threading.Event()
    ring.answered.set()
    assert [keychain.read(name) for name in ("work", "home")] == [SECRET, SECRET]
    never.set()


@pytest.fixture
def issuer(monkeypatch, tmp_path) -> Iterator[TokenServer]:
    """A token server whose refresh tokens are good once."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with token_server() as running:
        running.rotates = True
        yield running


def test_a_login_goes_on_where_the_keyring_refuses_the_next_refresh_token(ring, issuer, caplog):
    """The access token was given already; the log tells it once, without any token."""
    issuer.refresh = {"before"}
    ring.held["unflub", "home (OAuth2)"] = "before"
    ring.full = True
    asked = account(oauth_client_id=CLIENT, oauth_issuer=issuer.issuer, oauth_scope=SCOPE)
    token = oauth.access_token(asked)
    assert issuer.access == {token}
    (line,) = caplog.messages
    assert "the keyring does not answer (OSError)" in line
    assert not any(secret in line for secret in issuer.refresh | issuer.access)


@pytest.mark.usefixtures("ring")
def test_a_code_that_nobody_types_in_is_given_up_when_it_expires(issuer):
    """Also where the provider would be asked once an hour, which is later."""
    usual = issuer.answer

    def slowly(path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        status, said = usual(path, form)
        return status, {**said, "interval": 3600, "expires_in": 0.2}

    issuer.answer = slowly
    asked = account(oauth_client_id=CLIENT, oauth_issuer=issuer.issuer, oauth_scope=SCOPE)
    with pytest.raises(CredentialsError, match="nobody allowed it in time"):
        oauth.by_device(asked, lambda _page, _code: None)


def test_no_token_is_asked_for_in_the_clear(ring, issuer):
    """Who gives out tokens may name other machines, which are to be asked over TLS, too."""
    ring.held["unflub", "home (OAuth2)"] = "before"
    there = "http://localhost:x@login.example.org/token"
    issuer.answer = lambda *_: (200, {"authorization_endpoint": there, "token_endpoint": there})
    asked = account(oauth_client_id=CLIENT, oauth_issuer=issuer.issuer, oauth_scope=SCOPE)
    with pytest.raises(ConfigurationError, match="an address without TLS"):
        oauth.access_token(asked)


def written(folder: Path, content: bytes = b"hunter2\n", mode: int = 0o600) -> Account:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return account(password_file=str(path))


def test_a_file_of_mode_0600_holds_the_password(tmp_path):
    """One line end is taken off."""
    assert password(written(tmp_path)) == SECRET
    assert password(written(tmp_path, b" hunter2\r\n", 0o400)) == " hunter2"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622, 0o777])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path, mode):
    """The line says how to mend it, and where it lies is not logged."""
    line = refused(written(tmp_path, mode=mode))
    assert "chmod 600" in line
    assert str(tmp_path) not in line


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path):
    """Who owns it could read and change it."""
    asked = written(tmp_path)
    os.chown(asked.password_file, 65534, 65534)
    assert "belongs to somebody else" in refused(asked)


def test_a_file_that_is_missing_empty_or_none_is_refused(tmp_path):
    """Each has its own line."""
    assert "is empty" in refused(written(tmp_path, b"\n"))
    assert "is no file" in refused(account(password_file=str(tmp_path)))
    assert "No such file" in refused(account(password_file=str(tmp_path / "none")))
    assert "No such file" in refused(account(password_file="~nobody-of-this-name/secret"))


@pytest.mark.usefixtures("ring")
def test_a_systemd_credential_is_taken_before_the_keyring(tmp_path, monkeypatch):
    """systemd hands it over as a file, unflub.NAME, in a folder it names."""
    store(account(), "another")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert password(account()) == "another"
    (tmp_path / "unflub.home").write_text("hunter2\n")
    assert password(account()) == SECRET


def test_a_command_that_takes_too_long_is_ended():
    """A command that waits for somebody does not hold the daemon up."""
    began = time.monotonic()
    asked = printing("import time; time.sleep(600)")
    with pytest.raises(CredentialsError, match="took over 0 s"):
        printed_by(asked.password_command, asked, "password_command", seconds=0.2)
    assert time.monotonic() - began < 60


def test_a_command_is_run_anew_for_every_login(tmp_path):
    """A password that changed, or a token that expires, needs no restart."""
    path = tmp_path / "secret"
    asked = printing(f"print(open({str(path)!r}).read())")
    for secret in ("first", "second"):
        path.write_text(secret)
        assert password(asked) == secret
