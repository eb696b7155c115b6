"""From what lies in the mailbox to what is done about it: examples, then laws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.phrases import assessed

from scanner.core.assess import digest, without
from scanner.core.draft import Draft
from scanner.core.plan import (
    Action,
    Append,
    AssessedDraft,
    EditedWarning,
    Memory,
    OwnWarning,
    Remove,
    Snapshot,
    Standing,
    Unknown,
    WarningDraft,
    plan,
    remember,
    warning,
)
from scanner.core.render import Recognised

FLUB, BLUB, GOOD, FINE = "My flub.", "That other flub.", "A good thing.", "A fine thing."


def saying(*sentences: str) -> frozenset[str]:
    return frozenset(map(digest, sentences))


def draft(uid: int, *sentences: str, message_id: str = "<1@x>", to: str = "panel") -> AssessedDraft:
    """A settled draft with one paragraph for each sentence."""
    said = Draft("\n\n".join(sentences), "Thanks", message_id, "me", frozenset(to.split()))
    return AssessedDraft(uid, said, assessed(said), saying(*sentences))


def own(uid: int, *sentences: str, about: str = "<1@x>") -> OwnWarning:
    return OwnWarning(uid, saying(*sentences), about)


def shot(*held: AssessedDraft | Unknown | WarningDraft) -> Snapshot:
    return Snapshot(
        tuple(h for h in held if isinstance(h, AssessedDraft)),
        tuple(h for h in held if isinstance(h, Unknown)),
        tuple(h for h in held if isinstance(h, OwnWarning | EditedWarning)),
    )


def deleted(*sentences: str) -> Memory:
    """Having deleted a warning about these."""
    return Memory(dismissed=saying(*sentences))


def told(actions: Iterable[Action]) -> list[tuple[str, int]]:
    return [("append", a.note.uid) if isinstance(a, Append) else ("remove", a.warning.uid)
            for a in actions]  # fmt: skip


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        pytest.param([draft(1, GOOD, FLUB)], [("append", 1)], id="flub"),
        pytest.param([draft(1, GOOD, FLUB), own(2, FLUB)], [], id="warned"),
        pytest.param([draft(1, GOOD)], [], id="clean"),
        pytest.param([draft(1, GOOD), own(2, FLUB)], [("remove", 2)], id="mended"),
        pytest.param([own(2, FLUB)], [("remove", 2)], id="sent or deleted"),
        pytest.param([draft(1, FLUB, BLUB), own(2, FLUB)], [("append", 1), ("remove", 2)],
                     id="new passage"),
        pytest.param([draft(1, FLUB), own(2, FLUB), own(3, FLUB)], [("remove", 3)], id="double"),
        pytest.param([draft(1, FLUB), own(2, FLUB, about="<9@x>"), own(3, FLUB)],
                     [("remove", 2)], id="double, of a note that is gone"),
        pytest.param([draft(3, FLUB, message_id="<2@x>"), own(2, FLUB)], [], id="new Message-ID"),
        pytest.param([draft(4, FLUB, message_id="<2@x>"), own(2, FLUB), own(3, FLUB, BLUB),
                      draft(5, FLUB, BLUB, message_id="<3@x>", to="hr")],
                     [("append", 4), ("remove", 2)],
                     id="two that were written about one note are not handed to two"),
        pytest.param([draft(3, FLUB, message_id=""), own(2, FLUB)], [], id="no Message-ID"),
        pytest.param([draft(1, FLUB), draft(3, FLUB, GOOD), own(2, FLUB)], [], id="old copy"),
        pytest.param([draft(1, FLUB, to=""), draft(3, FLUB, message_id="<2@x>"), own(2, FLUB)],
                     [], id="recipients came later"),
        pytest.param([draft(1, GOOD, FLUB), draft(3, GOOD), own(2, FLUB)], [("remove", 2)],
                     id="newest copy mended"),
        pytest.param([draft(1, FLUB), draft(3, FLUB, message_id="<2@x>", to="hr"), own(2, FLUB)],
                     [("append", 3)], id="same passage to another person"),
        pytest.param([draft(1, FLUB, message_id=""), draft(3, FLUB, message_id="", to="hr"),
                      own(2, FLUB, about=""), own(4, FLUB, about="")], [],
                     id="two people, no Message-IDs"),
        pytest.param([draft(1, FLUB, to=""), draft(2, FLUB, message_id="<2@x>"),
                      draft(3, FLUB, message_id="<3@x>", to="hr")],
                     [("append", 2), ("append", 3)], id="two notes begun as one to nobody yet"),
        pytest.param([draft(1, GOOD, FLUB, to=""), draft(2, GOOD, FLUB, message_id="<2@x>"),
                      draft(3, GOOD, message_id="<3@x>", to="hr")],
                     [("append", 2)], id="the other note begun so is clean"),
        pytest.param([draft(1, GOOD, FLUB), draft(3, GOOD, message_id="<2@x>", to=""),
                      own(2, FLUB)], [], id="a newer note to nobody yet is no copy"),
        pytest.param([draft(1, FLUB, BLUB, message_id=""), draft(2, FLUB, BLUB, "A third flub.",
                      message_id="", to=""), EditedWarning(3, saying(BLUB), ""),
                      own(4, FLUB, BLUB, about=""),
                      own(5, FLUB, BLUB, "A third flub.", about="")], [],
                     id="two notes that share passages, beside an edited warning"),
        pytest.param([draft(1, FLUB, message_id=""), draft(3, FLUB, GOOD, message_id="", to="hr"),
                      EditedWarning(4, saying(GOOD), ""), own(5, FLUB, about=""),
                      own(6, FLUB, about="")], [], id="an edited warning takes nobody's place"),
        pytest.param([draft(1, FLUB), Unknown(2, "<1@x>", settling=False),
                      draft(3, FLUB, BLUB, message_id="", to=""), own(5, FLUB, about=""),
                      own(6, FLUB, BLUB, about="")], [],
                     id="the warning of an unreadable note, beside another note's"),
        pytest.param([draft(1, FLUB), EditedWarning(2, saying(FLUB), "<1@x>")], [],
                     id="edited warning counts"),
        pytest.param([draft(1, GOOD), EditedWarning(2, saying(FLUB), "<1@x>")], [],
                     id="edited warning of a mended note"),
        pytest.param([EditedWarning(2, saying(FLUB), "<1@x>")], [], id="edited stray"),
        pytest.param([Unknown(1, "<1@x>", settling=False), own(2, FLUB)], [], id="unreadable"),
        pytest.param([Unknown(1, "<9@x>", settling=False), own(2, FLUB)], [("remove", 2)],
                     id="another draft is unreadable"),
        pytest.param([Unknown(1, "<9@x>", settling=True), own(2, FLUB)], [],
                     id="another draft may become the note"),
        pytest.param([draft(1, FLUB), Unknown(3, "<1@x>", settling=True), own(2, FLUB)], [],
                     id="newest copy is being written"),
        pytest.param([Unknown(9, "", settling=True), draft(1, FLUB)], [("append", 1)],
                     id="others need not wait"),
    ],
)  # fmt: skip
def test_what_is_done(held, expected):
    """Each situation of a mailbox has its actions, appends first."""
    assert told(plan(shot(*held))) == expected


def test_what_was_dismissed_is_not_warned_about_and_the_rest_is():
    """The warning names only the new passage; one that lies there already stays."""
    note = draft(1, FLUB, GOOD, BLUB)
    (append,) = plan(shot(note), deleted(FLUB))
    assert isinstance(append, Append)
    assert append.assessment.digests == saying(BLUB)
    assert plan(shot(note, own(3, BLUB)), deleted(FLUB)) == ()
    assert plan(shot(note), deleted(FLUB, BLUB)) == ()
    assert plan(shot(note, own(2, FLUB, BLUB)), deleted(FLUB)) == ()


def test_what_the_user_said_is_no_flub_goes_from_every_warning():
    """The one that takes its place tells other unflubs so, which then leave it."""
    note, memory = draft(1, FLUB, GOOD, BLUB), Memory(no_flubs=saying(FLUB, "Elsewhere."))
    append, remove = plan(shot(note, own(2, FLUB, BLUB)), memory)
    assert isinstance(append, Append)
    assert isinstance(remove, Remove)
    assert append.assessment.digests == saying(BLUB)
    assert append.no_flubs == saying(FLUB)
    telling = replace(own(3, BLUB), no_flubs=saying(FLUB))
    both = shot(note, own(2, FLUB, BLUB), telling)
    for unflub in (memory, remember(Memory((Standing(2, saying(FLUB, BLUB)),)), both)):
        assert told(plan(both, unflub)) == [("remove", 2)]
        assert plan(shot(note, telling), unflub) == ()
    assert told(plan(shot(note, own(2, BLUB)), memory)) == [("append", 1), ("remove", 2)]
    assert told(plan(shot(note, own(2, FLUB)), Memory(no_flubs=saying(FLUB, BLUB)))) == [
        ("remove", 2)
    ]


@pytest.mark.parametrize("sealed", [True, False])
def test_only_a_sealed_warning_may_ever_be_removed(sealed):
    """The type of a warning says whether it is ours still."""
    made = warning(5, Recognised(saying(FLUB), "<1@x>", sealed))
    assert isinstance(made, OwnWarning) == sealed
    assert told(plan(shot(made))) == ([("remove", 5)] if sealed else [])


STOOD = Memory((Standing(2, saying(FLUB), note=1),))


@pytest.mark.parametrize(
    ("held", "dismissed"),
    [
        pytest.param([draft(1, GOOD, FLUB)], saying(FLUB), id="warning deleted"),
        pytest.param([draft(7, FLUB, BLUB)], saying(FLUB), id="and the note edited"),
        pytest.param([draft(1, FLUB), own(2, FLUB)], saying(), id="still there"),
        pytest.param([draft(1, FLUB), own(9, FLUB)], saying(), id="another one stands"),
        pytest.param([draft(1, FLUB), draft(4, FLUB, message_id="<2@x>", to="hr"),
                      own(5, FLUB, about="<2@x>")], saying(FLUB), id="another note has its own"),
        pytest.param([draft(1, GOOD)], saying(), id="note mended"),
        pytest.param([], saying(), id="note gone"),
        pytest.param([Unknown(1, "<1@x>", settling=False)], saying(), id="note unreadable"),
    ],
)  # fmt: skip
def test_a_deleted_warning_dismisses_what_still_stands_in_the_note(held, dismissed):
    """It counts only while the note holds the passage and no other warning covers it."""
    assert remember(STOOD, shot(*held)).dismissed == dismissed


def test_a_dismissal_is_not_lost_while_the_note_is_being_written():
    """A warning deleted during an edit dismisses as soon as the note can be read."""
    during = remember(STOOD, shot(Unknown(3, "", settling=True)))
    assert during == STOOD
    assert remember(during, shot(draft(3, FLUB))) == Memory((), saying(FLUB))


def test_what_was_dismissed_stays_so():
    """Neither a warning about something else nor an empty mailbox takes a dismissal back."""
    memory = Memory((), saying(FLUB))
    assert remember(memory, shot(draft(1, BLUB), own(2, BLUB))).dismissed == saying(FLUB)
    assert remember(memory, shot()).dismissed == saying(FLUB)


def test_a_warning_that_comes_back_is_not_dismissed_any_more():
    """Another unflub wrote it, or the user put it back: the mailbox is the record."""
    found = remember(Memory((), saying(FLUB)), shot(draft(1, FLUB), own(2, FLUB)))
    assert found.dismissed == saying()
    assert found.shared
    assert not remember(Memory(), shot(draft(1, FLUB), own(2, FLUB)), ours={2}).shared


@pytest.mark.parametrize(
    ("before", "note", "dismissed"),
    [
        pytest.param(own(6, FLUB), 5, saying(FLUB), id="as it was"),
        pytest.param(own(6, FLUB), 7, saying(), id="saved anew"),
        pytest.param(own(6, FLUB, about="<9@x>"), 5, saying(), id="written about another"),
        pytest.param(own(4, FLUB), 5, saying(), id="written about an older copy"),
    ],
)
def test_in_a_shared_mailbox_only_a_note_as_it_was_warned_about_proves_a_dismissal(
    before, note, dismissed
):
    """Else the other unflub may have removed the warning, by what it saw a while ago."""
    one_look = remember(Memory(shared=True), shot(draft(5, FLUB), before), ours={before.uid})
    assert remember(one_look, shot(draft(note, FLUB))).dismissed == dismissed


def test_who_is_seen_to_write_beside_us_may_have_removed_a_warning_in_the_same_moment():
    """It is the other unflub's work, and no dismissal, unless the note is as it was."""
    other = draft(5, BLUB, message_id="<2@x>", to="hr")
    stood = Memory((Standing(2, saying(FLUB)),))
    found = remember(stood, shot(draft(4, FLUB), other, own(6, BLUB, about="<2@x>")))
    assert (found.dismissed, found.shared) == (saying(), True)


@dataclass
class Box:
    """A model of the mailbox that actions are applied to."""

    held: dict[int, AssessedDraft | Unknown | WarningDraft] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        return shot(*self.held.values())

    def about(self, message_id: str) -> list[OwnWarning]:
        warnings = [h for h in self.held.values() if isinstance(h, OwnWarning)]
        return [w for w in warnings if w.about == message_id]

    def apply(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Append):
                uid = max(self.held, default=0) + 1
                digests, about = action.assessment.digests, action.note.message_id
                self.held[uid] = OwnWarning(uid, digests, about, action.no_flubs)
            else:
                del self.held[action.warning.uid]


PASSAGES = st.sampled_from(["Flub one.", "Flub two.", "Flub three.", GOOD, FINE, "Nice."])
TEXTS = st.lists(PASSAGES, max_size=4, unique=True)
IDS = st.sampled_from(["", "<1@x>", "<2@x>", "<3@x>"])
PEOPLE = st.sampled_from(["", "panel", "hr", "panel hr"])
DISMISSED = st.lists(PASSAGES, max_size=2).map(lambda chosen: saying(*chosen))


def seen_otherwise(note: AssessedDraft, missed: frozenset[str]) -> AssessedDraft:
    """The same words, of which the classifier took fewer for flubs among these neighbours."""
    return replace(note, assessment=without(note.assessment, missed))


ANY_DRAFT = st.builds(
    lambda texts, message_id, to, missed: seen_otherwise(
        draft(0, *texts, message_id=message_id, to=to), missed
    ),
    TEXTS, IDS, PEOPLE, DISMISSED,
)  # fmt: skip
ANY_UNKNOWN = st.builds(Unknown, st.just(0), IDS, st.booleans())
DIGESTS = st.lists(PASSAGES, min_size=1, max_size=3).map(lambda chosen: saying(*chosen))
ANY_WARNING = st.one_of(
    st.builds(kind, st.just(0), DIGESTS, IDS, DISMISSED) for kind in (OwnWarning, EditedWarning)
)
BOXES = st.lists(st.one_of(ANY_DRAFT, ANY_DRAFT, ANY_UNKNOWN, ANY_WARNING), max_size=7).map(
    lambda held: Box({uid: replace(h, uid=uid) for uid, h in enumerate(held, 1)})
)


def holding(*held: AssessedDraft | Unknown | WarningDraft) -> Box:
    return Box({one.uid: one for one in held})


UNREAD = Unknown(5, "<2@x>", settling=False)


@settings(max_examples=400)
@given(BOXES, st.builds(Memory, dismissed=DISMISSED, no_flubs=DISMISSED))
# What stood by the warning that goes would be dismissed afterwards: that of the one kept, or that
# of a new one about a note without a Message-ID. A note of which nothing is known keeps its own.
@example(holding(own(1, FLUB), draft(2, FLUB, BLUB), own(3, FLUB, BLUB, about="")), deleted(FLUB))
@example(
    holding(draft(1, FLUB), own(2, FLUB, GOOD), draft(3, FLUB, BLUB, message_id="")), deleted(FLUB)
)
@example(
    holding(draft(1, FLUB, BLUB, message_id=""), own(2, FLUB, GOOD, about=""), UNREAD,
            draft(3, FLUB, BLUB, message_id="<2@x>", to="hr"), own(4, FLUB, GOOD, about=""),
            EditedWarning(6, saying(GOOD), "<2@x>")),
    Memory(),
)  # fmt: skip
# While a draft is being written, too, what was written twice goes at once.
@example(
    holding(Unknown(1, "", settling=True), own(2, FLUB), draft(3, FLUB, BLUB, message_id="", to=""),
            own(4, FLUB)),
    Memory(),
)  # fmt: skip
# Of doubles the one that nobody may take away is kept.
@example(
    holding(EditedWarning(1, saying(FLUB), "<2@x>"), own(2, FLUB), draft(3, FLUB, message_id=""),
            own(4, FLUB, about="<2@x>")),
    Memory(),
)  # fmt: skip
# Of two notes the one whose warning tells what is no flub keeps the one that was written for it.
@example(
    holding(draft(1, FLUB, message_id=""), draft(2, FLUB, BLUB, message_id="", to=""),
            own(3, FLUB)),
    Memory(no_flubs=saying(BLUB)),
)  # fmt: skip
def test_a_plan_applied_leaves_nothing_to_do(box, memory):
    """Planning is idempotent in whatever mailbox; appends come first; edited warnings stay."""
    actions = plan(box.snapshot(), memory)
    kinds = [isinstance(action, Remove) for action in actions]
    assert kinds == sorted(kinds)
    assert all(isinstance(a.warning, OwnWarning) for a in actions if isinstance(a, Remove))
    theirs = {uid: h for uid, h in box.held.items() if not isinstance(h, OwnWarning)}
    box.apply(actions)
    assert theirs.items() <= box.held.items()
    assert plan(box.snapshot(), memory) == ()


TAGGED = st.lists(st.tuples(PASSAGES, st.integers(0, 3)), max_size=2).map(
    lambda chosen: saying(*(f"To {who}: {text}" for text, who in chosen))
)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(TEXTS, st.integers(0, 3), st.booleans()), max_size=6),
    st.lists(st.tuples(TEXTS.filter(bool), st.integers(0, 3)), max_size=3),
    TAGGED,
    TAGGED,
    st.randoms(use_true_random=False),
)
def test_every_flagged_note_ends_with_exactly_one_warning(
    drafts, warnings, dismissed, no_flubs, random
):
    """And no other note has one; for a note of which nothing is known nothing is done."""
    held = [
        draft(0, *(f"To {who}: {text}" for text in texts), message_id=f"<{who}@x>", to=f"p{who}")
        if readable else Unknown(0, f"<{who}@x>", settling=False)
        for texts, who, readable in drafts
    ] + [
        own(0, *(f"To {who}: {text}" for text in texts), about=f"<{who}@x>")
        for texts, who in warnings
    ]  # fmt: skip
    random.shuffle(held)
    box = Box({uid: replace(h, uid=uid) for uid, h in enumerate(held, 1)})
    newest = {h.message_id: h for h in box.held.values() if not isinstance(h, OwnWarning)}
    before = [box.about(f"<{who}@x>") for who in range(4)]
    box.apply(plan(box.snapshot(), Memory((), dismissed, no_flubs=no_flubs)))
    for who in range(4):
        note = newest.get(f"<{who}@x>")
        if isinstance(note, Unknown):
            assert box.about(f"<{who}@x>") == before[who]
        else:
            standing = frozenset[str]().union(*(w.digests for w in before[who]))
            found = note.assessment.digests if note else frozenset()
            wanted = found - no_flubs - (dismissed - standing)
            assert [w.digests for w in box.about(f"<{who}@x>")] == ([wanted] if wanted else [])
