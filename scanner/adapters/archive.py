r"""The mailboxes of an IMAP account as an archive to scan: chosen, searched, their texts fetched.

Reading is EXAMINE and BODY.PEEK, so that it changes nothing, not even `\Seen`. Headers and
structures come first, and then of each message the texts alone. Commands are sent without
waiting for the answers to those before, so that a slow line is waited for once a batch.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, TypeAlias
from urllib.parse import quote

from imapclient.response_parser import parse_fetch_response

from scanner.adapters import connection, credentials
from scanner.adapters.changes import mark_of
from scanner.adapters.connection import GARBLED, translated
from scanner.adapters.mailbox import batches, beginnings
from scanner.adapters.mailboxes import ListResponse, find, listed, shown
from scanner.adapters.single import Message
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
from scanner.core.judge import portions
from scanner.core.origin import Direction, by_folder
from scanner.core.selection import Selection
from scanner.errors import ConfigurationError, RefusedError, UnreadableError

Asked: TypeAlias = tuple[Sequence[int], Sequence[str]]

_BATCH = 100
# Texts are fetched together up to so many bytes by the sizes of their messages; what is beyond a
# megabyte of one message is hardly text, and not counted.
_ROUND = 4 * 1024 * 1024
_MOST_COUNTED = 1024 * 1024
# imaplib reads no line of more than a million bytes; so many UIDs of ten digits fit into one.
_SEARCHED = 50_000
_FIRST = (SIZE, "BODYSTRUCTURE", *beginnings("HEADER"))
_MESSAGE_ID = re.compile(rb"^Message-ID:[ \t\r\n]*(\S{1,990})", re.IGNORECASE | re.MULTILINE)
# RFC 6154, and RFC 8457: whose mail lies in a mailbox, and which ones show again what lies
# elsewhere.
_ROLES: dict[str, Direction] = {
    "\\sent": "outgoing", "\\drafts": "outgoing", "\\junk": "incoming",
}  # fmt: skip
_VIRTUAL = frozenset({"\\all", "\\flagged", "\\important"})


@dataclass(frozen=True, slots=True)
class Folder:
    """One mailbox, and whose mail lies in it as far as the server says.

    A virtual one shows messages of others once more, and perhaps some that lie nowhere else.
    """

    name: str
    direction: Direction | None = None
    is_virtual: bool = False


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The messages of a mailbox that are to be read, or why it cannot be."""

    folder: Folder
    uids: array[int]
    uidvalidity: int = 0
    error: UnreadableError | None = None


@contextmanager
def open_archive(account: Account, secret: str, timeout: Seconds = 30) -> Iterator[Archive]:
    """Log in. Raises CredentialsError, UnreachableError, or ConfigurationError."""
    with connection.connection(account, secret, timeout) as client:
        yield Archive(account, client)


@contextmanager
def mailboxes(
    account: Account,
    timeout: Seconds,
    choose: Callable[[Archive], Sequence[Folder]],
    selection: Selection,
    done: Callable[[str], bool] = lambda _: False,
) -> Iterator[tuple[Iterable[Message], int]]:
    """Log in; give the messages in chosen mailboxes, but for those `done`, and how many there are.

    Raises UnflubError.
    """
    with open_archive(account, credentials.password(account), timeout) as archive:
        found = archive.search(choose(archive), selection)
        yield archive.walk(found, done), sum(len(one.uids) for one in found)


@dataclass(slots=True)
class Archive:
    """The mailboxes of an account. Every method may raise UnreachableError."""

    account: Account
    client: Any
    _seen: set[int] | None = field(default=None, init=False)
    _last: Folder | None = field(default=None, init=False)

    def folders(self, patterns: Sequence[str], *, every: bool = False) -> list[Folder]:
        """List the mailboxes with these names or patterns, or every one; Drafts without any.

        In a pattern "*" stands for any characters and "%" for any but the hierarchy delimiter,
        as in LIST (RFC 9051 section 6.3.9). Virtual mailboxes come last.
        Raises ConfigurationError where there is none.
        """
        with translated(self.account):
            if not (patterns or every):
                return [Folder(find(self.client, self.account, tell=True), "outgoing")]
            rows = [row for row in listed(self.client) if row.is_open]
        chosen = rows if every else [row for one in patterns for row in self._named(one, rows)]
        made = dict.fromkeys(map(_folder, chosen))
        return sorted(made, key=lambda folder: folder.is_virtual)

    def written(self) -> list[Folder]:
        """List the mailboxes of what the user wrote: Drafts, Sent, and their like."""
        drafts = self.folders(())
        others = [
            one
            for one in self.folders((), every=True)
            if (one.direction or by_folder(self._source(one))) == "outgoing"
        ]
        return list({one.name: one for one in (*others, *drafts)}.values())

    def search(self, folders: Sequence[Folder], selection: Selection) -> list[SearchResult]:
        """Find what is asked for, on the server; a mailbox it does not open is found unreadable."""
        self._seen = set() if any(folder.is_virtual for folder in folders) else None
        self._last = folders[-1] if folders else None
        return [self._found(folder, selection) for folder in folders]

    def walk(
        self, found: Iterable[SearchResult], done: Callable[[str], bool] = lambda _: False
    ) -> Iterator[Message]:
        """Read the messages, in order; of one that cannot be read, the error.

        Of messages whose source is `done` already at most the headers are asked for.
        """
        for one in found:
            try:
                self._reopen(one)
            except UnreadableError as error:
                yield Message(self._source(one.folder), error=error)
            else:
                yield from self._messages(one, done)

    def _named(self, pattern: str, rows: Sequence[ListResponse]) -> list[ListResponse]:
        same = [row for row in rows if row.name == pattern]
        found = same or [row for row in rows if _is_like(row.name, pattern, row.delimiter)]
        if not found:
            raise ConfigurationError(
                f"account {self.account.name}: the server has no mailbox {pattern!r}; "
                f"it has {shown(row.name for row in rows)}"
            )
        return found

    def _found(self, folder: Folder, selection: Selection) -> SearchResult:
        uids = array("L")
        try:
            with translated(self.account):
                mark = mark_of(self.client.select_folder(folder.name, readonly=True))
                for first in range(1, mark.exists + 1, _SEARCHED):
                    last = min(mark.exists, first + _SEARCHED - 1)
                    uids.extend(self._searched(f"{first}:{last}", selection))
        except RefusedError:
            reason = "broken: the server does not open this mailbox; it was left out."
            return SearchResult(folder, uids, error=UnreadableError(reason))
        return SearchResult(folder, uids, mark.uidvalidity)

    def _searched(self, numbers: str, selection: Selection) -> list[int]:
        criteria: list[Any] = [numbers, "UNDELETED"]
        for key, value in (
            ("SENTSINCE", selection.since), ("SENTBEFORE", selection.before),
            ("FROM", selection.sender), ("TO", selection.to),
        ):  # fmt: skip
            criteria += [key, value] if value else []
        is_ascii = (selection.sender + selection.to).isascii()
        return sorted(self.client.search(criteria, None if is_ascii else "UTF-8"))

    def _reopen(self, found: SearchResult) -> None:
        """Open a mailbox that was searched. Raises UnreadableError where it is another by now."""
        if found.error:
            raise found.error
        try:
            with translated(self.account):
                mark = mark_of(self.client.select_folder(found.folder.name, readonly=True))
        except RefusedError:
            mark = None
        if mark is None or mark.uidvalidity != found.uidvalidity:
            raise UnreadableError("broken: the mailbox changed during the scan; scan it once more.")

    def _messages(self, found: SearchResult, done: Callable[[str], bool]) -> Iterator[Message]:
        """Ask for the texts of one batch together with the headers of the next."""
        source = self._source_of(found)
        uids: Sequence[int] = found.uids
        # By the headers of what is done, too, a later virtual mailbox is known to show it again.
        if self._seen is None or found.folder == self._last:
            uids = [uid for uid in uids if not done(f"{source}{uid}")]
        waiting = batches(uids, _BATCH)
        batch = next(waiting, ())
        rows = self._fetch([(batch, _FIRST)])
        while batch:
            following = next(waiting, ())
            asked: list[Asked] = [(following, _FIRST)]
            known, rows = {uid: rows.get(uid, {}) for uid in batch}, {}
            for part in portions(batch, partial(_counts, known), _ROUND):
                new = [uid for uid in part if self._is_new(found.folder, known[uid])]
                wanted = {uid: known[uid] for uid in new if not done(f"{source}{uid}")}
                texts = self._fetch([*asked, *_texts(wanted)])
                rows |= {uid: texts.pop(uid) for uid in following if uid in texts}
                asked = []
                for uid, first in wanted.items():
                    yield self._message(found, uid, first, texts.get(uid, {}))
            batch = following

    def _message(
        self, found: SearchResult, uid: int, first: FetchResponse, texts: FetchResponse
    ) -> Message:
        source, direction = f"{self._source_of(found)}{uid}", found.folder.direction
        raw = _assembled(first, texts) or self._whole(uid)
        if raw is None:
            reason = "broken: the server does not give it out, or no longer; it was left out."
            error = UnreadableError(reason)
            return Message(source, error=error, read=1, direction=direction)
        return Message(source, raw, read=1, direction=direction)

    def _whole(self, uid: int) -> bytes | None:
        """Fetch the beginning of a message whose structure the server, or we, cannot tell."""
        return given(self._fetch([([uid], beginnings(""))]).get(uid, {})).get("")

    def _is_new(self, folder: Folder, row: FetchResponse) -> bool:
        """Tell a message that no mailbox before showed; asked only where some are virtual."""
        if self._seen is None:
            return True
        found = _MESSAGE_ID.search(given(row).get("HEADER", b""))
        if found is None:
            return True
        name = hash((found[1], size(row)))
        is_new = not folder.is_virtual or name not in self._seen
        self._seen.add(name)
        return is_new

    def _fetch(self, asked: Sequence[Asked]) -> dict[int, dict[bytes, Any]]:
        """Send these FETCH commands together; what cannot be understood is asked for singly.

        A NO means that some messages are gone; the others were given.
        """
        asked = [one for one in asked if one[0]]
        imap = self.client._imap  # noqa: SLF001 - imapclient waits for each answer
        with translated(self.account):
            tags = [
                imap._command("UID", "FETCH", ",".join(map(str, uids)), f"({' '.join(items)})")  # noqa: SLF001
                for uids, items in asked
            ]
            for tag in tags:
                imap._command_complete("FETCH", tag)  # noqa: SLF001
            answers = imap.untagged_responses.pop("FETCH", [None])
            try:
                return dict(parse_fetch_response(answers, uid_is_key=True))
            except GARBLED:
                if sum(len(uids) for uids, _ in asked) <= 1:
                    return {}
        singly = (self._fetch([([uid], items)]) for uids, items in asked for uid in uids)
        return dict(chain.from_iterable(rows.items() for rows in singly))

    def _source(self, folder: Folder) -> str:
        """Name a mailbox by a URL in the manner of RFC 5092."""
        user = quote(self.account.login, safe="")
        return f"imap://{user}@{self.account.host}/{quote(folder.name)}"

    def _source_of(self, found: SearchResult) -> str:
        """Name messages, up to their UIDs; these mean nothing in a mailbox that was made anew."""
        return f"{self._source(found.folder)};UIDVALIDITY={found.uidvalidity}/;UID="


def _folder(row: ListResponse) -> Folder:
    roles = (_ROLES[flag] for flag in sorted(row.flags) if flag in _ROLES)
    direction = next(roles, "incoming" if row.name.upper() == "INBOX" else None)
    return Folder(row.name, direction, bool(row.flags & _VIRTUAL))


def _is_like(name: str, pattern: str, delimiter: str) -> bool:
    if pattern.upper() == "INBOX":
        return name.upper() == "INBOX"
    level = f"[^{re.escape(delimiter)}]*" if delimiter else ".*"
    parts = re.split(r"([*%])", pattern)
    wanted = "".join({"*": ".*", "%": level}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(wanted, name, re.DOTALL) is not None


def _texts(rows: Mapping[int, FetchResponse]) -> list[Asked]:
    """Ask for the texts of messages; those of the same structure share a command."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for uid, row in rows.items():
        root = outline(row)
        if root and (names := tuple(sections(root))):
            alike.setdefault(names, []).append(uid)
    return [(uids, beginnings(*names)) for names, uids in alike.items()]


def _assembled(first: FetchResponse, texts: FetchResponse) -> bytes | None:
    """Put a message together; None where a part of it was not given."""
    root = outline(first)
    return assemble(root, given(first) | given(texts)) if root else None


def _counts(rows: Mapping[int, FetchResponse], uid: int) -> int:
    return min(size(rows[uid]), _MOST_COUNTED)
