"""Where an account's password comes from: environment, command, or the system keyring."""

from __future__ import annotations

import os
import subprocess

import keyring
from keyring.errors import KeyringError

from scanner.config import Account
from scanner.errors import CredentialsError

SERVICE = "unflub"
_COMMAND_SECONDS = 30


def password(account: Account) -> str:
    """Obtain the password of an account, anew at every login.

    Raises CredentialsError when there is none; the error never holds what a command printed.
    """
    if account.password_env:
        secret = _from_environment(account)
    elif account.password_command:
        secret = _from_command(account)
    else:
        secret = _from_keyring(account)
    # A line end would end the command and begin another (RFC 9051 section 4.3).
    if set(secret) & set("\r\n\0"):
        raise CredentialsError(
            f"account {account.name}: the password has more than one line; "
            "have password_command print the password alone, or store it anew"
        )
    return secret


def store(account: Account, secret: str) -> None:
    """Put an account's password into the system keyring. Raises CredentialsError."""
    try:
        keyring.set_password(SERVICE, account.name, secret)
    except KeyringError as error:
        raise CredentialsError(_keyring_trouble(account, error)) from None


def _from_environment(account: Account) -> str:
    try:
        return os.environ[account.password_env]
    except KeyError:
        raise CredentialsError(
            f"account {account.name}: the environment variable that password_env names is not "
            "set; set it, or use the keyring"
        ) from None


def _from_command(account: Account) -> str:
    program = account.password_command[0]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own command, as a list, without a shell
            account.password_command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _command_trouble(account, f"took over {_COMMAND_SECONDS} s") from None
    except OSError as error:
        raise _command_trouble(account, f"cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        raise _command_trouble(account, f"ended with status {done.returncode}")
    secret = done.stdout.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    if not secret:
        raise _command_trouble(account, f"printed nothing; run {program} in a terminal to see why")
    return secret


def _command_trouble(account: Account, what: str) -> CredentialsError:
    return CredentialsError(
        f"account {account.name}: password_command {what}; mend it in the configuration"
    )


def _from_keyring(account: Account) -> str:
    try:
        secret = keyring.get_password(SERVICE, account.name)
    except KeyringError as error:
        raise CredentialsError(_keyring_trouble(account, error)) from None
    if secret is None:
        raise CredentialsError(
            f"account {account.name}: no password in the keyring; "
            f"run `unflub login {account.name}`, or set password_command"
        )
    return secret


def _keyring_trouble(account: Account, error: KeyringError) -> str:
    return (
        f"account {account.name}: the system keyring does not answer ({type(error).__name__}); "
        "unlock it, or set password_command in the configuration"
    )
