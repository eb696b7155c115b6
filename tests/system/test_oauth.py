"""Logging in by access tokens: Dovecot asks a token server about each that it is given."""

from __future__ import annotations

import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from subprocess import PIPE

import pytest
from support import dovecot, proxy
from support.client import one_warning
from support.desktop import Desktop, desktop
from support.household import Household, household_on
from support.notes import FLUBBED
from support.processes import is_open
from support.program import Program
from support.token_server import CLIENT, SCOPE, TokenServer, token_server
from support.waiting import until


@pytest.fixture(scope="module")
def tokens() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


def dovecot_that_asks(
    tokens: TokenServer, mechanisms: str
) -> AbstractContextManager[dovecot.Dovecot]:
    """A server that takes tokens, and asks about each."""
    url = f"http://127.0.0.1:{tokens.port}/introspect"
    return dovecot.running(introspection=url, mechanisms=mechanisms)


@pytest.fixture(scope="module")
def strict(tokens) -> Iterator[dovecot.Dovecot]:
    """A server that knows the standard's mechanism and the one before it."""
    with dovecot_that_asks(tokens, "oauthbearer xoauth2") as running:
        yield running


@pytest.fixture
def home(strict, tokens, program: Program) -> Household:
    """A user who has to be let in by token."""
    household = household_on(strict, program)
    tokens.user, tokens.rotates = household.client.user, False
    tokens.denied, tokens.away, tokens.trouble = False, False, None
    tokens.allowed.clear()
    tokens.revoke()
    tokens.asked.clear()
    configure(household, tokens)
    return household


def configure(household: Household, tokens: TokenServer, **settings: str) -> None:
    household.configure(
        **{
            "password_env": "",
            "oauth_client_id": f'"{CLIENT}"',
            "oauth_issuer": f'"{tokens.issuer}"',
            "oauth_scope": f'"{SCOPE}"',
            **settings,
        }
    )


@pytest.fixture
def session(tmp_path, home) -> Iterator[Desktop]:
    """A desktop with a keyring, in which the user's program runs."""
    with desktop(tmp_path / "session") as running, running.keyring():
        home.program.environment.update(running.environment)
        yield running


def allow(home: Household, tokens: TokenServer) -> None:
    tokens.allowed.set()
    done = home.program.run("login", "home", "--device")
    assert done.returncode == 0, done.stderr


def refused(home: Household, *arguments: str) -> str:
    done = home.program.run(*(arguments or ("watch", "--once")))
    assert done.returncode == 3, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("unflub: ")]
    return line


@pytest.mark.usefixtures("session")
def test_a_device_code_lets_unflub_in(home, tokens):
    """The user types a code in elsewhere; the refresh token is kept, and each pass asks anew."""
    asking = home.program.start("login", "home", "--device", stdout=PIPE)
    shown = asking.stdout.readline().decode()
    assert shown == f"Open {tokens.issuer}/activate and enter WDJB-MJHT\n"
    assert asking.poll() is None
    tokens.allowed.set()
    assert asking.wait(60) == 0
    asking.communicate()
    for _ in range(2):
        assert "drafts read" in home.once()
    assert tokens.asked[-3:] == ["device_code", "refresh_token", "refresh_token"]


@pytest.mark.usefixtures("session")
def test_a_connection_that_is_lost_meanwhile_ends_no_waiting(home, tokens):
    """The code may be typed in for minutes; it is asked less often then (RFC 8628 section 3.5)."""
    tokens.lost = 2
    tokens.allowed.set()
    assert home.program.run("login", "home", "--device").returncode == 0
    assert tokens.lost == 0


def sent_to_the_browser(home):
    """Start a login; give it, the page where it is allowed, and the port that is come back to."""
    home.program.environment["BROWSER"] = "true"
    asking = home.program.converse("login", "home")
    asking.expect(r"(http://localhost\S+/authorize\S+)")
    page = asking.match[1]
    (landing,) = re.findall(r"redirect_uri=http%3A%2F%2F127.0.0.1%3A(\d+)%2F", page)
    return asking, page, int(landing)


@pytest.mark.usefixtures("session")
def test_the_browser_of_this_machine_lets_unflub_in(home):
    """It comes back to a loopback address with a code that only unflub can use (PKCE)."""
    asking, page, landing = sent_to_the_browser(home)
    stranger = f"http://127.0.0.1:{landing}/?code=theirs&state=guessed"
    for url in (stranger, page):
        with urllib.request.urlopen(url) as answer:
            assert b"close this window" in answer.read()
    asking.expect("allowed")
    asking.wait()
    assert "drafts read" in home.once()


@pytest.mark.usefixtures("session")
def test_what_else_comes_to_the_landing_page_holds_nothing_up(home):
    """Browsers open connections in advance that say nothing; a stranger's state may be any text."""
    asking, page, landing = sent_to_the_browser(home)
    with socket.create_connection(("127.0.0.1", landing)):
        for url in (f"http://127.0.0.1:{landing}/?code=theirs&state=%C3%A9", page):
            with urllib.request.urlopen(url, timeout=20) as answer:
                assert b"close this window" in answer.read()
        asking.expect("allowed")
        asking.wait()


@pytest.mark.usefixtures("session")
def test_what_is_not_allowed_is_told(home, tokens):
    """Nothing is kept, and the line says how to try again."""
    assert "unflub is not allowed yet; run `unflub login home`" in refused(home)
    tokens.denied = True
    assert "did not allow it; run `unflub login home`" in refused(home, "login", "home", "--device")


@pytest.mark.usefixtures("session")
def test_a_token_that_runs_out_is_renewed(home, tokens):
    """The server ends the connection; the next login bears a fresh token, and work goes on."""
    allow(home, tokens)
    with proxy.running(home.server.port) as through:
        configure(home, tokens, port=str(through.port))
        with home.program.watching() as daemon:
            tokens.expire()
            through.cut()
            daemon.wait_for("next try")
            home.client.save(FLUBBED)
            home.client.wait_until(one_warning)


@pytest.mark.parametrize(
    "words", ["Session invalidated - AccessTokenExpired", "Session expired, please login again."]
)
@pytest.mark.usefixtures("session")
def test_a_server_that_says_so_is_met_with_a_fresh_token_at_once(home, tokens, words):
    """As Microsoft and Google say it, in the midst of IDLE; that is no trouble to tell of."""
    allow(home, tokens)
    with proxy.running(home.server.port) as through:
        configure(home, tokens, port=str(through.port))
        idling = threading.Event()
        through.rewrite = lambda said: idling.set() or said if said == b"+ idling\r\n" else said
        with home.program.watching() as daemon:
            assert idling.wait(60)
            tokens.expire()
            through.end(words)
            daemon.wait_for("wants a login anew")
            home.client.save(FLUBBED)
            home.client.wait_until(one_warning)
            assert "WARNING" not in daemon.log.read_text()


@pytest.mark.usefixtures("session")
def test_two_processes_do_not_spend_one_refresh_token(home, tokens):
    """It is good once: while one has it exchanged the other waits, and takes the next."""
    tokens.rotates = True
    allow(home, tokens)
    tokens.asked.clear()
    tokens.answers.clear()
    first = home.program.start("watch", "--once", "--dry-run")
    until(lambda: len(tokens.asked) == 1)
    second = home.program.start("watch", "--once", "--dry-run")
    until(lambda: len(tokens.asked) == 2 or is_open(second.pid, "home.token.lock"))
    tokens.answers.set()
    for process in (first, second):
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    assert tokens.asked == ["refresh_token", "refresh_token"]


@pytest.mark.usefixtures("session")
def test_a_refresh_token_that_changes_is_kept(home, tokens):
    """Each is good once; the one that came last is in the keyring."""
    tokens.rotates = True
    allow(home, tokens)
    for _ in range(3):
        before = set(tokens.refresh)
        assert "drafts read" in home.once()
        assert tokens.refresh != before


@pytest.mark.usefixtures("session")
def test_what_was_withdrawn_must_be_allowed_anew(home, tokens):
    """One line says so; after `unflub login` all is well again."""
    allow(home, tokens)
    tokens.revoke()
    assert "was withdrawn or has run out; run `unflub login home`" in refused(home)
    allow(home, tokens)
    assert "drafts read" in home.once()


def look_without_pause(home: Household) -> None:
    """Have the daemon see at once whether the user stored another password."""
    (home.program.home / "sitecustomize.py").write_text(
        "from scanner import watcher\nwatcher._CHANGE = 0.05\n"
    )
    home.program.environment["PYTHONPATH"] = str(home.program.home)


@pytest.mark.usefixtures("session")
def test_an_account_that_is_refused_is_back_though_the_network_was_gone_meanwhile(home, tokens):
    """What was withdrawn is looked for now and then, here without pause; no look ends the watch."""
    allow(home, tokens)
    look_without_pause(home)
    with proxy.running(home.server.port) as through:
        configure(home, tokens, port=str(through.port))
        with home.program.watching() as daemon:
            tokens.revoke()
            through.cut()
            daemon.wait_for("or when that changes")
            tokens.away, looks = True, len(tokens.asked)
            until(lambda: len(tokens.asked) > looks + 3)
            assert "was withdrawn" in home.program.run("status").stdout
            tokens.away, passes = False, daemon.passes()
            allow(home, tokens)
            daemon.wait_for(" drafts read; ", passes + 1)
            assert "Traceback" not in daemon.log.read_text()


@pytest.mark.usefixtures("session")
def test_a_server_that_refuses_a_fresh_token_is_left_alone_until_another_is_allowed(home, tokens):
    """Each look, here without pause, would fetch another token, and mean two more logins."""
    allow(home, tokens)
    look_without_pause(home)
    with proxy.running(home.server.port) as through:
        configure(home, tokens, port=str(through.port), top="notify = false")
        with home.program.watching() as daemon:
            through.rewrite = proxy.no_login
            through.cut()
            daemon.wait_for("in an hour or more")
            assert "refused the access token" in home.program.run("status").stdout
            assert through.steps.count("AUTHENTICATE") == 3
            through.rewrite, passes = bytes, daemon.passes()
            allow(home, tokens)
            daemon.wait_for(" drafts read; ", passes + 1)


def test_a_command_may_print_the_token(home, tokens):
    """It is run anew before every login; a token that is no good is said to be so."""
    (home.program.home / "token").write_text("stale\n")
    configure(home, tokens, oauth_client_id="", token_command='["cat", "token"]')
    line = refused(home)
    assert "refused the access token" in line
    assert "stale" not in line
    tokens.access.add("fresh")
    (home.program.home / "token").write_text("fresh\n")
    assert "drafts read" in home.once()


def test_a_server_that_only_knows_the_older_mechanism_is_met(home, tokens):
    """XOAUTH2, as Google and Microsoft had it before the standard."""
    tokens.access.add("fresh")
    with dovecot_that_asks(tokens, "xoauth2") as server:
        settings = {"oauth_client_id": "", "token_command": '["echo", "fresh"]'}
        configure(home, tokens, port=str(server.port), **settings)
        assert "drafts read" in home.once()


@pytest.mark.usefixtures("session")
def test_no_token_is_seen(home, tokens):
    """Neither log nor errors hold one."""
    allow(home, tokens)
    said = home.once() + home.program.run("doctor").stdout
    assert not any(token in said for token in tokens.access | tokens.refresh)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("oauth_client_id", "another", "2 does not know this program (invalid_client)"),
        ("oauth_issuer", "http://localhost:1", "4 the token server localhost:1 does not"),
        ("oauth_issuer", "http://example.org", "2 must begin with https://"),
        ("oauth_issuer", "", "2 where to ask for tokens is not known"),
    ],
)
@pytest.mark.usefixtures("session")
def test_what_is_wrong_with_the_token_server_is_told(home, tokens, key, value, line):
    """Whether the user has to mend it (exit status 2), or time will (4)."""
    allow(home, tokens)
    configure(home, tokens, **{key: f'"{value}"'})
    done = home.program.run("watch", "--once")
    status, words = line.split(" ", 1)
    assert done.returncode == int(status)
    assert words in done.stderr


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (400, {"error": "temporarily_unavailable"}, "is busy (temporarily_unavailable)"),
        (400, {"error": "server_error"}, "is busy (server_error)"),
        (400, {"error": "slow_down"}, "is busy (slow_down)"),
        (429, {"error": "invalid_request"}, "is busy (slow_down)"),
        (429, {}, "is busy (slow_down)"),
        (200, {}, "does not answer as it should (no token)"),
    ],
)
@pytest.mark.usefixtures("session")
def test_a_token_server_in_trouble_is_tried_again(home, tokens, status, said, words):
    """What the user allowed stands: nobody is asked to allow it anew."""
    allow(home, tokens)
    tokens.trouble = status, said
    done = home.program.run("watch", "--once")
    assert done.returncode == 4
    assert words in done.stderr
    tokens.trouble = None
    assert "drafts read" in home.once()


@pytest.mark.usefixtures("session")
def test_setup_has_the_user_allow_it(home, tokens):
    """With a client id no password is asked for, and none is kept."""
    tokens.allowed.set()
    (home.program.home / "config.toml").unlink()
    done = home.program.run(
        "setup", "--no-questions", "--address", "me@example.org", "--host", "127.0.0.1",
        "--port", str(home.server.port), "--tls", "none", "--user", home.client.user,
        "--oauth-client-id", CLIENT, "--oauth-issuer", tokens.issuer, "--oauth-scope", SCOPE,
        "--device",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "drafts read" in home.once()


def test_setup_asks_for_no_password_where_a_command_gives_the_token(home):
    """What is typed in would go out as a token, which it is not."""
    (home.program.home / "config.toml").unlink()
    done = home.program.run(
        "setup", "--address", "me@example.org", "--host", "127.0.0.1",
        "--port", str(home.server.port), "--tls", "none", "--user", home.client.user,
        "--token-command", "echo stale", stdin=b"secret\n",
    )  # fmt: skip
    assert done.returncode == 3
    assert "refused the access token" in done.stderr
    assert "Password for" not in done.stdout + done.stderr
