"""A notification on the desktop that a warning lies in Drafts, or why none can; never what it says.

It is shown by a process of its own, which may take its time and leaves nothing behind.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path

from scanner import itself
from scanner.adapters import keychain, state, whole
from scanner.config import Seconds

log = logging.getLogger("unflub")

TITLE = "Before you send your thank-you note"
TEXT = (
    "unflub has laid a warning beside it in your Drafts. "
    "Your mail client may take a while to show it."
)
ALTERED_TITLE = "unflub cannot lay warnings into your Drafts"
ALTERED_TEXT = "Your mail server changes what is stored there. `unflub doctor` says what to do."
REFUSED_TITLE = "unflub cannot log in to your mail"
REFUSED_TEXT = "So your drafts are not checked. `unflub doctor` says what to do."
_PATIENCE: Seconds = 20
_MOST_TOLD = 5000


def warned(account: str, digests: AbstractSet[str]) -> None:
    """Tell of a warning about these sentences, unless each of them was told of before."""
    _tell(account, digests, TITLE, TEXT)


def altered(account: str) -> None:
    """Tell once that the server changes what is stored on it."""
    _tell(account, {"altered"}, ALTERED_TITLE, ALTERED_TEXT)


def refused(account: str) -> None:
    """Tell, once a day at most, that the login is refused."""
    _tell(account, {f"refused {datetime.now(UTC).date()}"}, REFUSED_TITLE, REFUSED_TEXT)


def _tell(account: str, news: AbstractSet[str], title: str, text: str) -> None:
    path = state.folder() / f"{account}.told"
    told = _read(path)
    if news <= set(told) or not _has_desktop():
        return
    try:
        whole.replaced(path, json.dumps([*told, *news][-_MOST_TOLD:]).encode())
    except OSError:
        return  # what cannot be remembered would be told again and again
    showing = itself.calling("scanner.adapters.notify", "show", f"{title!r}, {text!r}")
    try:
        subprocess.run(  # noqa: S603 - this very program
            showing, timeout=_PATIENCE, check=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError):
        log.info("account %s: the desktop shows no notification", account)


def show(title: str, text: str) -> None:
    """Show it; raises whatever the desktop's library does."""
    from desktop_notifier.sync import DesktopNotifierSync

    DesktopNotifierSync(app_name="unflub", app_icon=None).send(title=title, message=text)


def _has_desktop() -> bool:
    return sys.platform != "linux" or keychain.has_session_bus()


def _read(path: Path) -> list[str]:
    try:
        return [str(one) for one in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError, RecursionError):
        return []
