"""What QRESYNC tells is followed as long as it adds up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.adapters.changes import Held, Mark, follow, mark_of

HELD = Held(Mark(5, 10, 4, 70), frozenset({2, 5, 9}), 1)  # 7 is flagged \Deleted


def told(exists: int, *, vanished: bytes = b"", flagged: tuple[bytes, ...] = ()) -> Held | None:
    untagged = {"FETCH": list(flagged), "VANISHED": [b"(EARLIER) " + vanished] if vanished else []}
    return follow(HELD, Mark(5, 12, exists, 80), untagged)


def row(uid: int, flags: bytes = b"") -> bytes:
    return b"1 (UID %d FLAGS (%s) MODSEQ (80))" % (uid, flags)


def test_new_vanished_and_flagged_messages_are_followed():
    """Each kind of change leaves the list as a search would find it."""
    assert told(5, flagged=(row(10, rb"\Draft"),)).uids == {2, 5, 9, 10}
    assert told(2, vanished=b"5,7").uids == {2, 9}
    assert told(4, flagged=(row(5, rb"\Seen \Deleted"),)).uids == {2, 9}
    assert told(4, flagged=(row(7),)).uids == {2, 5, 7, 9}
    assert told(5, flagged=(row(11, rb"\deleted"),)).uids == {2, 5, 9}


def test_what_does_not_add_up_is_not_believed():
    """Then the mailbox is listed anew."""
    assert told(5) is None
    assert told(4, vanished=b"5") is None
    assert told(3, vanished=b"1:4294967295") is None  # bounded, whatever it names
    assert follow(HELD, Mark(6, 12, 4, 80), {}) is None
    assert follow(HELD, Mark(5, 9, 4, 80), {}) is None


def test_an_unchanged_mailbox_is_told_by_its_mark():
    """Only where the server counts changes; else nothing is sure."""
    assert HELD.mark.is_same(Mark(5, 10, 4, 70))
    assert not HELD.mark.is_same(Mark(5, 10, 4, 71))
    without = mark_of({b"UIDVALIDITY": 5, b"UIDNEXT": 10, b"EXISTS": 4})
    assert not without.is_same(without)


@given(st.sets(st.integers(1, 9)), st.sets(st.integers(1, 14)), st.sets(st.integers(10, 14)))
def test_following_is_listing_anew(before, vanished, came):
    """Whatever came and went, the list is what a search gives."""
    gone = vanished & (before | came)
    held = Held(Mark(5, 10, len(before), 70), frozenset(before), 0)
    after = (before | came) - gone
    untagged = {
        "VANISHED": [b"(EARLIER) %s" % ",".join(map(str, gone & before)).encode()],
        "FETCH": [row(uid) for uid in sorted(came - gone)],
    }
    found = follow(held, Mark(5, 15, len(after), 80), untagged)
    assert found
    assert found.uids == after
