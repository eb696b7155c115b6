"""Telling systemd how the daemon is doing (sd_notify(3)); without systemd nothing happens."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress

from scanner.config import Seconds


def notify(*lines: str) -> None:
    """Send lines such as "READY=1" to the service manager."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if sys.platform == "win32" or not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        sock.sendto("\n".join(lines).encode(), address)


def watchdog() -> Seconds | None:
    """Give how often the service manager wants to hear WATCHDOG=1, if it does (half its limit)."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(os.environ["WATCHDOG_USEC"]) / 2e6
    except (KeyError, ValueError):
        return None
