"""The system keyring: asked with patience, and each way it may fail told with its own advice."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from itertools import chain, count, takewhile
from pathlib import Path

import keyring
import keyring.backend
from keyring.backends import fail
from keyring.errors import KeyringLocked, NoKeyringError

from scanner.aside import begun
from scanner.config import Seconds
from scanner.errors import CredentialsError, NotYetError

SERVICE = "unflub"
_PATIENCE: Seconds = 60
"""So long a person may take to answer the keyring's own question for its password."""

_LOST: Seconds = 300
"""After so long an answer may never come: the keyring's own process ended, say."""
_LONGEST: Seconds = 3600
# Windows keeps 2,560 bytes of UTF-16 under a name (CREDENTIALW), and refresh tokens may be longer.
_PIECE = 1000
_OAUTH2 = " (OAuth2)"  # no name of an account holds a space


class _Queue:
    """Where questions are put one after the other: one window on the screen is enough."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Future[str | None] | None = None
        self._lost_after, self._lost_at = _LOST, 0.0

    def put(self, ask: Callable[[], str | None], until: Seconds) -> Future[str | None] | None:
        """Wait for one's turn, by the monotonic clock, and put a question."""
        while True:
            with self._lock:
                before = self._unanswered()
                if before is None:
                    self._last = begun(ask)
                    self._lost_at = time.monotonic() + self._lost_after
                    return self._last
                turn = self._lost_at
            if (left := min(turn, until) - time.monotonic()) > 0:
                wait([before], left)
            elif turn > until:
                return None

    def _unanswered(self) -> Future[str | None] | None:
        """Give the question that still has its turn.

        Each one that is lost doubles the wait for the next, for it may have opened a window on a
        screen that nobody watches.
        """
        if self._last is None or self._last.done():
            self._lost_after = _LOST
            return None
        if time.monotonic() < self._lost_at:
            return self._last
        self._lost_after = min(2 * self._lost_after, _LONGEST)
        return None


_queue = _Queue()


def of_token(account: str) -> str:
    """Name where an account's refresh token is kept, beside its password."""
    return f"{account}{_OAUTH2}"


def read(name: str, patience: Seconds = _PATIENCE) -> str | None:
    """Give the secret that is kept under a name, or None. Raises CredentialsError."""
    return _asked(name, lambda: _joined(_places(name)), patience)


def write(name: str, secret: str) -> None:
    """Keep a secret under a name, and see that it is kept. Raises CredentialsError."""

    def keep() -> str | None:
        pieces = [secret[at : at + _PIECE] for at in range(0, len(secret), _PIECE)] or [""]
        places = _places(name)
        for piece, place in zip(pieces, places, strict=False):
            keyring.set_password(SERVICE, place, piece)
        for place in takewhile(_is_kept, places):  # of a longer one before
            keyring.delete_password(SERVICE, place)
        return _joined(_places(name))

    if _asked(name, keep, _PATIENCE) != secret:  # the null backend forgets, and says nothing
        raise CredentialsError(
            f"{_owner(name)}: the keyring did not keep it; see `keyring --list-backends`, "
            f"{_otherwise(name)}"
        )


def _joined(places: Iterator[str]) -> str | None:
    """Put a secret together: after a whole piece there may be another."""
    piece = keyring.get_password(SERVICE, next(places))
    if piece is None or len(piece) != _PIECE:
        return piece
    return piece + (_joined(places) or "")


def _is_kept(place: str) -> bool:
    return keyring.get_password(SERVICE, place) is not None


def _places(name: str) -> Iterator[str]:
    """Name where the pieces lie."""
    return chain([name], (f"{name} {number}" for number in count(2)))


def _asked(name: str, ask: Callable[[], str | None], patience: Seconds) -> str | None:
    """Put a question to the keyring, which may wait for a person for ever."""
    until = time.monotonic() + patience
    answer = _queue.put(partial(_answered, name, ask), until)
    if answer is None or not wait([answer], until - time.monotonic()).done:
        raise NotYetError(_waiting(name))
    return answer.result()


def _answered(name: str, ask: Callable[[], str | None]) -> str | None:
    try:
        if isinstance(keyring.get_keyring(), fail.Keyring):
            _look_again()
        return ask()
    except BaseException as error:  # noqa: BLE001 - backends raise what they like
        raise _trouble(name, error) from None


def _look_again() -> None:
    """Have the library forget that it found no keyring: there may be one by now."""
    with suppress(KeyError):  # it never looked
        keyring.backend.get_all_keyring.reset()
    keyring.core.init_backend()


def _waiting(name: str) -> str:
    return (
        f"{_owner(name)}: the keyring waits to be unlocked; answer its window on your screen, "
        f"{_otherwise(name)}"
    )


def _owner(name: str) -> str:
    return f"account {name.removesuffix(_OAUTH2)}"


def _otherwise(name: str) -> str:
    """Say what else there is: a password is no good where a token is wanted."""
    keys = "token_command" if name.endswith(_OAUTH2) else "password_command or password_file"
    return f"or set {keys} in the configuration"


def _trouble(name: str, error: BaseException) -> CredentialsError:
    """Say what is wrong without the backend's words, which may hold anything."""
    if isinstance(error, NoKeyringError):
        if sys.platform == "linux" and not has_session_bus():
            credential = "" if name.endswith(_OAUTH2) else "give it a systemd credential, "
            return CredentialsError(
                f"{_owner(name)}: the keyring cannot be reached from here, outside a desktop "
                "session; run unflub as a service of your own (`unflub service install`), "
                f"{credential}{_otherwise(name)}"
            )
        what = "this system has no keyring; install gnome-keyring or KWallet"
    elif isinstance(error, KeyringLocked):
        what = (
            "the keyring is locked (automatic login leaves it so); unlock it in your password "
            "manager"
        )
    else:
        cause = type(error.__cause__ or error).__name__
        what = f"the keyring does not answer ({cause}); see `keyring --list-backends`"
    return NotYetError(f"{_owner(name)}: {what}, {_otherwise(name)}")


def has_session_bus() -> bool:
    """Tell whether the D-Bus of a desktop session can be found, over which keyrings answer."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and (Path(runtime) / "bus").exists()
