"""`unflub setup` on a pseudo-terminal, and without questions: from nothing to a first look."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pexpect
import pytest
from support import dovecot
from support.desktop import Desktop
from support.directory import dns_server
from support.household import Household
from support.notes import FLUBBED

from scanner import config

pytestmark = pytest.mark.usefixtures("session")

ADDRESS, SERVER, PASSWORD = "Your mail address", "The IMAP server", r"Password for .* \(not shown\)"
DRAFTS, LOOK = "Does your mail client keep drafts there", "Look once what unflub would do"
SERVICE, CLIENT, AGAIN = "at every login", "Client id of an app", "Try again"
WHICH, FILE = "Which mailbox is it", "instead, which only you"
USER = "User name there"
CERTIFICATE = "file of its certificate"
HERE = ["--host", "localhost", "--address", "me@example.org"]


@pytest.fixture
def session(session, household) -> Desktop:
    """A fresh user on a desktop, with nothing configured."""
    (household.program.home / "config.toml").unlink()
    return session


@pytest.fixture
def theirs(household) -> list[str]:
    """The options that name the server, which nobody else could find."""
    return [
        "--host", "localhost", "--port", str(household.server.tls_port),
        "--user", household.client.user, "--ca-file", str(household.server.authority),
    ]  # fmt: skip


def written(household: Household) -> Path:
    return household.program.home / "config.toml"


def answer(asking: pexpect.spawn, question: str, text: str) -> str:
    """Wait for a question and answer it; give what was said before it."""
    asking.expect(question)
    said = asking.before
    if "not shown" in question:
        asking.waitnoecho()
    asking.sendline(text)
    return said


def end(asking: pexpect.spawn) -> tuple[int, str]:
    """Exit status, and the rest of what it said."""
    asking.expect(pexpect.EOF)
    asking.close()
    return asking.exitstatus, asking.before


def interrupt(asking: pexpect.spawn, question: str) -> tuple[int, str]:
    """Press Ctrl-C at a question, and once more if nothing happens; give status and last line.

    A signal between Python's look for signals and its wait for a key is seen after that wait.
    """
    asking.expect(question)
    asking.sendintr()
    if asking.expect(["interrupted", pexpect.TIMEOUT], timeout=10):
        asking.sendintr()
    status, said = end(asking)
    return status, said.strip()


def test_a_new_user_is_asked_five_questions(household, session, theirs):
    """Afterwards the configuration has comments, the keyring the password, and a look was had."""
    household.client.save(FLUBBED)
    with session.keyring() as keyring:
        asking = household.program.converse("setup", *theirs)
        answer(asking, ADDRESS, "me@example.org")
        answer(asking, PASSWORD, dovecot.PASSWORD)
        assert "unflub takes the mailbox “Drafts”" in answer(asking, DRAFTS, "y")
        answer(asking, LOOK, "y")
        watched = answer(asking, SERVICE, "n")
        status, said = end(asking)
        assert status == 0, said
        assert list(keyring.items().values()) == [dovecot.PASSWORD]
        assert "1 drafts read" in watched
        assert dovecot.PASSWORD not in watched + said
        assert household.client.warnings() == {}
        text = written(household).read_text()
        assert "# How sure unflub must be" in text
        assert dovecot.PASSWORD not in text
        assert stat.S_IMODE(written(household).stat().st_mode) == 0o600
        assert "warned about 1" in household.once()


def test_a_look_that_fails_keeps_nobody_from_the_service(household):
    """The account is set up all the same; who asked by option gets the exit status instead."""
    household.configure(top='model = "nowhere"')
    options = ["setup", "--account", "home", "--dry-run"]
    asking = household.program.converse(*options)
    answer(asking, ADDRESS, "")
    answer(asking, SERVER, "")
    answer(asking, DRAFTS, "y")
    assert "nowhere" in answer(asking, SERVICE, "n")
    assert end(asking)[0] == 0
    assert household.program.run(*options, "--no-questions").returncode == 6


def test_who_changes_what_a_service_heeds_is_asked_to_start_it_anew(household):
    """It would go on as before; without questions a line says how."""
    household.configure()
    unit = household.program.home / "config" / "systemd" / "user" / "unflub.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    options = ["setup", "--account", "home", "--no-dry-run"]
    done = household.program.run(*options, "--no-questions")
    assert done.returncode == 0, done.stderr
    assert "`unflub service install` starts the service anew" in done.stdout
    asking = household.program.converse(*options)
    answer(asking, ADDRESS, "")
    answer(asking, SERVER, "")
    answer(asking, DRAFTS, "y")
    answer(asking, "anew, so that it heeds this", "n")
    assert "`unflub service install` starts the service anew" in end(asking)[1]


def test_a_domain_in_any_script_is_known_as_servers_know_it(household, theirs):
    """By its letters in ASCII, which all of mail can carry (RFC 5890)."""
    household.program.environment["SECRET"] = dovecot.PASSWORD
    done = household.program.run(
        "setup", "--no-questions", "--address", "me@Straße.example", "--password-env", "SECRET",
        *theirs,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (account,) = config.load(written(household)).accounts
    assert account.address == "me@xn--strae-oqa.example"
    household.client.save(FLUBBED)
    household.once()
    (warning,) = household.client.warnings().values()
    assert b"From: me@xn--strae-oqa.example\r\n" in warning.raw


def test_the_options_can_say_it_all(household, session, theirs):
    """Nothing is asked; the password comes by standard input."""
    with session.keyring():
        done = household.program.run(
            "setup", "--no-questions", "--address", "me@example.org", "--password-stdin", *theirs,
            stdin=f"{dovecot.PASSWORD}\n".encode(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "drafts read" in household.once()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--address"),
        (["--address", "me"], "looks like you@example.org"),
        (["--address", "me@example.org", "--host", "no.where.invalid"], "leads nowhere"),
        (["--address", "me@example.org", "--host", "a b"], "looks like imap.example.org"),
        (["--address", "me@nowhere.invalid"], "--host"),
        (["--address", "me@example.org", "--provider", "Acme"], "known are Gmail"),
    ],
    ids=["no address", "wrong address", "typo in host", "no host", "not found", "no provider"],
)
def test_without_questions_what_is_missing_or_wrong_is_one_line(household, options, words):
    """Exit status 2, and nothing is written."""
    done = household.program.run("setup", "--no-questions", "--password-env", "HOME", *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert words in done.stderr
    assert not written(household).exists()


@pytest.mark.parametrize(
    "case",
    [
        (None, ["--account", "a b"], "--account: a name has"),
        ("accounts = {}\n", [], "write those that stand there as tables of their own"),
        (None, ["--password-command", "pass 'x"], "--password-command: no closing quotation"),
        (None, ["--token-command", " "], "--token-command: no command"),
    ],
    ids=["name", "inline", "quotes", "no command"],
)
def test_what_cannot_be_written_is_told_before_a_password_is_kept(household, session, theirs, case):
    """One line, exit status 2; the configuration and the keyring are as they were."""
    text, options, words = case
    if text is not None:
        written(household).write_text(text)
    with session.keyring() as keyring:
        done = household.program.run(
            "setup", "--no-questions", "--address", "me@example.org", "--password-stdin",
            *theirs, *options, stdin=f"{dovecot.PASSWORD}\n".encode(),
        )  # fmt: skip
        assert keyring.items() == {}
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert words in done.stderr
    assert (written(household).read_text() if written(household).exists() else None) == text


_RESOLVER = """
import dns.resolver
class Resolver(dns.resolver.Resolver):
    def __init__(self):
        super().__init__(configure=False)
        self.nameservers, self.port = ["127.0.0.1"], {port}
dns.resolver.Resolver = Resolver
"""


def test_a_server_elsewhere_that_dns_alone_names_is_asked_about(household):
    """The password would go there; without questions it takes the option that names the host."""
    home, address = household.program.home, "me@nowhere.invalid"
    record = "_imaps._tcp.nowhere.invalid. SRV 0 1 993 localhost."
    with dns_server(record) as resolver:
        (home / "sitecustomize.py").write_text(_RESOLVER.format(port=resolver.port))
        household.program.environment["PYTHONPATH"] = str(home)
        done = household.program.run(
            "setup", "--no-questions", "--address", address, "--password-env", "HOME"
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert "say so by --host localhost" in done.stderr
        asking = household.program.converse("setup", "--address", address)
        said = answer(asking, "Is it your provider's", "n")
        assert "localhost lies outside the domain of your address" in said
        assert interrupt(asking, SERVER)[0] == 130
        asking = household.program.converse("setup", "--address", address)
        answer(asking, "Is it your provider's", "y")
        assert interrupt(asking, PASSWORD)[0] == 130
    assert not written(household).exists()


def test_a_new_name_for_an_address_that_is_there_alters_no_account(household):
    """It is refused in one line that names the account, or asked again; nothing is written."""
    before = "[accounts.home]\naddress = 'me@example.org'\nhost = 'localhost'\n"
    written(household).write_text(before)
    new = ["setup", "--account", "work"]
    done = household.program.run(
        *new, "--no-questions", "--address", "Me@example.org", "--drafts", "Other",
        "--password-env", "HOME",
    )  # fmt: skip
    says = "account home has this address; with --account home it is set up anew"
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert says in done.stderr
    asking = household.program.converse(*new)
    answer(asking, ADDRESS, "me@example.org")
    asking.expect(says)
    assert interrupt(asking, ADDRESS)[0] == 130
    assert written(household).read_text() == before


def test_an_account_cannot_take_the_address_of_another(household):
    """Nor by its own name: it is refused in one line, and nothing is written."""
    before = "".join(
        f"[accounts.{name}]\naddress = '{address}'\nhost = 'localhost'\n"
        for name, address in (("home", "me@example.org"), ("work", "w@example.org"))
    )
    written(household).write_text(before)
    done = household.program.run(
        "setup", "--no-questions", "--account", "home", "--address", "W@example.org",
        "--password-env", "HOME",
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "account work has this address" in done.stderr
    assert written(household).read_text() == before


def test_two_accounts_that_share_an_address_in_the_file_can_each_be_set_up_anew(household, theirs):
    """For two mailboxes, say: whoever wrote them there has not given the address away."""
    written(household).write_text(
        "".join(
            f"[accounts.{name}]\naddress = 'me@example.org'\nhost = 'localhost'\n"
            for name in ("home", "work")
        )
    )
    household.program.environment["SECRET"] = dovecot.PASSWORD
    done = household.program.run(
        "setup", "--account", "work", "--password-env", "SECRET", "--no-dry-run", "--no-service",
        "--no-questions", *theirs,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [a.name for a in config.load(written(household)).accounts] == ["home", "work"]


@pytest.mark.parametrize("asked", [False, True], ids=["option", "answer"])
def test_an_address_is_known_again_in_capitals(household, theirs, asked):
    """Without a name its account is set up anew, and no second one beside it."""
    accounts = (("home", "me@example.org"), ("work", "w@example.org"))
    written(household).write_text(
        "".join(
            f"[accounts.{name}]\naddress = '{address}'\nhost = 'localhost'\n"
            for name, address in accounts
        )
    )
    household.program.environment["SECRET"] = dovecot.PASSWORD
    options = ["setup", "--password-env", "SECRET", "--no-dry-run", "--no-service", *theirs]
    if asked:
        asking = household.program.converse(*options)
        answer(asking, ADDRESS, "Me@example.org")
        answer(asking, DRAFTS, "y")
        status, said = end(asking)
    else:
        done = household.program.run(*options, "--no-questions", "--address", "Me@example.org")
        status, said = done.returncode, done.stderr
    assert status == 0, said
    assert [a.name for a in config.load(written(household)).accounts] == ["home", "work"]


@pytest.mark.parametrize("key", ["password_command", "token_command"])
@pytest.mark.parametrize("moved", [["--host", "localhost"], ["--user", "somebody"]])
def test_what_an_account_logged_in_with_is_shown_to_no_other_server(household, key, moved):
    """Nor tried for another user: where host or login change, it is not even asked for."""
    asked = household.program.home / "asked"
    household.configure(password_env="", **{key: f'["touch", "{asked}"]'})
    done = household.program.run("setup", "--no-questions", "--account", "home", *moved)
    assert done.returncode == 3
    assert "no password; give one of --password-stdin" in done.stderr
    assert not asked.exists()


def test_a_password_in_the_keyring_is_not_for_another_server(household, session, theirs):
    """Under the account's name there is one still, and it is asked for anew."""
    with session.keyring():
        options = ["setup", "--no-questions", "--address", "me@example.org"]
        secret = f"{dovecot.PASSWORD}\n".encode()
        done = household.program.run(*options, "--password-stdin", *theirs, stdin=secret)
        assert done.returncode == 0, done.stderr
        assert household.program.run(*options).returncode == 0
        plain = ["--host", "127.0.0.1", "--port", str(household.server.port), "--tls", "none"]
        done = household.program.run(*options, *plain)
    assert done.returncode == 3
    assert "no password; give one of --password-stdin" in done.stderr


def test_how_the_old_server_was_reached_is_not_how_the_new_one_is(household):
    """Encryption, certificate and port are the new host's; where the host stays, so do they."""
    server, program = household.server, household.program
    setup = ["setup", "--no-questions", "--account", "home", "--password-env", "TEST_PASSWORD"]
    household.configure()
    secure = ["--port", str(server.tls_port), "--ca-file", str(server.authority)]
    done = program.run(*setup, "--host", "localhost", *secure)
    assert done.returncode == 0, done.stderr
    (account,) = config.load(written(household)).accounts
    assert (account.host, account.tls) == ("localhost", "implicit")
    done = program.run(*setup, "--host", "Localhost")
    assert done.returncode == 0, done.stderr
    done = program.run(*setup, "--host", "127.0.0.1")
    assert done.returncode == 4
    assert "no connection to 127.0.0.1:993" in done.stderr
    done = program.run(*setup, "--host", "127.0.0.1", "--port", str(server.port), "--tls", "none")
    assert done.returncode == 0, done.stderr
    (account,) = config.load(written(household)).accounts
    assert account.ca_file == ""


@pytest.mark.parametrize("new", [True, False])
def test_another_address_is_a_new_account_or_that_of_the_old_one(household, session, theirs, new):
    """Who types it over the old one is asked which; the password is asked for in either case."""
    household.configure()
    with session.keyring():
        asking = household.program.converse("setup", "--tls", "implicit", *theirs)
        answer(asking, ADDRESS, "work@example.org")
        answer(asking, "Is it a new account, and home stays as it is", "y" if new else "n")
        answer(asking, PASSWORD, dovecot.PASSWORD)
        answer(asking, DRAFTS, "y")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
    found = {one.name: one.address for one in config.load(written(household)).accounts}
    old = {"home": "me@example.org", "home2": "work@example.org"}
    assert found == (old if new else {"home": "work@example.org"})


def test_the_certificate_of_a_server_nobody_vouches_for_is_asked_for(household, session, theirs):
    """As that of Proton Bridge; the file's name is written down in full."""
    authority = household.server.authority
    (household.program.home / "cert.pem").write_bytes(Path(authority).read_bytes())
    with session.keyring():
        asking = household.program.converse("setup", "--address", "me@example.org", *theirs[:-2])
        answer(asking, PASSWORD, dovecot.PASSWORD)
        assert "is not to be trusted" in answer(asking, CERTIFICATE, "cert.key")
        assert "there is no such file" in answer(asking, CERTIFICATE, "cert.pem")
        answer(asking, DRAFTS, "y")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
    (account,) = config.load(written(household)).accounts
    assert account.ca_file == str(household.program.home / "cert.pem")


def test_who_has_no_app_is_told_another_way(household):
    """Before the question for one, which has no other answer."""
    asking = household.program.converse("setup", "--port", "993", "--address", "me@outlook.com")
    asking.expect(CLIENT)
    assert "unflub setup --token-command 'oama access me@outlook.com'" in asking.before
    assert "unflub plugin install thunderbird" in asking.before
    assert interrupt(asking, "")[0] == 130


@pytest.mark.parametrize(
    "command",
    [
        "setup --no-questions --address me@example.org --host localhost --password-stdin",
        "login home",
    ],
)
def test_a_closed_standard_input_is_told(household, command):
    """Nobody can be asked: one line says so."""
    household.configure(password_env="")
    done = household.program.shell(f"{command} <&-")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "standard input is closed" in done.stderr


def test_what_a_provider_needs_is_said(household):
    """Before the password is asked for; Workspace has Gmail's servers, but administrators, too."""
    done = household.program.run(
        "setup", "--no-questions", "--address", "me@corp.example", "--provider", "Google Workspace"
    )
    assert done.returncode == 3
    assert "Google Workspace: switch on 2-Step Verification" in done.stdout
    assert "(an administrator may have to allow it)" in done.stdout
    assert "tick “Show in IMAP” for Drafts" in done.stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"p\xe4ss\n", "holds no UTF-8 text")],
)
def test_what_is_no_password_is_not_tried(household, theirs, given, words):
    """A command in the pipe that failed, say: the provider may count wrong passwords."""
    done = household.program.run(
        "setup", "--no-questions", "--address", "me@example.org", "--password-stdin", *theirs,
        stdin=given,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert f"--password-stdin: standard input {words}" in done.stderr


def test_wrong_answers_are_asked_again(household, session, theirs):
    """A wrong address, a slip in the server's name, a wrong password: each says what is wrong."""
    with session.keyring():
        asking = household.program.converse("setup", *theirs[2:])
        answer(asking, ADDRESS, "me at example.org")
        assert "looks like you@example.org" in answer(asking, ADDRESS, "me@nowhere.invalid")
        assert "does not tell" in answer(asking, SERVER, "localhots")
        assert "localhots leads nowhere" in answer(asking, SERVER, "localhost")
        answer(asking, PASSWORD, "wrong-horse")
        assert "refused the user name or password" in answer(asking, USER, "")
        answer(asking, PASSWORD, dovecot.PASSWORD)
        answer(asking, DRAFTS, "n")
        answer(asking, "There are Drafts, INBOX, Sent", "Trsh")
        assert "no such mailbox" in answer(asking, "Which mailbox", "Sent")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
    (account,) = config.load(written(household)).accounts
    assert (account.host, account.drafts) == ("localhost", "Sent")


def test_another_user_name_can_be_given_where_the_address_is_none(household, session, theirs):
    """Whoever was refused is asked for it before the next password; it is written down."""
    options = ["--address", "me@example.org", *theirs[:4], *theirs[6:]]
    with session.keyring():
        asking = household.program.converse("setup", *options)
        answer(asking, PASSWORD, "wrong-horse")
        answer(asking, USER, household.client.user)
        answer(asking, PASSWORD, dovecot.PASSWORD)
        answer(asking, DRAFTS, "y")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
    (account,) = config.load(written(household)).accounts
    assert account.user == household.client.user


def test_a_password_that_is_gone_can_be_typed_in_anew(household, session):
    """The file that held it was deleted, say: the line tells, and the next one asks."""
    household.configure(password_env="", password_file='"/nowhere/secret"')
    with session.keyring() as keyring:
        asking = household.program.converse("setup")
        answer(asking, ADDRESS, "")
        answer(asking, SERVER, "")
        said = answer(asking, PASSWORD, dovecot.PASSWORD)
        assert "the file with its password cannot be read" in said
        answer(asking, DRAFTS, "y")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
        assert list(keyring.items().values()) == [dovecot.PASSWORD]
    (account,) = config.load(written(household)).accounts
    assert account.password_file == ""


def test_spaces_around_what_is_pasted_do_not_matter(household):
    """Nobody sees them on the screen."""
    household.configure()
    asking = household.program.converse("setup", "--account", "home")
    answer(asking, ADDRESS, " you@example.org ")
    answer(asking, SERVER, "127.0.0.1  ")
    asking.expect(DRAFTS)
    assert "looks like" not in asking.before
    asking.sendintr()
    assert end(asking)[0] == 130


def test_three_wrong_passwords_are_enough(household, session, theirs):
    """The last is the exit status's reason, and the way on is no account's that is not there yet.

    Nothing is written or kept.
    """
    with session.keyring() as keyring:
        asking = household.program.converse("setup", "--address", "me@example.org", *theirs)
        for left in (2, 1, 0):
            answer(asking, PASSWORD, "wrong-horse")
            if left:
                answer(asking, USER, "")
        status, said = end(asking)
        assert status == 3
        assert "refused the user name or password" in said
        assert "give the right password to `unflub setup`" in said
        assert "wrong-horse" not in said
        assert keyring.items() == {}
    assert not written(household).exists()


def test_a_server_that_cannot_be_reached_is_tried_again_if_wanted(household, theirs):
    """The user decides how often; then one line, and nothing is written."""
    theirs[3] = "1"
    asking = household.program.converse("setup", "--address", "me@example.org", *theirs)
    answer(asking, PASSWORD, dovecot.PASSWORD)
    assert "check the network" in answer(asking, "Try again", "y")
    answer(asking, "Try again", "n")
    assert end(asking)[0] == 4
    assert not written(household).exists()


def test_without_a_keyring_the_password_can_be_kept_in_a_file(household, session, theirs):
    """A locked keyring is said to be so; the file is the user's own, and a pass reads it."""
    with session.keyring() as keyring:
        keyring.lock()
        asking = household.program.converse("setup", "--address", "me@example.org", *theirs)
        answer(asking, PASSWORD, dovecot.PASSWORD)
        answer(asking, DRAFTS, "y")
        assert "the keyring is locked" in answer(asking, "instead, which only you", "y")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
    (account,) = config.load(written(household)).accounts
    file = Path(account.password_file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "drafts read" in household.once()


def test_a_second_run_changes_only_what_is_answered_anew(household, session, theirs):
    """The password is known and not asked for; the user's own changes and comments stand."""
    with session.keyring():
        household.program.run(
            "setup", "--no-questions", "--address", "me@example.org", "--password-stdin", *theirs,
            stdin=f"{dovecot.PASSWORD}\n".encode(),
        )  # fmt: skip
        mine = written(household).read_text().replace("settle_seconds = 10", "settle_seconds = 7")
        mine = mine.replace("aliases = []", 'aliases = ["me@old.example"]')
        written(household).write_text(mine)
        asking = household.program.converse("setup", "--drafts", "Sent")
        answer(asking, ADDRESS, "")
        answer(asking, SERVER, "")
        assert "unflub takes the mailbox “Sent”" in answer(asking, DRAFTS, "y")
        answer(asking, LOOK, "n")
        answer(asking, SERVICE, "n")
        assert end(asking)[0] == 0
    assert written(household).read_text() == mine.replace('drafts = ""', 'drafts = "Sent"')


def test_another_password_takes_the_place_of_the_old_source(household, session, theirs):
    """A file that holds a stale password is not asked any more."""
    stale = household.program.home / "stale"
    stale.write_text(dovecot.PASSWORD)
    stale.chmod(0o600)
    options = ["setup", "--no-questions", "--address", "me@example.org", *theirs]
    with session.keyring():
        assert household.program.run(*options, "--password-file", "stale").returncode == 0
        assert config.load(written(household)).accounts[0].password_file == str(stale)
        stale.write_text("stale-horse")
        secret = f"{dovecot.PASSWORD}\n".encode()
        assert household.program.run(*options, "--password-stdin", stdin=secret).returncode == 0
        assert config.load(written(household)).accounts[0].password_file == ""
        assert "drafts read" in household.once()


@pytest.mark.parametrize(
    "given", ["--password-stdin", f"--password-command=echo {dovecot.PASSWORD}"]
)
@pytest.mark.parametrize("before", [{"oauth_client_id": '"x"'}, {"token_command": '["false"]'}])
def test_a_password_takes_the_place_of_a_token(household, session, before, given):
    """Whoever gives one is sent to no browser any more, and no password goes out as a token."""
    household.configure(password_env="", **before)
    secret = f"{dovecot.PASSWORD}\n".encode()
    with session.keyring():
        done = household.program.run("setup", "--no-questions", given, stdin=secret)
        assert done.returncode == 0, done.stderr
        assert not any(key in written(household).read_text() for key in before)
        assert "drafts read" in household.once()


IN = {PASSWORD: dovecot.PASSWORD, DRAFTS: "y"}
WAYS: dict[str, tuple[list[str], dict[str, str]]] = {
    ADDRESS: ([], {}),
    SERVER: ([], {ADDRESS: "me@nowhere.invalid"}),
    CLIENT: (["--port", "993"], {ADDRESS: "me@outlook.com"}),
    PASSWORD: (HERE, {}),
    AGAIN: ([*HERE, "--port", "1"], {PASSWORD: dovecot.PASSWORD}),
    DRAFTS: (HERE, {PASSWORD: dovecot.PASSWORD}),
    WHICH: (HERE, IN | {DRAFTS: "n"}),
    USER: (HERE, {PASSWORD: "wrong-horse"}),
    FILE: (HERE, IN),
    LOOK: (HERE, IN),
    SERVICE: (HERE, IN | {LOOK: "n"}),
}
"""Each question, with the options and answers that lead there."""


@pytest.mark.parametrize("question", WAYS)
def test_ctrl_c_at_a_question_leaves_no_half_and_a_way_on(household, session, theirs, question):
    """One line that says where one stands, and exit status 130.

    Before the last answer that matters there is no file, and nothing in the keyring.
    """
    options, answers = WAYS[question]
    with session.keyring() as keyring:
        if question == FILE:
            keyring.lock()
        asking = household.program.converse("setup", *theirs[2:], *options)
        for asked, text in answers.items():
            answer(asking, asked, text)
        status, said = interrupt(asking, question)
        assert status == 130
        files = {path.name for path in household.program.home.iterdir() if path.is_file()}
        if question in (LOOK, SERVICE):
            assert said.endswith("go on with `unflub watch`, or `unflub service install`")
            assert files == {"config.toml"}
            assert "drafts read" in household.once()
        else:
            assert said.endswith("run `unflub setup` when you like")
            assert files == set()
            assert question == FILE or keyring.items() == {}


FAULTS = {
    "a full disk": (
        'mount -t tmpfs -o size=4k tmpfs "$HERE" && head -c 4096 /dev/zero > "$HERE/full"',
        "cannot be written (No space left on device); free some space",
        5,
    ),
    "a read-only home": (
        'mount --bind "$HERE" "$HERE" && mount -o remount,ro,bind "$HERE"',
        "cannot be written (Read-only file system); free some space, or make its folder writable",
        5,
    ),
    "no network": (
        "true", "Network is unreachable); check the network and the account's host and port", 4,
    ),
}  # fmt: skip


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount, and take the network away")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_machine_refuses_is_told(household, session, theirs, tmp_path, fault):
    """A disk that is really full, a home that is read-only, no network: one line each."""
    prepare, words, expected = FAULTS[fault]
    folder = household.program.home / "config"
    folder.mkdir()
    net = "--net" if fault == "no network" else ""
    machine = tmp_path / "machine"
    machine.write_text(
        f"#!/bin/sh\nHERE={folder}; export HERE\n"
        f'exec unshare --mount {net} sh -c \'{prepare} && exec {sys.executable} "$@"\' sh "$@"\n'
    )
    machine.chmod(0o755)
    program = replace(household.program, interpreter=machine)
    with session.keyring():
        asking = program.converse(
            "setup", "--config", folder / "config.toml", "--address", "me@example.org", *theirs
        )
        answer(asking, PASSWORD, dovecot.PASSWORD)
        answer(asking, AGAIN if expected == 4 else DRAFTS, "n" if expected == 4 else "y")
        status, said = end(asking)
    assert status == expected, said
    assert words in said
    assert list(folder.iterdir()) == []
