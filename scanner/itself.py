"""Starting this very program anew, whatever files lie in the working folder.

Unless it is told otherwise (-P), Python looks for modules there first, also for its own: a
random.py among the mail would run instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_LIBRARY = str(Path(__file__).resolve().parent.parent)


def python(*arguments: str) -> tuple[str, ...]:
    """Give the command line of this Python."""
    return sys.executable, "-P", *arguments


def command(*words: str) -> tuple[str, ...]:
    """Give the command line of `unflub`."""
    return python("-m", "scanner", *words)


def calling(module: str, function: str, arguments: str) -> tuple[str, ...]:
    """Give the command line that calls a function of this very copy.

    `arguments` are code, where `sys` is at hand.
    """
    found = f"import sys; sys.path.insert(0, {_LIBRARY!r}); from {module} import {function}"
    return python("-c", f"{found}; {function}({arguments})")


def heed_in_workers() -> None:
    """Have processes of multiprocessing start likewise; this is all that reaches each of them."""
    os.environ["PYTHONSAFEPATH"] = "1"
