"""What can go wrong, as one line for the user and one exit status for scripts."""

from __future__ import annotations


class UnflubError(Exception):
    """A problem the user can act on.

    The message is one line: what happened, then what to do now. It never holds a
    subject, an address, text of a message or a secret, because it is also logged.
    `exit_status` is the process's exit status (see the README's table).
    """

    exit_status = 2


class ConfigurationError(UnflubError):
    """Wrong usage or a wrong configuration file."""

    exit_status = 2


class CredentialsError(UnflubError):
    """The server refused the credentials, or none could be obtained."""

    exit_status = 3


class NotYetError(CredentialsError):
    """The password cannot be had now, but may be later: the keyring is locked, a command fails."""


class UnreachableError(UnflubError):
    """The mail server cannot be reached, or the connection to it broke."""

    exit_status = 4


class UntrustedError(UnreachableError):
    """The server's certificate comes from nobody who is trusted, or is for another name."""


class ExpiredError(UnreachableError):
    """The server ended the connection since it was logged in for long enough; a new one is due."""


class BusyError(UnreachableError):
    """The server is there and asks to be left alone for now (RFC 5530: UNAVAILABLE, LIMIT)."""


class RefusedError(UnreachableError):
    """The server answered a command with NO or BAD; the connection to it still stands."""


class AlteredError(RefusedError):
    """The server changes the drafts it stores: what unflub wrote it cannot know again."""


class UnreadableError(UnflubError):
    """A message, file or mailbox that cannot be read; never to be taken for clean."""

    exit_status = 5


class ModelError(UnflubError):
    """The model is missing, was tampered with, or was made by another version."""

    exit_status = 6


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, where it ends a command as Ctrl-C does: no handler of errors may take it for one."""

    exit_status = 143  # 128 and the signal's number, as shells say


def slip(error: BaseException) -> str:
    """Say in one line where a mistake of ours was met."""
    return f"internal error, {place(error)}; please report it"


def place(error: BaseException) -> str:
    """Name an error and where it came from; what it says itself may be text of mail."""
    import traceback
    from pathlib import Path

    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
