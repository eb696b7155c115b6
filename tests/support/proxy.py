"""A proxy between unflub and a mail server that goes wrong at one step of the protocol.

A step is the greeting, a command line, a literal, or DONE; its fault strikes what the server
answers to it. Faults strike once; afterwards everything passes.
"""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

FAULTS = (
    "not sent", "cut", "reset", "black hole", "delay", "truncate", "garbage", "bye", "no",
)  # fmt: skip
GREETING = "greeting"
_LITERAL = re.compile(rb"\{(\d+)\+?\}\r\n$")
_COMMAND = re.compile(rb"(\S+) (?:UID )?([A-Z]+)", re.IGNORECASE)
_LET_IN = re.compile(rb"(\S+) OK .*Logged in\r\n")
_DELAY = 0.3
_DRIBBLE = 0.05
_RESET = struct.pack("ii", 1, 0)  # closing by a reset, not by an orderly end


def no_login(said: bytes) -> bytes:
    """Make a refusal of every login that Dovecot lets in."""
    return _LET_IN.sub(rb"\1 NO [AUTHENTICATIONFAILED] Authentication failed.\r\n", said)


class _Over(Exception):  # noqa: N818 - it is no error
    """The connection has ended."""


@dataclass
class Proxy:
    """Counts the steps of all connections; `fault` strikes at the step of this number or name."""

    upstream: int
    fault: str = ""
    at: int | str = -1
    port: int = 0
    steps: list[str] = field(default_factory=list)
    connections: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    received: int = 0
    """Bytes that came from the server."""
    held: range = range(0)
    """Answers wait while the number of steps is one of these."""
    open: list[socket.socket] = field(default_factory=list)
    rewrite: Callable[[bytes], bytes] = bytes
    """What becomes of the server's answers."""

    def cut(self) -> None:
        """End all connections there are."""
        while self.open:
            with suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    def end(self, words: str, *, abruptly: bool = False) -> None:
        """End all connections as a server does that has a reason, and perhaps no patience."""
        for sock in self.open:
            with suppress(OSError):
                sock.sendall(f"* BYE {words}\r\n".encode())
                if abruptly:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.cut()

    def strikes(self, step: str) -> bool:
        """Count a step; tell whether the fault strikes now."""
        self.steps.append(step)
        if self.struck.is_set() or self.at not in (len(self.steps) - 1, step):
            return False
        self.struck.set()
        return True


@contextmanager
def running(upstream: int, fault: str = "", at: int | str = -1) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(upstream, fault, at, listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, proxy), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _accept(listener: socket.socket, proxy: Proxy) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            proxy.connections += 1
            proxy.open.append(client)
            threading.Thread(target=_relay, args=(client, proxy), daemon=True).start()


def _relay(client: socket.socket, proxy: Proxy) -> None:
    with (
        client,
        suppress(OSError, _Over),
        socket.create_connection(("127.0.0.1", proxy.upstream)) as server,
    ):
        _Relay(client, server, proxy).run()


class _Relay:
    def __init__(self, client: socket.socket, server: socket.socket, proxy: Proxy) -> None:
        self.client, self.server, self.proxy = client, server, proxy
        self.waiting = b""
        self.literal = 0
        self.tag = b"*"
        self.command = ""

    def run(self) -> None:
        if self.proxy.strikes(GREETING):
            self.strike(b"")
        while True:
            held = len(self.proxy.steps) in self.proxy.held
            ready, _, _ = select.select([self.client, *([] if held else [self.server])], [], [])
            if self.server in ready:
                self.client.sendall(self.proxy.rewrite(self.answer()))
            if self.client in ready:
                self.waiting += self.some(self.client)
                for unit in self.units():
                    self.pass_on(unit)

    def units(self) -> Iterator[bytes]:
        """Cut what the client sent into lines and literals."""
        while self.waiting:
            size = self.literal or self.waiting.find(b"\n") + 1
            if not size or len(self.waiting) < size:
                return
            unit, self.waiting = self.waiting[:size], self.waiting[size:]
            yield unit

    def pass_on(self, unit: bytes) -> None:
        if unit == b"\r\n":  # what ends a command after its literal
            self.server.sendall(unit)
        elif self.proxy.strikes(self.name_of(unit)):
            self.strike(unit)
        else:
            self.server.sendall(unit)

    def name_of(self, unit: bytes) -> str:
        if self.literal:
            self.literal = 0
            return f"{self.command} literal"
        found = _LITERAL.search(unit)
        self.literal = int(found[1]) if found else 0
        if command := _COMMAND.match(unit):
            self.tag, self.command = command[1], command[2].decode().upper()
            return self.command
        return unit.strip().decode()

    def strike(self, unit: bytes) -> None:
        {
            "not sent": self.not_sent,
            "cut": self.cut,
            "reset": self.reset,
            "black hole": self.black_hole,
            "delay": self.delay,
            "truncate": self.truncate,
            "garbage": self.garbage,
            "nonsense": self.nonsense,
            "bye": self.bye,
            "no": self.no,
            "dribble": self.dribble,
            "mute": self.mute,
        }[self.proxy.fault](unit)

    def not_sent(self, _: bytes) -> None:
        raise _Over

    def cut(self, unit: bytes) -> None:
        self.asked(unit)
        raise _Over

    def reset(self, unit: bytes) -> None:
        self.asked(unit)
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        raise _Over

    def black_hole(self, unit: bytes) -> None:
        self.asked(unit)
        while True:  # until the client gives up
            self.some(self.client)

    def mute(self, unit: bytes) -> None:
        """Keep to itself what changes during IDLE."""
        self.client.sendall(self.asked(unit))
        while not select.select([self.client], [], [], _DRIBBLE)[0]:
            if select.select([self.server], [], [], 0)[0]:
                self.answer()

    def dribble(self, unit: bytes) -> None:
        """Give a byte now and then for ever, of an answer that never ends."""
        self.asked(unit)
        self.client.sendall(b"* OK ")
        while True:  # until the client gives up
            self.client.sendall(b".")
            if select.select([self.client], [], [], _DRIBBLE)[0]:
                self.some(self.client)

    def delay(self, unit: bytes) -> None:
        answer = self.asked(unit)
        time.sleep(_DELAY)
        self.client.sendall(answer)

    def truncate(self, unit: bytes) -> None:
        answer = self.asked(unit)
        self.client.sendall(answer[: len(answer) // 2])
        raise _Over

    def garbage(self, unit: bytes) -> None:
        answer = self.asked(unit)
        self.client.sendall(b"* 1 FETCH (\xff\x00((\r\n\x00\xfe!\r\n" + answer)

    def nonsense(self, unit: bytes) -> None:
        """Answer in lines that are IMAP, with something in them that is none."""
        answer = self.asked(unit)
        self.client.sendall(b"* 1 FETCH (UID 1 FLAGS\r\n" + answer)

    def bye(self, unit: bytes) -> None:
        self.asked(unit)
        self.client.sendall(b"* BYE [UNAVAILABLE] going down\r\n")
        raise _Over

    def no(self, unit: bytes) -> None:
        """Refuse; what must be answered for the server to go on is taken from it unseen."""
        if unit == b"DONE\r\n":
            self.asked(unit)
        self.client.sendall(self.tag + b" NO refused\r\n")
        is_literal = unit != b"DONE\r\n" and not unit.startswith(self.tag)
        if is_literal:  # for which the server still waits
            raise _Over
        self.literal = 0

    def asked(self, unit: bytes) -> bytes:
        """Have the server answer, and keep the answer."""
        if self.command == "APPEND" and not unit.startswith(self.tag):
            unit += b"\r\n"
        self.server.sendall(unit)
        answer = self.answer()
        while unit and not self.is_whole(answer):
            answer += self.answer()
        return answer

    def is_whole(self, answer: bytes) -> bool:
        return any(
            line.startswith((self.tag + b" ", b"+")) for line in answer.splitlines()
        ) and answer.endswith(b"\r\n")

    def answer(self) -> bytes:
        chunk = self.some(self.server)
        self.proxy.received += len(chunk)
        return chunk

    @staticmethod
    def some(sock: socket.socket) -> bytes:
        chunk = sock.recv(65536)
        if not chunk:
            raise _Over
        return chunk
