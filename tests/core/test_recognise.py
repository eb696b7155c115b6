"""How a warning draft of unflub's is told from everything else, and from an edited one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import hostile
from support.notes import OPENING, STRENGTH, note
from support.phrases import assessed_draft

from scanner.core.assess import digest
from scanner.core.render import NO_FLUB, SEAL, WARNS_ABOUT, Envelope, recognise, render

CASES = Path(__file__).parents[1] / "cases"
FLUB = "What a flub of an apology that was."
READ = assessed_draft(1, note(OPENING, FLUB, STRENGTH))
ENVELOPE = Envelope("me@example.org", "<w1@example.org>", datetime.now(UTC))
WARNING = render(READ.draft, READ.assessment, ENVELOPE)


def edited(change: Callable[[EmailMessage], object]) -> bytes:
    message = message_from_bytes(WARNING, policy=policy.default)
    assert isinstance(message, EmailMessage)
    change(message)
    return message.as_bytes()


def recoded(charset: str, cte: str, *, add: str = "") -> Callable[[EmailMessage], object]:
    """Encode both parts anew, as servers and clients do."""

    def change(message: EmailMessage) -> None:
        for part in message.iter_parts():
            content = str(part.get_content()).replace("<head>", f"<head>{add}")
            subtype = part.get_content_subtype()
            part.set_content(content.encode(charset), "text", subtype, cte=cte)
            part.set_param("charset", charset)

    return change


def part_edit(subtype: str, old: str, new: str) -> Callable[[EmailMessage], object]:
    def change(message: EmailMessage) -> None:
        part = message.get_body((subtype,))
        content = str(part.get_content())
        assert old in content
        part.set_content(content.replace(old, new), subtype=subtype)

    return change


OLD, NEW = "Your note is yours", "My own words"


def added(html: str) -> Callable[[EmailMessage], object]:
    return part_edit("html", "</body>", f"{html}</body>")


def test_what_is_no_flub_is_told_apart_from_what_is_warned_about():
    """To other unflubs; without any there is no field for it."""
    no_flubs = frozenset({digest(OPENING), digest(STRENGTH)})
    found = recognise(render(READ.draft, READ.assessment, ENVELOPE, no_flubs))
    assert found == replace(recognise(WARNING), no_flubs=no_flubs)
    assert recognise(WARNING).no_flubs == frozenset()
    assert NO_FLUB.encode() not in WARNING


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: None, id="nothing"),
        pytest.param(recoded("utf-8", "quoted-printable"), id="quoted-printable"),
        pytest.param(recoded("windows-1252", "8bit"), id="windows-1252"),
        pytest.param(recoded("utf-16", "base64"), id="utf-16"),
        pytest.param(recoded("utf-8", "8bit", add='<meta name="x" content="y z">'), id="meta"),
        pytest.param(lambda m: m.set_payload([m.get_payload(1)]), id="text part dropped"),
        pytest.param(lambda m: m.add_header("X-Spam-Score", "1"), id="header added"),
    ],
)
def test_another_encoding_keeps_the_seal(change):
    """Servers may re-encode what they store; the words are still ours."""
    found = recognise(edited(change))
    assert found
    assert found.sealed
    assert (found.digests, found.about) == ({digest(FLUB)}, "<note-1@client.example>")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(part_edit("html", OLD, NEW), id="HTML edited"),
        pytest.param(part_edit("plain", OLD, NEW), id="text edited"),
        pytest.param(part_edit("plain", "one thought.", "one thought!"), id="a character"),
        pytest.param(part_edit("plain", "one thought.", "one thought. 👍"), id="an emoji"),
        pytest.param(part_edit("html", "one thought.", "one thought. ✅"), id="an emoji in HTML"),
        pytest.param(part_edit("plain", "one thought", "onethought"), id="a space"),
        pytest.param(added('<img src="data:image/png;base64,AAAA">'), id="a picture"),
        pytest.param(added('<a href="https://example.org/x"></a>'), id="a link"),
        pytest.param(added('<p style="background:url(data:AAAA)"></p>'), id="a background"),
        pytest.param(added("<svg><path d='M0 0h9'/></svg>"), id="a drawing"),
        pytest.param(added("<hr>"), id="a rule"),
        pytest.param(lambda m: m.replace_header("Subject", "⚠ unflub: keep"), id="the subject"),
        pytest.param(lambda m: m.add_header("Reply-To", "me@work.example"), id="Reply-To added"),
        pytest.param(lambda m: m.add_header("To", "panel@example.com"), id="To added"),
        pytest.param(lambda m: m.add_header("Cc", "panel@example.com"), id="Cc added"),
        pytest.param(lambda m: m.add_header("Bcc", "panel@example.com"), id="Bcc added"),
        pytest.param(lambda m: m.replace_header(WARNS_ABOUT, "0" * 16), id="other digests"),
        pytest.param(lambda m: m.replace_header(WARNS_ABOUT, ""), id="no digests"),
        pytest.param(lambda m: m.__delitem__(WARNS_ABOUT), id="digests missing"),
        pytest.param(lambda m: m.__delitem__(SEAL), id="seal missing"),
        pytest.param(lambda m: m.set_payload([m.get_payload(0)]), id="HTML part dropped"),
        pytest.param(lambda m: m.add_attachment(b"cv", "application", "pdf"), id="file attached"),
        pytest.param(lambda m: m.get_payload(1).set_param("charset", "undefined"), id="charset"),
        pytest.param(lambda m: m.set_payload([EmailMessage()]), id="all replaced"),
    ],
)
def test_what_somebody_changed_is_not_sealed_any_more(change):
    """It is still recognised, so that it is not scanned, but it is no more ours to remove."""
    found = recognise(edited(change))
    assert found
    assert not found.sealed


def test_a_warning_of_an_earlier_version_is_known_as_it_was():
    """It was sealed in another way: by its words alone."""
    raw = (CASES / "warnings" / "first_seal.eml").read_bytes()
    found = recognise(raw)
    assert found
    assert found.sealed
    assert (found.digests, found.about) == ({digest(FLUB)}, "<note-1@client.example>")
    message = message_from_bytes(raw, policy=policy.default)
    part_edit("html", OLD, NEW)(message)
    assert not recognise(message.as_bytes()).sealed


def test_the_header_alone_is_recognised_and_not_sealed():
    """Without its words nobody can tell whether a warning is still as it was written."""
    found = recognise(WARNING.split(b"\r\n\r\n")[0] + b"\r\n\r\n")
    assert found
    assert (found.digests, found.sealed) == ({digest(FLUB)}, False)


def test_a_note_is_not_recognised():
    """The user's own drafts are no warnings."""
    assert recognise(note(OPENING, FLUB)) is None


@given(
    st.one_of(hostile.MESSAGES, st.binary(max_size=300)),
    st.sampled_from([b"Subject: ", b"X-Unflub-Warns-About: ", b""]),
)
def test_anything_can_be_looked_at(raw, start):
    """No bytes make the recognition fail, and none are taken for sealed."""
    found = recognise(start + raw)
    assert found is None or not found.sealed
