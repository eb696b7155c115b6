"""What lies in the Drafts mailbox, and what to do about it: snapshot to actions.

The mailbox itself is the record of what was warned about; only what the user dismissed has
to be remembered elsewhere. The types protect the user: the one action that takes something
away holds an `OwnWarning`, and only a sealed warning draft of unflub's becomes one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from scanner.core.assess import Assessment, without
from scanner.core.draft import Draft
from scanner.core.render import Recognised

# Two drafts to the same people that share this part of their sentences are copies of one note.
_COPY = 0.5


@dataclass(frozen=True, slots=True)
class AssessedDraft:
    """A draft that was read and assessed: `sentences` are the digests of all its sentences."""

    uid: int
    draft: Draft
    assessment: Assessment
    sentences: frozenset[str]

    @property
    def message_id(self) -> str:
        """The draft's Message-ID, or nothing."""
        return self.draft.message_id


@dataclass(frozen=True, slots=True)
class Unknown:
    """A draft of which nothing is known: unreadable, or (`settling`) still being written."""

    uid: int
    message_id: str
    settling: bool


@dataclass(frozen=True, slots=True)
class OwnWarning:
    """A warning draft that unflub appended and nobody changed: it may be removed."""

    uid: int
    digests: frozenset[str]
    about: str
    no_flubs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EditedWarning:
    """What was a warning draft until somebody edited it: it counts, and is never removed."""

    uid: int
    digests: frozenset[str]
    about: str
    no_flubs: frozenset[str] = frozenset()


WarningDraft = OwnWarning | EditedWarning


@dataclass(frozen=True, slots=True)
class Snapshot:
    r"""What the mailbox held at one moment, messages flagged `\Deleted` left out."""

    assessed: tuple[AssessedDraft, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    warnings: tuple[WarningDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class Append:
    """Write a warning draft about this note; `assessment` holds what is not dismissed.

    `no_flubs` are sentences of the note that the user said are none, for other unflubs to read.
    """

    note: AssessedDraft
    assessment: Assessment
    no_flubs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Remove:
    """Take one of our own warning drafts away."""

    warning: OwnWarning


Action = Append | Remove


@dataclass(frozen=True, slots=True)
class Standing:
    """A warning that stood in the mailbox when it was last looked at.

    Under another UIDVALIDITY its UID means nothing (RFC 9051 section 2.3.1.1), and is 0.
    `note` is the UID of the note's newest copy, where the warning was written about just that;
    else 0.
    """

    uid: int
    digests: frozenset[str]
    note: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What the mailbox cannot tell: warnings that stood in it, and dismissed sentences.

    `dismissed` are those whose warning the user deleted, as far as one can see; `no_flubs` are
    those that the user said are none, in a mail client before sending. `shared` tells that
    another unflub was seen to write into the mailbox.
    """

    standing: tuple[Standing, ...] = ()
    dismissed: frozenset[str] = frozenset()
    shared: bool = False
    no_flubs: frozenset[str] = frozenset()

    @property
    def unwanted(self) -> frozenset[str]:
        """What the user does not want to hear of, for whichever reason."""
        return self.dismissed | self.no_flubs


_NOTHING = Memory()


@dataclass(slots=True)
class _Note:
    """The copies of one note, and the warnings that belong to it."""

    copies: list[AssessedDraft | Unknown]
    warnings: list[WarningDraft] = field(default_factory=list)

    @property
    def newest(self) -> AssessedDraft | Unknown:
        return max(self.copies, key=lambda copy: copy.uid)

    @property
    def message_ids(self) -> set[str]:
        return {copy.message_id for copy in self.copies if copy.message_id}

    @property
    def flagged(self) -> frozenset[str]:
        newest = self.newest
        return newest.assessment.digests if isinstance(newest, AssessedDraft) else frozenset()

    def is_named(self, w: WarningDraft) -> bool:
        return w.about == self.newest.message_id != ""

    def no_flubs(self, memory: Memory) -> frozenset[str]:
        return self.flagged & memory.no_flubs

    def due(self, memory: Memory) -> frozenset[str]:
        """Give the sentences that its warning is to name.

        What the user said is no flub is left out of every warning: another unflub that takes this
        for a dismissal is right. What was dismissed is left out, unless a standing warning names
        it: then it was dismissed in another note, and to take it away here would look to another
        unflub as if the user had done so. Only warnings that name this note count, as the one that
        replaces them will, too; any other came here by its sentences, and may be handed to another
        note the next time.
        """
        standing = _union(w.digests for w in self.warnings if self.is_named(w))
        return self.flagged - memory.no_flubs - (memory.dismissed - standing)

    def is_right(self, w: WarningDraft, memory: Memory) -> bool:
        """Tell whether a warning names what is due, and tells other unflubs what it leaves out.

        An unflub that is not told would take it for a wrong one and remove it, which would look
        like a dismissal of the sentences it does name.
        """
        if not w.digests or w.digests != self.due(memory):
            return False
        if not self.no_flubs(memory) <= w.no_flubs:
            return False
        return self.is_named(w) or not w.digests & memory.dismissed

    def kept(self, memory: Memory) -> WarningDraft | None:
        """Give the one warning that may stay: one that names the note, then the lowest UID.

        Two daemons keep the same one, and no other note's lost warning takes its place.
        """
        right = (w for w in self.warnings if self.is_right(w, memory))
        return min(right, key=lambda w: (not self.is_named(w), *_turn(w)), default=None)

    def uid_for(self, w: WarningDraft) -> int:
        """Give the newest copy's UID where the warning was written about just that; else 0."""
        newest = self.newest
        return newest.uid if w.uid > newest.uid and w.about == newest.message_id else 0

    def overlap(self, digests: frozenset[str]) -> int:
        """Count how many of these sentences stand in the copy that has most of them."""
        assessed = [copy for copy in self.copies if isinstance(copy, AssessedDraft)]
        return max((len(copy.sentences & digests) for copy in assessed), default=0)


def warning(uid: int, recognised: Recognised) -> WarningDraft:
    """Give a recognised warning draft the type that says whether it may be removed."""
    kind = OwnWarning if recognised.sealed else EditedWarning
    return kind(uid, recognised.digests, recognised.about, recognised.no_flubs)


def plan(snapshot: Snapshot, memory: Memory = _NOTHING) -> tuple[Action, ...]:
    """Decide what to do so that every flagged note has exactly one warning draft.

    Appends come first and removals last: a crash between them leaves one draft too many,
    which the next pass removes, and never a note without its warning. Planning what a plan
    has brought about gives no actions.
    """
    notes = _notes(snapshot)
    strays, doubles = _hand_out(snapshot.warnings, notes, memory)
    actions = [action for note in notes for action in _for_note(note, memory)]
    actions += _removals(doubles)
    if not any(draft.settling for draft in snapshot.unknown):
        # While a draft is being written its warning may seem to belong to no note.
        actions += _removals(strays)
    return tuple(sorted(actions, key=lambda action: isinstance(action, Remove)))


def remember(memory: Memory, snapshot: Snapshot, *, ours: Container[int] = ()) -> Memory:
    """Find what the user dismissed: a warning is gone although its note still stands.

    A warning that vanished while a draft is being written stays in memory until that draft can be
    read, since it may be the note; so does one that the server lists but does not give out. One
    that appeared since the last look and is none of ours (`ours` are the UIDs of those we wrote)
    was written by another unflub, or put back: what it names is not dismissed any more. The
    mailbox is the record, and so two unflubs that disagree come to rest. What a warning says is no
    flub, the user said to the unflub that wrote it, and it holds here, too.
    """
    said = _union(w.no_flubs for w in snapshot.warnings)
    new = [w for w in snapshot.warnings if w.digests and not _stood(w, memory)]
    memory = replace(
        memory,
        no_flubs=memory.no_flubs | said,
        # Who wrote beside us may have taken away, too.
        shared=memory.shared or any(w.uid not in ours for w in new),
    )
    unknown = {draft.uid for draft in snapshot.unknown}
    hidden = [w for w in memory.standing if w.uid in unknown]
    gone = [w for w in memory.standing if w not in hidden and not _stands(w, snapshot)]
    notes = _notes(snapshot)
    strays, doubles = _hand_out(snapshot.warnings, notes, memory)
    deleted = _union(_unwarned(note) & _lost(note, gone, memory) for note in notes)
    settling = any(draft.settling for draft in snapshot.unknown)
    return replace(
        memory,
        standing=(
            *(Standing(w.uid, w.digests, note.uid_for(w)) for note in notes for w in note.warnings),
            *(Standing(w.uid, w.digests) for w in (*strays, *doubles)),
            *hidden,
            *(gone if settling else ()),
        ),
        dismissed=(memory.dismissed - _union(w.digests for w in new)) | deleted,
    )


def _unwarned(note: _Note) -> frozenset[str]:
    return note.flagged - _union(w.digests for w in note.warnings)


def _lost(note: _Note, gone: Sequence[Standing], memory: Memory) -> frozenset[str]:
    """Give what was warned about until the user took the warning away.

    In a mailbox that is shared with another unflub, that one may have removed it, since a while ago
    it saw the note without the passage, or with another warning. It surely was the user only if the
    note is unchanged and the warning was younger and named it: whoever saw that warning saw that
    note.
    """
    newest = note.newest.uid
    return _union(w.digests for w in gone if not (memory.shared and w.uid) or w.note == newest)


def _stands(standing: Standing, snapshot: Snapshot) -> bool:
    if standing.uid:
        return any(w.uid == standing.uid for w in snapshot.warnings)
    return any(w.digests == standing.digests for w in snapshot.warnings)


def _stood(w: WarningDraft, memory: Memory) -> bool:
    return any(
        standing.uid == w.uid or (not standing.uid and standing.digests == w.digests)
        for standing in memory.standing
    )


def forget(memory: Memory, actions: Sequence[Action]) -> Memory:
    """Leave out the warnings that are to be removed: that they vanish is no dismissal."""
    removed = {action.warning.uid for action in actions if isinstance(action, Remove)}
    return replace(memory, standing=tuple(w for w in memory.standing if w.uid not in removed))


def _for_note(note: _Note, memory: Memory) -> Iterator[Action]:
    newest = note.newest
    if isinstance(newest, Unknown):
        return
    keep = note.kept(memory)
    due = note.due(memory)
    if due and keep is None:
        left = without(newest.assessment, note.flagged - due)
        yield Append(newest, left, note.no_flubs(memory))
    yield from _removals(w for w in note.warnings if w is not keep)


def _removals(warnings: Iterable[WarningDraft]) -> Iterator[Remove]:
    return (Remove(w) for w in warnings if isinstance(w, OwnWarning))


def _union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*sets)


def _notes(snapshot: Snapshot) -> list[_Note]:
    """Gather the copies that autosave left behind: one `_Note` for each note.

    Copies share a Message-ID, or a recipient, or a sentence where the older one has no
    recipient yet; only drafts that do are compared. What was read comes in the order of UIDs.
    """
    notes: dict[int, _Note] = {}
    places: dict[str, set[int]] = {}
    assessed = sorted(snapshot.assessed, key=lambda draft: draft.uid)
    drafts: list[AssessedDraft | Unknown] = [*assessed, *snapshot.unknown]
    for number, draft in enumerate(drafts):
        near = set[int]().union(*(places.get(mark, ()) for mark in _sought(draft)))
        found = [n for n in sorted(near & notes.keys()) if _has_copy(notes[n], draft)]
        older = [copy for n in found for copy in notes.pop(n).copies]
        notes[number] = _Note([draft, *older])
        for mark in set[str]().union(*map(_marks, (draft, *older))):
            places.setdefault(mark, set()).add(number)
    return list(notes.values())


def _marks(draft: AssessedDraft | Unknown) -> frozenset[str]:
    """Name what a newer copy of this draft would share with it."""
    identity = frozenset({draft.message_id} - {""})
    if isinstance(draft, Unknown):
        return identity
    return identity | (draft.draft.recipients or draft.sentences)


def _sought(draft: AssessedDraft | Unknown) -> frozenset[str]:
    """Name the `_marks` that an older copy may have: of one without recipients, its sentences."""
    return _marks(draft) | draft.sentences if isinstance(draft, AssessedDraft) else _marks(draft)


def _has_copy(note: _Note, draft: AssessedDraft | Unknown) -> bool:
    """Tell whether the draft is a newer copy of the note.

    An older copy without recipients may have become notes to several people: a draft to others
    than the newest copy is of another note.
    """
    return draft.message_id in note.message_ids or _is_copy(draft, note.newest)


def _is_copy(one: AssessedDraft | Unknown, other: AssessedDraft | Unknown) -> bool:
    if isinstance(one, Unknown) or isinstance(other, Unknown):
        return False
    older, newer = sorted((one, other), key=lambda draft: draft.uid)
    # Recipients may still have been missing when the older copy was saved.
    may_be_same = older.draft.recipients <= newer.draft.recipients
    return may_be_same and _share_sentences(older, newer)


def _share_sentences(one: AssessedDraft, other: AssessedDraft) -> bool:
    shared = one.sentences & other.sentences
    if shared & one.assessment.digests & other.assessment.digests:
        return True
    fewer = min(len(one.sentences), len(other.sentences))
    return fewer > 0 and len(shared) >= _COPY * fewer


def _hand_out(
    warnings: Sequence[WarningDraft], notes: Sequence[_Note], memory: Memory
) -> tuple[list[WarningDraft], list[WarningDraft]]:
    """Give each warning to the note it is about; return those that are about none, and doubles.

    First those with a living Message-ID, then each that is just right for a note that has no such
    one, then the rest. A plan leaves the first two kinds as they are, and what it takes of the
    rest goes to no note that is left alone, so after it they are handed out in the same way.
    Of several that name the same lost Message-ID all but one are doubles, for no two notes had it.
    The one is the last that somebody edited, since no plan removes that, else the last of all.
    """
    nameless = [w for w in warnings if not _give(w, _named(w, notes))]
    last = sorted(nameless, key=lambda w: (isinstance(w, EditedWarning), w.uid))
    heirs = sorted({w.about or w.uid: w for w in last}.values(), key=_turn)
    rest = [w for w in heirs if not _give(w, _lacking(w, notes, memory))]
    strays = [w for w in rest if not _give(w, _likest(w, notes))]
    return strays, [w for w in nameless if w not in heirs]


def _give(w: WarningDraft, note: _Note | None) -> bool:
    if note:
        note.warnings.append(w)
    return note is not None


def _turn(w: WarningDraft) -> tuple[bool, int]:
    """Order warnings: those written about no Message-ID come before what has lost its note."""
    return w.about != "", w.uid


def _named(w: WarningDraft, notes: Sequence[_Note]) -> _Note | None:
    return next((note for note in notes if w.about in note.message_ids), None)


def _lacking(w: WarningDraft, notes: Sequence[_Note], memory: Memory) -> _Note | None:
    """Find a note for which the warning is just right, and that has none yet that is.

    One whose warning has to tell what is no flub comes first: few tell it, and any suits the rest.
    """
    right = (note for note in notes if note.is_right(w, memory))
    lacking = (note for note in right if note.kept(memory) is None)
    return max(lacking, key=lambda note: len(note.no_flubs(memory)), default=None)


def _likest(w: WarningDraft, notes: Sequence[_Note]) -> _Note | None:
    """Find the note that has most of its sentences, if any has one of them.

    Of several, one whose newest copy is unknown and that has no warning like it comes first: there
    it stays, and elsewhere it would be removed.
    """

    def likeness(note: _Note) -> tuple[int, bool, bool, bool]:
        has_no_like = all(held.digests != w.digests for held in note.warnings)
        is_unknown = isinstance(note.newest, Unknown)
        return note.overlap(w.digests), is_unknown and has_no_like, has_no_like, not note.warnings

    best = max(notes, key=likeness, default=None)
    return best if best and best.overlap(w.digests) else None
