"""An assessment to the warning draft that lies beside the note, and back to recognise it.

Subject, headers and parts are a contract that ARCHITECTURE.md spells out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from functools import cache
from typing import TYPE_CHECKING, Any

from scanner import __version__
from scanner.core.advice import ADVICE, deeds
from scanner.core.assess import Assessment, Passage, pieces
from scanner.core.counsel import BEFORE_SENDING, FOLDED, to_own_referee
from scanner.core.draft import Draft
from scanner.core.fields import decoded, parsed_header
from scanner.core.frame import postscript_marker
from scanner.core.lines import item_marker
from scanner.core.position import find_position

if TYPE_CHECKING:  # loaded where needed: most runs recognise warnings and write none
    from jinja2 import Environment

SUBJECT_PREFIX = "⚠ unflub:"
WARNS_ABOUT = "X-Unflub-Warns-About"
NO_FLUB = "X-Unflub-No-Flub"
VERSION = "X-Unflub-Version"
SEAL = "X-Unflub-Seal"
PROBE = "0" * 16
"""The digest that stands in a probe, of no sentence."""

_TRIAL = "a trial of `unflub doctor`"
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,900}>")
_DIGEST = re.compile(r"[0-9a-f]{16}")
_LONGEST_SUBJECT = 120
_LONGEST_FIELD = 8_000
# Of a longer note not all is shown. Each part of its warning holds it twice or more, with some
# characters in several bytes, and must stay below what is fetched of a text. Notes are far shorter.
_MOST_SHOWN = 14_500
_THREAD = ("In-Reply-To", "References")
_ADDRESSED = ("To", "Cc", "Bcc", "Reply-To")
_SEALED_NOW = "2-"  # how a seal begins today; the first ones had no such beginning
# Attributes and elements of HTML by which a reader sees something beside the text.
_SHOWN = frozenset(
    {"href", "src", "srcset", "data", "poster", "background", "action", "alt", "value"}
)
_DRAWN = ("img", "svg", "object", "embed", "iframe", "video", "audio", "canvas", "input", "hr")
_GAP = "\0"  # stands for a passage taken out; an own text holds no control character


class _Policy(EmailPolicy):
    """Ends lines as SMTP does (RFC 5321 section 2.3.8), and leaves Message-IDs as they are.

    The library would encode one that is too long for a line (RFC 2047), and no client reads that
    as a Message-ID again.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Keep what names messages unparsed: nothing in it is to be decoded."""
        return (name, value) if name in _THREAD else super().header_store_parse(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        """Fold a header field, one that names messages on one line."""
        if name in _THREAD:
            return f"{name}: {value}{self.linesep}".encode()
        return super().fold_binary(name, value)


_SMTP = _Policy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a warning draft needs from outside the note: who, when and which Message-ID."""

    sender: str
    message_id: str
    date: datetime


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a message that looks like a warning draft says of itself.

    `digests` are the flagged sentences it warns about, `about` is the Message-ID of the note,
    `no_flubs` are those it leaves out since the user said before sending that they are none.
    `sealed` means that its words are still those unflub wrote. A warning draft that somebody
    edited is not sealed any more: it is now theirs, and must never be removed.
    """

    digests: frozenset[str]
    about: str
    sealed: bool
    message_id: str = ""
    no_flubs: frozenset[str] = frozenset()


def render(
    note: Draft,
    assessment: Assessment,
    envelope: Envelope,
    no_flubs: frozenset[str] = frozenset(),
) -> bytes:
    """Write the warning draft for a note, as the bytes to append (RFC 5322, CRLF).

    `no_flubs` are sentences that it leaves out; a header field tells other unflubs of them.
    Raises ValueError when the assessment holds no passage.
    """
    if not assessment.passages:
        raise ValueError("there is nothing to warn about")
    shown = view(note, assessment)
    text = templates().get_template("warning.txt.j2").render(shown)
    html = templates().get_template("warning.html.j2").render(shown)
    message = _message(envelope, f"before you send “{_subject(note)}”")
    if _MESSAGE_ID.fullmatch(note.message_id):
        for name in _THREAD:
            message[name] = note.message_id
    if no_flubs:
        message[NO_FLUB] = " ".join(sorted(no_flubs))
    return _sealed(message, assessment.digests, text, html)


def probe(envelope: Envelope) -> bytes:
    """Write a warning draft about nothing, to see whether a mailbox takes and gives it back."""
    message = _message(envelope, _TRIAL)
    text = "unflub doctor wrote this to see whether it can, and takes it away at once."
    return _sealed(message, {PROBE}, f"{text}\n", f"<p>{text}</p>\n")


def is_probe(raw: bytes) -> bool:
    """Tell a probe, also one of which the server has dropped some fields, by its header."""
    message = parsed_header(raw)
    return " ".join(_header(message, "Subject").split()) == f"{SUBJECT_PREFIX} {_TRIAL}"


def recognise(raw: bytes) -> Recognised | None:
    """Tell whether a message (or its header alone) looks like a warning draft of unflub's.

    The header decides that; what else there is, however hostile, can at most break the seal.
    """
    message = parsed_header(raw)
    subject = " ".join(_header(message, "Subject").split())
    if message[WARNS_ABOUT] is None and not subject.startswith(SUBJECT_PREFIX):
        return None
    digests = frozenset(_DIGEST.findall(_header(message, WARNS_ABOUT)))
    about = _MESSAGE_ID.search(str(message.get("In-Reply-To", "")))
    return Recognised(
        digests=digests,
        about=about.group() if about else "",
        sealed=_is_intact(raw, digests),
        message_id=_header(message, "Message-ID").strip(),
        no_flubs=frozenset(_DIGEST.findall(_header(message, NO_FLUB))),
    )


def _message(envelope: Envelope, subject: str) -> EmailMessage:
    message = EmailMessage(policy=_SMTP)
    message["From"] = envelope.sender
    message["Date"] = envelope.date
    message["Subject"] = f"{SUBJECT_PREFIX} {subject}"
    message["Message-ID"] = envelope.message_id
    return message


def _sealed(message: EmailMessage, digests: Iterable[str], text: str, html: str) -> bytes:
    """Finish a message of ours, so that it is recognised as long as its words stand."""
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5
    message[VERSION] = __version__
    message[WARNS_ABOUT] = " ".join(sorted(digests))
    header = message_from_bytes(message.as_bytes(), policy=policy.compat32)
    message[SEAL] = f"{_seal(_shown(html), header)} {_seal(text, header)}"
    message.set_content(text, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    return message.as_bytes()


def remainder(text: str, passages: Sequence[Passage]) -> str:
    """Give the own text as it reads without the passages, with the gaps closed."""
    kept, position = [], 0
    for passage in passages:
        kept.append(text[position : passage.start])
        position = passage.end
    lines = _GAP.join([*kept, text[position:]]).split("\n")
    rest = "\n".join(
        _closed(line) if _GAP in line else line for line in lines if not _is_emptied(line)
    )
    return re.sub(r"\n{3,}", "\n\n", rest).strip()


@cache
def templates() -> Environment:
    """Give the templates of everything that is rendered; what they are given is escaped in HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("scanner.core"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _is_emptied(line: str) -> bool:
    """Tell a line of which a passage leaves nothing, or a bullet or "P.S." alone."""
    rest = line.replace(_GAP, " ")
    rest = rest[item_marker(rest) :]
    return _GAP in line and not rest[postscript_marker(rest) :].strip()


def _closed(line: str) -> str:
    """Leave one blank where passages stood; by a pattern, many blanks would take for ever."""
    return " ".join(part.strip(" \t") for part in line.split(_GAP)).strip()


def view(note: Draft, assessment: Assessment) -> dict[str, Any]:
    """Give all that is said of a note with passages, by the names the templates use."""
    passages = assessment.passages
    places = list(pieces(assessment))
    is_long = len(assessment.text) > _MOST_SHOWN
    most = _MOST_SHOWN // len(places) if is_long else _MOST_SHOWN
    rest = remainder(assessment.text, passages) or "(Nothing is left: start afresh.)"
    these = "this passage" if len(passages) == 1 else "these passages"
    return {
        "heading": "Before you send it: one thought",
        "lead": _lead(len(passages)),
        "subject": _subject(note),
        "pieces": [replace(piece, text=_cut(piece.text, most)) for piece in places],
        "passages": [
            {
                "number": number,
                "quote": " ".join(_cut(passage.text, most).split()),
                "name": deeds(passage.categories, passage.text),
                "reason": ADVICE[passage.category].reason,
            }
            for number, passage in enumerate(passages, 1)
        ],
        "these": these,
        "why": f"Why {these}",
        "share": f"It takes {assessment.percent}% of the note's words: "
        "room for something that speaks for you.",
        "instead": "What to do instead",
        "steps": BEFORE_SENDING,
        "remainder": _cut(rest, _MOST_SHOWN),
        "reference": to_own_referee(find_position(note.subject, assessment.text)),
        "folded": FOLDED if assessment.severity == "folded" else "",
    }


def _cut(text: str, most: int) -> str:
    """Leave the middle out of a text of more characters than that."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} […] {text[len(text) - half :]}"


def _lead(passages: int) -> str:
    found = "One passage goes back" if passages == 1 else f"{passages} passages go back"
    return (
        f"{found} to something from the interview. That is a kind and honest impulse, and in "
        "almost every case the note is stronger without it: readers remember what you bring up "
        "last, and they were probably not thinking about it."
    )


def _subject(note: Draft) -> str:
    # Line ends and control characters would end the header (RFC 5322 section 2.2).
    printable = "".join(c if c.isprintable() else " " for c in note.subject)
    # What looks encoded (RFC 2047) the library would decode, and line ends may come of it.
    subject = " ".join(printable.replace("=?", "= ?").split()) or "(no subject)"
    return subject if len(subject) <= _LONGEST_SUBJECT else subject[: _LONGEST_SUBJECT - 1] + "…"


def _seal(words: str, message: Message) -> str:
    """Hash what a reader sees and which message it is; servers that re-encode it keep both.

    A mail client that saves the message anew gives it another Message-ID, or other words.
    """
    marks = (str(message["Message-ID"]), _header(message, WARNS_ABOUT))
    subject = "".join(_header(message, "Subject").split())  # folding may cost or add a space
    seen = "\0".join(" ".join(text.split()) for text in (*marks, subject, words))
    return _SEALED_NOW + hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:32]


def _first_seal(words: str, message: Message) -> str:
    """Hash as unflub first did: words alone, and no subject. Such warnings still lie about."""
    marks = f"{message['Message-ID']} {_header(message, WARNS_ABOUT)}"
    found = re.findall(r"\w+", f"{marks} {words}")
    return hashlib.sha256(" ".join(found).encode()).hexdigest()[:32]


def _is_intact(raw: bytes, digests: frozenset[str]) -> bool:
    """Tell whether a message can be read to its end and is sealed."""
    try:
        return _is_sealed(message_from_bytes(raw, policy=policy.compat32), digests)
    except Exception:  # noqa: BLE001 - the libraries raise anything on what we did not write
        return False


def _is_sealed(message: Message, digests: frozenset[str]) -> bool:
    """Tell whether the parts still hold our words; a server may have dropped the text part."""
    if not digests or any(message[name] for name in _ADDRESSED):
        return False
    leaves = [part for part in message.walk() if not part.is_multipart()]
    types = sorted(part.get_content_type() for part in leaves)
    if types not in (["text/html"], ["text/html", "text/plain"]):
        return False
    said = dict(zip(("text/html", "text/plain"), _header(message, SEAL).split(), strict=False))
    return all(_part_seal(part, message) == said.get(part.get_content_type()) for part in leaves)


def _part_seal(part: Message, message: Message) -> str:
    content = _decoded(part)
    is_html = part.get_content_subtype() == "html"
    if _SEALED_NOW not in _header(message, SEAL):
        return _first_seal(_document(content).text_content() if is_html else content, message)
    return _seal(_shown(content) if is_html else content, message)


def _shown(html: str) -> str:
    """Give text, links and pictures of an HTML part. Raises ParserError where there is none."""
    tree = _document(html)
    shown = (
        f"{element.tag} {name} {value}"
        for element in tree.iter()
        for name, value in element.items()
        if name in _SHOWN or "url(" in value
    )
    drawn = (element.tag for element in tree.iter(*_DRAWN))
    return "\0".join((str(tree.text_content()), *shown, *map(str, drawn)))


def _document(html: str) -> Any:
    import lxml.html

    return lxml.html.document_fromstring(
        html.encode("utf-8", "replace"), parser=lxml.html.HTMLParser(encoding="utf-8")
    )


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    return payload.decode(charset, "replace") if isinstance(payload, bytes) else ""


def _header(message: Message, name: str) -> str:
    # Ours are short; for longer ones decoding takes more than its share of time.
    return decoded(str(message.get(name, ""))[:_LONGEST_FIELD])
