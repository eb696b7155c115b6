"""The system keyring: asked with patience, and each way it may fail told with its own advice."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import keyring
import keyring.backend
from keyring.backends import fail
from keyring.errors import KeyringLocked, NoKeyringError

from scanner.config import Seconds
from scanner.errors import CredentialsError, NotYetError

SERVICE = "unflub"
PATIENCE: Seconds = 60
"""So long a person may take to answer the keyring's own question for its password."""

_OTHERWISE = "or set password_command or password_file in the configuration"
_open: set[Future[str | None]] = set()


def read(name: str, patience: Seconds = PATIENCE) -> str | None:
    """Give the secret that is kept under a name, or None. Raises CredentialsError."""
    return _asked(name, lambda: keyring.get_password(SERVICE, name), patience)


def write(name: str, secret: str, patience: Seconds = PATIENCE) -> None:
    """Keep a secret under a name, and see that it is kept. Raises CredentialsError."""

    def keep() -> str | None:
        keyring.set_password(SERVICE, name, secret)
        return keyring.get_password(SERVICE, name)

    if _asked(name, keep, patience) != secret:  # the null backend forgets, and says nothing
        raise CredentialsError(
            f"account {name}: the keyring did not keep it; see `keyring --list-backends`, "
            f"{_OTHERWISE}"
        )


def _asked(name: str, ask: Callable[[], str | None], patience: Seconds) -> str | None:
    """Put a question to the keyring, which may wait for a person for ever."""
    _open.difference_update({answer for answer in _open if answer.done()})
    if _open:  # one window is enough
        raise NotYetError(_waiting(name))
    answer: Future[str | None] = Future()
    _open.add(answer)
    threading.Thread(target=_answer, args=(answer, ask), daemon=True).start()
    try:
        return answer.result(patience)
    except TimeoutError:
        raise NotYetError(_waiting(name)) from None
    except Exception as error:  # noqa: BLE001 - backends raise what they like
        raise _trouble(name, error) from None


def _answer(answer: Future[str | None], ask: Callable[[], str | None]) -> None:
    try:
        if isinstance(keyring.get_keyring(), fail.Keyring):
            _look_again()
        answer.set_result(ask())
    except Exception as error:  # noqa: BLE001 - it is raised where the question was put
        answer.set_exception(error)


def _look_again() -> None:
    """Have the library forget that it found no keyring: there may be one by now."""
    with suppress(KeyError):  # it never looked
        keyring.backend.get_all_keyring.reset()
    keyring.core.init_backend()


def _waiting(name: str) -> str:
    return (
        f"account {name}: the keyring waits to be unlocked; answer its window on your screen, "
        f"{_OTHERWISE}"
    )


def _trouble(name: str, error: Exception) -> CredentialsError:
    """Say what is wrong without the backend's words, which may hold anything."""
    if isinstance(error, NoKeyringError):
        if sys.platform == "linux" and not has_session_bus():
            return CredentialsError(
                f"account {name}: the keyring cannot be reached from here, outside a desktop "
                "session; run unflub as a service of your own (`unflub service install`), or give "
                "it a systemd credential, a password_file or a password_command"
            )
        what = "this system has no keyring; install gnome-keyring or KWallet"
    elif isinstance(error, KeyringLocked):
        what = (
            "the keyring is locked (automatic login leaves it so); unlock it in your password "
            "manager"
        )
    else:
        what = (
            f"the keyring does not answer ({type(error).__name__}); see `keyring --list-backends`"
        )
    return NotYetError(f"account {name}: {what}, {_OTHERWISE}")


def has_session_bus() -> bool:
    """Tell whether the D-Bus of a desktop session can be found, over which keyrings answer."""
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return True
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and (Path(runtime) / "bus").exists()
