"""What a screen reader is told by a program, over AT-SPI's message bus."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, DBusErrorResponse, Properties, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from jeepney.wrappers import unwrap_msg

from support.desktop import PATIENCE, Desktop, has_owner
from support.waiting import until

_LAUNCHER = "/usr/libexec/at-spi-bus-launcher"
_ACCESSIBLE = "org.a11y.atspi.Accessible"
_ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
_STATES = {4: "checked", 11: "focusable", 12: "focused", 25: "showing"}
"""The bits of AtspiStateType (at-spi2-core, atspi-constants.h) that tests ask for."""


@dataclass(frozen=True)
class Thing:
    """Something that is on the screen: a window, a button, a heading."""

    bus: DBusConnection
    program: str
    path: str

    @property
    def role(self) -> str:
        return self._ask("GetRoleName")

    @property
    def name(self) -> str:
        return self._property("Name")

    @property
    def description(self) -> str:
        return self._property("Description")

    @property
    def text(self) -> str:
        """What is written in it, itself."""
        question = new_method_call(self._as("org.a11y.atspi.Text"), "GetText", "ii", (0, -1))
        return _answer(self.bus, question)[0]

    @property
    def states(self) -> set[str]:
        low, _ = self._ask("GetState")
        return {name for bit, name in _STATES.items() if low >> bit & 1}

    def parts(self) -> list[Thing]:
        return [Thing(self.bus, *one) for one in self._ask("GetChildren")]

    def inside(self) -> Iterator[Thing]:
        """Give it and all in it, in the order of reading."""
        yield self
        for part in self.parts():
            yield from part.inside()

    def _ask(self, method: str) -> Any:
        return _answer(self.bus, new_method_call(self._as(_ACCESSIBLE), method))[0]

    def _property(self, name: str) -> str:
        return _answer(self.bus, Properties(self._as(_ACCESSIBLE)).get(name))[0][1]

    def _as(self, interface: str) -> DBusAddress:
        return DBusAddress(self.path, bus_name=self.program, interface=interface)


class Gone(Exception):  # noqa: N818 - no error, but the way of windows
    """What was asked for is not there any more."""


def _answer(bus: DBusConnection, question: Any) -> tuple[Any, ...]:
    try:
        return unwrap_msg(bus.send_and_get_reply(question, timeout=PATIENCE))
    except DBusErrorResponse as error:
        raise Gone(str(error)) from None


@contextmanager
def listening(session: Desktop, display: str) -> Iterator[Thing]:
    """Run what passes on what programs tell; give the root of them all."""
    assert Path(_LAUNCHER).exists(), "AT-SPI is missing: apt-get install at-spi2-core"
    launcher = subprocess.Popen(
        [_LAUNCHER, "--launch-immediately"],
        env={**session.environment, "DISPLAY": display, "PATH": "/usr/bin:/bin"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with closing(open_dbus_connection(session.address)) as bus:
            until(lambda: has_owner(bus, "org.a11y.Bus"))
            place = DBusAddress("/org/a11y/bus", bus_name="org.a11y.Bus", interface="org.a11y.Bus")
            (address,) = _answer(bus, new_method_call(place, "GetAddress"))
        with closing(open_dbus_connection(address)) as bus:
            yield Thing(bus, *_ROOT)
    finally:
        launcher.terminate()
        launcher.wait(PATIENCE)
