"""An assessment to the warning draft that lies beside the note, and back to recognise it.

Subject, headers and parts are a contract that ARCHITECTURE.md spells out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

import lxml.html
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from lxml import etree

from scanner import __version__
from scanner.core.advice import ADVICE
from scanner.core.assess import Assessment, Passage
from scanner.core.parse import Draft
from scanner.core.position import Position, find_position

SUBJECT_PREFIX = "⚠ unflub:"
WARNS_ABOUT = "X-Unflub-Warns-About"
VERSION = "X-Unflub-Version"
SEAL = "X-Unflub-Seal"

_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_DIGEST = re.compile(r"[0-9a-f]{16}")
_LONGEST_SUBJECT = 120

_TEMPLATES = Environment(
    loader=PackageLoader("scanner.core"),
    autoescape=select_autoescape(enabled_extensions=("html.j2",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a warning draft needs from outside the note: who, when and which Message-ID."""

    sender: str
    message_id: str
    date: datetime


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a message that looks like a warning draft says of itself.

    `digests` are the flagged sentences it warns about, `about` is the Message-ID of the note.
    `sealed` means that its words are still those unflub wrote. A warning draft that somebody
    edited is not sealed any more: it is now theirs, and must never be removed.
    """

    digests: frozenset[str]
    about: str
    sealed: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the note; `number` counts the passages from 1 and is 0 between them."""

    text: str
    number: int


def render(note: Draft, assessment: Assessment, envelope: Envelope) -> bytes:
    """Write the warning draft for a note, as the bytes to append (RFC 5322, CRLF).

    Raises ValueError when the assessment holds no passage.
    """
    if not assessment.passages:
        raise ValueError("there is nothing to warn about")
    view = _view(note, assessment)
    html = _TEMPLATES.get_template("warning.html.j2").render(view)
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = envelope.sender
    message["Date"] = envelope.date
    message["Subject"] = f"{SUBJECT_PREFIX} before you send “{_subject(note)}”"
    message["Message-ID"] = envelope.message_id
    if _MESSAGE_ID.fullmatch(note.message_id):
        message["In-Reply-To"] = note.message_id
        message["References"] = note.message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5
    message[VERSION] = __version__
    message[WARNS_ABOUT] = " ".join(sorted(assessment.digests))
    message[SEAL] = _seal(html, assessment.digests)
    message.set_content(_TEMPLATES.get_template("warning.txt.j2").render(view), cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    return message.as_bytes()


def recognise(raw: bytes) -> Recognised | None:
    """Tell whether a message (or its header alone) looks like a warning draft of unflub's."""
    message = message_from_bytes(raw, policy=policy.compat32)
    subject = " ".join(_header(message, "Subject").split())
    if message[WARNS_ABOUT] is None and not subject.startswith(SUBJECT_PREFIX):
        return None
    digests = frozenset(_DIGEST.findall(_header(message, WARNS_ABOUT)))
    about = _MESSAGE_ID.search(_header(message, "In-Reply-To"))
    return Recognised(
        digests=digests,
        about=about.group() if about else "",
        sealed=_is_sealed(message, digests),
    )


def remainder(text: str, passages: Sequence[Passage]) -> str:
    """Give the own text as it reads without the passages, with the gaps closed."""
    kept, position = [], 0
    for passage in passages:
        kept.append(text[position : passage.start])
        position = passage.end
    rest = "".join([*kept, text[position:]])
    rest = re.sub(r"(?m)^[ \t]*P\.?\s?S\.?[ \t]*:?[ \t]*$", "", rest)  # a P.S. left empty
    rest = re.sub(r"(?m)^[ \t]*[-*•–][ \t]*$", "", rest)  # a list item left empty
    rest = re.sub(r"[ \t]{2,}", " ", rest)
    rest = re.sub(r"(?m)^ | $", "", rest)
    return re.sub(r"\n{3,}", "\n\n", rest).strip()


def _view(note: Draft, assessment: Assessment) -> dict[str, object]:
    passages = assessment.passages
    return {
        "heading": "Before you send it: one thought",
        "lead": _lead(len(passages)),
        "subject": _subject(note),
        "pieces": list(_pieces(assessment)),
        "passages": [
            {
                "number": number,
                "quote": " ".join(passage.text.split()),
                "name": ADVICE[passage.category].name,
                "reason": ADVICE[passage.category].reason,
            }
            for number, passage in enumerate(passages, 1)
        ],
        "share": _share(assessment),
        "remainder": remainder(assessment.text, passages) or "(Nothing is left: start afresh.)",
        "reference": _reference(find_position(note.subject, assessment.text)),
        "folded": assessment.severity == "folded",
    }


def _lead(passages: int) -> str:
    found = "One passage goes back" if passages == 1 else f"{passages} passages go back"
    return (
        f"{found} to something from the interview. That is a kind and honest impulse, and in "
        "almost every case the note is stronger without it: readers remember what you bring up "
        "last, and they were probably not thinking about it."
    )


def _share(assessment: Assessment) -> str:
    percent = max(1, round(assessment.share * 100))
    return f"It takes {percent}% of the note's words: room for something that speaks for you."


def _reference(position: Position) -> str:
    job = f"the {position.title} position" if position.title else "[the position]"
    employer = position.employer or "[the employer]"
    return (
        f"Hi [name],\n\nI have just interviewed for {job} at {employer}, and they may call you. "
        "A good part of the conversation was about [the themes they dwelt on]. If they ask, "
        "would you speak to that? [A project you saw me do] would be a good example.\n\n"
        "Thank you, it means a lot.\n[Your name]"
    )


def _pieces(assessment: Assessment) -> Iterator[_Piece]:
    position = 0
    for number, passage in enumerate(assessment.passages, 1):
        yield _Piece(assessment.text[position : passage.start], 0)
        yield _Piece(passage.text, number)
        position = passage.end
    yield _Piece(assessment.text[position:], 0)


def _subject(note: Draft) -> str:
    # Line ends and control characters would end the header (RFC 5322 section 2.2).
    printable = "".join(c if c.isprintable() else " " for c in note.subject)
    subject = " ".join(printable.split()) or "(no subject)"
    return subject if len(subject) <= _LONGEST_SUBJECT else subject[: _LONGEST_SUBJECT - 1] + "…"


def _seal(html: str, digests: frozenset[str]) -> str:
    """Hash the words a reader sees; servers may re-encode a message, but they keep its words."""
    tree = lxml.html.document_fromstring(
        html.encode("utf-8", "replace"), parser=lxml.html.HTMLParser(encoding="utf-8")
    )
    words = re.findall(r"\w+", tree.text_content())
    return hashlib.sha256(" ".join([*sorted(digests), *words]).encode()).hexdigest()[:32]


def _is_sealed(message: Message, digests: frozenset[str]) -> bool:
    parts = [part for part in message.walk() if part.get_content_type() == "text/html"]
    if not digests or len(parts) != 1 or message["To"] or message["Cc"] or message["Bcc"]:
        return False
    try:
        seal = _seal(_decoded(parts[0]), digests)
    except (etree.ParserError, LookupError):  # no HTML in it, or an unknown charset
        return False
    return seal == _header(message, SEAL).strip()


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    return payload.decode(charset, "replace") if isinstance(payload, bytes) else ""


def _header(message: Message, name: str) -> str:
    return str(policy.default.header_factory(name, str(message.get(name, ""))))
