"""What the daemon knows of one mailbox: it looks at what is new, and reads what is settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser

from scanner.adapters import state
from scanner.adapters.mailbox import BATCH, FETCH_LIMIT, HEADER_BATCH, Listing, Mailbox, batches
from scanner.config import Seconds
from scanner.core.assess import digest
from scanner.core.plan import AssessedDraft, Snapshot, Unknown, WarningDraft, warning
from scanner.core.render import PROBE, Recognised, recognise
from scanner.core.verdict import AnyJudge, Verdict
from scanner.errors import RefusedError, UnreadableError

# What the server refuses to store is not offered again for so long.
_FIRST_HOLD: Seconds = 600
_LONGEST_HOLD: Seconds = 4 * 3600
# Some servers hang up on whoever asks for a message that they cannot read themselves.
_MOST_BREAKS = 2


@dataclass(slots=True)
class Hold:
    """How long the mailbox is not written to, since the server refuses it."""

    until: Seconds = 0
    wait: Seconds = _FIRST_HOLD
    refusal: RefusedError | None = None

    def begin(self, now: Seconds, refusal: RefusedError) -> None:
        """Hold back, each time twice as long."""
        self.until, self.refusal = now + self.wait, refusal
        self.wait = min(2 * self.wait, _LONGEST_HOLD)


@dataclass(slots=True)
class Desk:
    """What the daemon knows of one mailbox from earlier passes.

    A message never changes under its UID (RFC 9051 section 2.3.1.1), so each is read once.
    """

    uidvalidity: int = -1
    headers: dict[int, Recognised | str] = field(default_factory=dict)
    """A recognised warning draft, or the Message-ID of a draft."""
    first_seen: dict[int, Seconds] = field(default_factory=dict)
    known: dict[int, AssessedDraft | Unknown | WarningDraft] = field(default_factory=dict)
    asked: Sequence[int] = ()
    """What is being fetched."""
    breaks: Counter[int] = field(default_factory=Counter)
    """How many connections in a row ended while a message was being fetched."""
    uidnext: int = 0
    hold: Hold = field(default_factory=Hold)
    doubts: bool = False
    """Whether the last look found nothing where there had been warnings."""
    rest: tuple[Snapshot, state.Saved] | None = None
    """What was seen and saved when there was nothing to do."""

    def _forget_all_but(self, listing: Listing) -> None:
        """Drop what is not in the mailbox any more.

        Under another UIDVALIDITY, and where UIDNEXT fell, UIDs are given to other messages
        (RFC 9051 section 2.3.1.1): then that is everything.
        """
        if listing.uidvalidity != self.uidvalidity or 0 < listing.uidnext < self.uidnext:
            self.headers, self.first_seen, self.known = {}, {}, {}
            self.breaks.clear()
        self.uidvalidity, self.uidnext = listing.uidvalidity, listing.uidnext
        for table in (self.headers, self.first_seen, self.known):
            for uid in table.keys() - set(listing.uids):
                del table[uid]

    def begin_anew(self) -> None:
        """Forget what could not be read, so that it is asked for again over another connection.

        What was being fetched when the last one ended may have ended it.
        """
        if not self.asked:
            self.breaks.clear()
        self.breaks.update(self.asked)
        self.asked = ()
        unknown = [uid for uid, found in self.known.items() if isinstance(found, Unknown)]
        for uid in unknown:
            del self.known[uid]

    def see(self, mailbox: Mailbox, listing: Listing, now: Seconds) -> None:
        """Look at the headers of what is new in the mailbox. Raises UnreachableError."""
        self._forget_all_but(listing)
        new = [uid for uid in listing.uids if uid not in self.headers]
        for batch, headers in self._fetched(mailbox.headers, new, HEADER_BATCH):
            for uid in batch:
                header = headers.get(uid, b"")
                self.headers[uid] = recognise(header) or _message_id(header)
                self.first_seen[uid] = now

    def read(
        self, mailbox: Mailbox, judge: AnyJudge, uids: Sequence[int], settled: Seconds
    ) -> None:
        """Read each message that is not known yet: warnings at once, drafts seen before `settled`.

        Raises UnreachableError.
        """
        new = [uid for uid in uids if uid not in self.known]
        warnings = {uid: one for uid in new if isinstance(one := self.headers[uid], Recognised)}
        drafts = [uid for uid in new if uid not in warnings and self.first_seen[uid] <= settled]
        for batch, messages in self._fetched(mailbox.messages, list(warnings)):
            for uid in batch:
                # One whose body is not given out still counts as a warning, by its header; without
                # a seal it is not ours to remove.
                found = recognise(messages.get(uid, b"")) or warnings[uid]
                self.known[uid] = warning(uid, found)
        for batch, messages in self._fetched(mailbox.messages, drafts):
            self._assess(batch, messages, judge)

    def _fetched(
        self,
        fetch: Callable[[Sequence[int]], dict[int, bytes]],
        uids: Sequence[int],
        size: int = BATCH,
    ) -> Iterator[tuple[Sequence[int], dict[int, bytes]]]:
        """Fetch in batches, but one by one what broke a connection; what did so alone, not at all.

        So a message that the server cannot give out costs two connections, and hides no other.
        """
        harmless = [uid for uid in uids if not self.breaks[uid]]
        suspects = [[uid] for uid in uids if self.breaks[uid]]
        for batch in (*batches(harmless, size), *suspects):
            self.asked = [uid for uid in batch if self.breaks[uid] < _MOST_BREAKS]
            found = fetch(self.asked)
            self.asked = ()
            yield batch, found

    def _assess(self, uids: Sequence[int], messages: Mapping[int, bytes], judge: AnyJudge) -> None:
        # Its header may not have been given out; our own messages are never judged.
        ours = {uid: one for uid, raw in messages.items() if (one := recognise(raw))}
        theirs = {uid: raw for uid, raw in messages.items() if uid not in ours}
        verdicts = dict(zip(theirs, judge(list(theirs.values())), strict=True))
        for uid in uids:
            if uid in ours:
                self.known[uid] = warning(uid, ours[uid])
                continue
            verdict = _trusted(messages.get(uid, b""), verdicts.get(uid))
            self.known[uid] = _known(uid, self.message_id(uid), verdict)

    def message_id(self, uid: int) -> str:
        """Give the Message-ID of a message whose header was seen."""
        header = self.headers[uid]
        return header if isinstance(header, str) else header.message_id

    def snapshot(self, uids: Sequence[int]) -> Snapshot:
        """Show what is known of these messages."""
        known = [self.known[uid] for uid in uids if uid in self.known]
        unread = [uid for uid in uids if uid not in self.known]
        settling = tuple(Unknown(uid, self.message_id(uid), settling=True) for uid in unread)
        return Snapshot(
            assessed=tuple(k for k in known if isinstance(k, AssessedDraft)),
            unknown=settling + tuple(k for k in known if isinstance(k, Unknown)),
            # A trial of the doctor's is for the doctor to take away.
            warnings=tuple(
                k for k in known if isinstance(k, WarningDraft) and k.digests != {PROBE}
            ),
        )

    def settles_in(self, snapshot: Snapshot, settled: Seconds) -> Seconds | None:
        """Give the time until the next draft is read, where one is not `settled` yet."""
        waits = [self.first_seen[u.uid] - settled for u in snapshot.unknown if u.settling]
        return max(0.0, min(waits)) if waits else None


def _trusted(raw: bytes, verdict: Verdict | UnreadableError | None) -> Verdict | UnreadableError:
    """Take what may lie beyond what was fetched for unknown, and not for empty or clean."""
    if verdict is None:
        return UnreadableError("broken: the server lists it and does not give it out")
    if isinstance(verdict, UnreadableError) or len(raw) < FETCH_LIMIT:
        return verdict
    if verdict.is_empty or not (verdict.draft.is_over or verdict.assessment.passages):
        return UnreadableError("broken: its text goes on beyond what is fetched of a message")
    return verdict


def _known(
    uid: int, message_id: str, verdict: Verdict | UnreadableError
) -> AssessedDraft | Unknown:
    if isinstance(verdict, UnreadableError):
        return Unknown(uid, message_id, settling=False)
    return AssessedDraft(
        uid=uid,
        draft=verdict.draft,
        assessment=verdict.assessment,
        sentences=frozenset(digest(s.text) for s in verdict.sentences.items),
    )


def _message_id(header: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(header).get("Message-ID", "")).strip()
