"""A mailbox in memory that passes the same contract suite as the real ones."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import make_msgid

from scanner.adapters.mailbox import FETCH_LIMIT, SMALL, Listing
from scanner.core.plan import OwnWarning
from scanner.core.render import WARNS_ABOUT, recognise
from scanner.errors import RefusedError, UnreachableError
from support.client import Stored

_FIELDS = ("Message-ID", "Subject", "In-Reply-To", WARNS_ABOUT)


@dataclass
class FakeServer:
    """The messages, and what the user's mail client does to them."""

    uidvalidity: int = 1
    uidnext: int = 1
    changes: int = 0
    withheld: set[int] = field(default_factory=set)
    """Messages it lists and does not give out."""
    headless: set[int] = field(default_factory=set)
    """Messages whose header fields it does not give out."""
    hidden: set[int] = field(default_factory=set)
    """Messages it forgets to list at the next look."""
    fatal: set[int] = field(default_factory=set)
    """Messages that it hangs up on whoever asks for them."""
    swallows: bool = False
    """Says OK to what is appended, and stores nothing."""
    alters: Callable[[bytes], bytes] = bytes
    """What it makes of messages that are appended."""
    _messages: dict[int, Stored] = field(default_factory=dict)
    _watchers: list[socket.socket] = field(default_factory=list)

    def save(self, raw: bytes, flags: tuple[bytes, ...] = (b"\\Draft",)) -> int:
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        self._messages[uid] = Stored(raw, frozenset(flags))
        self._tell()
        return uid

    def replace(self, uid: int, raw: bytes) -> int:
        """Autosave: the new message first, then the old one expunged."""
        new = self.save(raw)
        self.delete(uid)
        return new

    def delete(self, uid: int) -> None:
        self._messages.pop(uid, None)  # to expunge what is gone is no error
        self._tell()

    def mark_deleted(self, uid: int) -> None:
        old = self._messages[uid]
        self._messages[uid] = Stored(old.raw, old.flags | {b"\\Deleted"})
        self._tell()

    def renumber(self) -> None:
        """Under another UIDVALIDITY the same UIDs name other messages."""
        self.uidvalidity += 1
        self._messages = dict(zip(self._messages, reversed(self._messages.values()), strict=True))
        self._tell()

    def recreate(self) -> None:
        """Delete the mailbox and make it anew: UIDs start with 1 again."""
        self._messages, self.uidnext = {}, 1
        self._tell()

    def messages(self) -> dict[int, Stored]:
        return dict(self._messages)

    def warnings(self) -> dict[int, Stored]:
        return {uid: stored for uid, stored in self._messages.items() if stored.is_warning}

    def own(self) -> dict[int, Stored]:
        return {uid: stored for uid, stored in self._messages.items() if not stored.is_warning}

    def watch(self) -> socket.socket:
        """A socket that becomes readable at every change."""
        ours, theirs = socket.socketpair()
        self._watchers.append(ours)
        return theirs

    def _tell(self) -> None:
        self.changes += 1
        for watcher in self._watchers:
            with suppress(BrokenPipeError):  # that mailbox is closed
                watcher.send(b"!")


def _nothing() -> None:
    pass


@dataclass
class FakeMailbox:
    """One connection to a `FakeServer`; it follows the `Mailbox` protocol.

    `writes_left` is how many writes succeed before the connection breaks; `before_write` is
    called before the next one; `fetched` are the UIDs of the messages read so far.
    """

    server: FakeServer
    writes_left: int | None = None
    refusal: RefusedError | None = None
    """What it answers to every APPEND."""
    before_write: Callable[[], object] = _nothing
    before_messages: Callable[[], object] = _nothing
    fetched: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._wrote = False
        self._seen = -1
        self._watch: socket.socket | None = None

    def listing(self, *, sweep: bool = False) -> Listing:  # noqa: ARG002 - it always sweeps
        if self._wrote and self.writes_left == 0:
            raise _broken()
        self._seen = self.server.changes
        held = self.server.messages().items()
        hidden, self.server.hidden = self.server.hidden, set()
        uids = [uid for uid, stored in held if b"\\Deleted" not in stored.flags]
        listed = tuple(uid for uid in uids if uid not in hidden)
        return Listing(self.server.uidvalidity, listed, self.server.uidnext)

    def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        if self.server.fatal & set(uids):
            raise _broken()
        held = self.server.messages()
        given = [uid for uid in uids if uid in held and uid not in self.server.headless]
        return {uid: _header(held[uid].raw) for uid in given}

    def messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        callback, self.before_messages = self.before_messages, _nothing
        callback()
        self.fetched += uids
        held = self.server.messages()
        given = [uid for uid in uids if uid in held and uid not in self.server.withheld]
        return {uid: without_attachments(held[uid].raw) for uid in given}

    def append(self, raw: bytes) -> None:
        if self.refusal:
            raise self.refusal
        self._write()
        if not self.server.swallows:
            self.server.save(self.server.alters(raw), (b"\\Draft", b"\\Seen"))

    def remove(self, warnings: Sequence[OwnWarning]) -> None:
        for warning in warnings:
            held = self.server.messages().get(warning.uid)
            found = recognise(without_attachments(held.raw)) if held else None
            if found and found.sealed and found.digests == warning.digests:
                self._write()
                self.server.delete(warning.uid)

    def wait(self, seconds: float, interrupt: socket.socket | None = None) -> bool:
        watch = self._watch = self._watch or self.server.watch()
        while select.select([watch], [], [], 0)[0]:
            watch.recv(4096)  # what was before is told by the count
        if self._seen == self.server.changes:
            select.select([watch, *([interrupt] if interrupt else [])], [], [], seconds)
        return self._seen != self.server.changes

    def _write(self) -> None:
        callback, self.before_write = self.before_write, _nothing
        callback()
        if self.writes_left == 0:
            raise _broken()
        if self.writes_left:
            self.writes_left -= 1
        self._wrote = True


def without_attachments(raw: bytes) -> bytes:
    """Empty what is no text, and cut texts, as a mailbox that fetches texts alone does."""
    if len(raw) <= SMALL:
        return raw
    message = message_from_bytes(raw)
    if not message.is_multipart():
        return raw[:FETCH_LIMIT]
    for part in message.walk():
        if not part.is_multipart():
            is_text = part.get_content_maintype() == "text"
            part.set_payload(str(part.get_payload())[: FETCH_LIMIT * is_text])
    return message.as_bytes()


def dropping_fields(raw: bytes) -> bytes:
    """Store a message without the fields that a server does not know, as some do."""
    return without_fields(raw, "X-Unflub-", "In-Reply-To:", "References:", "Auto-Submitted:")


def renaming(raw: bytes) -> bytes:
    """Store a message under a Message-ID of the server's, as some do."""
    name = make_msgid(domain="server.example").encode()
    return b"Message-ID: " + name + b"\r\n" + without_fields(raw, "Message-ID:")


def without_fields(raw: bytes, *names: str) -> bytes:
    """Leave header fields out whose lines begin so."""
    header, end, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", header)
    starts = tuple(name.lower().encode() for name in names)
    return b"\r\n".join(f for f in fields if not f.lower().startswith(starts)) + end + body


def _broken() -> UnreachableError:
    return UnreachableError("account fake: the connection broke; try again")


def _header(raw: bytes) -> bytes:
    header, answer = BytesHeaderParser().parsebytes(raw), Message()
    for name in _FIELDS:
        if name in header:
            answer[name] = header[name]
    return answer.as_bytes()
