"""config.toml to a frozen `Config`; every problem in the file is reported at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import platformdirs

from scanner.core.classify import CATEGORIES, DEFAULT_PRESET, Policy, Preset
from scanner.errors import ConfigurationError

Tls = Literal["implicit", "starttls", "none"]
Seconds = float


@dataclass(frozen=True, slots=True)
class Account:
    """One mailbox account; `name` is its key in the file, an empty string is "not set"."""

    name: str
    address: str
    host: str
    user: str = ""
    port: int = 0
    tls: Tls = "implicit"
    ca_file: str = ""
    password_command: tuple[str, ...] = ()
    password_env: str = ""
    drafts: str = ""
    password_file: str = ""
    token_command: tuple[str, ...] = ()
    oauth_client_id: str = ""
    oauth_client_secret: str = ""
    oauth_issuer: str = ""
    oauth_scope: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def addresses(self) -> frozenset[str]:
        """All addresses that mail of the account's owner comes from or goes to, in lower case."""
        return frozenset(one.lower() for one in (self.address, *self.aliases))

    @property
    def has_token(self) -> bool:
        """Whether it logs in by an access token (RFC 7628), not by a password."""
        return bool(self.token_command or self.oauth_client_id)

    @property
    def login(self) -> str:
        """The user name the server knows."""
        return self.user or self.address

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port or usual_port(self.tls)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; the defaults are those of config.example.toml."""

    preset: Preset = DEFAULT_PRESET
    model: str = ""
    settle_seconds: Seconds = 10.0
    sweep_seconds: int = 300
    poll_seconds: int = 60
    idle_seconds: int = 240
    timeout_seconds: int = 30
    accounts: tuple[Account, ...] = ()
    model_idle_minutes: int = 5
    notify: bool = True
    threshold: float = 0.0
    categories_off: tuple[str, ...] = ()

    def policy(self, preset: str | None = None, threshold: float | None = None) -> Policy:
        """Say what the user wants to be warned about; what is given counts before the file.

        Another preset takes the place of the file's threshold as well.
        """
        number = threshold or (None if preset else self.threshold)
        return Policy(preset or self.preset, number or None, frozenset(self.categories_off))

    @property
    def model_folder(self) -> Path | None:
        """The model folder that is named, or None for the one in use."""
        return expanded(self.model) if self.model else None

    def chosen(self, names: Iterable[str]) -> list[Account]:
        """Give the accounts of these names, each once, or all. Raises ConfigurationError."""
        found = [self.account(name) for name in dict.fromkeys(names)] or list(self.accounts)
        if not found:
            raise ConfigurationError("the configuration names no account; run `unflub setup`")
        return found

    def account(self, name: str) -> Account:
        """Give one account by name. Raises ConfigurationError when there is none."""
        for account in self.accounts:
            if account.name == name:
                return account
        known = ", ".join(account.name for account in self.accounts) or "none"
        raise ConfigurationError(
            f"there is no account {name!r} in the configuration; it names: {known}"
        )


KEYS = tuple(f.name for f in fields(Account) if f.name != "name")
"""The keys of an account in the file."""

# Bounds of the numbers, so that a slip of the keyboard cannot hammer a server or blind a daemon.
_BOUNDS: dict[str, tuple[float, float]] = {
    "settle_seconds": (0, 3600),
    "sweep_seconds": (1, 86400),
    "poll_seconds": (60, 86400),
    "idle_seconds": (1, 600),
    "timeout_seconds": (1, 600),
    "model_idle_minutes": (0, 1440),
    "port": (1, 65535),
    "threshold": (0, 1),
}


_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


def usual_port(tls: Tls) -> int:
    """Give the port of RFC 8314 section 3.2 (993), or that of RFC 9051 section 2.1 (143)."""
    return 993 if tls == "implicit" else 143


def expanded(path: str) -> Path:
    """Put the home in place of "~"; unlike Path.expanduser, leave that of an unknown user."""
    return Path(os.path.expanduser(path))  # noqa: PTH111


def default_path() -> Path:
    """Where the configuration is looked for: `$UNFLUB_CONFIG`, else the platform's folder."""
    if path := os.environ.get("UNFLUB_CONFIG"):
        return Path(path)
    return platformdirs.user_config_path("unflub") / "config.toml"


def example() -> Path:
    """Where the example configuration lies, in a checkout as in an installed copy."""
    package = Path(__file__).parent
    inside = package / "config.example.toml"
    return inside if inside.exists() else package.parent / "config.example.toml"


def load(path: Path | None = None) -> Config:
    """Read a configuration file, or the usual one.

    Raises ConfigurationError that names every problem.
    """
    path = path or default_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no configuration at {path}; run `unflub setup`, which writes it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    return parse(text, str(path))


def optional(path: Path | None = None) -> Config:
    """Read the configuration where there is one: who checks or scans files needs none.

    A file that is named, also by `$UNFLUB_CONFIG`, must be there. Raises ConfigurationError.
    """
    named = path is not None or os.environ.get("UNFLUB_CONFIG")
    if not named and not default_path().exists():
        return Config()
    return load(path)


def parse(text: str, where: str = "configuration") -> Config:
    """Make a `Config` of TOML text. Raises ConfigurationError that names every problem."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{where} is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{where} is nested too deeply; take it apart") from None
    problems: list[str] = []
    accounts = table.pop("accounts", {})
    if not isinstance(accounts, dict):
        problems.append("accounts must be tables such as [accounts.home]")
        accounts = {}
    named = tuple(
        Account(**_read(Account, account, f"accounts.{name}.", problems, name=name))
        for name, account in accounts.items()
        if _is_table(account, name, problems)
    )
    config = Config(**_read(Config, table, "", problems, accounts=named))
    problems += [problem for account in named for problem in _unfit(account)]
    if problems:
        told = f"{where}: " + "; ".join(problems)
        # The file's own keys are in it, which may hold anything, line ends and escapes too.
        raise ConfigurationError("".join(c if c.isprintable() else repr(c)[1:-1] for c in told))
    return config


def _is_table(account: object, name: str, problems: list[str]) -> bool:
    if isinstance(account, dict):
        return True
    problems.append(f"accounts.{name} must be a table, [accounts.{name}]")
    return False


def _read(
    kind: type[Account | Config],
    table: Mapping[str, Any],
    prefix: str,
    problems: list[str],
    **given: object,
) -> dict[str, Any]:
    """Check a table against the fields of `kind`; what is wrong is added to `problems`."""
    wanted = {f.name: f for f in fields(kind) if f.name not in given}
    types = get_type_hints(kind)
    values = dict(given)
    for key, value in table.items():
        if key not in wanted:
            problems.append(_unknown(prefix, key, wanted))
        elif key == "categories_off":
            problems += _unknown_categories(value)
            values[key] = tuple(value) if isinstance(value, list) else ()
        elif problem := _mismatch(key, value, types[key]):
            problems.append(f"{prefix}{key} {problem}")
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    for name, f in wanted.items():
        if f.default is not MISSING:
            continue
        if name not in table:
            problems.append(f"{prefix}{name} is missing")
        elif values.get(name) == "":
            problems.append(f"{prefix}{name} must not be empty")
        values.setdefault(name, "")
    return values


def _unknown(prefix: str, key: str, wanted: Mapping[str, object]) -> str:
    if key == "password":
        return (
            f"{prefix}password must not stand in a file: store it with `unflub login`, "
            "or name a password_command or password_file"
        )
    return f"{prefix}{key} is not known; known are {', '.join(sorted(wanted))}"


def _unknown_categories(value: object) -> list[str]:
    known = ", ".join(CATEGORIES)
    if not isinstance(value, list):
        return [f"categories_off must be a list of categories, of {known}"]
    return [
        f"categories_off names {name!r}, which is none of {known}"
        for name in value
        if name not in CATEGORIES
    ]


def _mismatch(key: str, value: object, kind: Any) -> str:
    """Say what is wrong with a value, or nothing."""
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return "" if value in choices else f"must be one of {', '.join(choices)}"
    if get_origin(kind) is tuple:
        is_aliases = key == "aliases"  # a command has one word at least
        fits = isinstance(value, list) and (value or is_aliases) and all(map(_is_text, value))
        sample = '["me@old.example"]' if is_aliases else '["pass", "mail/home"]'
        return "" if fits else f"must be a list of strings without NUL, such as {sample}"
    if kind is bool:
        return "" if isinstance(value, bool) else "must be true or false"
    if kind is str:
        return "" if _is_text(value) else "must be a string, without NUL"
    return _number_mismatch(key, value, whole=kind is int)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value  # with it no file or program can be named


def _number_mismatch(key: str, value: Any, *, whole: bool) -> str:
    fits = isinstance(value, int) if whole else isinstance(value, int | float)
    if not fits or isinstance(value, bool):
        return "must be a whole number" if whole else "must be a number"
    low, high = _BOUNDS[key]
    return "" if low <= value <= high else f"must lie between {low:g} and {high:g}"


def unfit_name(name: str) -> str:
    """Say what is wrong with the name of an account, or nothing; it names a file, too."""
    fits = _ACCOUNT_NAME.fullmatch(name)
    return "" if fits else "a name has up to 64 letters, digits, '-', '_' and '.' only"


def _unfit(account: Account) -> Iterator[str]:
    if trouble := unfit_name(account.name):
        yield f"account {account.name!r}: {trouble}"
    for key, value in (("address", account.address), ("host", account.host)):
        if not value.isprintable() or " " in value:  # it stands in a header, or names a server
            yield f"accounts.{account.name}.{key} must hold no space or line end"
    for alias in account.aliases:
        if "@" not in alias or not alias.isprintable() or " " in alias:
            yield f"accounts.{account.name}.aliases must be bare mail addresses, not {alias!r}"
    if account.oauth_issuer and not is_private(account.oauth_issuer):
        yield f"accounts.{account.name}.oauth_issuer must begin with https://"
    if account.tls == "none" and not _is_loopback(account.host):
        yield (
            f'accounts.{account.name}.tls = "none" is for a server on this machine only; '
            'use "implicit" or "starttls"'
        )


def is_private(url: str) -> bool:
    """Tell an address that is asked over TLS, or on this machine: nobody else hears a secret."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    # Programs disagree where a user name ends (RFC 3986 section 7.6), and so about the host.
    return parts.scheme == "http" and "@" not in parts.netloc and _is_loopback(host)


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
