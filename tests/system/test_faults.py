"""Every fault at every step of the protocol: nothing lost, doubled, or touched."""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from support import dovecot, proxy
from support.client import MailClient
from support.crew import account_of, at_work
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE, assessed_draft
from support.proxy import FAULTS, GREETING, Proxy
from support.waiting import until

from scanner.adapters import status
from scanner.adapters.mailbox import SMALL, connect
from scanner.core.render import Envelope, render
from scanner.daemon import Crew, Shift
from scanner.watcher import Watcher

FLUBBED = note(OPENING, "That was a flub.", STRENGTH, picture=SMALL)
"""A big note, of which structure and text are fetched, one after the other."""
_users = count(1)

# What a connection says from its beginning to its end when there is a warning to write and
# another to take away; test_the_steps_are_all_there_are proves it.
STEPS = (
    "greeting", "CAPABILITY", "LOGIN", "LIST", "ENABLE", "EXAMINE",
    # the look, and what is new in it: headers, warning drafts, structure and text of the note
    "EXAMINE", "SEARCH", "FETCH", "FETCH", "FETCH", "FETCH",
    # the second look, before anything is taken away
    "EXAMINE", "SEARCH",
    "APPEND", "APPEND literal",
    # whether it is as it was written
    "EXAMINE", "SEARCH", "FETCH", "FETCH",
    "SELECT", "FETCH", "STORE", "EXPUNGE", "EXAMINE",
    # what came of it
    "EXAMINE", "SEARCH",
    # another look, since something was done; then waiting
    "EXAMINE", "NOOP", "IDLE", "DONE", "LOGOUT",
)  # fmt: skip
WRITES = {
    *range(STEPS.index("APPEND"), STEPS.index("APPEND literal") + 1),
    *range(STEPS.index("SELECT"), STEPS.index("EXPUNGE") + 1),
}
"""What is refused here is not tried again at once."""


@pytest.fixture
def client(server, monkeypatch, tmp_path) -> MailClient:
    """A user with a note to be warned about, and a warning whose note is gone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("TEST_PASSWORD", dovecot.PASSWORD)
    user = MailClient(server.port, f"fault{next(_users)}", dovecot.PASSWORD)
    sent = assessed_draft(1, note(OPENING, "My second flub.", message_id="<sent@x>"))
    envelope = Envelope("me@example.org", f"<w{next(_users)}@x>", datetime.now(UTC))
    user.save(render(sent.draft, sent.assessment, envelope), (b"\\Draft", b"\\Seen"))
    user.save(FLUBBED)
    return user


def is_right(user: MailClient) -> bool:
    """Tell whether the note has its one warning, and the other warning is gone."""
    warnings = list(user.warnings().values())
    return [w.message["In-Reply-To"] for w in warnings] == ["<note-1@client.example>"]


def run(user: MailClient, through: Proxy, is_done: Callable[[Watcher], object]) -> None:
    """Watch through the proxy until there is nothing more to say, and say goodbye."""
    with at_work(account_of(user, through.port), timeout_seconds=1) as watcher:
        until(lambda: is_done(watcher))


def idles(through: Proxy) -> bool:
    return through.steps[-1:] == ["IDLE"]


def test_the_steps_are_all_there_are(client, server):
    """The list of steps is what a session says, so that no step is left out below."""
    with proxy.running(server.port) as through:
        run(client, through, lambda _: idles(through))
        until(lambda: through.steps[-1] == "LOGOUT")
        assert tuple(through.steps) == STEPS
    assert is_right(client)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "step", range(len(STEPS)), ids=[f"{n}-{name}" for n, name in enumerate(STEPS)]
)
def test_after_any_fault_at_any_step_there_is_exactly_the_right_warning(
    client, server, step, fault
):
    """It comes back by itself, or says that it was refused; the user's mail is as it was."""
    before = client.own()
    at_the_end = STEPS[step] in {"DONE", "LOGOUT"}
    refused = fault == "no" and step in WRITES
    waits = "NOOP" if fault == "no" and STEPS[step] == "IDLE" else "IDLE"  # it polls from then on
    with proxy.running(server.port, fault, step) as through:

        def is_done(watcher: Watcher) -> bool:
            if refused:
                return "refused a command" in watcher.seen.error
            reached = at_the_end or through.struck.is_set()
            return reached and through.steps[-1:] == [waits] and is_right(client)

        run(client, through, is_done)
        until(through.struck.is_set)
    assert client.own() == before
    if refused:  # and tried again after a restart
        with at_work(account_of(client)):
            until(lambda: is_right(client))
        assert client.own() == before


@pytest.mark.parametrize("step", ["FETCH", "APPEND literal", "IDLE"])
def test_a_silent_connection_is_left_at_once_when_the_machine_has_slept(client, server, step):
    """However long the time-out: who is told to connect anew does not wait for an answer."""
    with proxy.running(server.port, "black hole", STEPS.index(step)) as through:
        there = account_of(client, through.port)
        with at_work(there, timeout_seconds=600, idle_seconds=600) as watcher:
            until(through.struck.is_set)
            client.save(note(OPENING, "A third flub.", message_id="<3@x>", to="third@example.com"))
            watcher.connect_anew()
            until(lambda: len(client.warnings()) == 2)


@pytest.mark.parametrize(
    ("fault", "appends"), [("not sent", 2), ("cut", 1), ("black hole", 1), ("reset", 1)]
)
def test_after_a_lost_append_it_is_searched_for_before_it_is_tried_again(
    client, server, fault, appends
):
    """What the server stored is found there; only what it did not store is appended again."""
    with proxy.running(server.port, fault, STEPS.index("APPEND literal")) as through:
        run(client, through, lambda _: idles(through) and is_right(client))
        steps = through.steps
    assert steps.count("APPEND") == appends
    assert len(client.warnings()) == 1
    after = steps[STEPS.index("APPEND literal") + 1 :]
    assert after[0] == GREETING
    assert "SEARCH" in after[: after.index("APPEND") if "APPEND" in after else None]


@pytest.mark.parametrize("step", ["greeting", "LOGIN", "FETCH", "IDLE"])
def test_a_server_that_dribbles_for_ever_is_left(client, server, step, caplog):
    """No time-out strikes while a byte comes now and then; who oversees it cuts it and says so."""
    with (
        proxy.running(server.port, "dribble", STEPS.index(step)) as through,
        at_work(account_of(client, through.port), idle_seconds=600) as watcher,
    ):
        until(through.struck.is_set)
        shift = Shift(Crew([watcher], Idle()))
        assert shift.is_sighted(time.monotonic())

        def is_over_it() -> bool:
            if through.connections == 1:
                shift.is_sighted(time.monotonic() + 3600)
            return through.connections > 1 and is_right(client)

        until(is_over_it)
    assert "account home: blind:" in caplog.text


class Idle:
    """The judge is in this process and needs no rest."""

    def rest(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def test_the_system_asks_after_a_silent_server(client, server):
    """TCP keepalive is on: the kernel's timer runs, as /proc/net/tcp tells."""
    with (
        proxy.running(server.port) as through,
        connect(account_of(client, through.port), dovecot.PASSWORD),
    ):
        until(lambda: _KEEPALIVE in timers_to(through.port))


_KEEPALIVE = "02"


def timers_to(port: int) -> set[str]:
    """Which timers run for connections to a port, by proc_pid_net(5)'s field `tr`."""
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {row[5].partition(":")[0] for row in rows if row[2].endswith(f":{port:04X}")}


def test_an_idle_is_renewed_before_anybody_hangs_up(client, server):
    """On the same connection, however quiet the mailbox is (RFC 2177)."""
    with (
        proxy.running(server.port) as through,
        at_work(account_of(client, through.port), idle_seconds=1),
    ):
        until(lambda: through.steps.count("IDLE") > 2)
        assert is_right(client)
    assert through.connections == 1


def test_a_draft_that_the_server_cannot_read_hides_no_other(client, server):
    """Dovecot hangs up on whoever asks for it; it is reported as not checked, and the rest is."""
    drafts = server.folder / "mail" / client.user / ".Drafts"
    unreadable = max(drafts.glob("*/*,*"), key=lambda path: path.stat().st_size)
    unreadable.chmod(0)
    client.save(note(OPENING, "A third flub.", message_id="<3@x>", to="third@example.com"))
    with at_work(account_of(client)) as watcher:
        until(lambda: (watcher.seen.unchecked, watcher.seen.warnings) == (1, 1))
    unreadable.chmod(0o600)
    about = [w.message["In-Reply-To"] for w in client.warnings().values()]
    assert about == ["<3@x>"]


def test_where_idle_is_refused_it_polls_on_the_same_connection(client, server):
    """It is not asked for again, and no login follows."""
    with (
        proxy.running(server.port, "no", "IDLE") as through,
        at_work(account_of(client, through.port), idle_seconds=600, poll_seconds=1),
    ):
        until(through.struck.is_set)
        client.save(note(OPENING, "A third flub.", message_id="<3@x>", to="third@example.com"))
        until(lambda: len(client.warnings()) == 2)
        until(lambda: through.steps[-1] == "NOOP")
    assert (through.connections, through.steps.count("IDLE")) == (1, 1)


def test_what_is_offered_and_cannot_be_enabled_is_done_without(client, server):
    """Something between the server and us may offer what the server has not."""
    with (
        proxy.running(server.port, "no", "ENABLE") as through,
        at_work(account_of(client, through.port)),
    ):
        until(lambda: is_right(client) and idles(through))
    assert through.connections == 1


def test_a_server_that_always_tells_of_changes_keeps_nobody_busy(client, server, monkeypatch):
    """After a few looks that found nothing new, each is put off; a note is seen all the same."""
    monkeypatch.setattr("scanner.watcher._CALM", calm := 0.5)
    with (
        proxy.running(server.port) as through,
        at_work(account_of(client, through.port)),
    ):
        until(lambda: idles(through) and is_right(client))
        news = b"* 1 FETCH (FLAGS (\\Seen))\r\n"
        through.rewrite = lambda said: news + said if b"OK NOOP completed" in said else said
        began, looks = time.monotonic(), through.steps.count("NOOP")
        client.save(note(OPENING, "A third flub.", message_id="<3@x>", to="third@example.com"))
        until(lambda: through.steps.count("NOOP") > looks + 7)
        assert time.monotonic() - began > 3 * calm
        assert len(client.warnings()) == 2


def test_a_sweep_finds_what_a_server_does_not_tell(client, server):
    """Under IDLE it looks by itself every now and then, for servers lie."""
    with (
        proxy.running(server.port, "mute", "IDLE") as through,
        at_work(account_of(client, through.port), idle_seconds=600, sweep_seconds=3),
    ):
        until(through.struck.is_set)
        client.save(note(OPENING, "A third flub.", message_id="<3@x>", to="third@example.com"))
        until(lambda: len(client.warnings()) == 2)
    assert through.connections == 1


def test_an_alert_beside_every_login_is_told_once(client, server, caplog):
    """A reconnect brings it again, and that is no news."""
    alert = b"* OK [ALERT] Read me\r\n"
    with proxy.running(server.port) as through:
        through.rewrite = lambda said: alert + said if b"Logged in" in said else said
        with at_work(account_of(client, through.port)) as watcher:
            until(lambda: idles(through) and is_right(client))
            assert caplog.text.count("[ALERT]") == 1
            logins = through.steps.count("LOGIN")
            through.cut()
            until(lambda: through.steps.count("LOGIN") > logins and idles(through))
            assert (watcher.seen.error, watcher.seen.exit_status) == ("", 0)
    assert caplog.text.count("[ALERT]") == 1


@pytest.mark.parametrize("slip", [ValueError, MemoryError, SystemExit, CancelledError])
def test_whatever_ends_a_try_the_account_is_watched_again(client, caplog, slip):
    """The status tells of it meanwhile, and the log in one line without the error's own words."""
    caplog.set_level("INFO")  # the program's own; below it libraries tell all
    slips = [slip("Dear Ms Lee"), slip("Dear Ms Lee")]
    told = []

    def judge(messages):
        if slips:
            raise slips.pop()
        told.append(status.report("home"))
        return JUDGE(messages)

    with at_work(account_of(client), judge=judge) as watcher:
        until(lambda: is_right(client) and not watcher.seen.error)
    assert f"internal error, {slip.__name__} at test_faults.py:" in told[0].error
    assert "Dear" not in caplog.text + told[0].error
    assert "Traceback" not in caplog.text
