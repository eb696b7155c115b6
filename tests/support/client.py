"""The user's mail client: saves, changes and deletes drafts over IMAP."""

from __future__ import annotations

import imaplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from imapclient import IMAPClient

from support.waiting import until

PATIENCE = 30


@dataclass(frozen=True)
class Stored:
    """A message as the server holds it; `flags` without `\\Recent`, a session's own view."""

    raw: bytes
    flags: frozenset[bytes]

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def is_warning(self) -> bool:
        header = Stored(self.raw.partition(b"\r\n\r\n")[0], self.flags).message
        return "X-Unflub-Warns-About" in header or str(header["Subject"]).startswith("⚠ unflub:")

    def body(self, subtype: str) -> str:
        part = self.message.get_body((subtype,))
        assert part is not None
        return part.get_content()


@dataclass(frozen=True)
class MailClient:
    port: int
    user: str
    password: str
    drafts: str = "Drafts"

    def save(self, raw: bytes, flags: tuple[bytes, ...] = (b"\\Draft",)) -> None:
        with self._open() as imap:
            imap.append(self.drafts, raw, flags=flags)

    def replace(self, uid: int, raw: bytes) -> None:
        """Autosave: the new message first, then the old one expunged."""
        self.save(raw)
        self.delete(uid)

    def delete(self, uid: int) -> None:
        with self._open() as imap:
            imap.delete_messages([uid])
            if imap.has_capability("UIDPLUS"):
                imap.uid_expunge([uid])
            else:
                imap.expunge()

    def mark_deleted(self, uid: int) -> None:
        with self._open() as imap:
            imap.delete_messages([uid])

    def send(self, uid: int) -> None:
        """Move the draft to Sent, as sending does."""
        with self._open() as imap:
            imap.move([uid], "Sent")

    def messages(self) -> dict[int, Stored]:
        with self._open() as imap:
            return _stored(imap, imap.search(), "BODY[]")

    def has_warnings(self) -> bool:
        """Tell without fetching anything."""
        with self._open() as imap:
            return bool(imap.search(["HEADER", "X-Unflub-Warns-About", ""]))

    def warnings(self) -> dict[int, Stored]:
        """Fetch the warnings, and of what else lies there the headers alone."""
        with self._open() as imap:
            headers = _stored(imap, imap.search("UNDELETED"), "BODY[HEADER]")
            return _stored(imap, [uid for uid in headers if headers[uid].is_warning], "BODY[]")

    def own(self) -> dict[int, Stored]:
        """What the user saved."""
        return {uid: stored for uid, stored in self.messages().items() if not stored.is_warning}

    def wait_until(self, condition: Callable[[MailClient], Any], patience: float = PATIENCE) -> Any:
        """Wait until the condition holds, looking again at every change; give what it gave."""
        return until(
            lambda: condition(self) or self._pause(),
            patience,
            lambda: f"there are {list(self.own())}, and warnings {list(self.warnings())}",
        )

    def _pause(self) -> None:
        """Wait for a change, or a moment where the server reports none."""
        # A server ends the IDLE of a mailbox that is deleted meanwhile: that is a change, too.
        with suppress(imaplib.IMAP4.abort), self._open() as imap:
            if not imap.has_capability("IDLE"):
                time.sleep(0.2)
                return
            imap.idle()
            imap.idle_check(timeout=0.2)
            imap.idle_done()

    @contextmanager
    def session(self) -> Iterator[Any]:
        """Log in, to do what a test alone does."""
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=PATIENCE) as imap:
            imap.login(self.user, self.password)
            yield imap

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with self.session() as imap:
            imap.select_folder(self.drafts)
            yield imap


def one_warning(client: MailClient) -> Stored | None:
    """Give the warning where there is one, and one alone."""
    warnings = list(client.warnings().values())
    return warnings[0] if len(warnings) == 1 else None


def _stored(imap: Any, uids: list[int], part: str) -> dict[int, Stored]:
    rows = imap.fetch(uids, [part.replace("[", ".PEEK["), "FLAGS"])
    return {
        uid: Stored(row[part.encode()], frozenset(row[b"FLAGS"]) - {b"\\Recent"})
        for uid, row in rows.items()
        if row.get(part.encode()) is not None  # else it was expunged this very moment
    }
