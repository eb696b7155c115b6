"""Which processes there are, and what one takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def children_of(pid: int) -> set[int]:
    return {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent(entry) == pid
    }


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_open(pid: int, name: str) -> bool:
    """Tell whether a process has a file of this name open."""
    with suppress(OSError):  # it may be closed meanwhile
        return any(path.readlink().name == name for path in Path(f"/proc/{pid}/fd").iterdir())
    return False


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_memory(command: list[str], env: Mapping[str, str] | None = None) -> float:
    """Run a command; give the peak memory of the biggest process of it in MiB.

    Another process, which waits for nobody else, is asked.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *command],
        capture_output=True, text=True, check=True, env=env,
    )  # fmt: skip
    return int(done.stdout) / 1024


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
