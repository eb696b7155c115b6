"""Where an account's password comes from: environment, file, command, systemd, or the keyring."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scanner.adapters import keychain, secrecy
from scanner.config import Account, Seconds, expanded
from scanner.core import answers
from scanner.core.answers import Source
from scanner.errors import CredentialsError, NotYetError

_PATIENCE: Seconds = 30  # for a command of the user's
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows would open one for a moment
_MOST = 64 * 1024  # bytes; no password, nor token, is as long


def password(account: Account) -> str:
    """Obtain the password of an account, or its access token, anew at every login.

    Raises CredentialsError when there is none, NotYetError where there may be one later, and
    UnreachableError where a token server does not answer; the error never holds what a command
    printed.
    """
    secrecy.no_core_file()
    _, obtain = next(_ways(account))
    secret = obtain()
    # A line end would end the command and begin another (RFC 9051 section 4.3).
    if set(secret) & set("\r\n\0"):
        raise CredentialsError(
            f"account {account.name}: the password has more than one line; "
            "have its source give the password alone, or store it anew"
        )
    return secret


def store(account: Account, secret: str) -> None:
    """Put an account's password into the system keyring. Raises CredentialsError."""
    secrecy.no_core_file()
    keychain.write(account.name, secret)


def allowed(account: Account) -> str | None:
    """Give the refresh token if OAuth2 is the source: a new one shows that it was allowed anew.

    Raises CredentialsError.
    """
    if source(account) != answers.OAUTH:
        return None
    from scanner.adapters import oauth

    return oauth.allowed(account)


def source(account: Account) -> Source:
    """Say where the password comes from."""
    where, _ = next(_ways(account))
    return where


def _ways(account: Account) -> Iterator[tuple[Source, Callable[[], str]]]:
    """Give the ways to the password that are open, the one to go first."""
    if command := account.token_command:
        yield answers.TOKEN_COMMAND, partial(printed_by, command, account, "token_command")
    if account.oauth_client_id:
        yield answers.OAUTH, partial(_by_oauth, account)
    if account.password_env:
        yield answers.PASSWORD_ENV, partial(_from_environment, account)
    if path := account.password_file:
        yield answers.PASSWORD_FILE, partial(_from_file, account, expanded(path))
    if command := account.password_command:
        yield answers.PASSWORD_COMMAND, partial(printed_by, command, account, "password_command")
    if given := _systemd_credential(account):
        yield answers.SYSTEMD, partial(_read, account, given)
    yield answers.KEYRING, partial(_from_keyring, account)


def _systemd_credential(account: Account) -> Path | None:
    """Find the credential "unflub.NAME" that systemd handed over (systemd.exec(5)), if it did."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / f"unflub.{account.name}" if folder else None
    return path if path and path.is_file() else None


def printed_by(
    command: tuple[str, ...], account: Account, key: str, seconds: Seconds = _PATIENCE
) -> str:
    """Run a command of the user's and give what it printed, less one line end.

    `key` is its name in the configuration. Raises NotYetError.
    """
    program = command[0]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, as a list, without a shell
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            creationflags=_NO_WINDOW,
        )
    except subprocess.TimeoutExpired:
        raise _command_trouble(account, key, f"took over {seconds:.0f} s") from None
    except OSError as error:
        raise _command_trouble(account, key, f"cannot run {program}: {error.strerror}") from None
    if done.returncode != 0:
        raise _command_trouble(account, key, f"ended with status {done.returncode}")
    secret = _line(done.stdout)
    if not secret:
        words = f"printed nothing; run {program} in a terminal to see why"
        raise _command_trouble(account, key, words)
    return secret


def _by_oauth(account: Account) -> str:
    from scanner.adapters import oauth

    return oauth.access_token(account)


def _from_environment(account: Account) -> str:
    try:
        return os.environ[account.password_env]
    except KeyError:
        raise CredentialsError(
            f"account {account.name}: the environment variable that password_env names is not "
            "set; set it, or use the keyring"
        ) from None


def _from_file(account: Account, path: Path) -> str:
    """Read a file that nobody else can: it must be ours, a file, and of mode 0600 or less.

    On Windows a file has no mode; those of the user's own folder are the user's.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise _unreadable(account, error) from None
    if not stat.S_ISREG(about.st_mode):
        raise _file_trouble(account, "is no file; name one that holds the password alone")
    if sys.platform != "win32":
        if about.st_uid != os.geteuid():
            raise _file_trouble(account, "belongs to somebody else; make one of your own")
        if about.st_mode & 0o077:
            raise _file_trouble(account, "can be read by others; run `chmod 600` on it")
    return _read(account, path)


def _read(account: Account, path: Path) -> str:
    try:
        with path.open("rb") as file:
            secret = _line(file.read(_MOST))
    except OSError as error:
        raise _unreadable(account, error) from None
    if not secret:
        raise _file_trouble(account, "is empty; write the password into it")
    return secret


def _line(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")


def _file_trouble(account: Account, what: str) -> CredentialsError:
    return CredentialsError(f"account {account.name}: the file with its password {what}")


def _unreadable(account: Account, error: OSError) -> NotYetError:
    # Where it lies may not be mounted yet.
    return NotYetError(str(_file_trouble(account, f"cannot be read: {error.strerror}; mend it")))


def _command_trouble(account: Account, key: str, what: str) -> NotYetError:
    # It may need the network, or an agent that the user has not unlocked yet.
    return NotYetError(f"account {account.name}: {key} {what}; mend it in the configuration")


def _from_keyring(account: Account) -> str:
    secret = keychain.read(account.name)
    if secret is None:
        raise CredentialsError(
            f"account {account.name}: no password in the keyring; "
            f"run `unflub login {account.name}`, or set password_command or password_file"
        )
    return secret
