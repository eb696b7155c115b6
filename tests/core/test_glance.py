"""A glance reads as careful reading does, so that what it turns away would not be flagged."""

from __future__ import annotations

from email.utils import getaddresses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import hostile
from support.notes import CLEAN, FLUBBED

from scanner.core.draft import Draft
from scanner.core.parse import glance, read
from scanner.core.segment import segment, words
from scanner.errors import UnreadableError
from scanner.learning.words import bag

CASES = sorted((Path(__file__).parent.parent / "cases" / "own_text").glob("*.eml"))
RAWS = [path.read_bytes() for path in (*CASES, *hostile.CASES)]
HARD = [
    "Subject: Zoe\u0308\r\nFrom: a@b.example\r\n\r\nZoe\u0308 \uf900\r\n".encode(),
    b"Subject: a\r\nSubject: b\r\n\r\nTwo subjects\r\n",
    b"Subject : x\r\nTo: a@example.org\r\n\r\nA space before the colon\r\n",
    b"To: a@example.org\r\nno field at all\r\nSubject: x\r\nFrom: b@example.org\r\n\r\nBody\r\n",
    b"From a@example.org Mon Jan  1 00:00:00 2024\nSubject: x\n\nBody\n",
    b"From: a@example.org\rSubject: x\r\rLines of an old Mac\r",
    b"From: a@example.org\r\nSubject: x\r\n \r\n\r\nA blank line goes on from the one above\r\n",
    b"From: a@example.org\r\nSubject: no body",
    b"From: a@example.org\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n\xff\xfeH\0i\0",
    b"From: a@example.org\r\nContent-Type: text/plain; charset=utf-16\r\n\r\nH\0i\0",
    b'From: a@example.org\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$"\x1b(B',
    b"From: a@example.org\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AOQ-rger\r\n",
    b"From: a@example.org\r\nContent-Type: text/plain; charset=x-none\r\n\r\nHi \xe4\r\n",
    b"From: a@example.org\r\nContent-Type: text/plain; format=flowed; delsp=yes\r\n\r\na \r\nb\r\n",
    b"From: a@example.org\r\nContent-Type:\r\n multipart/mixed;\r\n boundary=x\r\n\r\n"
    b"--x\r\n\r\nHi\r\n",
    b"Content-Transfer-Encoding: base64\r\nFrom: a@example.org\r\n\r\nSGVsbG8gdGhlcmUu\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\nFrom: a@b.example\r\n\r\n=E4=\r\n=3D\r\n",
    b"Subject: =?utf-8?q?=C3=A4?= =?x?b?eA==?= =?utf-8?b?!!?=\r\nFrom: a@b.example\r\n\r\nHi\r\n",
    b'From: "A, B" <a@b.example>\r\nTo: c..d@b.example, <e@f.example>, g: h@i.example;\r\n\r\n',
    b"From: a@b.example\r\nContent-Type: text/plain; charset=utf\0-8\r\n\r\nHi \xe4\r\n",
    b"From: a@b.example\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Type: text/plain; charset=utf\0-8\r\n\r\nSGVsbG8\xe4\r\n",
    b"From: \xe4 <a@b.example>\r\nTo: undisclosed-recipients:;\r\n\r\nHi\r\n",
]

_MIXED = b"From: a@b.example\nContent-Type: multipart/mixed; boundary=%b\n\n"
_TEXT = b"Content-Type: text/plain\n\nHi\n"
MULTIPARTS = [
    _MIXED % b"x" + b"Preamble\n--x\n" + _TEXT + b"--x--\nEpilogue\n--x\n\nMore\n",
    _MIXED % b"x" + b"--x  \n\nNo header\n--x\n" + _TEXT + b"--x--",
    _MIXED % b"x" + b"--x\n\n\nTwo blank lines\n--x\n" + _TEXT + b"--xy\n\nb\n--x--\n",
    _MIXED % b"x" + b"--x\n" + _MIXED % b"xy" + b"--xy\n" + _TEXT + b"--xy--\n--x--\n",
    _MIXED % b"x" + b"--x\n" + _MIXED % b"y" + b"--y\n" + _TEXT + b"--x\n" + _TEXT + b"--x--\n",
    _MIXED % b"x" + b"--x\n" + _TEXT + b"--x\nContent-Type: message/rfc822\n\n" + _TEXT + b"--x--",
    _MIXED % b"x"
    + b"--x\nContent-Type: multipart/digest; boundary=y\n\n--y\n\n"
    + _TEXT
    + b"--y--\n--x\n"
    + _TEXT
    + b"--x--\n",
    _MIXED % b"x" + b"--x\nContent-Disposition: attachment\n\nAttached\n--x\n" + _TEXT + b"--x--",
    _MIXED % b"x" + b"--x\n" + _TEXT + b"--x--y\n" + _TEXT + b"--x--\n",
    _MIXED % b"x" + b"--x\n" + _TEXT + b"--x\r" + _TEXT + b"\r--x\r\n" + _TEXT + b"--x--\n",
    _MIXED % b"" + b"--\n" + _TEXT + b"----\n",
    _MIXED % b"x" + b"--x\nno field\n\na\n--x\n" + _TEXT,
]
HARD += [*MULTIPARTS, *(raw.replace(b"\n", b"\r\n") for raw in MULTIPARTS)]
HARD += [
    _MIXED % b"x" + b"--x\n" + _TEXT + b"--x --\nMore\n--x--\n",
    _MIXED % b"x" + b"--x\r\r\nContent-Type: application/pdf\r\n\r\nHi\r\n--x--\r\n",
    _MIXED % b"x" + b"--x\x0c\n" + _TEXT + b"--x--\x0b\n",
    _MIXED % b'"\xe4"' + b"--?\nContent-Type: application/pdf\n\nHi\n--?--\n",
    _MIXED % b'"a\n b"' + b"--a\n b\nContent-Type: application/pdf\n\nHi\n--a\n b--\n",
    b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-16\r\r\n\r\n\xff\xfeH\0i\0",
    b'From: a@b.example\nContent-Type: multipart/mixed;\n\tboundary="a=b.c"\n\n--a=b.c\n'
    + _TEXT
    + b"--a=b.c--\n",
    b"Subject: message/rfc822\nFrom: a@b.example\n\nHi\n",
    b"Subject: x\nContent-Type: multipart\n\nHi\n",
    b"From: a@b.example\nContent-Type: text/plain; charset=cp500\n\n\xc8\x89\n",
    b"FROM: a@b.example\nfrom: c@d.example\n\nHi\n",
    b"Subject: multipart\nContent-Type: text/plain; boundary*=idna'en'%ff.%ff\n\nHi\n",
]


def outcome(reading, raw: bytes) -> object:
    try:
        return reading(raw)
    except UnreadableError as error:
        return str(error)


@pytest.mark.parametrize("raw", [*RAWS, *HARD, FLUBBED, CLEAN])
def test_every_kind_of_message_reads_the_same_at_a_glance(raw):
    """Texts, header fields and errors are those of mail-parser and the whole MIME parser."""
    assert outcome(glance, raw) == outcome(read, raw)


@given(
    st.one_of(st.sampled_from([*RAWS, *HARD, FLUBBED]), hostile.MESSAGES, hostile.MULTIPARTS),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 20), st.binary(max_size=12))),
)
def test_of_a_message_broken_anywhere_a_glance_has_the_same_words(raw, breaks):
    """What the gate sees is what careful reading would see, or it sees nothing."""
    for start, length, put in breaks:
        raw = raw[:start] + put + raw[start + length :]
    glanced, careful = outcome(glance, raw), outcome(read, raw)
    if isinstance(glanced, Draft):
        assert isinstance(careful, Draft)
        assert (glanced.text, glanced.subject) == (careful.text, careful.subject)


_ATOMS = st.text(alphabet="aB1_'.+=-", min_size=1, max_size=5)
_MAILBOXES = st.builds(
    "{}{}@{}{}".format,
    st.sampled_from(["<", " Ann O'B <", '"Ann, B" <', '"(a@b.c)"\t<', '"x <y@z>"  <']),
    _ATOMS,
    st.text(alphabet="aB1_.-", min_size=1, max_size=5),
    st.just(">"),
)


@given(st.lists(st.one_of(_MAILBOXES, _MAILBOXES.map(lambda one: one[one.rindex("<") + 1 : -1]))))
def test_plain_addresses_are_those_of_a_whole_parser(mailboxes):
    """Behind whatever name, and without those whose dots stand at an end or side by side."""
    value = ", ".join(mailboxes)
    parsed = [address.lower() for _, address in getaddresses([value])]
    told = [one for one in parsed if "" not in one.replace("@", ".").split(".")]
    glanced = glance(f"To: {value}\n\nHi\n".encode())
    assert (list(glanced.to), glanced.recipients) == (told, set(told))


@given(st.text(alphabet="ab_ .?!'’-*\n>:1PS", max_size=200))
def test_words_are_those_of_the_sentences(text):
    """Underscores, bullets, postscripts and rules included, though no sentence is parted."""
    draft = Draft(text, "On _it_")
    parted = " ".join([draft.subject, *(one.text for one in segment(draft).items)])
    ours, theirs = bag(words(draft)), bag(parted)
    assert np.array_equal(ours.columns, theirs.columns)
    assert np.array_equal(ours.counts, theirs.counts)
