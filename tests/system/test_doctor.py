"""`unflub doctor`: each line says that something is well, or what to do now."""

from __future__ import annotations

import re
import threading
from subprocess import DEVNULL, PIPE

import pytest
from support import dovecot, proxy
from support.household import Household, household_on
from support.notes import CLEAN, FLUBBED
from support.program import PATIENCE

from scanner import checking, config, doctor
from scanner.adapters import answering


def examined(household: Household) -> tuple[int, dict[str, str]]:
    """Exit status, and what was said of each check, with "ok" or "WRONG" before it.

    Whichever it is, what is said begins in the same column.
    """
    done = household.program.run("doctor")
    assert done.stderr == ""
    lines = [
        re.fullmatch(r"(ok   |WRONG)  (home )?(\w[\w ]*): (.+)", x) for x in done.stdout.split("\n")
    ]
    return done.returncode, {
        found[3]: f"{found[1].rstrip()} {found[4]}" for found in lines if found
    }


@pytest.fixture
def over_tls(household) -> Household:
    """A household that has everything, TLS too."""
    household.configure(**household.over("implicit"))
    return household


def test_where_all_is_well_every_line_says_so(over_tls):
    """With the daemon at work the exit status is 0."""
    with over_tls.program.watching():
        status, said = examined(over_tls)
    assert status == 0, said
    assert list(said) == [
        "configuration", "model", "checks", "DNS", "TLS", "password", "login", "abilities",
        "Drafts", "writing", "clock", "daemon",
    ]  # fmt: skip
    assert all(line.startswith("ok ") for line in said.values())
    assert said["checks"].startswith("ok the daemon answers")
    assert said["TLS"].startswith("ok TLSv1.3 with localhost")
    assert said["Drafts"] == "ok Drafts, with 0 messages"
    assert said["writing"] == "ok a draft can be written, and taken away again"
    assert said["clock"] == "ok agrees with the server's"
    assert over_tls.client.messages() == {}


def test_writing_is_tried_and_nothing_is_left(over_tls):
    """A trial draft is written and removed; the user's messages are as they were."""
    for raw in (CLEAN, FLUBBED):
        over_tls.client.save(raw)
    before = over_tls.client.messages()
    _, said = examined(over_tls)
    assert said["writing"] == "ok a draft can be written, and taken away again"
    assert said["clock"] == "ok agrees with the server's"
    assert said["daemon"].startswith("WRONG not running: ")
    assert over_tls.client.messages() == before


@pytest.mark.parametrize(
    ("settings", "check", "words", "status"),
    [
        ({"host": '"imap.nowhere.invalid"'}, "DNS", "leads nowhere; check it for a slip", 4),
        ({"port": "1"}, "TLS", "check the network", 4),
        ({"ca_file": '""'}, "TLS", "is not to be trusted", 4),
        ({"password_env": '"NOT_SET"'}, "password", "the environment variable", 3),
        ({"password_env": '"WRONG"'}, "login", "refused the user name or password", 3),
        ({"drafts": '"Entwurf"'}, "Drafts", "the server has no mailbox 'Entwurf'", 2),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_what_is_wrong_is_the_last_that_is_tried(over_tls, settings, check, words, status):
    """Its line says what to do; what needs it is not tried, but for the daemon."""
    over_tls.program.environment["WRONG"] = "wrong-horse"
    over_tls.configure(**over_tls.over("implicit") | settings)
    result, said = examined(over_tls)
    assert result == status
    assert list(said)[-2:] == [check, "daemon"]
    assert said[check].startswith("WRONG ")
    assert words in said[check]
    assert "wrong-horse" not in str(said)


def test_an_expired_certificate_asks_for_the_clock(program):
    """It may be the clock of this machine that is wrong."""
    with dovecot.running(expired=True) as server:
        household = household_on(server, program)
        household.configure(**household.over("implicit"))
        _, said = examined(household)
    assert "clock is right" in said["TLS"]


@pytest.mark.parametrize("command", ["APPEND", "STORE"])
def test_a_server_that_refuses_to_be_written_to_is_found_out(household, command):
    """Both what is written and what is taken away again is tried."""
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        examined(household)
        at = through.steps.index(command)
    with proxy.running(household.server.port, "no", at) as through:
        household.configure(port=str(through.port))
        status, said = examined(household)
    assert status == 4
    assert said["writing"].startswith("WRONG ")
    assert "refused" in said["writing"]


def test_a_trial_that_was_left_lying_is_taken_away(household):
    """After a refusal, or a kill, the next look removes it."""
    with proxy.running(household.server.port) as through:
        household.configure(port=str(through.port))
        examined(household)
        at = through.steps.index("STORE")
    with proxy.running(household.server.port, "no", at) as through:
        household.configure(port=str(through.port))
        examined(household)
    assert len(household.client.messages()) == 1
    household.configure()
    assert examined(household)[1]["writing"].startswith("ok ")
    assert household.client.messages() == {}


@pytest.mark.parametrize(
    ("written", "stored"),
    [(b"X-Unflub-", b"Z-Unflub-"), (b"@unflub.invalid", b"@server.invalid")],
    ids=["fields", "Message-ID"],
)
def test_a_server_that_changes_what_it_stores_is_found_out(household, written, stored):
    """One trial is left to delete; no warning is written there until the server was mended."""
    household.client.save(FLUBBED)
    with proxy.running(household.server.port) as through:
        through.rewrite = lambda answer: answer.replace(written, stored)
        household.configure(port=str(through.port))
        for _ in range(2):
            status, said = examined(household)
            assert status == 4
            assert said["writing"].startswith("WRONG the server changes the drafts it stores")
            assert "delete by hand" in said["writing"]
        done = household.program.run("watch", "--once")
        assert done.returncode == 4
        assert "the server changes the drafts it stores" in done.stderr
    (trial,) = household.client.warnings()
    household.client.delete(trial)
    household.configure()
    assert examined(household)[1]["writing"].startswith("ok ")
    assert "warned about 1" in household.once()


@pytest.mark.parametrize(("year", "way"), [(b"-2001 ", "ahead of"), (b"-2091 ", "behind")])
def test_a_clock_that_is_off_is_told(household, year, way):
    """The server's time of the trial draft is compared with ours."""
    with proxy.running(household.server.port) as through:
        through.rewrite = lambda answer: re.sub(rb'(?<=INTERNALDATE ".{6})-\d{4} ', year, answer)
        household.configure(port=str(through.port))
        status, said = examined(household)
    assert status == 2
    assert way in said["clock"]


def test_a_model_that_is_missing_is_told(household):
    """And so is what to do about it; the accounts are looked at all the same."""
    household.configure(top='settle_seconds = 0\nmodel = "/no/such/model"')
    status, said = examined(household)
    assert status == 6
    assert said["model"].startswith("WRONG ")
    assert said["login"].startswith("ok ")


def test_without_an_account_it_is_the_configured_model_that_is_looked_at(household):
    """Checks before Send need none."""
    household.program.configure('model = "/nowhere"')
    _, said = examined(household)
    assert said["configuration"].startswith("WRONG the configuration names no account")
    assert said["model"].startswith("WRONG there is no model folder /nowhere")


def test_a_daemon_of_another_version_is_told(household, monkeypatch):
    """It was not restarted after an update, so checks before Send do without it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(household.program.home / "state"))
    with answering.answering(lambda _: {"protocol": checking.PROTOCOL, "version": "0.0.1"}):
        status, said = examined(household)
    assert status == 4
    assert said["checks"].startswith("WRONG the daemon is of version 0.0.1")
    assert "restart the daemon" in said["checks"]


def test_of_a_daemon_that_ended_the_next_step_comes_first(household):
    """What it said at the end may have been mended since, and is told after."""
    household.program.environment["WRONG"] = "wrong-horse"
    household.configure(password_env='"WRONG"')
    with household.program.watching(wait=False) as daemon:
        assert daemon.process.wait(PATIENCE) == 3  # killed sooner it may have said nothing
    household.configure()
    _, said = examined(household)
    assert said["daemon"].startswith(
        "WRONG not running: no unflub watches it; run `unflub service install`, or `unflub watch` "
        "(it last said: "
    )
    assert said["daemon"].count("home") == said["login"].count("home") == 0


def test_without_a_configuration_the_rest_is_looked_at_all_the_same(household):
    """Who has none yet is told what writes it, and whether the model is sound."""
    (household.program.home / "config.toml").unlink()
    status, said = examined(household)
    assert status == 2
    assert said["configuration"].startswith("WRONG there is no configuration at ")
    assert said["configuration"].endswith("run `unflub setup`, which writes it")
    assert said["model"].startswith("ok ")


@pytest.fixture
def settings(household, monkeypatch) -> config.Config:
    monkeypatch.setenv("TEST_PASSWORD", dovecot.PASSWORD)
    return config.load(household.program.home / "config.toml")


def test_a_draft_that_arrives_is_waited_for(household):
    """`--wait` asks for a draft and tells how fast it came; a warning draft is none of theirs."""
    household.client.save(FLUBBED)
    household.once()
    asking = household.program.start("doctor", "--wait", stdout=PIPE, stdin=DEVNULL)
    shown = b""
    while b"Waiting up to" not in shown:
        shown += (line := asking.stdout.readline())
        assert line, shown
    household.client.save(CLEAN)
    rest, _ = asking.communicate(timeout=60)
    assert re.search(rb"ok     home a draft arrived after \d+\.\d s", rest)


def test_a_draft_that_does_not_arrive_ends_the_wait(household, settings):
    """After the time that is given, and though a warning draft was written meanwhile."""
    household.client.save(FLUBBED)
    written = threading.Thread(target=household.once)
    took = doctor.arrival(settings.accounts[0], 5, written.start, 8)
    written.join()
    assert took is None
    assert len(household.client.warnings()) == 1
