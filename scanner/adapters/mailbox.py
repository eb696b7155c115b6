r"""One IMAP mailbox (RFC 9051, RFC 3501): list cheaply, fetch what changed, append, remove ours.

Reading uses EXAMINE and BODY.PEEK, so that it changes nothing, not even `\Seen` or `\Recent`.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from scanner.adapters import connection
from scanner.adapters.changes import Held, Mark, follow, mark_of
from scanner.adapters.connection import GARBLED, Line, readable, translated
from scanner.adapters.mailboxes import find
from scanner.adapters.structure import (
    SIZE,
    FetchResponse,
    assemble,
    given,
    outline,
    sections,
    size,
)
from scanner.config import Account, Seconds
from scanner.core.plan import OwnWarning
from scanner.core.render import WARNS_ABOUT, recognise

FETCH_LIMIT = 256 * 1024
"""As much is fetched of one text; a note is a few kilobytes."""

SMALL = 32 * 1024
"""A bigger message is not fetched whole, but header and texts alone."""

_HEADERS = (
    f"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT IN-REPLY-TO {WARNS_ABOUT.upper()})]<0.16384>"
)
_NEWS = ("EXPUNGE", "FETCH", "VANISHED")
# How many messages, or headers, are to be fetched at a time, so that a full mailbox fits the memory
# and a command its line.
BATCH = 20
HEADER_BATCH = 200


@dataclass(frozen=True, slots=True)
class Listing:
    r"""The UIDs of all messages not flagged `\Deleted`, valid under this UIDVALIDITY.

    `uidnext` only grows, unless the server hands out UIDs anew; 0 where it is not told.
    """

    uidvalidity: int
    uids: tuple[int, ...]
    uidnext: int = 0


class Mailbox(Protocol):
    """What the daemon needs of a mailbox. Every method may raise UnreachableError.

    What is asked for is fetched at once; whoever wants much asks in batches.
    """

    def listing(self, *, sweep: bool = False) -> Listing:
        r"""List the messages not flagged `\Deleted`; a sweep believes nothing seen before."""
        ...

    def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch the header fields that tell a warning draft and a note's identity."""
        ...

    def messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch messages: of a big one header and texts alone, each up to FETCH_LIMIT bytes.

        What has vanished, or is beyond understanding, is left out.
        """
        ...

    def append(self, raw: bytes) -> None:
        """Store a warning draft, flagged as a draft that was seen. May raise RefusedError."""
        ...

    def remove(self, warnings: Sequence[OwnWarning]) -> None:
        """Remove warning drafts of ours; one that is not as we wrote it is left alone.

        May raise RefusedError.
        """
        ...

    def wait(self, seconds: Seconds, interrupt: socket.socket | None = None) -> bool:
        """Wait until the mailbox may have changed (true), or for so long, or until interrupted."""
        ...


def beginnings(*names: str) -> list[str]:
    """Ask FETCH for the beginnings of sections by their names; "" is the whole message."""
    return [f"BODY.PEEK[{name}]<0.{FETCH_LIMIT}>" for name in names]


def batches(uids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut UIDs into runs of this size; the last may be shorter."""
    return (uids[i : i + size] for i in range(0, len(uids), size))


@contextmanager
def connect(
    account: Account,
    secret: str,
    *,
    timeout: Seconds = 30,
    line: Line | None = None,
) -> Iterator[ImapMailbox]:
    """Log in and open the Drafts mailbox read-only.

    By `line` another thread may cut the connection.

    Raises CredentialsError, UnreachableError, or ConfigurationError when there is no such
    mailbox.
    """
    with connection.connection(account, secret, timeout, line) as client:
        with translated(account):
            found = find(client, account)
        yield ImapMailbox(account, client, found)


class ImapMailbox:
    """A mailbox on a real server; it follows the `Mailbox` protocol."""

    def __init__(self, account: Account, client: Any, folder: str) -> None:
        self.folder = folder
        self._account = account
        self._client = client
        self._held: Held | None = None
        self._sizes: dict[int, int] = {}
        self._fetched = False
        self._idle_refused = False
        with translated(account):
            self.capabilities = frozenset(name.decode() for name in client.capabilities())
            # Servers may count only when asked to (RFC 7162 section 3.1.2).
            self._has_qresync = self._enabled("QRESYNC")
            if not self._has_qresync:
                self._enabled("CONDSTORE")
            self._mark = self._examine()

    def listing(self, *, sweep: bool = False) -> Listing:
        """List the messages by EXAMINE and what it tells, else by one SEARCH.

        EXAMINE shows the mailbox afresh, also one that was renamed, deleted and made anew;
        servers tell of such things in no other way, and some show new mail only then.
        """
        with translated(self._account):
            before = self._held
            self._held = None  # until all is well
            self._mark = self._examine(None if sweep else before)
            held = None if sweep or before is None else self._followed(before)
            self._forget_news()
            self._fetched = False
            self._held = held or self._searched()
        self._sizes = {uid: n for uid, n in self._sizes.items() if uid in self._held.uids}
        return Listing(self._mark.uidvalidity, tuple(sorted(self._held.uids)), self._mark.uidnext)

    def headers(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch a few header fields of each message."""
        return _bodies(self._measure(uids, _HEADERS))

    def messages(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Fetch small messages whole, and of big ones header and texts."""
        self._measure([uid for uid in uids if uid not in self._sizes])
        big = [uid for uid in uids if self._sizes.get(uid, 0) > SMALL]
        found = _bodies(self._fetch([uid for uid in uids if uid not in big], *beginnings("")))
        return found | {uid: raw for uid in big if (raw := self._text_of(uid)) is not None}

    def append(self, raw: bytes) -> None:
        """Store a warning draft by one APPEND."""
        with translated(self._account):
            self._client.append(self.folder, raw, flags=[b"\\Draft", b"\\Seen"])

    def remove(self, warnings: Sequence[OwnWarning]) -> None:
        """Expunge warnings of ours under a SELECT of its own, then EXAMINE again."""
        with translated(self._account):
            known = self._mark.uidvalidity
            try:
                if mark_of(self._client.select_folder(self.folder)).uidvalidity == known:
                    self._expunge([w.uid for w in warnings if self._is_still_ours(w)])
            finally:
                self._client.select_folder(self.folder, readonly=True)

    def wait(self, seconds: Seconds, interrupt: socket.socket | None = None) -> bool:
        """Wait by IDLE (RFC 2177), or just so long and then ask by NOOP.

        It ends at once where IDLE is refused, and is not tried again.
        """
        interrupts = [interrupt] if interrupt else []
        with translated(self._account):
            if self._has_changed():  # since the look; not every server tells it in IDLE
                return True
            if not self.has_idle:
                if not readable(interrupts, seconds):
                    self._client.noop()
                return self._has_news()
            if self._start_idle():
                if not self._has_news() and not self._is_buffered():
                    readable([self._client.socket(), *interrupts], seconds)
                self._end_idle()
            return self._has_news()

    @property
    def has_idle(self) -> bool:
        """Whether the server reports changes by itself (RFC 2177), and was not seen to refuse."""
        return "IDLE" in self.capabilities and not self._idle_refused

    def take_alert(self) -> str:
        """Say once that the server has words for the user, if it has."""
        imap = self._client._imap  # noqa: SLF001 - only there all that it says comes by
        alert, imap.alerted = imap.alerted, False
        return connection.alert(self._account) if alert else ""

    def _enabled(self, ability: str) -> bool:
        """Enable it (RFC 5161); some that stand between us and the server offer what it has not."""
        if not {"ENABLE", ability} <= self.capabilities:
            return False
        try:
            return ability.encode() in {name.upper() for name in self._client.enable(ability)}
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return False

    def _examine(self, known: Held | None = None) -> Mark:
        if not (known and known.mark.modseq and self._has_qresync):
            return mark_of(self._client.select_folder(self.folder, readonly=True))
        # imapclient knows no parameters of EXAMINE (RFC 7162 section 3.2.5).
        name = self._client._normalise_folder(self.folder).decode("ascii")  # noqa: SLF001
        since = f"{name} (QRESYNC ({known.mark.uidvalidity} {known.mark.modseq}))"
        self._client._command_and_check("select", since, True)  # noqa: FBT003, SLF001
        return mark_of(self._client._process_select_response(self._untagged))  # noqa: SLF001

    def _followed(self, before: Held) -> Held | None:
        if before.mark.is_same(self._mark):
            return before
        return follow(before, self._mark, self._untagged) if self._has_qresync else None

    def _searched(self) -> Held:
        uids = frozenset(self._client.search(["UNDELETED"]))
        return Held(self._mark, uids, self._mark.exists - len(uids))

    def _measure(self, uids: Sequence[int], *items: str) -> dict[int, FetchResponse]:
        """Fetch the sizes of messages, and `items` with them."""
        rows = self._fetch(uids, *items, SIZE)
        self._sizes |= {uid: size(row) for uid, row in rows.items()}
        return rows

    def _fetch(self, uids: Sequence[int], *items: str) -> dict[int, FetchResponse]:
        """Fetch items of messages; of one whose answer cannot be understood, nothing."""
        if not uids:
            return {}
        self._fetched = True
        with translated(self._account):
            try:
                return dict(self._client.fetch(list(uids), items))
            except GARBLED:
                if len(uids) == 1:
                    return {}
        return {uid: row for one in uids for uid, row in self._fetch([one], *items).items()}

    def _text_of(self, uid: int) -> bytes | None:
        """Fetch header and texts of a big message, and put a message together of them."""
        root = outline(self._fetch([uid], "BODYSTRUCTURE").get(uid, {}))
        if root is None:
            return None
        texts = given(self._fetch([uid], *beginnings("HEADER", *sections(root))).get(uid, {}))
        if len(texts.get("HEADER", b"")) >= FETCH_LIMIT:  # what follows would seem part of it
            return None
        return assemble(root, texts)

    def _is_still_ours(self, warning: OwnWarning) -> bool:
        """Look once more, under the same SELECT, before anything is removed."""
        found = recognise(self.messages([warning.uid]).get(warning.uid, b""))
        return found is not None and found.sealed and found.digests == warning.digests

    def _expunge(self, uids: Sequence[int]) -> None:
        if not uids:
            return
        self._client.add_flags(list(uids), [b"\\Deleted"], silent=True)
        # Without UIDPLUS (RFC 4315) EXPUNGE would take the user's deleted messages along.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(list(uids))

    # A server reports a change once, in answer to whatever command comes next (RFC 9051
    # section 5.2). imaplib keeps what came beside other answers; without a look at it a note
    # saved during a fetch would go unnoticed until the next sweep.
    @property
    def _untagged(self) -> dict[str, list[Any]]:
        untagged: dict[str, list[Any]] = self._client._imap.untagged_responses  # noqa: SLF001
        return untagged

    def _has_changed(self) -> bool:
        """Ask whether anything changed since the last look.

        Flags told beside a FETCH are lost on imapclient; after one all is listed once more.
        """
        if not self._fetched:
            self._client.noop()
            return self._has_news()
        uids = frozenset(self._client.search(["UNDELETED"]))
        self._fetched = False
        return self._has_news() or self._held is None or uids != self._held.uids

    def _forget_news(self) -> None:
        for kind in ("EXISTS", *_NEWS):
            self._untagged.pop(kind, None)

    def _has_news(self) -> bool:
        # Some servers repeat the count at every command; whatever leaves the mailbox is told, too.
        counts = set(self._untagged.get("EXISTS", ())) - {b"%d" % self._mark.exists}
        return bool(counts) or any(self._untagged.get(kind) for kind in _NEWS)

    # imapclient's own IDLE takes a change told before the "+" for an error, and can wait for
    # ever; imaplib's reader keeps what is told as news, and ends at the read time-out.
    def _start_idle(self) -> bool:
        """Begin, and tell whether the server agreed."""
        imap = self._client._imap  # noqa: SLF001
        self._idle = imap._command("IDLE")  # noqa: SLF001
        while imap._get_response() is not None:  # noqa: SLF001
            if imap.tagged_commands[self._idle]:
                del imap.tagged_commands[self._idle]
                self._idle_refused = True
                break
            imap._check_bye()  # noqa: SLF001 - the line ends with it
        return not self._idle_refused

    def _end_idle(self) -> None:
        imap = self._client._imap  # noqa: SLF001
        imap.send(b"DONE\r\n")
        imap._command_complete("IDLE", self._idle)  # noqa: SLF001

    def _is_buffered(self) -> bool:
        """Tell whether bytes were read from the socket, or decrypted, but not looked at."""
        sock = self._client.socket()
        sock.settimeout(0)
        try:
            return bool(self._client._imap.file.peek(1))  # noqa: SLF001 - likewise
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        finally:
            self._client._set_read_timeout()  # noqa: SLF001


def _bodies(rows: Mapping[int, FetchResponse]) -> dict[int, bytes]:
    """Find the one body section in each FETCH response; servers spell its name in their own way."""
    return {uid: body for uid, row in rows.items() for body in given(row).values()}
