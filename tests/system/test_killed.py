"""kill -9 at random moments, of two daemons on one mailbox, while the user is busy writing."""

from __future__ import annotations

import logging
import os
import random
import time
from contextlib import ExitStack

import pytest
from support import dovecot
from support.household import household_on
from support.program import Program
from support.waiting import until
from support.writer import Writer

log = logging.getLogger(__name__)

KILLS = int(os.environ.get("UNFLUB_KILLS", "12"))
"""Of both daemons together; `make soak` asks for 200."""


@pytest.mark.timeout(60 + 20 * KILLS)
def test_killed_daemons_leave_every_flagged_note_its_one_warning(server, tmp_path):
    """Wherever they were: nothing is lost, nothing doubled, and no message of the user changed."""
    homes = [tmp_path / name for name in ("laptop", "desktop")]
    for home in homes:
        home.mkdir()
    programs = [Program(home, {"TEST_PASSWORD": dovecot.PASSWORD}) for home in homes]
    client = household_on(server, programs[0]).client
    configuration = (homes[0] / "config.toml").read_text()
    programs[1].configure(configuration)
    chance = random.Random(KILLS)
    with Writer(client) as writer:
        for number in range(1, KILLS // 2 + 1):
            with ExitStack() as stack:
                running = [
                    stack.enter_context(program.watching(wait=False)) for program in programs
                ]
                chance.choice(running).wait_for(" drafts read; ")
                # Busy autosaving, however fast the machine.
                until(lambda before=writer.saves: writer.saves >= before + 2)
                time.sleep(chance.uniform(0, 1.5))  # a random moment is what is asked for
                for daemon in running:
                    daemon.process.kill()
            log.info("%d of %d killed, %d saves", 2 * number, KILLS, writer.saves)
    assert writer.saves > KILLS // 2
    with ExitStack() as stack:
        for program in programs:
            stack.enter_context(program.watching(wait=False))
        writer.wait_until_content()
