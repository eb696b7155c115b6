"""The desktop tells of a warning: on a real notification daemon, without the note's words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support import proxy
from support.dovecot import PASSWORD
from support.household import Household
from support.notes import CLEAN, FLUBBED, OPENING, OTHER_FLUB, note
from support.waiting import until

OTHER = note(OPENING, OTHER_FLUB, message_id="<note-2@client.example>", to="other@example.com")


SUMMARY = "\tsummary: 'Before you send"
"""Once in what dunst prints of a notification; other lines may repeat its words."""


def wait_for(shown: Callable[[], str], times: int) -> str:
    until(lambda: shown().count(SUMMARY) >= times, said=shown)
    return shown()


def wait_for_warnings(household: Household, count: int) -> None:
    household.client.wait_until(lambda client: len(client.warnings()) == count)


def uid_of(household: Household, words: str) -> int:
    own = household.client.own().items()
    return next(uid for uid, stored in own if words in stored.body("plain"))


def test_a_warning_is_told_of_once_and_without_words_of_the_note(household, session):
    """A passage that comes back is warned about again, but not told of again."""
    with session.notifications() as shown, household.program.watching():
        household.client.save(FLUBBED)
        wait_for_warnings(household, 1)
        said = wait_for(shown, 1)
        assert "unflub" in said
        assert not any(
            word in said for word in ("rambled", "budget", "Larkfield", "me@example.org")
        )
        household.client.replace(uid_of(household, "rambled"), CLEAN)
        wait_for_warnings(household, 0)
        household.client.replace(uid_of(household, "handovers"), FLUBBED)
        wait_for_warnings(household, 1)
        household.client.save(OTHER)
        wait_for_warnings(household, 2)
        assert wait_for(shown, 2).count(SUMMARY) == 2


def test_a_server_that_changes_what_it_stores_is_told_of_once(household, session):
    """And that a warning lies there is not said."""
    with (
        session.notifications() as shown,
        proxy.running(household.server.port) as through,
    ):
        through.rewrite = lambda answer: answer.replace(b"X-Unflub-", b"Z-Unflub-")
        household.configure(port=str(through.port))
        household.client.save(FLUBBED)
        for _ in range(2):
            done = household.program.run("watch", "--once")
            assert "the server changes the drafts it stores" in done.stderr
        household.configure()
        household.program.run("doctor")  # finds that it is mended
        household.client.save(OTHER)
        household.once()
        said = wait_for(shown, 1)
    assert said.count("\tsummary: 'unflub cannot lay warnings") == 1
    assert said.count(SUMMARY) == 1


def test_a_refused_login_is_told_of_once_a_day(household, session):
    """Without address or password, however often the program is started."""
    household.program.environment["TEST_PASSWORD"] = "wrong-horse"
    with session.notifications() as shown:
        for _ in range(2):
            assert household.program.run("watch").returncode == 3
        household.program.environment["TEST_PASSWORD"] = PASSWORD
        household.client.save(FLUBBED)
        household.once()
        said = wait_for(shown, 1)
    assert said.count("\tsummary: 'unflub cannot log in") == 1
    assert not any(word in said for word in ("wrong-horse", "me@example.org"))


def test_it_can_be_switched_off(household, session):
    """`notify = false`: nothing is shown."""
    household.configure(top="settle_seconds = 0\nnotify = false")
    with session.notifications() as shown:
        household.client.save(FLUBBED)
        assert "warned about 1" in household.once()
        assert "Before you send" not in shown()
        household.configure()
        household.client.save(OTHER)
        assert "warned about 1" in household.once()
        wait_for(shown, 1)


@pytest.mark.usefixtures("session")
def test_a_desktop_that_shows_none_is_no_trouble(household):
    """There is a D-Bus and nobody on it: the warning is written all the same."""
    household.client.save(FLUBBED)
    assert "warned about 1" in household.once()
    assert len(household.client.warnings()) == 1
