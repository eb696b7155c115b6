"""The command on a terminal of its own."""

from __future__ import annotations

import os
import pty
from pathlib import Path

from support.program import Program


def on_terminal(program: Program, stream: str, *arguments: str | Path) -> tuple[int, bytes]:
    """Run with `stream` ("stdout" or "stderr") on a terminal; give status and what it showed."""
    ours, theirs = pty.openpty()
    process = program.start(*arguments, **{stream: theirs})
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # Linux: the other side has closed the terminal
        pass
    os.close(ours)
    return process.wait(), shown
