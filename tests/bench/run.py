"""`make bench`: what unflub costs, side by side with a yardstick of the same run.

Machines differ and are noisy, so the ratios are what to compare. MBOX names an archive to
scan; without one the labelled corpus is written into a temporary mbox.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from support import dovecot
from support.client import MailClient
from support.corpus_mbox import corpus_mbox
from support.notes import FLUB, OPENING, STRENGTH, note
from support.processes import peak_memory

from scanner.adapters.mailbox import ImapMailbox, connect
from scanner.config import Account
from scanner.core.judge import Judge
from scanner.desk import Desk
from scanner.learning import artifact, shelf
from scanner.passes import PassTerms, one_pass

DRAFTS = 60
STARTS = 15


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="unflub-bench-") as name:
        folder = Path(name)
        named = os.environ.get("MBOX", "").split()
        mbox = Path(named[0]) if named else corpus_mbox(folder)
        model = artifact.load(shelf.installed())
        judge = Judge(model, model.thresholds["balanced"])
        _watching(folder, judge)
        _reading()
        _start_up(folder)
        _memory(mbox)


class TimedMailbox:
    """A mailbox that notes when the server told of a change and when APPEND was done."""

    def __init__(self, mailbox: ImapMailbox) -> None:
        self.noticed: list[float] = []
        self.appended: list[float] = []
        self._mailbox = mailbox

    def __getattr__(self, name: str) -> object:
        return getattr(self._mailbox, name)

    def wait(self, seconds: float) -> bool:
        changed = self._mailbox.wait(seconds)
        if changed:
            self.noticed.append(time.perf_counter())
        return changed

    def append(self, raw: bytes) -> None:
        self._mailbox.append(raw)
        self.appended.append(time.perf_counter())


def _watching(folder: Path, judge: Judge) -> None:
    with dovecot.running() as server:
        client = MailClient(server.port, "bench", dovecot.PASSWORD)
        latencies = _latencies(server, client, judge, folder / "memory.json")
        server.stop()  # and with it what it has to log
        log = (server.folder / "dovecot.log").read_text()
    latencies.sort()
    sent = max(int(out) for out in re.findall(r"imap\(bench\).* out=(\d+)", log))
    print(f"watching, {len(latencies)} flubbed drafts saved one after the other, settle 0")
    print(f"  notice to warning    {statistics.median(latencies) * 1000:8.1f} ms median")
    print(f"                       {_percentile(latencies, 95) * 1000:8.1f} ms 95th percentile")
    print(
        f"  bytes from server    {sent / len(latencies):8.0f} a draft, of {len(_draft(0))} it holds"
    )


def _latencies(
    server: dovecot.Dovecot, client: MailClient, judge: Judge, memory: Path
) -> list[float]:
    account = Account("bench", "me@example.org", "127.0.0.1", client.user, server.port, "none")
    latencies = []
    with connect(account, dovecot.PASSWORD) as plain:
        mailbox = TimedMailbox(plain)
        desk, terms = Desk(), PassTerms("me@example.org", memory)
        one_pass(mailbox, desk, judge, terms)
        for number in range(DRAFTS):
            saver = threading.Thread(target=client.save, args=(_draft(number),))
            saver.start()
            while len(mailbox.appended) == number:
                if mailbox.wait(30):
                    noticed = mailbox.noticed[-1]
                    one_pass(mailbox, desk, judge, terms)
            latencies.append(mailbox.appended[-1] - noticed)
            saver.join()
    return latencies


def _draft(number: int) -> bytes:
    return note(
        OPENING, f"{FLUB} That was number {number}.", STRENGTH,
        message_id=f"<{number}@client.example>", to=f"panel{number}@example.com",
    )  # fmt: skip


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


# Runs in a process of its own, on one core.
_READING = """
import os, statistics, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.learning import artifact, shelf
from pathlib import Path

def resident():
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

message = segment(Draft(sys.stdin.read(), "Thank you"))
model = artifact.load(shelf.installed())
before = resident()
model.predict([message])
added = resident() - before
times = []
for _ in range(40):
    start = time.perf_counter()
    model.predict([message])
    times.append(time.perf_counter() - start)
print(len(message.text.split()), statistics.median(times) * 1000, added)
"""


def _reading() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _READING], input=_long_note(),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    words, milliseconds, added = (float(part) for part in done.stdout.split())
    print(f"reading a note of {words:.0f} words on one core, model loaded")
    print(f"  one prediction       {milliseconds:8.1f} ms")
    print(f"  memory the encoder added {added:4.0f} MiB")


def _long_note() -> str:
    middle = "The plan for the new ward would suit my years in the emergency room well. "
    return f"Dear Ms Okafor,\n\n{OPENING} {FLUB}\n\n{middle * 7}\n\n{STRENGTH}\n\nAda\n"


def _start_up(folder: Path) -> None:
    flubbed, ordinary = folder / "flubbed.eml", folder / "ordinary.txt"
    flubbed.write_bytes(_draft(0))
    ordinary.write_text("Hello all,\n\nThe pump of line 4 stopped at noon. Parts come on Friday.\n")
    unflub = [sys.executable, "-m", "scanner"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "unflub --help": [*unflub, "--help"],
        "check, a flub note": [*unflub, "check", str(flubbed)],
        "check, ordinary mail": [*unflub, "check", str(ordinary)],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, capture_output=True, check=False)
            times[name].append(time.perf_counter() - start)
    bare = statistics.median(times["python -c pass"])
    print(f"start-up, median of {STARTS}, alternating")
    for name, values in times.items():
        median = statistics.median(values)
        ratio = f"{median / bare:5.1f} times, {median - bare:+.3f} s"
        print(f"  {name:20} {median:8.3f} s   {ratio}")


def _memory(mbox: Path) -> None:
    print("peak memory")
    for name, arguments in (
        ("unflub --help", ["--help"]),
        (f"unflub scan {mbox.name}", ["scan", "--format", "jsonl", str(mbox)]),
    ):
        print(f"  {name:28} {peak_memory([sys.executable, '-m', 'scanner', *arguments]):8.0f} MiB")


if __name__ == "__main__":
    main()
