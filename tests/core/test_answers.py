"""Each provider's answer to a login becomes one sentence: provider, cause, next step."""

from __future__ import annotations

from pathlib import Path

import pytest
from imapclient.exceptions import LoginError

from scanner.adapters.connection import translated
from scanner.config import Account
from scanner.core import providers
from scanner.errors import UnflubError

CASES = sorted((Path(__file__).parents[1] / "cases" / "provider_answers").glob("*.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_what_an_answer_means(case):
    """The line in the file, and its exit status: 3 for the user to mend, 4 to try again."""
    server, answer, status, line = case.read_text().splitlines()
    host, _, port = server.removeprefix("server: ").partition(":")
    account = Account("home", "me@gmail.com", host, port=int(port or 0))
    words = answer.removeprefix("answer: ").partition(" ")[2]
    with pytest.raises(UnflubError) as caught, translated(account):
        raise LoginError(words)
    assert str(caught.value) == line
    assert caught.value.exit_status == int(status.removeprefix("status: "))


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({}, "store the right password with `unflub login home`"),
        ({"password_file": "x"}, "write the right password into the file that password_file names"),
        ({"password_command": ("x",)}, "have password_command print the right password"),
        (
            {"password_env": "x"},
            "set the variable that password_env names to the right password, and start unflub anew",
        ),
        ({"token_command": ("x",)}, "mend token_command"),
        ({"oauth_client_id": "x"}, "run `unflub login home` to allow it anew"),
    ],
    ids=["keyring", "file", "command", "environment", "token command", "OAuth2"],
)
def test_the_remedy_is_for_where_the_password_comes_from(settings, remedy):
    """What is stored in the keyring helps nobody whose password lies in a file."""
    account = Account("home", "me@example.org", "imap.example.org", **settings)
    with pytest.raises(UnflubError) as caught, translated(account):
        raise LoginError("[AUTHENTICATIONFAILED] no")
    assert str(caught.value).endswith(remedy)
    assert ("unflub login" in str(caught.value)) == ("unflub login" in remedy)


def test_a_systemd_credential_is_named_in_the_remedy(tmp_path, monkeypatch):
    """It comes before the keyring."""
    (tmp_path / "unflub.home").touch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    account = Account("home", "me@example.org", "imap.example.org")
    with pytest.raises(UnflubError, match="systemd credential") as caught, translated(account):
        raise LoginError("no")
    assert str(caught.value).endswith(
        "put the right password into the systemd credential unflub.home"
    )


def test_nothing_of_an_answer_is_repeated_but_its_code():
    """Whatever a server says, in a sentence that is known or not."""
    for words in (
        "[ALERT] quetzal needs an app password",
        "quetzal",
        "[NOPE] IMAP is off, quetzal",
    ):
        with (
            pytest.raises(UnflubError) as caught,
            translated(Account("a", "b@c.d", "imap.aol.com")),
        ):
            raise LoginError(words)
        assert "quetzal" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("me@gmail.com", "Gmail"),
        ("Me@GoogleMail.com", "Gmail"),
        ("me@hotmail.com", "Outlook.com"),
        ("me@me.com", "iCloud"),
        ("me@gmx.de", "GMX"),
        ("me@proton.me", "Proton Bridge"),
    ],
)
def test_an_address_tells_its_provider(address, name):
    """By its domain, however it is written."""
    assert providers.by_address(address).name == name


@pytest.mark.parametrize(
    ("exchange", "name"),
    [
        ("aspmx.l.google.com.", "Google Workspace"),
        ("example-org.mail.protection.outlook.com", "Microsoft 365"),
        ("example-org.o-v1.mx.microsoft.", "Microsoft 365"),
        ("eur.olc.protection.outlook.com", "Outlook.com"),
        ("in1-smtp.messagingengine.com", "Fastmail"),
        ("mx01.mail.icloud.com", "iCloud"),
        ("mx.zoho.com", "Zoho"),
    ],
)
def test_a_mail_exchange_tells_its_provider(exchange, name):
    """A domain of one's own is known by where its mail goes."""
    assert providers.by_exchange(exchange).name == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("me@gmail.com", "Gmail"),
        ("Me@GoogleMail.com", "Gmail"),
        ("me@corp.example", "Google Workspace"),
        ("", "Gmail"),
    ],
)
def test_of_providers_that_share_a_server_the_address_tells_which(address, name):
    """Whose administrator may have to allow it, say."""
    assert providers.by_host("imap.gmail.com", address=address).name == name


def test_what_is_nobody_s_is_nobody_s():
    """Neither a look-alike domain nor another port is taken for a provider's."""
    assert providers.by_address("me@notgmail.com") is None
    assert providers.by_exchange("mx.evilgoogle.com") is None
    assert providers.by_host("127.0.0.1", 143) is None
