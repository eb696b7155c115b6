"""Where models lie, and which of them is in use: versioned folders, and a pointer beside them.

The first line of `current` names the model in use; the lines below it are those that were in
use before it, the latest first. "shipped" stands for the model that comes with unflub.
Nothing of a model is loaded here: the daemon looks at the pointer every few seconds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from itertools import dropwhile
from pathlib import Path

import platformdirs

from scanner.errors import ConfigurationError, ModelError

SHIPPED = "shipped"
POINTER = "current"
LOCK = ".lock"
"""Lies beside the pointer. Who adds a model or chooses one holds it: of two at once one is lost."""

ADVICE = "`unflub model use shipped`, `unflub train` anew, or install unflub anew"

_REMEMBERED = 50
_Stamp = tuple[int, int, int]


def shipped() -> Path:
    """Give the folder of the model that comes with unflub, in a checkout or installed.

    Raises `ModelError` where there is none.
    """
    package = Path(__file__).resolve().parent.parent
    for models in (package.parent / "models", package / "models"):
        if (models / POINTER).is_file():
            return current(models)
    raise ModelError("no model comes with this copy of unflub; install it anew")


def own() -> Path:
    """Give the folder that holds the user's own models; it need not exist."""
    return platformdirs.user_data_path("unflub") / "models"


def installed(explicit: Path | None = None) -> Path:
    """Choose the model folder: the explicit one, else the one in use.

    Raises `ModelError` where the pointer of the user's own models cannot be followed.
    """
    if explicit is not None:
        return explicit
    return current(own()) if (own() / POINTER).is_file() else shipped()


def current(models: Path) -> Path:
    """Find the model folder that `models/current` names.

    Raises `ModelError` where the pointer is no plain name of a folder beside it.
    """
    names = _names(models)
    name = names[0] if names else ""
    if name == SHIPPED and models == own():
        return shipped()
    if not name or not is_plain(name) or not (models / name).is_dir():
        raise ModelError(f"{models / POINTER} names no model folder beside it; {ADVICE}")
    return models / name


def make_current(folder: Path) -> None:
    """Have `installed` choose this folder from now on, in one step.

    Of the user's own models those that were in use before it are remembered.
    """
    if folder.parent == own():
        before = _names(own()) if (own() / POINTER).is_file() else [SHIPPED]
        _point(own(), [folder.name, *(name for name in before if name != folder.name)])
    else:
        _point(folder.parent, [folder.name])


def use_shipped() -> None:
    """Return to the model that comes with unflub."""
    if (own() / POINTER).is_file():
        _point(own(), [SHIPPED, *(name for name in _names(own()) if name != SHIPPED)])


def rollback(is_usable: Callable[[Path], bool] = Path.is_dir) -> Path:
    """Return to the model that was in use before; give its folder.

    One that is not there any more, or not usable, is passed over. Raises `ConfigurationError`
    where none is left.
    """
    before = _names(own())[1:] if (own() / POINTER).is_file() else []
    folders = {name: shipped() if name == SHIPPED else own() / name for name in before}
    there = list(dropwhile(lambda name: not is_usable(folders[name]), before))
    if not there:
        raise ConfigurationError(
            "no model that can be used was in use before this one; "
            "`unflub model list` shows those there are"
        )
    _point(own(), there)
    return current(own())


def versions() -> list[Path]:
    """List the folders of the user's own models, in the order of their names."""
    found = [path.parent for path in own().glob("*/model.json") if path.parent.name[0] != "."]
    return sorted(found, key=_natural)


def find(name: str) -> Path:
    """Give the folder of a model by its name. Raises `ConfigurationError` that names them all."""
    known = {SHIPPED: shipped()} | {path.name: path for path in versions()}
    if name not in known:
        raise ConfigurationError(f"there is no model {name!r}; there are {', '.join(known)}")
    return known[name]


def held_out() -> Path:
    """Give the folder of what models are compared by (`rehearsal`); it need not exist."""
    return own().parent / "held-out"


def is_plain(name: str) -> bool:
    """Tell whether a name is that of a folder, and no path."""
    return Path(name).name == name


class Notice:
    """Notices that another model was put in use; looking costs hardly anything."""

    def __init__(self) -> None:
        self._seen = _stamp()

    def changed(self) -> bool:
        """Tell whether the pointer was written since it was last asked."""
        seen, self._seen = self._seen, _stamp()
        return seen != self._seen


def _stamp() -> _Stamp | None:
    try:
        found = (own() / POINTER).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _names(models: Path) -> list[str]:
    try:
        lines = (models / POINTER).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"{models / POINTER} cannot be read; {ADVICE}") from None
    return [name for line in lines if (name := line.strip())]


def _point(models: Path, names: Sequence[str]) -> None:
    temporary = models / f".{POINTER}.{os.getpid()}"
    temporary.write_text("".join(f"{name}\n" for name in names[:_REMEMBERED]), "utf-8")
    temporary.replace(models / POINTER)


def _natural(folder: Path) -> list[tuple[int, str]]:
    """Sort 2026.11.26.10 after 2026.11.26.9."""
    return [
        (int(part or 0), "") if part.isdigit() else (0, part)
        for part in re.split(r"(\d+)", folder.name)
    ]
