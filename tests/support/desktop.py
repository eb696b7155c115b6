"""A desktop session of a test's own: a private D-Bus, what is on it, and a screen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import secretstorage
from jeepney import message_bus
from jeepney.io.blocking import open_dbus_connection

from support.waiting import until

PATIENCE = 30

# Like Debian's session.conf, but nothing is started on demand.
_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class KeyringCrashedError(Exception):
    """GNOME's keyring 42.1 ended by an assertion of its own, as in one of some thousand tests.

    Whatever failed then says nothing of unflub; such a test is done anew.
    """


@dataclass(frozen=True)
class Desktop:
    folder: Path

    @property
    def address(self) -> str:
        return f"unix:path={self.folder / 'bus'}"

    @property
    def environment(self) -> dict[str, str]:
        """What a program of this session has in its environment."""
        return {
            "DBUS_SESSION_BUS_ADDRESS": self.address,
            "XDG_RUNTIME_DIR": str(self.folder),
            "PYTHON_KEYRING_BACKEND": "",
        }

    @contextmanager
    def keyring(self) -> Iterator[Keyring]:
        """Run GNOME's keyring, unlocked."""
        program = shutil.which("gnome-keyring-daemon")
        assert program, "GNOME's keyring is missing: apt-get install gnome-keyring dbus"
        process = subprocess.Popen(
            [program, "--foreground", "--components=secrets", "--unlock"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin", **self.environment},
        )
        process.stdin.write(b"master")
        process.stdin.close()
        try:
            with closing(open_dbus_connection(self.address)) as bus:
                until(lambda: _is_unlocked(bus))
                yield Keyring(bus)
        finally:
            process.terminate()
            if process.wait(PATIENCE) == -signal.SIGABRT:
                raise KeyringCrashedError

    @contextmanager
    def notifications(self) -> Iterator[Callable[[], str]]:
        """Run a notification daemon; give what it has shown so far, as it prints that."""
        assert shutil.which("dunst"), "dunst is missing: apt-get install dunst"
        shown = self.folder / "shown"
        with screen() as display:
            environment = {"DISPLAY": display, **self.environment}
            with shown.open("wb") as sink:
                daemon = subprocess.Popen(
                    ["dunst", "-print"], stdout=sink, stderr=sink,
                    env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin", **environment},
                )  # fmt: skip
            try:
                with closing(open_dbus_connection(self.address)) as bus:
                    until(lambda: has_owner(bus, "org.freedesktop.Notifications"))
                yield shown.read_text
            finally:
                daemon.terminate()
                daemon.wait(PATIENCE)


@dataclass(frozen=True)
class Keyring:
    bus: object

    def lock(self) -> None:
        """Lock it, as a desktop does that logs in by itself."""
        secretstorage.Collection(self.bus).lock()

    def items(self) -> dict[str, str]:
        """Give what is kept: labels and secrets."""
        return {
            item.get_label(): item.get_secret().decode()
            for item in secretstorage.Collection(self.bus).get_all_items()
        }


@contextmanager
def screen(size: str = "1280x1000x24") -> Iterator[str]:
    """Run an X server; give its display."""
    assert shutil.which("Xvfb"), "Xvfb is missing: apt-get install xvfb"
    ours, theirs = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=(theirs,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(theirs)
    try:
        with os.fdopen(ours) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait(PATIENCE)


@contextmanager
def desktop(folder: Path) -> Iterator[Desktop]:
    """Run a message bus in a folder of its own, with nobody on it."""
    folder.mkdir(mode=0o700)
    session = Desktop(folder)
    (folder / "bus.conf").write_text(_BUS.format(socket=folder / "bus"))
    bus = subprocess.Popen(
        ["dbus-daemon", f"--config-file={folder / 'bus.conf'}", "--nofork", "--nopidfile"]
    )
    try:
        until(lambda: _answers(session.address))
        yield session
    finally:
        bus.terminate()
        bus.wait(PATIENCE)


def _answers(address: str) -> bool:
    try:
        open_dbus_connection(address).close()
    except OSError:
        return False
    return True


def has_owner(bus: object, name: str) -> bool:
    return bus.send_and_get_reply(message_bus.NameHasOwner(name)).body[0]


def _is_unlocked(bus: object) -> bool:
    """Ask for the default collection, as programs do: one that is missing they would create."""
    with suppress(secretstorage.SecretStorageException):
        return not secretstorage.Collection(bus).is_locked()
    return False
