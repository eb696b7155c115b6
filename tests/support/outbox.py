"""A real SMTP server that keeps what it is given."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from support.ports import free_port

PATIENCE = 90


@dataclass
class Outbox:
    """The messages that were sent, as the server got them."""

    port: int
    sent: list[bytes] = field(default_factory=list)

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd calls it so
        self.sent.append(envelope.content)
        return "250 taken"

    def wait_for(self, count: int) -> list[bytes]:
        """Wait until so many were sent."""
        deadline = time.monotonic() + PATIENCE
        while len(self.sent) < count:
            assert time.monotonic() < deadline, f"{len(self.sent)} were sent, not {count}"
            time.sleep(0.02)
        return self.sent

    def last(self) -> EmailMessage:
        parsed = message_from_bytes(self.sent[-1], policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@contextmanager
def outbox() -> Iterator[Outbox]:
    made = Outbox(free_port())
    server = Controller(made, hostname="127.0.0.1", port=made.port)
    server.start()
    try:
        yield made
    finally:
        server.stop()
