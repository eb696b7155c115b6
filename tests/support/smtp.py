"""A real SMTP server that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from support.ports import free_port


@dataclass
class Postbox:
    port: int
    refuses: bool = False
    """Whether it takes no message, for now."""
    raw: list[bytes] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
        if self.refuses:
            return "451 4.3.0 not now"
        self.raw.append(envelope.content)
        self.senders.append(envelope.mail_from)
        return "250 OK"

    @property
    def messages(self) -> list[EmailMessage]:
        parsed = [message_from_bytes(raw, policy=policy.default) for raw in self.raw]
        return [one for one in parsed if isinstance(one, EmailMessage)]


@contextmanager
def postbox() -> Iterator[Postbox]:
    made = Postbox(free_port())
    controller = Controller(made, hostname="127.0.0.1", port=made.port, decode_data=False)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()
