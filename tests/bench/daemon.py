"""What watching costs: round trips, bytes and time of a pass by mailbox size, idling, accounts."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

from support import dovecot, proxy, stopping
from support.client import MailClient
from support.household import account_table, household_on
from support.notes import OPENING, note
from support.phrases import JUDGE
from support.processes import children_of
from support.program import Daemon, Program
from support.waiting import until

from scanner.adapters.mailbox import connect
from scanner.config import Account
from scanner.desk import Desk
from scanner.passes import PassTerms, one_pass

SIZES = (10, 1_000, 10_000)
ACCOUNTS = (1, 10, 100)
IDLE = float(os.environ.get("IDLE_SECONDS", "120"))
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="unflub-bench-") as name:
        folder = Path(name)
        with dovecot.running() as server:
            _passes(server, folder)
            _stopping(server, folder)
            _accounts(server, folder)


def _passes(server: dovecot.Dovecot, folder: Path) -> None:
    print("a pass over a mailbox that did not change (Dovecot, QRESYNC; median of 9)")
    for size in SIZES:
        _fill(server, f"size{size}", size)
        with proxy.running(server.port) as through:
            account = Account(
                "b", "me@example.org", "127.0.0.1", f"size{size}", through.port, "none"
            )
            with connect(account, dovecot.PASSWORD, timeout=300) as mailbox:
                terms = PassTerms("me@example.org", folder / f"{size}.json")
                desk, start = Desk(), time.perf_counter()
                one_pass(mailbox, desk, JUDGE, terms)
                first = time.perf_counter() - start
                for kind, sweep in (("look", False), ("sweep", True)):
                    given = PassTerms("me@example.org", terms.memory_file, sweep=sweep)
                    _print(size, kind, first, *_cost(through, mailbox, desk, given))


def _cost(through: proxy.Proxy, mailbox, desk: Desk, terms: PassTerms) -> tuple[float, ...]:
    costs = []
    for _ in range(9):
        steps, received = len(through.steps), through.received
        start = time.perf_counter()
        one_pass(mailbox, desk, JUDGE, terms)
        took = time.perf_counter() - start
        costs.append((took, len(through.steps) - steps, through.received - received))
    return tuple(statistics.median(column) for column in zip(*costs, strict=True))


def _print(size: int, kind: str, first: float, *cost: float) -> None:
    took, steps, received = cost
    print(f"  {size:6} drafts, {kind:5}  {took * 1000:8.1f} ms  {steps:2.0f} round trips  "
          f"{received:8.0f} bytes   (the first pass, reading all: {first:.1f} s)")  # fmt: skip


def _fill(server: dovecot.Dovecot, user: str, size: int) -> None:
    """Write the drafts where Dovecot finds them; 10,000 APPENDs would take long."""
    MailClient(server.port, user, dovecot.PASSWORD).save(note(OPENING, message_id="<0@x>"))
    maildir = server.folder / "mail" / user / ".Drafts" / "cur"
    owner = maildir.stat()
    for number in range(1, size):
        raw = note(f"Letter number {number}.", message_id=f"<{number}@x>", to=f"{number}@x.org")
        path = maildir / f"{1_000_000 + number}.M{number}.bench:2,D"
        path.write_bytes(raw)
        os.chown(path, owner.st_uid, owner.st_gid)


def _stopping(server: dovecot.Dovecot, folder: Path) -> None:
    print("from SIGTERM to the end, by what it waits for (slowest of 5)")
    for state in stopping.STATES:
        times = []
        for number in range(5):
            home = folder / f"{state.__name__}{number}"
            home.mkdir()
            program = Program(home, {"TEST_PASSWORD": dovecot.PASSWORD})
            with state(household_on(server, program)) as daemon:
                start = time.perf_counter()
                daemon.stop()
                times.append(time.perf_counter() - start)
        print(f"  {state.__name__:16} {max(times):6.2f} s")


def _accounts(server: dovecot.Dovecot, folder: Path) -> None:
    print(f"idling for {IDLE:.0f} s after the first pass, the model let go")
    for count in ACCOUNTS:
        home = folder / f"home{count}"
        home.mkdir()
        program = Program(home, {"TEST_PASSWORD": dovecot.PASSWORD})
        program.configure(_configuration(server, count))
        start = time.perf_counter()
        with program.watching(wait=False) as daemon:
            daemon.wait_for(" drafts read; ", count)
            ready = time.perf_counter() - start
            _wait_until_alone(daemon)
            before = _used(daemon)
            time.sleep(IDLE)
            used = (_used(daemon) - before) * 3600 / IDLE
            print(f"  {count:3} accounts  {used:6.2f} s CPU an hour  {_resident(daemon):6.1f} MiB  "
                  f"{_files(daemon):4} open files   (all watched after {ready:.1f} s)")  # fmt: skip


def _configuration(server: dovecot.Dovecot, count: int) -> str:
    tables = (account_table(f"a{n}", f"idle{count}-{n}", server.port) for n in range(count))
    return "settle_seconds = 0\nmodel_idle_minutes = 0\n" + "".join(tables)


def _wait_until_alone(daemon: Daemon) -> None:
    """Wait until the process that judges is gone."""
    until(lambda: not children_of(daemon.process.pid), 180)


def _used(daemon: Daemon) -> float:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(daemon: Daemon) -> float:
    return int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1]) * _PAGE / 2**20


def _files(daemon: Daemon) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


if __name__ == "__main__":
    main()
