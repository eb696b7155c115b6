"""How the daemon gets in, finds Drafts and waits, on a real Dovecot."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import dovecot, proxy
from support.client import MailClient, one_warning
from support.crew import account_of, at_work
from support.household import Household, account_table, household_on
from support.notes import FLUBBED, note

from scanner.watcher import Watcher

_A_DAY = 86400
_WITHOUT_IDLE = {"capability": "IMAP4rev1 UIDPLUS SPECIAL-USE"}


@pytest.fixture
def other_server(request: pytest.FixtureRequest) -> Iterator[dovecot.Dovecot]:
    """A Dovecot of its own, with the test's options."""
    with dovecot.running(**request.param) as running:
        yield running


@pytest.fixture
def _here(monkeypatch, tmp_path) -> None:
    """A state folder and the password for a watcher that works in this process."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TEST_PASSWORD", dovecot.PASSWORD)


def assert_one_pass_warns(household: Household) -> None:
    household.client.save(FLUBBED)
    household.once()
    assert one_warning(household.client)


def test_the_password_comes_from_a_command(household):
    """password_command is run as a list, and its one trailing newline is dropped."""
    command = [sys.executable, "-c", f"print('{dovecot.PASSWORD}')"]
    household.configure(password_env="", password_command=json.dumps(command))
    assert_one_pass_warns(household)


def test_the_password_comes_from_the_keyring(household):
    """`unflub login` puts it there, and the daemon finds it under the account's name."""
    (household.program.home / "filekeyring.py").write_text(_FILE_KEYRING)
    household.program.environment.update(
        PYTHON_KEYRING_BACKEND="filekeyring.FileKeyring", PYTHONPATH=str(household.program.home)
    )
    household.configure(password_env="")
    stored = household.program.run("login", "home", stdin=f"{dovecot.PASSWORD}\n".encode())
    assert stored.returncode == 0, stored.stderr
    assert dovecot.PASSWORD not in stored.stdout + stored.stderr
    assert_one_pass_warns(household)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "set the variable that password_env names to another"),
        ({"password_env": "", "password_file": '"x"'}, "write another into the file"),
        ({"password_env": "", "token_command": '["x"]'}, "mend token_command"),
    ],
    ids=["environment", "file", "token"],
)
def test_a_password_that_would_not_be_asked_for_is_not_stored(household, settings, words):
    """`unflub login` says where the account has its password from instead."""
    household.configure(**settings)
    done = household.program.run("login", "home", stdin=f"{dovecot.PASSWORD}\n".encode())
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert words in done.stderr


_FILE_KEYRING = '''
import json, os, pathlib
from keyring.backend import KeyringBackend

class FileKeyring(KeyringBackend):
    """A keyring in a file: the real interface, for a machine without a desktop."""
    priority = 1
    path = pathlib.Path(os.environ["HOME"]) / "keyring.json"

    def _all(self):
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        self.path.write_text(json.dumps(self._all() | {f"{service}/{username}": password}))
'''


@pytest.mark.parametrize(
    ("other_server", "drafts", "configured"),
    [
        ({"drafts": "Unsent"}, "Unsent", ""),
        ({"drafts": "Entwürfe", "special_use": False}, "Entwürfe", ""),
        ({"drafts": "Half-done", "special_use": False}, "Half-done", '"Half-done"'),
    ],
    indirect=["other_server"],
    ids=["by special use", "by a known name", "by configuration"],
)
def test_the_drafts_mailbox_is_found(other_server, program, drafts, configured):
    """It is found by SPECIAL-USE, else by a known name, else by configuration."""
    household = household_on(other_server, program, drafts)
    household.configure(drafts=configured)
    assert_one_pass_warns(household)


@pytest.mark.parametrize(
    "other_server", [{"drafts": "Half-done", "special_use": False}], indirect=True
)
def test_a_missing_drafts_mailbox_is_a_clear_line(other_server, program):
    """Where nothing looks like Drafts, unflub says how to name it; a log names no mailbox.

    A mailbox may be named after somebody. The doctor, on a terminal, does name them.
    """
    household_on(other_server, program, "Half-done")
    done = program.run("watch", "--once")
    assert done.returncode == 2
    assert "no Drafts mailbox found; name it as `drafts`" in done.stderr
    assert " 4 others; `unflub doctor`" in done.stderr
    assert "Half-done" not in done.stderr
    assert "the server has Half-done, INBOX" in program.run("doctor").stdout


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_tls_with_a_trusted_certificate_works(household, tls):
    """Both kinds of TLS work with a private certificate authority named in the configuration."""
    household.configure(**household.over(tls))
    assert_one_pass_warns(household)


@pytest.mark.parametrize(
    "change", [{"ca_file": ""}, {"host": '"127.0.0.1"'}], ids=["stranger", "wrong name"]
)
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_an_untrusted_certificate_is_refused(household, tls, change):
    """A certificate by an unknown authority or for another host ends the connection."""
    household.configure(**household.over(tls) | change)
    done = household.program.run("watch", "--once")
    assert done.returncode == 4
    assert "not to be trusted" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("other_server", [{"expired": True}], indirect=True)
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_an_expired_certificate_is_refused(other_server, program, tls):
    """Whoever vouched for it, its time is over."""
    household = household_on(other_server, program)
    household.configure(**household.over(tls))
    done = program.run("watch", "--once")
    assert done.returncode == 4
    assert "not to be trusted (certificate has expired)" in done.stderr


@pytest.mark.parametrize("other_server", [{"tls": False}], indirect=True)
@pytest.mark.parametrize("refusal", ["not offered", "no", "cut"])
def test_without_starttls_nothing_is_said(other_server, household, refusal):
    """Where somebody strips STARTTLS, or refuses it, neither user name nor password is sent."""
    fault = "" if refusal == "not offered" else refusal
    upstream = household.server if fault else other_server
    with proxy.running(upstream.port, fault, at=2) as through:
        household.configure(**household.over("starttls") | {"port": str(through.port)})
        done = household.program.run("watch", "--once")
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert through.struck.is_set() == bool(fault)
    assert set(through.steps) <= {"greeting", "CAPABILITY", "STARTTLS"}


@pytest.mark.parametrize(
    "timing",
    [{"poll_seconds": 1, "sweep_seconds": _A_DAY}, {"poll_seconds": _A_DAY, "sweep_seconds": 1}],
    ids=["poll", "sweep"],
)
@pytest.mark.parametrize("other_server", [_WITHOUT_IDLE], indirect=True)
@pytest.mark.usefixtures("_here")
def test_without_idle_the_timetable_finds_the_note(other_server, timing):
    """The poll stands in for IDLE, and the sweep comes whatever else fails."""
    client = MailClient(other_server.port, "poller", dovecot.PASSWORD)
    with at_work(account_of(client), **timing):
        client.save(note("That was a flub."))
        client.wait_until(one_warning)


@pytest.mark.parametrize("change", ["rename_folder", "delete_folder"])
@pytest.mark.usefixtures("_here")
def test_a_drafts_mailbox_made_anew_is_watched(server, change):
    """Whether the old one was renamed or deleted, what is saved in the new one is seen."""
    client = MailClient(server.port, f"anew-{change}", dovecot.PASSWORD)
    client.save(note("That was a flub."))
    # Dovecot itself looks only every half minute whether the mailbox of an IDLE is still there.
    with at_work(account_of(client), sweep_seconds=2):
        client.wait_until(one_warning)
        with client.session() as imap:
            getattr(imap, change)("Drafts", *(["Old"] if change == "rename_folder" else []))
        client.save(note("My second flub.", message_id="<second@x>", to="second@example.com"))
        client.wait_until(one_warning)


@pytest.mark.parametrize("other_server", [{"most": 3}], indirect=True)
def test_a_full_mailbox_is_said_once_and_not_hammered(other_server, program):
    """[OVERQUOTA] refuses the warning draft; `status` says what to do, and the watch goes on."""
    household = household_on(other_server, program)
    saved = [FLUBBED, *(note("Hello.", message_id=f"<{n}@x>", to=f"{n}@example.com") for n in "12")]
    for raw in saved:
        household.client.save(raw)
    with program.watching() as daemon:
        daemon.wait_for("refused a command [OVERQUOTA]; free some space")
        for uid in sorted(household.client.messages())[1:]:
            passes = daemon.passes()
            household.client.delete(uid)
            daemon.wait_for(" drafts read; ", passes + 1)
        status = program.run("status")
        assert daemon.log.read_text().count("OVERQUOTA") == 1
    assert status.returncode == 4
    assert "home: TROUBLED" in status.stdout
    assert "free some space" in status.stdout


def test_a_draft_is_left_in_peace_until_it_has_settled(household):
    """The warning is written no sooner than the settle time after the note was saved."""
    household.configure(top="settle_seconds = 3")
    with household.program.watching():
        household.client.save(FLUBBED)
        household.client.wait_until(one_warning)
    with household.client.session() as imap:
        imap.select_folder("Drafts", readonly=True)
        rows = imap.fetch(sorted(imap.search()), ["INTERNALDATE"])
    saved, warned = (rows[uid][b"INTERNALDATE"] for uid in sorted(rows))
    assert (warned - saved).total_seconds() >= 2  # INTERNALDATE counts whole seconds


def test_a_note_written_over_and_over_is_read_when_the_writer_stops(household):
    """Autosaves that come faster than the settle time are not warned about one by one."""
    household.configure(top="settle_seconds = 2")
    with household.program.watching() as daemon:
        household.client.save(FLUBBED)
        for number in range(3):
            (uid,) = household.client.own()
            household.client.replace(uid, note(f"Draft {number}.", message_id=f"<{number}@x>"))
        household.client.save(FLUBBED)
        daemon.wait_for("warned about 1")
        assert len(household.client.warnings()) == 1
        assert daemon.log.read_text().count("warned about 1") == 1


def test_only_changed_drafts_are_fetched(household):
    """A big draft is transferred once, however often others are saved beside it."""
    size = 200_000
    household.client.save(note("Dear diary. " * (size // 12), message_id="<big@x>"))
    with household.program.watching() as daemon:
        for number in range(5):
            before = daemon.passes()
            household.client.save(note(f"A small one, {number}.", message_id=f"<{number}@x>"))
            daemon.wait_for(" drafts read; ", before + 1)
        assert daemon.stop() == 0
    log = (household.server.folder / "dovecot.log").read_text().splitlines()
    sent = [int(line.rsplit("out=", 1)[1].split()[0]) for line in log
            if f"imap({household.client.user})" in line and "out=" in line]  # fmt: skip
    # The mail client of this test never fetches; the one big session is the daemon's.
    assert size < max(sent) < 2 * size


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_ends_the_daemon_at_once_and_well(household, number):
    """It says goodbye to the server and ends with status 0."""
    with household.program.watching() as daemon:
        assert daemon.stop(number) == 0
    log = (household.server.folder / "dovecot.log").read_text().splitlines()
    assert any("Logged out" in line for line in log if f"({household.client.user})" in line)


def test_a_wrong_password_is_a_clear_line(household):
    """The status is 3, the line says what to do, and the password is not in it."""
    household.program.environment["TEST_PASSWORD"] = "wrong-horse"
    done = household.program.run("watch")
    assert done.returncode == 3
    assert "refused the user name or password [AUTHENTICATIONFAILED]" in done.stderr
    assert "wrong-horse" not in done.stderr


@pytest.mark.parametrize("other_server", [{}], indirect=True)
@pytest.mark.usefixtures("_here")
def test_another_password_is_found_by_itself(other_server, monkeypatch, tmp_path):
    """Refused twice, the server is left alone until there is something else to try."""
    monkeypatch.setattr("scanner.watcher._CHANGE", 0.05)
    secret = tmp_path / "secret"
    secret.write_text("wrong-horse")
    secret.chmod(0o600)
    client = MailClient(other_server.port, "forgetful", dovecot.PASSWORD)
    client.save(note("That was a flub."))
    with proxy.running(other_server.port) as through:
        account = account_of(client, through.port, password_env="", password_file=str(secret))
        # Dovecot answers more and more slowly to who came with a wrong one.
        with at_work(account, timeout_seconds=60) as watcher:
            client.wait_until(lambda _: "not tried again" in watcher.seen.error, 120)
            assert through.connections == 2
            secret.write_text(dovecot.PASSWORD)
            client.wait_until(one_warning, 120)
        assert through.connections == 3


@pytest.mark.parametrize("other_server", [{}], indirect=True)
@pytest.mark.usefixtures("_here")
def test_a_password_that_is_stored_during_the_last_refusal_is_tried(
    other_server, monkeypatch, tmp_path
):
    """What was refused is what was sent, not what lies there by then."""
    monkeypatch.setattr("scanner.watcher._CHANGE", 0.05)
    client = MailClient(other_server.port, "quick", dovecot.PASSWORD)
    client.save(note("That was a flub."))
    asked = tmp_path / "asked"
    right_from_the_third_time = (
        f'echo >> {asked}; [ $(wc -l < {asked}) -gt 2 ] && echo "{dovecot.PASSWORD}" || echo wrong'
    )
    command = ("sh", "-c", right_from_the_third_time)
    account = account_of(client, password_env="", password_command=command)
    with at_work(account, timeout_seconds=60):
        client.wait_until(one_warning, 120)


@pytest.mark.usefixtures("_here")
def test_a_command_that_gives_no_password_yet_is_waited_for(server, monkeypatch, tmp_path):
    """At login, however often it fails, and with the network gone for a moment later on."""
    monkeypatch.setattr("scanner.watcher._BUSY", 1)
    client = MailClient(server.port, "agent", dovecot.PASSWORD)
    agent, asked = tmp_path / "agent", tmp_path / "asked"
    asked.touch()
    command = ("sh", "-c", f"echo >> {asked}; test -e {agent} && echo {dovecot.PASSWORD}")
    with proxy.running(server.port) as through:
        account = account_of(client, through.port, password_env="", password_command=command)
        with at_work(account) as watcher:
            client.wait_until(lambda _: len(asked.read_text()) > 4)
            assert "ended with status 1" in watcher.seen.error
            agent.touch()
            client.wait_until(lambda _: through.steps[-1:] == ["IDLE"])
            agent.unlink()
            through.cut()
            client.wait_until(lambda _: len(asked.read_text()) > 8)
            agent.touch()
            client.save(note("That was a flub."))
            client.wait_until(one_warning)
            assert watcher.hopeless is None
        assert through.connections == 2


@contextmanager
def refused_for_a_moment(household: Household) -> Iterator[tuple[proxy.Proxy, Watcher]]:
    """Watch an account with a good password that was just refused twice."""
    with (
        proxy.running(household.server.port) as through,
        at_work(account_of(household.client, through.port)) as watcher,
    ):
        household.client.wait_until(lambda _: through.steps[-1:] == ["IDLE"])
        through.rewrite = proxy.no_login
        through.cut()
        household.client.wait_until(lambda _: "in an hour or more" in watcher.seen.error)
        yield through, watcher


@pytest.mark.usefixtures("_here")
def test_a_password_that_was_good_is_tried_again_after_a_long_pause(household, monkeypatch):
    """A server may refuse it only while the place is down where it looks passwords up."""
    monkeypatch.setattr("scanner.watcher._AGAIN", (0.1, 0.2))
    monkeypatch.setattr("scanner.watcher._CHANGE", 0.05)
    with refused_for_a_moment(household) as (through, watcher):
        household.client.wait_until(lambda _: through.steps.count("LOGIN") > 5)
        through.rewrite = bytes
        household.client.save(note("That was a flub."))
        household.client.wait_until(one_warning)
        household.client.wait_until(lambda _: not watcher.seen.error)


@pytest.mark.usefixtures("_here")
def test_a_password_that_was_good_is_tried_once_when_the_machine_wakes_up(household):
    """And not twice, for some servers lock an account."""
    with refused_for_a_moment(household) as (through, watcher):
        assert through.steps.count("LOGIN") == 3
        household.client.save(note("That was a flub."))
        through.rewrite = bytes
        watcher.connect_anew()
        household.client.wait_until(one_warning)
        assert through.steps.count("LOGIN") == 4


def test_an_unreachable_server_is_a_clear_line(program):
    """One pass without a server ends with status 4."""
    program.configure(account_table("home", "nobody", 1))
    done = program.run("watch", "--once")
    assert done.returncode == 4
    assert done.stderr.startswith("unflub: account home: no connection to 127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 1


def test_the_daemon_comes_back_after_the_server_was_away(program):
    """A server that goes away and returns is found again without a restart."""
    with dovecot.running() as server:
        household = household_on(server, program)
        with program.watching() as daemon:
            server.stop()
            daemon.wait_for("next try in")
            server.start()
            household.client.save(FLUBBED)
            household.client.wait_until(one_warning)


def test_a_connection_that_ends_after_each_good_pass_is_tried_less_and_less_often(household):
    """A login each second for ever is what a server may lock an account for."""
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        through.rewrite = lambda said: said.replace(b"+ idling", b"* BYE Not now")
        with household.program.watching() as daemon:
            daemon.wait_for("(next try in 2 s)")
            through.rewrite = bytes
            household.client.save(FLUBBED)
            household.client.wait_until(one_warning)


def test_one_failing_account_does_not_disturb_another(household):
    """An account whose server is away leaves the others to be watched."""
    with (household.program.home / "config.toml").open("a") as file:
        file.write(account_table("away", household.client.user, 1))
    with household.program.watching() as daemon:
        daemon.wait_for("account away: no connection")
        household.client.save(FLUBBED)
        household.client.wait_until(one_warning)


def test_a_non_ascii_password_is_sent_as_utf8(program):
    """LOGIN is ASCII only; such passwords go by SASL PLAIN."""
    with dovecot.running(password="größe") as server:
        household = household_on(server, program)
        program.environment["TEST_PASSWORD"] = "größe"
        assert "drafts read" in household.once()
