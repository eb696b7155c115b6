"""One pass over a mailbox in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import hostile
from support.fake_mailbox import FakeMailbox, FakeServer, dropping_fields, renaming
from support.notes import OPENING, STRENGTH, note
from support.phrases import JUDGE

from scanner.adapters import state
from scanner.adapters.mailbox import FETCH_LIMIT, Listing
from scanner.config import Account
from scanner.core.assess import digest
from scanner.core.plan import Append, Remove
from scanner.core.render import Envelope, probe, recognise
from scanner.desk import Desk
from scanner.errors import RefusedError, UnreachableError, UnreadableError
from scanner.passes import Pass, PassTerms, describe, one_pass

FLUBBED = note(OPENING, "That was a flub.", STRENGTH)
WORSE = note(OPENING, "That was a flub.", STRENGTH, "And that was another flub.")
BOTH = {digest("That was a flub."), digest("And that was another flub.")}
MENDED = note(OPENING, STRENGTH)
OTHER = note(OPENING, "My second flub.", message_id="<other@x>", to="other@example.com")
ENCRYPTED = note("-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----")
LONG_AGO = 3600.0


ATTACHMENT_FIRST = (
    b"From: me@example.org\r\nTo: panel@example.com\r\nMessage-ID: <note-1@client.example>\r\n"
    b'Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b"A" * FETCH_LIMIT
    + b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nThat was a flub.\r\n--b--\r\n"
)


HTML_NOTE = FLUBBED.partition(b"\r\n\r\n")[0].replace(b"text/plain", b"text/html") + b"\r\n\r\n"
PICTURE = b'<img src="data:image/png;base64,' + b"AAAA" * (FETCH_LIMIT // 4) + b'">'
IN_HTML = f"<p>Dear Ms Okafor,</p><p>{OPENING}</p>".encode()


@dataclass
class Room:
    """A mailbox, and the daemon that looks at it."""

    memory_file: Path
    server: FakeServer = field(default_factory=FakeServer)
    desk: Desk = field(default_factory=Desk)
    dismissed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.mailbox = FakeMailbox(self.server)

    def look(self, *, settle: float = 0, dry_run: bool = False) -> Pass:
        self.mailbox.fetched.clear()
        terms = PassTerms(
            "me@example.org", self.memory_file, settle, dry_run, dismissed=self.dismissed
        )
        return one_pass(self.mailbox, self.desk, JUDGE, terms)

    def restart(self) -> None:
        self.desk, self.mailbox = Desk(), FakeMailbox(self.server)

    @property
    def warnings(self) -> list[int]:
        return list(self.server.warnings())


@pytest.fixture
def room(tmp_path) -> Room:
    return Room(tmp_path / "state" / "home.json")


def wrote(found: Pass) -> list[int]:
    return [action.note.uid for action in found.actions if isinstance(action, Append)]


def removed(found: Pass) -> list[int]:
    return [action.warning.uid for action in found.actions if isinstance(action, Remove)]


def test_a_message_that_ends_connections_is_not_checked_and_the_others_are(room):
    """It is asked for again once a connection ended for another reason, for it may come then."""
    room.server.fatal = {room.server.save(FLUBBED)}
    other = room.server.save(OTHER)
    for _ in range(2):
        with pytest.raises(UnreachableError):
            room.look()
        room.desk.begin_anew()
    found = room.look()
    assert (wrote(found), found.unchecked) == ([other], tuple(room.server.fatal))
    fatal, room.server.fatal = room.server.fatal, set()
    assert room.look().actions == ()
    room.desk.begin_anew()
    assert wrote(room.look()) == list(fatal)


def test_a_warning_that_the_server_does_not_give_out_was_not_deleted(room):
    """Nothing is dismissed by it; when it is given out again, there is one warning as before."""
    room.server.save(FLUBBED)
    room.look()
    room.restart()
    room.server.headless = room.server.withheld = set(room.warnings)
    room.look()
    assert room.server.withheld < set(room.warnings)
    room.server.headless = room.server.withheld = set()
    room.restart()
    room.look()
    assert len(room.warnings) == 1


def test_a_trial_of_the_doctor_s_is_left_alone(room):
    """The doctor writes it and takes it away; neither is a warning's, or its dismissal."""
    envelope = Envelope("me@example.org", "<trial@unflub.invalid>", datetime.now(UTC))
    uid = room.server.save(probe(envelope))
    for _ in range(2):
        found = room.look()
        assert (found.actions, found.drafts, found.warnings) == ((), 0, 0)
    room.server.delete(uid)
    room.server.save(FLUBBED)
    assert wrote(room.look()) == [2]
    assert not state.load(room.memory_file).memory.shared


def test_a_flubbed_note_is_warned_about_once(room):
    """The first pass writes the warning, and the next ones find nothing to do."""
    uid = room.server.save(FLUBBED)
    assert wrote(room.look()) == [uid]
    assert len(room.warnings) == 1
    assert room.look().actions == ()
    room.restart()
    assert room.look().actions == ()


def test_each_warning_has_a_message_id_of_its_own(room):
    """Also one about the same words: no server or client takes it for the one before."""
    seen = set()
    for raw in (FLUBBED, MENDED, FLUBBED, MENDED, FLUBBED):
        room.server.replace(max(room.server.own(), default=0), raw)
        room.look()
        seen |= {stored.message["Message-ID"] for stored in room.server.warnings().values()}
    assert len(seen) == 3


def test_only_what_is_new_is_fetched(room):
    """A message never changes under its UID, so that each is read once."""
    first = room.server.save(MENDED)
    room.look()
    assert room.mailbox.fetched == [first]
    second = room.server.save(FLUBBED)
    room.look()
    assert room.mailbox.fetched == [second, *room.warnings]
    room.look()
    assert room.mailbox.fetched == []


def test_a_draft_that_is_being_written_is_not_read(room):
    """Until it has settled nobody looks into it; the pass says when that will be."""
    uid = room.server.save(FLUBBED)
    found = room.look(settle=LONG_AGO)
    assert (found.actions, found.drafts, room.mailbox.fetched) == ((), 0, [])
    assert found.settles_in == pytest.approx(LONG_AGO, abs=60)
    room.desk.first_seen[uid] -= LONG_AGO
    found = room.look(settle=LONG_AGO)
    assert (wrote(found), found.settles_in) == ([uid], None)


def test_a_settled_note_does_not_wait_for_one_that_is_being_written(room):
    """Its warning comes although another draft is not known yet, which has its own time."""
    uid = room.server.save(FLUBBED)
    room.look(settle=LONG_AGO)
    room.desk.first_seen[uid] -= LONG_AGO
    room.server.save(OTHER)
    assert wrote(room.look(settle=LONG_AGO)) == [uid]
    assert len(room.server.own()) == 2


def test_a_dry_run_writes_nothing(room):
    """The actions are told; neither the mailbox nor the disk changes."""
    room.server.save(FLUBBED)
    before = room.server.messages()
    assert len(room.look(dry_run=True).actions) == 1
    assert len(room.look(dry_run=True).actions) == 1
    assert room.server.messages() == before
    assert not room.memory_file.parent.exists()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_deleted_warning_is_dismissed(room, restarts):
    """It does not come back, neither for the note as it is nor as it is saved anew."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.delete(*room.warnings)
    if restarts:
        room.restart()
    assert room.look().actions == ()
    room.server.replace(uid, WORSE)
    room.restart()
    room.look()
    (warning,) = room.server.warnings().values()
    found = recognise(warning.raw)
    assert found
    assert len(found.digests) == 1


def test_what_was_dismissed_before_sending_is_not_warned_about(room):
    """The note it is in, saved as a draft, gets a warning about the rest alone."""
    room.dismissed = frozenset({digest("That was a flub.")})
    uid = room.server.save(FLUBBED)
    assert room.look().actions == ()
    room.server.replace(uid, WORSE)
    room.look()
    (warning,) = room.server.warnings().values()
    assert recognise(warning.raw).digests == {digest("And that was another flub.")}


def test_dismissing_before_sending_takes_it_from_the_standing_warning(room):
    """One is written about the rest; where nothing is left, none; and so it stays."""
    room.server.save(WORSE)
    room.look()
    for said in ("That was a flub.", "And that was another flub."):
        room.dismissed |= {digest(said)}
        room.look()
        assert room.look().actions == ()
        named = [recognise(one.raw).digests for one in room.server.warnings().values()]
        assert named == [BOTH - room.dismissed] * (room.dismissed < BOTH)
    room.restart()
    assert room.look().actions == ()
    assert state.load(room.memory_file).memory.dismissed == frozenset()


def test_an_unreadable_draft_shields_its_own_warning_only(room):
    """What cannot be read is not clean: its warning stays, that of a sent note goes."""
    encrypted, sent = room.server.save(FLUBBED), room.server.save(OTHER)
    room.look()
    first, second = room.warnings
    room.server.replace(encrypted, ENCRYPTED)
    room.server.delete(sent)
    assert removed(room.look()) == [second]
    assert room.warnings == [first]


@pytest.mark.parametrize("path", hostile.CASES, ids=lambda path: path.stem)
def test_a_hostile_draft_keeps_no_other_from_being_warned_about(room, path):
    """It is read, left unknown or left alone as a warning; the pass goes on."""
    room.server.save(path.read_bytes())
    uid = room.server.save(FLUBBED)
    found = room.look()
    assert (wrote(found), removed(found)) == ([uid], [])


def test_text_beyond_what_is_fetched_is_unknown_and_not_empty(room):
    """A note that grew a big attachment before its text keeps its warning."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.replace(uid, ATTACHMENT_FIRST)
    assert not room.look().actions
    assert len(room.warnings) == 1


def test_text_that_goes_on_beyond_what_is_fetched_is_unknown_and_not_clean(room):
    """A note that got a picture, within its HTML, above the flub keeps its warning."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.replace(uid, HTML_NOTE + IN_HTML + PICTURE + b"<p>That was a flub.</p>")
    assert not room.look().actions
    assert len(room.warnings) == 1


def test_a_long_part_behind_the_text_hides_none(room):
    """The plain text is whole, and the picture in the HTML beside it is not read for it."""
    uid = room.server.save(FLUBBED)
    room.look()
    (warning,) = room.warnings
    plain = f"Dear Ms Okafor,\r\n\r\n{OPENING} {'Your team is a good one. ' * 10}\r\n".encode()
    parts = (b"text/plain\r\n\r\n" + plain, b"text/html\r\n\r\n" + IN_HTML + PICTURE)
    header = HTML_NOTE.replace(b"text/html", b"multipart/alternative; boundary=b")
    room.server.replace(uid, header + b"".join(b"--b\r\nContent-Type: " + part for part in parts))
    assert removed(room.look()) == [warning]


def test_a_long_quote_hides_no_text(room):
    """Where what is not fetched is quoted mail, the note is known, and its warning goes."""
    uid = room.server.save(FLUBBED)
    room.look()
    (warning,) = room.warnings
    thread = b"<blockquote type=cite>" + b"<p>Quoted.</p>" * (FETCH_LIMIT // 10)
    room.server.replace(uid, HTML_NOTE + IN_HTML + thread)
    assert removed(room.look()) == [warning]


def test_a_message_the_server_does_not_give_out_is_asked_for_once(room):
    """It is unknown, holds nothing else back, and makes nobody run in circles."""
    room.server.withheld.add(room.server.save(FLUBBED))
    stray = room.server.save(OTHER)
    assert wrote(room.look()) == [stray]
    found = room.look()
    assert found.settles_in is None
    assert not room.mailbox.fetched


def test_another_process_may_warn_during_a_pass(room):
    """A warning that appears after the mailbox was listed is nobody's dismissal."""
    room.server.save(FLUBBED)
    beside = Room(room.memory_file, room.server)
    room.mailbox.before_messages = beside.look
    room.look()
    room.look()
    assert len(room.warnings) == 1


def test_a_slow_removal_by_another_unflub_is_no_dismissal(room, tmp_path):
    """It took the note for mended, which came back before the removal; nor does that spread."""
    beside = Room(tmp_path / "beside.json", room.server)
    elsewhere = note(OPENING, "That was a flub.", message_id="<2@x>", to="other@example.com")
    room.server.save(elsewhere)
    uid = room.server.save(FLUBBED)
    for _ in range(2):
        room.look()
        beside.look()
    uid = room.server.replace(uid, MENDED)

    def meanwhile() -> None:
        room.server.replace(uid, FLUBBED)
        room.look()

    beside.mailbox.before_write = meanwhile
    beside.look()
    for _ in range(2):
        room.look()
        beside.look()
    assert len(room.warnings) == 2


def test_under_another_uidvalidity_everything_is_read_anew(room):
    """UIDs mean nothing then, but the mailbox still tells what was warned about."""
    room.server.save(FLUBBED)
    room.server.save(note("A clean one.", message_id="<clean@x>", to="c@example.com"))
    room.look()
    room.server.renumber()
    assert room.look().actions == ()
    assert sorted(room.mailbox.fetched) == list(room.server.messages())
    assert len(room.warnings) == 1


def test_a_crash_between_append_and_remove_leaves_no_note_without_its_warning(room):
    """There are two warnings for a moment, and the next pass leaves the right one."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.replace(uid, WORSE)
    room.mailbox.writes_left = 1
    with pytest.raises(UnreachableError):
        room.look()
    assert len(room.warnings) == 2
    old, new = room.warnings
    room.restart()
    assert removed(room.look()) == [old]
    assert room.warnings == [new]


def test_a_crash_after_a_removal_is_not_taken_for_a_dismissal(room):
    """What unflub itself took away, the user did not: the passage is warned about again."""
    uid = room.server.save(FLUBBED)
    room.look()
    uid = room.server.replace(uid, MENDED)
    room.mailbox.writes_left = 1
    with pytest.raises(UnreachableError):
        room.look()
    assert room.warnings == []
    uid = room.server.replace(uid, FLUBBED)
    room.restart()
    assert wrote(room.look()) == [uid]


def test_nothing_is_written_to_the_mailbox_when_the_memory_cannot_be_saved(room):
    """A dismissal that may be lost must not come first: the pass ends in one line."""
    room.server.save(FLUBBED)
    room.memory_file.parent.write_text("a file where the folder should be")
    with pytest.raises(UnreadableError, match="cannot be written"):
        room.look()
    assert room.warnings == []


def test_a_pass_is_described_in_counts_and_uids(room):
    """The line that is logged holds nothing of the mail."""
    uid = room.server.save(FLUBBED)
    account = Account("home", "me@example.org", "imap.example.org")
    found = room.look(dry_run=True)
    assert describe(account, found, dry_run=True) == (
        f"account home: 1 drafts read; would have warned about 1 (uid {uid}), would have removed 0"
    )


def test_a_warning_the_server_does_not_give_out_still_counts(room):
    """Its header says what it is about: it is neither doubled, nor removed, nor asked for again."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.withheld.update(room.warnings)
    room.restart()
    assert not room.look().actions
    room.server.delete(uid)
    found = room.look()
    assert (found.actions, found.settles_in) == ((), None)
    assert not room.mailbox.fetched


def test_a_refused_append_is_reported_and_not_hammered(room):
    """It is offered once, whatever else is saved; much later it is tried again."""
    room.server.save(FLUBBED)
    room.mailbox.refusal = RefusedError("account home: refused [OVERQUOTA]; free some space")
    assert room.look().refusal is room.mailbox.refusal
    room.mailbox.refusal = None
    room.server.save(OTHER)
    found = room.look()
    assert (found.actions, room.warnings) == ((), [])
    assert found.refusal
    room.desk.hold.until = 0
    assert len(wrote(room.look())) == 2
    assert room.look().refusal is None


def test_where_nothing_can_be_written_what_is_wrong_is_removed_all_the_same(room):
    """A mailbox that is full would else keep the warning about a note that was sent."""
    sent = room.server.save(FLUBBED)
    room.look()
    stale = room.warnings
    room.mailbox.refusal = RefusedError("account home: refused [OVERQUOTA]; free some space")
    room.server.save(OTHER)
    room.server.delete(sent)
    found = room.look()
    assert (found.refusal, removed(found)) == (room.mailbox.refusal, stale)
    assert (wrote(found), room.warnings) == ([], [])


def test_an_ok_without_a_stored_message_is_noticed(room):
    """The mailbox is looked at, not the server's word; and it is not offered again at once."""
    room.server.save(FLUBBED)
    room.server.swallows = True
    assert "did not store it" in str(room.look().refusal)
    room.server.swallows = False
    assert room.look().actions == ()
    assert room.warnings == []


@pytest.mark.parametrize("alters", [dropping_fields, renaming])
def test_a_server_that_changes_what_it_stores_gets_one_warning_and_no_more(room, alters):
    """It is found out by the first; neither edits, nor time, nor a restart bring another."""
    room.server.alters = alters
    uid = room.server.save(FLUBBED)
    room.server.save(OTHER)
    found = room.look()
    assert (found.actions, found.warned_about, found.alters) == ((), frozenset(), True)
    assert "the server changes the drafts it stores" in str(found.refusal)
    for raw in (WORSE, MENDED, FLUBBED):
        uid = room.server.replace(uid, raw)
        room.restart()
        found = room.look()
        assert (found.actions, found.alters) == ((), True)
        assert found.refusal
    assert room.look(dry_run=True).actions == ()
    assert len(room.warnings) == 1
    room.server.delete(*room.warnings)
    assert room.look().actions == ()


def test_a_server_that_was_mended_is_written_to_again(room):
    """When the doctor says so."""
    room.server.alters = renaming
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.delete(*room.warnings)
    uid = room.server.replace(uid, WORSE)
    room.server.alters = bytes
    state.say_whether_it_alters(room.memory_file, alters=False)
    assert wrote(room.look()) == [uid]
    assert not room.look().alters


def test_warnings_from_before_a_server_changed_what_it_stores_go_as_ever(room):
    """But one that still holds in part stays, since no better one is written."""
    first, second = room.server.save(FLUBBED), room.server.save(OTHER)
    room.look()
    holds, goes = room.warnings
    room.server.alters = dropping_fields
    room.server.replace(first, WORSE)
    assert room.look().alters
    assert {holds, goes} < set(room.warnings)
    room.server.delete(second)
    found = room.look()
    assert removed(found) == [goes]
    assert found.alters
    assert holds in room.warnings
    assert room.look().actions == ()


def test_what_the_server_does_not_give_out_it_did_not_change(room):
    """A warning that cannot be read back is no proof against the server."""
    room.server.withheld.update(range(2, 9))
    room.server.save(FLUBBED)
    assert not room.look().alters
    assert room.look().refusal is None


def is_shared(room: Room) -> bool:
    return state.load(room.memory_file).memory.shared


def test_a_warning_written_by_a_pass_that_broke_off_is_no_other_unflub_s(room):
    """Else the user's deletions would count for less from then on."""
    room.server.save(FLUBBED)
    room.mailbox.writes_left = 1
    with pytest.raises(UnreachableError):
        room.look()
    room.restart()
    room.look()
    assert not is_shared(room)
    room.server.delete(*room.warnings)
    assert room.look().actions == ()


def test_a_warning_that_could_not_be_taken_away_is_no_other_unflub_s(room):
    """The connection broke before its removal, which then is made up for."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.server.delete(uid)
    room.restart()
    room.mailbox.writes_left = 0
    with pytest.raises(UnreachableError):
        room.look()
    room.restart()
    assert removed(room.look())
    assert not is_shared(room)


def test_a_removal_that_is_held_back_leaves_its_warning_ours(room):
    """Nothing is written or removed for a while, and nothing forgotten."""
    uid = room.server.save(FLUBBED)
    room.look()
    room.mailbox.refusal = RefusedError("account home: refused; free some space")
    room.server.save(OTHER)
    room.look()
    room.server.delete(uid)
    for _ in range(2):
        room.look()
    assert not is_shared(room)
    room.mailbox.refusal, room.desk.hold.until = None, 0
    assert removed(room.look())
    assert not is_shared(room)


def test_what_is_not_taken_away_is_not_said_to_be(room):
    """A warning that turns out not to be ours any more is neither removed nor counted."""
    uid = room.server.save(FLUBBED)
    room.look()
    (warning,) = room.warnings
    room.desk.known[warning] = replace(
        room.desk.known[warning], digests=frozenset({"0" * 15 + "1"})
    )
    room.server.delete(uid)
    assert room.look().actions == ()
    assert room.warnings == [warning]


def test_a_mailbox_that_is_suddenly_empty_is_looked_at_again(room):
    """On a single empty look nothing is withdrawn, dismissed or forgotten."""
    room.server.save(FLUBBED)
    room.look()
    before = room.memory_file.read_text()
    room.server.hidden = set(room.server.messages())
    found = room.look()
    assert found.actions == ()
    assert found.settles_in > 0
    assert room.memory_file.read_text() == before
    assert room.look().actions == ()
    assert len(room.warnings) == 1


@pytest.mark.parametrize("kind", ["own", "warnings"])
def test_what_is_missing_at_a_single_look_is_not_gone(room, kind):
    """No warning is withdrawn, and none taken for dismissed, because a server forgot to list."""
    room.server.save(FLUBBED)
    room.server.save(note("Another draft.", message_id="<c@x>", to="c@example.com"))
    room.look()
    room.server.hidden = {next(iter(getattr(room.server, kind)()))}
    assert room.look().actions == ()
    assert room.look().actions == ()
    assert len(room.warnings) == 1


def test_a_mailbox_that_changed_at_every_look_is_looked_at_again(room):
    """What looks disagree about is not settled: it is done as soon as the mailbox rests."""
    people = ["ann", "bob", "cid", "dan", "eve"]
    uids = [
        room.server.save(
            note(OPENING, f"To {who} a flub.", message_id=f"<{who}@x>", to=f"{who}@x.com")
        )
        for who in people
    ]
    room.look()
    leaving, own_listing = uids[:4], room.mailbox.listing

    def listing(*, sweep: bool = False) -> Listing:
        if leaving:
            room.server.delete(leaving.pop())
        return own_listing(sweep=sweep)

    room.mailbox.listing = listing
    found = room.look()
    assert found.actions == ()
    assert found.settles_in == pytest.approx(5, abs=5)
    assert len(removed(room.look())) == 4
    assert len(room.warnings) == 1


def test_where_uids_are_given_out_anew_everything_is_read_anew(room):
    """A UIDNEXT that fell tells a mailbox made anew, whatever UIDVALIDITY says."""
    room.server.save(MENDED)
    room.server.save(FLUBBED)
    room.look()
    room.server.recreate()
    uid = room.server.save(FLUBBED)
    assert wrote(room.look()) == []
    assert uid in room.mailbox.fetched


def test_a_note_in_a_mailbox_made_anew_is_not_warned_about_again(room):
    """Who deletes Drafts, warnings and all, and saves the old note again has seen the warning."""
    room.server.save(FLUBBED)
    room.look()
    room.server.recreate()
    room.server.uidvalidity += 1
    room.server.save(FLUBBED)
    assert room.look().actions == ()
    assert room.look().actions == ()


def test_our_own_message_is_never_judged_even_without_its_header(room):
    """A server that withheld the header fields does not make a warning a note."""
    room.server.save(FLUBBED)
    room.look()
    room.restart()
    room.server.headless.update(room.warnings)
    assert room.look().actions == ()
    assert len(room.warnings) == 1


def test_a_pass_that_finds_nothing_new_leaves_the_memory_alone(room):
    """The disk is written when there is something to remember, not at every look."""
    room.server.save(FLUBBED)
    room.look()
    before = room.memory_file.stat()
    room.look()
    after = room.memory_file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
