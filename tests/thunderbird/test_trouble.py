"""Whatever is wrong with unflub: the mail goes, and that it was not checked is said once."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from support.letters import CLEAN, FLUBBED
from support.processes import is_alive

_OTHER = """#!{python}
import json, struct, sys
while head := sys.stdin.buffer.read(4):
    asked = json.loads(sys.stdin.buffer.read(*struct.unpack("=I", head)))
    said = {{"id": asked["id"], "protocol": {protocol}, "version": "{version}"}}
    said = json.dumps(said).encode()
    sys.stdout.buffer.write(struct.pack("=I", len(said)) + said)
    sys.stdout.buffer.flush()
"""
OLDER = _OTHER.format(python=sys.executable, protocol=0, version="0.0.9")
NEWER = _OTHER.format(python=sys.executable, protocol=99, version="9.0.0")
SILENT = "#!/bin/sh\nexec sleep 600\n"
WITHOUT_THE_COMMAND = "#!/bin/sh\nexit 2\n"
GONE = "The program ended while it was needed."


def deliver(desk, count, body=FLUBBED):
    note = desk.send(body)
    desk.wait_for_mail(count)
    desk.thunderbird.wait_for(lambda: not note.is_open())


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (None, "The program itself is not there"),
        (OLDER, "The program (version 0.0.9) is older than this add-on."),
        (NEWER, "This add-on is older than the program (version 9.0.0)."),
        (SILENT, "The program took longer than 1 s."),
    ],
    ids=["missing", "older", "newer", "silent"],
)
def test_the_mail_goes_and_it_is_said_once(desk, host, words):
    """A second mail is not told of again; another trouble is."""
    if host is None:
        desk.launcher.unlink()
        desk.manifest.rename(desk.manifest.with_suffix(".away"))
    else:
        desk.launcher.write_text(host)
    desk.add_on(patience=1 if host == SILENT else 60)
    deliver(desk, 1)
    desk.wait_until_told(words)
    deliver(desk, 2)
    if host is None:
        desk.manifest.with_suffix(".away").rename(desk.manifest)
    desk.launcher.write_text(WITHOUT_THE_COMMAND)
    desk.launcher.chmod(0o700)
    deliver(desk, 3)
    desk.wait_until_told(GONE)
    assert desk.told().count(f"\tbody: 'This mail was sent unchecked. {words}") == 1


def test_killed_in_the_middle(desk):
    """The mail that was being checked goes; the next is checked by a new process."""
    started = desk.household.program.home / "started"
    command = desk.launcher.read_text()
    # It says that it has started once the question is on its way: before, a new one would get that.
    asked = f"head -c 4 > {os.devnull}; echo $$ >> {started}"
    desk.launcher.write_text(f"#!/bin/sh\n{asked}\nexec sleep 600\n")
    desk.add_on(patience=60)
    note = desk.thunderbird.write(FLUBBED)
    note.send()
    desk.thunderbird.wait_for(lambda: started.exists() and not note.is_editable())
    assert desk.outbox.raw == []
    desk.launcher.write_text(command)
    for pid in started.read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    desk.wait_for_mail(1)
    desk.wait_until_told(GONE)
    desk.send(FLUBBED)
    assert "I am sorry" in desk.thunderbird.dialog().text()


def test_no_process_is_left(desk):
    """The program ends when nobody writes any more."""
    started = desk.household.program.home / "started"
    command = desk.launcher.read_text()
    desk.launcher.write_text(command.replace("exec", f"echo $$ > {started}; exec", 1))
    desk.add_on()
    deliver(desk, 1, CLEAN)
    pid = int(desk.thunderbird.wait_for(lambda: started.exists() and started.read_text()))
    desk.thunderbird.wait_for(lambda: not is_alive(pid))
