"""The daemon as a process: stopping, reloading, its lock, systemd, and what `status` says."""

from __future__ import annotations

import json
import os
import signal
import socket
from dataclasses import replace

import pytest
from support import dovecot, proxy
from support.client import MailClient, one_warning
from support.household import Household, account_table
from support.notes import CLEAN, FLUBBED
from support.processes import children_of, is_alive
from support.waiting import until

from scanner.core.classify import CATEGORIES
from scanner.learning import artifact, shelf


def report(household: Household, account: str = "home") -> tuple[int, dict[str, object]]:
    done = household.program.run("status", "--format", "json", "--account", account)
    (one,) = json.loads(done.stdout)
    return done.returncode, one


def wait_for_health(
    household: Household, health: str, account: str = "home"
) -> tuple[int, dict[str, object]]:
    def found() -> tuple[int, dict[str, object]] | None:
        status, one = report(household, account)
        return (status, one) if one["health"] == health else None

    return until(found, said=lambda: report(household, account))


@pytest.fixture
def other(household) -> MailClient:
    """A second user of the server."""
    return MailClient(household.server.port, f"{household.client.user}-too", dovecot.PASSWORD)


def configure(household: Household, **clients: MailClient) -> None:
    """Have an account for each of these users, by its name, and no others."""
    port = household.server.port
    tables = (account_table(name, client.user, port) for name, client in clients.items())
    household.program.configure("settle_seconds = 0\n" + "".join(tables))


def test_sighup_reloads_the_configuration(household, other):
    """An account that is added to the file is watched from then on."""
    with household.program.watching() as daemon:
        configure(household, home=household.client, work=other)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded: watching 2 accounts")
        for client in (household.client, other):
            client.save(FLUBBED)
            client.wait_until(one_warning)


def test_an_account_that_is_taken_out_is_free_for_another_process(household, other):
    """A reload keeps the locks of the accounts that stay, and no others."""
    configure(household, home=household.client, work=other)
    with household.program.watching() as daemon:
        configure(household, work=other)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded: watching 1 account")
        configure(household, home=household.client)
        assert household.program.run("watch", "--once").returncode == 0
        configure(household, work=other)
        assert "another unflub" in household.program.run("watch", "--once").stderr


def test_a_model_that_was_put_in_use_is_taken_up_without_being_told(household):
    """`unflub train` and `unflub model use` write the pointer; the daemon sees it by itself."""
    models = household.program.home / "data" / "unflub" / "models"
    shipped = artifact.load(shelf.shipped())
    never = {name: replace(at, kind=1.0, flub=1.0) for name, at in shipped.thresholds.items()}
    artifact.save(replace(shipped, version="deaf", thresholds=never), models / "deaf")
    assert household.program.run("model", "use", "deaf").returncode == 0
    household.client.save(FLUBBED)
    with household.program.watching() as daemon:
        daemon.wait_for("1 drafts read; warned about 0")
        assert household.program.run("model", "use", "shipped").returncode == 0
        household.client.wait_until(one_warning)
        assert "another model is in use now" in daemon.log.read_text()


def test_a_broken_model_leaves_the_one_before_it_at_work(household):
    """It is said once; drafts are judged as before, also after the judge had a rest."""
    household.configure(top="settle_seconds = 0\nmodel_idle_minutes = 0")
    models = household.program.home / "data" / "unflub" / "models"
    with household.program.watching() as daemon:
        (models / "broken").mkdir(parents=True)
        (models / "broken" / "model.json").write_text("{}")
        (models / "current").write_text("broken\n")
        daemon.wait_for("not reloaded: ")
        household.client.save(FLUBBED)
        household.client.wait_until(one_warning)
        assert daemon.log.read_text().count("not reloaded: ") == 1


def test_categories_that_are_off_are_not_warned_about(household):
    """The daemon heeds the configuration as check and scan do."""
    every = json.dumps(list(CATEGORIES))
    household.configure(top=f"settle_seconds = 0\ncategories_off = {every}")
    household.client.save(FLUBBED)
    assert "warned about 0" in household.once()
    assert not household.client.warnings()


def test_a_reload_does_not_take_an_account_from_another_process(household, other):
    """It says so, and goes on with the accounts it has."""
    configure(household, home=household.client, work=other)
    taken = household.program.start("watch", "--account", "work")
    try:
        wait_for_health(household, "watching", account="work")
        configure(household, home=household.client)
        with household.program.watching() as daemon:
            configure(household, home=household.client, work=other)
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("account work: another unflub is watching it")
            household.client.save(FLUBBED)
            household.client.wait_until(one_warning)
            assert report(household, account="work")[0] == 0
            assert daemon.stop() == 0
    finally:
        taken.kill()
        taken.communicate()


_SKEWED = """
import os, time
_time = time.time
def skewed():
    with open(os.environ["SKEW"]) as file:
        return _time() + float(file.read())
time.time = skewed
"""


@pytest.mark.parametrize("skew", ["3600", "-3600"], ids=["forward", "back"])
def test_when_the_wall_clock_jumps_it_connects_anew(household, skew):
    """As after a sleep: connections that look alive and are dead are not waited for."""
    home = household.program.home
    (home / "sitecustomize.py").write_text(_SKEWED)
    (home / "skew").write_text("0")
    household.program.environment.update(PYTHONPATH=str(home), SKEW=str(home / "skew"))
    with proxy.running(household.server.port) as through:
        household.configure(top="settle_seconds = 0\ntimeout_seconds = 600", port=str(through.port))
        with household.program.watching() as daemon:
            through.fault, through.at = "black hole", len(through.steps)
            household.client.save(FLUBBED)
            assert through.struck.wait(60)
            (home / "skew.new").write_text(skew)
            (home / "skew.new").replace(home / "skew")
            daemon.wait_for("the clock jumped: connecting anew")
            household.client.wait_until(one_warning)
        assert through.connections == 2


def test_a_wrong_configuration_is_not_reloaded(household):
    """It says what is wrong and goes on as before."""
    with household.program.watching() as daemon:
        household.program.configure("settle_seconds = -1")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("not reloaded:")
        household.client.save(FLUBBED)
        household.client.wait_until(one_warning)


def test_a_login_that_was_good_is_not_the_first_after_a_reload(household):
    """A server that refuses it for a moment by then does not end the daemon."""
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        with household.program.watching() as daemon:
            through.rewrite = proxy.no_login
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("in an hour or more")
            through.rewrite = bytes
            daemon.process.send_signal(signal.SIGHUP)
            household.client.save(FLUBBED)
            household.client.wait_until(one_warning)


@pytest.mark.parametrize("arguments", [("watch",), ("watch", "--once")], ids=["watch", "once"])
def test_a_second_copy_for_one_account_is_refused(household, arguments):
    """One line says so, and the first goes on."""
    with household.program.watching() as daemon:
        done = household.program.run(*arguments)
        assert done.returncode == 2
        assert "another unflub is watching it" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert daemon.process.poll() is None


def test_an_account_that_another_process_has_is_waited_for(household, other):
    """The others are watched meanwhile, and what is said of it is left to who has it."""
    configure(household, home=household.client, work=other)
    taken = household.program.start("watch", "--account", "work")
    try:
        wait_for_health(household, "watching", account="work")
        household.client.save(FLUBBED)
        with household.program.watching() as daemon:
            household.client.wait_until(one_warning)
            daemon.wait_for("account work: another unflub is watching it")
            assert report(household, account="work")[0] == 0
            taken.terminate()
            assert taken.wait(60) == 0
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for("account work: 0 drafts read")
            assert daemon.stop() == 0
    finally:
        taken.kill()
        taken.communicate()


def test_a_dry_run_keeps_nobody_from_an_account(household):
    """It writes nothing, not even a lock, however long it runs."""
    with household.program.watching("--dry-run") as daemon:
        assert report(household)[1]["health"] == "not running"
        assert "drafts read" in household.once()
        assert daemon.process.poll() is None


def test_a_killed_copy_leaves_no_lock_and_no_process(household):
    """Neither a stale lock nor a judging process outlives kill -9."""
    with household.program.watching() as daemon:
        children = children_of(daemon.process.pid)
        assert children
        daemon.process.kill()
        daemon.process.wait()
    assert "drafts read" in household.once()
    until(lambda: not any(map(is_alive, children)))


def test_systemd_is_told(household, tmp_path):
    """Ready when it watches, alive while it sees, stopping when it stops."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        household.program.environment.update(
            NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="500000"
        )
        with household.program.watching() as daemon:
            assert manager.recv(4096) == b"READY=1"
            assert manager.recv(4096) == b"WATCHDOG=1"
            assert manager.recv(4096) == b"WATCHDOG=1"
            daemon.process.send_signal(signal.SIGTERM)
            while (said := manager.recv(4096)) != b"STOPPING=1":
                assert said == b"WATCHDOG=1"


def test_the_status_tells_nothing_of_the_daemon_before(household):
    """One that has not got in yet is starting, though another saw the mailbox a moment ago."""
    household.once()
    with proxy.running(household.server.port, "black hole", proxy.GREETING) as through:
        household.configure(port=str(through.port))
        with household.program.watching(wait=False):
            until(through.struck.is_set)
            assert report(household)[1]["health"] == "starting"


def test_a_reload_does_not_forget_when_a_change_was_seen(household):
    """The mailbox is the same."""
    household.client.save(FLUBBED)
    with household.program.watching() as daemon:
        daemon.wait_for("warned about 0")
        before = report(household)[1]["last_change"]
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("reloaded: ")
        daemon.wait_for("warned about 0", 2)
        assert report(household)[1]["last_change"] == before is not None


def test_the_status_of_a_watched_account(household):
    """Everything is well: times and counts, and exit status 0."""
    household.client.save(FLUBBED)
    with household.program.watching() as daemon:
        household.client.wait_until(one_warning)
        daemon.wait_for("warned about 0")
        status, one = report(household)
        assert (status, one["health"], one["error"]) == (0, "watching", None)
        assert (one["drafts"], one["open_warnings"]) == (1, 1)
        assert all(one[key] for key in ("connected_since", "last_change", "last_sweep"))
        text = household.program.run("status").stdout
        assert "home: watching" in text
        assert "1 draft, 1 open warning" in text


def test_the_status_when_nobody_watches(household):
    """A daemon that was killed is seen at once to be gone, whatever it last wrote."""
    assert report(household)[1]["health"] == "not running"
    with household.program.watching() as daemon:
        daemon.process.kill()
        daemon.process.wait()
        status, one = report(household)
    assert (status, one["health"]) == (4, "not running")
    assert "NOT RUNNING" in household.program.run("status").stdout


def test_the_status_when_the_server_is_away(household):
    """It says since when, why, and what to do."""
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        with household.program.watching():
            through.upstream = 1
            through.cut()
            status, one = wait_for_health(household, "disconnected")
            assert status == 4
            assert "check the network" in str(one["error"])
            assert one["error_since"]
            through.upstream = household.server.port
            assert wait_for_health(household, "watching")[0] == 0


def test_refused_credentials_are_tried_twice_and_said_once(household):
    """Another account goes on; with another password the refused one comes back by itself."""
    secret = household.program.home / "secret"
    secret.write_text("wrong-horse")
    with (household.program.home / "config.toml").open("a") as file:
        command = f'["cat", "{secret}"]'
        file.write(
            account_table(
                "work", household.client.user, household.server.port,
                password_env="", password_command=command,
            )
        )  # fmt: skip
    with household.program.watching() as daemon:
        daemon.wait_for("account work: ", 2)
        daemon.wait_for("not tried again until that changes")
        household.client.save(FLUBBED)
        household.client.wait_until(one_warning)
        done = household.program.run("status", "--account", "work")
        assert done.returncode == 3
        assert "refused the user name or password" in done.stdout
        assert daemon.log.read_text().count("not tried again") == 1
        assert "wrong-horse" not in daemon.log.read_text() + done.stdout
        secret.write_text(dovecot.PASSWORD)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("account work: 1 drafts read")
    assert os.fspath(secret) not in daemon.log.read_text()


def test_a_log_that_cannot_be_written_is_told(program):
    """One line names it, and says what to do."""
    done = program.run("watch", "--log", "/no/such/folder/x")
    assert done.returncode == 2
    assert done.stderr == (
        "unflub: the log /no/such/folder/x cannot be written (No such file or directory); "
        "name a file in a folder of yours\n"
    )


def test_no_mailbox_makes_way_for_a_log(program):
    """A slip must not cost mail: it is neither appended to nor put aside."""
    box = program.home / "sent.mbox"
    box.write_bytes(raw := b"From ines@example.org Tue Mar  4 10:12:00 2025\n" + CLEAN)
    done = program.run("watch", "--log", box)
    assert (done.returncode, box.read_bytes()) == (2, raw)
    assert "holds mail, which would be lost" in done.stderr


def test_a_log_can_go_to_a_file(household):
    """Where standard error leads nowhere, as for a task of Windows; why it ended stands there."""
    log = household.program.home / "unflub.log"
    assert "drafts read" not in household.once("--log", "unflub.log")
    assert " 0 drafts read; " in log.read_text()
    household.configure(port="1")
    assert household.program.run("watch", "--once", "--log", "unflub.log").returncode == 4
    assert "check the network" in log.read_text().splitlines()[-1]


def test_a_log_ends_with_what_it_is_of(household):
    """`unflub setup` watches once and goes on: what comes later is in another log."""
    said = household.program.python(
        "from scanner.cli import cli\n"
        "for log in ('first', 'second'):\n"
        "    cli(['watch', '--once', '--log', log], standalone_mode=False)\n"
    )
    assert said.returncode == 0
    for log in ("first", "second"):
        assert (household.program.home / log).read_text().count("drafts read") == 1


def test_a_log_on_a_full_disk_costs_its_lines_alone(household):
    """The watch goes on, and standard error stays empty."""
    done = household.program.run("watch", "--once", "--log", "/dev/full")
    assert (done.returncode, done.stderr) == (0, "")
