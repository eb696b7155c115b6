"""`make soak`: the real daemon for minutes or hours, with autosaves, faults and server restarts.

MINUTES says how long. In the end every flagged note has its one warning and no message of the
user was changed; memory, open files and threads of the daemon are as they were at the start.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import dovecot, proxy
from support.client import MailClient
from support.household import account_table
from support.program import Daemon, Program
from support.writer import Writer

MINUTES = float(os.environ.get("MINUTES", "5"))
WARM_UP = 0.2  # of the time; then things must be flat
GROWTH = 8  # MiB that the allocator may keep
FAULTS = ("not sent", "cut", "reset", "black hole", "delay", "truncate", "garbage")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Figures:
    """What the daemon takes at one moment."""

    memory: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Figures:
        process = Path("/proc") / str(pid)
        pages = int((process / "statm").read_text().split()[1])
        files = len(list((process / "fd").iterdir()))
        return cls(pages * _PAGE / 2**20, files, len(list((process / "task").iterdir())))


class Saboteur:
    """Does something to the connection or to the server, one thing after the other."""

    def __init__(self, server: dovecot.Dovecot, through: proxy.Proxy) -> None:
        self.server, self.through = server, through
        self.done: dict[str, int] = {}
        self._random = random.Random(4)

    def strike(self) -> None:
        what = self._random.choice((*FAULTS, "cut all", "restart"))
        if what == "restart":
            self.server.stop()
            self.server.start()
        elif what == "cut all":
            self.through.cut()
        else:
            self.through.fault = what
            self.through.at = len(self.through.steps) + self._random.randrange(12)
            self.through.struck.clear()
        self.done[what] = self.done.get(what, 0) + 1


class PatientClient(MailClient):
    """A mail client that tries again while the server is away."""

    def save(self, raw: bytes, flags: tuple[bytes, ...] = (b"\\Draft",)) -> None:
        while True:
            try:
                return super().save(raw, flags)
            except Exception:  # noqa: BLE001 - whatever a server that goes away makes of it
                time.sleep(0.2)
            if any(stored.raw == raw for stored in self.own().values()):
                return None  # it was stored, and only the answer was lost

    def delete(self, uid: int) -> None:
        _again(lambda: MailClient.delete(self, uid))

    def own(self):
        return _again(lambda: MailClient.own(self))


def _again(action):
    while True:
        try:
            return action()
        except Exception:  # noqa: BLE001 - likewise
            time.sleep(0.2)


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="unflub-soak-") as name,
        dovecot.running() as server,
        proxy.running(server.port) as through,
    ):
        client = PatientClient(server.port, "soak", dovecot.PASSWORD)
        return _run(Path(name), client, through, Saboteur(server, through))


def _run(folder: Path, client: MailClient, through: proxy.Proxy, saboteur: Saboteur) -> int:
    with _daemon(folder, client, through.port) as daemon:
        figures = []
        with Writer(client, notes=5, pause=0.1) as writer:
            end = time.monotonic() + MINUTES * 60
            while time.monotonic() < end:
                saboteur.strike()
                _let_it_recover(daemon)
                figures.append(Figures.of(daemon.process.pid))
        through.at = -1
        writer.wait_until_content(patience=600)
        last = Figures.of(daemon.process.pid)
        status = daemon.stop()
    early = figures[int(len(figures) * WARM_UP) :][:5]
    print(f"soak, {MINUTES:g} minutes: {writer.saves} autosaves, {daemon.passes()} passes, "
          f"{through.connections} connections")  # fmt: skip
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(saboteur.done.items())))
    _print(early, last)
    flat = _is_flat(early, last) and status == 0
    print("nothing lost, nothing doubled" + ("" if flat else "; NOT FLAT"))
    return 0 if flat else 1


def _let_it_recover(daemon: Daemon) -> None:
    """Wait until it makes passes again, or it would try ever more seldom."""
    before, deadline = daemon.passes(), time.monotonic() + 30
    while daemon.passes() < before + 3 and time.monotonic() < deadline:
        time.sleep(0.1)


@contextmanager
def _daemon(folder: Path, client: MailClient, port: int) -> Iterator[Daemon]:
    program = Program(folder, {"TEST_PASSWORD": dovecot.PASSWORD})
    program.configure(
        "settle_seconds = 0\ntimeout_seconds = 3\nsweep_seconds = 60\n"
        + account_table("home", client.user, port)
    )
    with program.watching() as daemon:
        yield daemon


def _is_flat(early: list[Figures], last: Figures) -> bool:
    return (
        last.memory <= max(one.memory for one in early) + GROWTH
        and last.files <= max(one.files for one in early) + 1
        and last.threads <= max(one.threads for one in early)
    )


def _print(early: list[Figures], last: Figures) -> None:
    for name in ("memory", "files", "threads"):
        began = statistics.median(getattr(one, name) for one in early)
        print(f"  {name:8} {began:8.1f} after the warm-up, {getattr(last, name):8.1f} at the end")


if __name__ == "__main__":
    sys.exit(main())
