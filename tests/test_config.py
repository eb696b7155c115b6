"""The configuration file: defaults, every problem at once, and where it is looked for."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from scanner.config import Account, Config, default_path, example, load, optional, parse
from scanner.core.classify import Policy
from scanner.errors import ConfigurationError

HOME = '[accounts.home]\naddress = "me@example.org"\nhost = "imap.example.org"\n'


def account(line: str) -> Account:
    return parse(HOME + line).accounts[0]


def problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        parse(text, "config.toml")
    assert "\n" not in str(raised.value)
    assert raised.value.exit_status == 2
    return str(raised.value)


def test_the_example_is_the_defaults():
    """Loading the example file gives what an empty one would, but for the account."""
    config = load(example())
    assert config == Config(accounts=config.accounts)
    (home,) = config.accounts
    assert home == Account("home", home.address, home.host)


@pytest.mark.parametrize(("place", "kind"), [(0, Config), (1, Account)], ids=["top", "account"])
def test_the_example_names_every_key(place, kind):
    """Each field stands in its part of the file, at least commented out, and nothing else does."""
    parts = example().read_text().split("[accounts.home]")
    named = set(re.findall(r"^(?:# )?(\w+) = ", parts[place], re.MULTILINE))
    assert named == {f.name for f in fields(kind)} - {"name", "accounts"}


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ((), ["home", "work"]),
        (("work",), ["work"]),
        (("work", "home", "work"), ["work", "home"]),
    ],
)
def test_an_account_is_chosen_once_however_often_it_is_named(names, chosen):
    """Two watchers of one mailbox would each write their warning draft."""
    config = parse(HOME + HOME.replace("home", "work"))
    assert [account.name for account in config.chosen(names)] == chosen


@pytest.mark.parametrize(("text", "names"), [("", ()), (HOME, ("work",))])
def test_where_there_is_no_account_to_choose_it_says_so(text, names):
    """Nobody should take it for one that is well."""
    with pytest.raises(ConfigurationError, match="no account"):
        parse(text).chosen(names)


def test_what_is_commented_out_in_the_example_is_valid_too():
    """Uncommenting each line gives a configuration that loads."""
    text = re.sub(r"^# (\w+ = )", r"\1", example().read_text(), flags=re.MULTILINE)
    assert tomllib.loads(text)
    (home,) = parse(text).accounts
    assert home.port == 993
    assert home.password_command == ("pass", "show", "mail/home")


def test_an_empty_file_is_a_configuration_without_accounts():
    """Everything has a default but the account."""
    assert parse("") == Config()


def test_every_value_can_be_set():
    """What the file says is what the program uses, for each key."""
    text = (
        'preset = "strict"\nmodel = "/m"\nsettle_seconds = 0.5\nsweep_seconds = 60\n'
        "poll_seconds = 90\nidle_seconds = 100\ntimeout_seconds = 5\n"
            "model_idle_minutes = 9\nnotify = false\nthreshold = 0.6\n"
        'categories_off = ["plea", "pretext"]\n' + HOME +
        'user = "u"\nport = 1143\ntls = "starttls"\nca_file = "/ca"\ndrafts = "D"\n'
        'password_command = ["pass"]\npassword_env = "P"\n'
        'password_file = "/p"\ntoken_command = ["t"]\noauth_client_id = "c"\n'
        'oauth_client_secret = "s"\noauth_issuer = "https://i"\noauth_scope = "imap"\n'
        'aliases = ["me@old.example"]\n'
    )  # fmt: skip
    home = Account("home", "me@example.org", "imap.example.org", "u", 1143, "starttls", "/ca",
                   ("pass",), "P", "D", "/p", ("t",), "c", "s", "https://i", "imap",
                   ("me@old.example",))  # fmt: skip
    assert parse(text) == Config(
        "strict", "/m", 0.5, 60, 90, 100, 5, (home,), 9,
        notify=False, threshold=0.6, categories_off=("plea", "pretext"),
    )  # fmt: skip


def test_what_is_asked_for_now_counts_before_the_file():
    """A preset takes the place of the file's threshold, too; categories stay off."""
    config = parse('preset = "strict"\nthreshold = 0.6\ncategories_off = ["plea"]\n')
    off = frozenset({"plea"})
    assert config.policy() == Policy("strict", 0.6, off)
    assert config.policy("cautious") == Policy("cautious", None, off)
    assert config.policy("cautious", 0.7) == Policy("cautious", 0.7, off)
    assert config.policy(threshold=0.7) == Policy("strict", 0.7, off)
    assert parse("").policy() == Policy("balanced")


def test_every_problem_is_reported_at_once():
    """One run of the program is enough to learn all that is to be mended."""
    told = problems(
        'preset = "wild"\nsetle_seconds = 1\nsweep_seconds = 0\n'
        '[accounts.home]\nhost = 5\nport = "993"\n[accounts.work]\n'
    )
    for problem in (
        "config.toml: ",
        "preset must be one of cautious, balanced, strict",
        "setle_seconds is not known; known are categories_off, idle_seconds, model,",
        "sweep_seconds must lie between 1 and 86400",
        "accounts.home.address is missing",
        "accounts.home.host must be a string",
        "accounts.home.port must be a whole number",
        "accounts.work.address is missing",
        "accounts.work.host is missing",
    ):
        assert problem in told
    assert "must not be empty" not in told


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("settle_seconds = -1", "between 0 and 3600"),
        ("settle_seconds = 3601", "between 0 and 3600"),
        ("settle_seconds = nan", "between 0 and 3600"),
        ("settle_seconds = true", "must be a number"),
        ('settle_seconds = "10"', "must be a number"),
        ("sweep_seconds = 1.5", "must be a whole number"),
        ("sweep_seconds = 86401", "between 1 and 86400"),
        ("poll_seconds = 59", "between 60 and 86400"),
        ("idle_seconds = 601", "between 1 and 600"),
        ("timeout_seconds = 0", "between 1 and 600"),
        ("timeout_seconds = false", "must be a whole number"),
        ("model = 1", "must be a string"),
        ('model = "a\\u0000b"', "must be a string, without NUL"),
        ("threshold = 1.1", "between 0 and 1"),
        ('categories_off = "plea"', "must be a list of categories"),
        ('categories_off = ["gap"]', "'gap', which is none of reanswer, "),
        ("preset = []", "must be one of"),
        ("accounts = 1", "accounts must be tables"),
        ("accounts.home = 1", "accounts.home must be a table"),
        ('name = "x"', "name is not known"),
        ("= 1", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_named(line, problem):
    """Types and bounds are checked, so that a slip neither hammers a server nor blinds anyone."""
    assert problem in problems(line)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("port = 0", "between 1 and 65535"),
        ("port = 65536", "between 1 and 65535"),
        ('tls = "ssl"', "must be one of implicit, starttls, none"),
        ('password_command = "pass"', "must be a list of strings"),
        ("password_command = []", "must be a list of strings"),
        ('password_command = ["pass", 1]', "must be a list of strings"),
        ('password_command = ["a\\u0000b"]', "must be a list of strings"),
        ('password_file = "a\\u0000b"', "must be a string, without NUL"),
        ('ca_file = "a\\u0000b"', "must be a string, without NUL"),
        ('name = "x"', "name is not known"),
        ('password = "hunter2"', "must not stand in a file: store it with `unflub login`"),
    ],
)
def test_a_wrong_value_of_an_account_is_named(line, problem):
    """The line says which account and key, and never repeats a password."""
    told = problems(HOME + line)
    assert f"accounts.home.{line.split(' ')[0]}" in told
    assert problem in told
    assert "hunter2" not in told


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_plain_text_is_for_this_machine(host):
    """A server on this machine may be spoken to without TLS."""
    text = HOME.replace("imap.example.org", host) + 'tls = "none"'
    assert parse(text).accounts[0].tls == "none"


@pytest.mark.parametrize(
    "host", ["imap.example.org", "192.168.1.2", "0.0.0.0", "localhost.example.org", "127.0.0.1.x"]
)
def test_plain_text_to_another_machine_is_refused(host):
    """No password ever crosses a network unprotected."""
    told = problems(HOME.replace("imap.example.org", host) + 'tls = "none"')
    assert 'accounts.home.tls = "none" is for a server on this machine only' in told


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example.org/",
        "HTTPS://login.example.org",
        "http://localhost/",
        "http://localhost:8080",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
    ],
)
def test_a_token_server_is_asked_over_tls_or_on_this_machine(issuer):
    """With a port or without one."""
    assert account(f'oauth_issuer = "{issuer}"').oauth_issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "login.example.org",
        "https://",
        "http://login.example.org",
        "http://localhost:x@login.example.org",
        "http://login.example.org\\\\@localhost/",
        "http://localhost.example.org/",
        "http://[::1",
        "ftp://localhost/",
    ],
)
def test_a_token_server_that_is_asked_in_the_clear_is_refused(issuer):
    """A user name that looks like this machine does not make it one."""
    told = problems(HOME + f'oauth_issuer = "{issuer}"')
    assert "accounts.home.oauth_issuer must begin with https://" in told


@pytest.mark.parametrize(
    ("lines", "endpoint"),
    [("", 993), ('tls = "starttls"', 143), ('tls = "starttls"\nport = 1143', 1143)],
)
def test_the_port_follows_the_kind_of_tls(lines, endpoint):
    """Without a port it is that of the standard for this kind of TLS."""
    assert account(lines).endpoint == ("imap.example.org", endpoint)


def test_the_login_is_the_address_where_no_user_is_named():
    """Most servers know users by their address."""
    assert account("").login == "me@example.org"
    assert account('user = "me"').login == "me"


def test_an_account_is_found_by_name():
    """A wrong name is answered by those there are."""
    config = parse(HOME)
    assert config.account("home") is config.accounts[0]
    with pytest.raises(ConfigurationError, match=r"'work' .*names: home"):
        config.account("work")
    with pytest.raises(ConfigurationError, match="names: none"):
        Config().account("work")


def test_the_path_comes_from_the_environment(monkeypatch, tmp_path):
    """$UNFLUB_CONFIG names the file; else it lies in the platform's folder."""
    monkeypatch.setenv("UNFLUB_CONFIG", "/somewhere/unflub.toml")
    assert default_path() == Path("/somewhere/unflub.toml")
    monkeypatch.delenv("UNFLUB_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path().name == "config.toml"
    assert default_path().is_relative_to(tmp_path)
    if sys.platform == "linux":
        assert default_path() == tmp_path / "unflub" / "config.toml"


def test_only_a_file_that_is_not_named_may_be_missing(monkeypatch, tmp_path):
    """A slip in $UNFLUB_CONFIG is told; an empty variable names nothing."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UNFLUB_CONFIG", "")
    assert optional() == Config()
    monkeypatch.setenv("UNFLUB_CONFIG", str(tmp_path / "slip.toml"))
    with pytest.raises(ConfigurationError, match="run `unflub setup`"):
        optional()


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (lambda _: None, "run `unflub setup`"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "it is not UTF-8 text"),
    ],
    ids=["missing", "folder", "binary"],
)
def test_a_file_that_cannot_be_read_is_reported(tmp_path, prepare, problem):
    """The line names the file and says what to do."""
    path = tmp_path / "config.toml"
    prepare(path)
    with pytest.raises(ConfigurationError, match=problem) as raised:
        load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "two words", "line\nbreak"])
def test_an_account_is_named_as_a_file_can_be(name):
    """The state file bears its name, and must not land elsewhere."""
    with pytest.raises(ConfigurationError, match="letters, digits"):
        parse(f'[accounts.{json.dumps(name)}]\naddress = "a@example.org"\nhost = "h"\n')


@pytest.mark.parametrize(
    "text", ['"foo\\nbar" = 1', '[accounts."foo\\nbar"]', '[accounts]\n"foo\\nbar" = 1']
)
def test_a_key_with_a_line_end_is_told_in_one_line(text):
    """Nor can it steer a terminal."""
    assert r"foo\nbar" in problems(text)


@pytest.mark.parametrize("key", ["address", "host"])
def test_what_is_needed_must_not_be_empty(key):
    """An empty host would be this machine, and an empty address nobody."""
    lines = {"address": '"a@example.org"', "host": '"h"', key: '""'}
    table = "\n".join(f"{name} = {value}" for name, value in lines.items())
    with pytest.raises(ConfigurationError, match=f"{key} must not be empty"):
        parse(f"[accounts.home]\n{table}\n")


@pytest.mark.parametrize("key", ["address", "host"])
@pytest.mark.parametrize("value", ["a@b c", "a@b\nBcc: c@d"])
def test_an_address_cannot_be_more_than_one(key, value):
    """The address stands in the warning's From, where a line end would begin a new field."""
    lines = {"address": "a@example.org", "host": "h", key: value}
    table = "\n".join(f"{name} = {json.dumps(text)}" for name, text in lines.items())
    with pytest.raises(ConfigurationError, match=f"{key} must hold no space"):
        parse(f"[accounts.home]\n{table}\n")


def test_every_alias_that_is_no_address_is_named():
    """Mail has bare addresses, and an empty one would be everybody who names no sender."""
    told = problems(f'{HOME}aliases = ["", "me@old.example", "Me <me@b.example>", "c"]\n')
    assert re.findall(r"aliases must be bare mail addresses, not '(.*?)'", told) == [
        "", "Me <me@b.example>", "c",
    ]  # fmt: skip
    assert "aliases must be a list of strings" in problems(f'{HOME}aliases = "me@old.example"\n')
    assert parse(f"{HOME}aliases = []\n").accounts[0].aliases == ()


def test_a_file_nested_too_deeply_is_one_clear_line():
    """No configuration, however odd, ends in a traceback."""
    with pytest.raises(ConfigurationError):
        parse("a = " + "[" * 5000)
