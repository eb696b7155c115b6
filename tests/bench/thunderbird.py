"""`make bench-thunderbird`: from the click on Send to the server's having the mail, in Thunderbird.

Without the add-on, with it, and with it beside a running daemon. What the add-on costs is the
difference; machines differ and are noisy.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support import dovecot
from support.desktop import desktop, screen
from support.household import Household, household_on
from support.letters import CLEAN
from support.notes import written
from support.program import Program
from support.smtp import Postbox, postbox
from support.thunderbird import Thunderbird, thunderbird

TIMES = int(os.environ.get("TIMES", "9"))
WRITING = 5
"""Seconds from the opened window to Send; nobody writes faster. Meanwhile the program starts."""
MAILS = {
    "ordinary mail": written("The pump of line 4 stopped at noon.", "Parts come on Friday."),
    "ordinary, 1 MiB": written("The pump of line 4 stopped.", *["Parts are late. " * 64] * 1024),
}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="unflub-bench-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        program = Program(folder / "home", {"TEST_PASSWORD": dovecot.PASSWORD})
        with dovecot.running() as server:
            _compare(household_on(server, program), folder)


def _compare(household: Household, folder: Path) -> None:
    program = household.program
    program.run("plugin", "install", "thunderbird")
    program.run("plugin", "pack", "thunderbird", "unflub.xpi")
    print(f"from the click on Send to the server's having it, median and slowest of {TIMES}")
    with _running(household, folder) as (client, sent):
        _measure("no add-on", client, sent)
        client.install(program.home / "unflub.xpi")
        _measure("add-on", client, sent)
        with program.watching():
            _measure("add-on, daemon", client, sent)


@contextmanager
def _running(household: Household, folder: Path) -> Iterator[tuple[Thunderbird, Postbox]]:
    with ExitStack() as stack:
        session = stack.enter_context(desktop(folder / "session"))
        environment = {
            **household.program.surroundings(),
            **session.environment,
            "DISPLAY": stack.enter_context(screen()),
        }
        sent = stack.enter_context(postbox())
        made = thunderbird(folder / "profile", household.client, sent.port, environment)
        yield stack.enter_context(made), sent


def _measure(place: str, client: Thunderbird, sent: Postbox) -> None:
    _send(client, sent, CLEAN)  # what is loaded once is loaded
    for name, body in MAILS.items():
        took = [_send(client, sent, body) * 1000 for _ in range(TIMES)]
        print(
            f"  {place:15} {name:16} {statistics.median(took):6.0f} ms {max(took):6.0f} ms",
            flush=True,
        )


def _send(client: Thunderbird, sent: Postbox, body: str) -> float:
    """Give the seconds from the click to the mail; the window takes its time to close."""
    before = len(sent.raw)
    note = client.write(body)
    time.sleep(WRITING)
    start = time.perf_counter()
    note.send()
    while len(sent.raw) == before:
        time.sleep(0.001)
    took = time.perf_counter() - start
    client.wait_for(lambda: not note.is_open())
    return took


if __name__ == "__main__":
    main()
