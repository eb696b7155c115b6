"""Writing an account into the configuration: what is not asked for stays as it stands."""

from __future__ import annotations

import stat
import tomllib

import pytest

from scanner import config
from scanner.adapters import settings
from scanner.errors import ConfigurationError, UnreadableError

FILLED = {"address": "me@example.org", "host": "imap.example.org"}


def test_a_fresh_configuration_has_the_comments_of_the_example():
    """Every key is explained, and the account has the name that was chosen."""
    made = settings.changed(None, "work", {**FILLED, "tls": "starttls", "port": 1143})
    (account,) = config.parse(made).accounts
    assert (account.name, account.host, account.port) == ("work", "imap.example.org", 1143)
    assert "# How sure unflub must be before it warns" in made
    assert "unflub login work" in made
    assert "home" not in made.replace("mail/home", "").replace(
        '"home" is a name of your choice', ""
    )


def test_a_second_account_leaves_the_first_alone():
    """Comments and order of what stood there are as they were."""
    before = "# mine\npreset = 'strict'  # so\n\n[accounts.home]\naddress = 'a@b.c'\nhost = 'b.c'\n"
    made = settings.changed(before, "work", FILLED)
    assert made.startswith(before)
    assert [account.name for account in config.parse(made).accounts] == ["home", "work"]


def test_only_what_differs_is_changed():
    """A value that is set anew keeps the comment above it; one that is the same its spelling."""
    before = "[accounts.home]\naddress = 'a@b.c' # mine\n# there\nhost = 'b.c'\nport = 1_993\n"
    made = settings.changed(before, "home", {"address": "a@b.c", "host": "d.e", "port": 1993})
    assert made == before.replace("'b.c'\nport", '"d.e"\nport')


def test_a_key_can_be_taken_out():
    """None takes it away."""
    before = "[accounts.home]\naddress = 'a@b.c'\nhost = 'b.c'\npassword_command = ['pass']\n"
    made = settings.changed(before, "home", {"password_command": None})
    assert "password_command" not in tomllib.loads(made)["accounts"]["home"]


def test_what_would_be_wrong_is_not_written():
    """The outcome is read before it is given out."""
    with pytest.raises(ConfigurationError, match="host must hold no space"):
        settings.changed(None, "home", {**FILLED, "host": "not a host"})


@pytest.mark.parametrize(
    "before",
    [
        "accounts = {home = {address = 'a@b.c', host = 'b.c'}}\n",
        "accounts = {}\n",
        "accounts.home.address = 'a@b.c'\naccounts.home.host = 'b.c'\n",
    ],
    ids=["inline", "empty", "dotted"],
)
def test_accounts_that_are_no_tables_are_for_the_user_to_write_so(before):
    """They are valid, and yet another cannot be added to them."""
    assert config.parse(before)
    with pytest.raises(ConfigurationError, match=r"tables of their own, such as \[accounts.home\]"):
        settings.changed(before, "work", FILLED)


def test_a_name_may_have_a_dot():
    """In TOML a dot would part it, but for quotes."""
    (account,) = config.parse(settings.changed(None, "me.work", FILLED)).accounts
    assert account.name == "me.work"


def test_a_file_with_a_mistake_is_for_the_user_to_mend(tmp_path):
    """It is not overwritten."""
    path = tmp_path / "config.toml"
    path.write_text("preset = 'sloppy'")
    with pytest.raises(ConfigurationError, match="must be one of"):
        settings.read(path)
    assert settings.read(tmp_path / "none.toml") is None


def test_the_file_is_private_and_its_folder_is_made(tmp_path):
    """Mode 0600; a link to it stays one."""
    path = tmp_path / "a" / "b" / "config.toml"
    settings.write(path, "x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    settings.write(link, "y")
    assert link.is_symlink()
    assert path.read_text() == "y"


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    """Nothing is left half-written."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnreadableError, match="the configuration is as it was"):
        settings.write(tmp_path / "file" / "config.toml", "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
