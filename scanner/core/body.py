"""The MIME parts of a message (RFC 2045, 2046) to the text that a reader is shown."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from copy import copy
from email.message import Message
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize

from scanner.core.entity import Entity
from scanner.core.flowed import unflow
from scanner.errors import UnreadableError

_PAYLOAD = 1_500_000
"""As many characters of one part as are decoded; base64 takes four for three."""

_TEXT = 400_000
"""As much of one part's text as is read."""

_PARTS = 200
"""So many text parts of one message are read."""

_TAGS = 15_000
"""So many HTML tags of one message are read; each takes some 25 microseconds."""

_ENCODINGS = ("base64", "quoted-printable", "x-uuencode", "uuencode", "uue", "x-uue")

_PICTURE = re.compile(r"data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=\s]*")
"""A picture within the HTML (RFC 2397): a small one is longer than all that is read of a text."""

_STUB = 200
"""A plain alternative shorter than this may be a stub ("please view as HTML")."""

# S/MIME (RFC 8551 section 3.2; opaque signatures hide the text as well) and PGP/MIME.
_SEALED = frozenset(
    {
        "application/pkcs7-mime",
        "application/x-pkcs7-mime",
        "application/pgp-encrypted",
        "multipart/encrypted",
    }
)

# What senders call by one name and mean another by: the supersets that browsers read
# (WHATWG Encoding Standard, section 4.2).
_SUPERSETS = {
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
_LIKE_ASCII = frozenset({"utf-8", "cp1252", "iso8859-15", "iso8859-2", "cp1250", "cp1251"})
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")


class Body(NamedTuple):
    """What a reader is shown, and whether it was read up to where the message, or reading, ends."""

    text: str
    is_to_the_end: bool


def body(message: Message) -> Body:
    """Give all text parts of the body that are shown, in order; "" if there are none.

    Raises UnreadableError where the body is encrypted.
    """
    return _body(message, _Reader(_decoded))


def quick_body(message: Message) -> Body:
    """Give the same by the standard library alone. Raises UnreadableError as `body` does."""
    return _body(message, _Reader(_quickly_decoded))


def _body(message: Message, reader: _Reader) -> Body:
    text = "\n\n".join(reader.shown(message, root=True))
    sealed = (part.get_content_type() in _SEALED for part in message.walk())
    if not text.strip() and any(sealed):
        raise encrypted()
    return Body(text, reader.last is _last(message) or len(text) >= _TEXT)


def _last(part: Message) -> Message:
    children = _children(part) if part.is_multipart() else []
    return _last(children[-1]) if children else part


def _children(part: Message) -> list[Message]:
    return [child for child in part.get_payload() if isinstance(child, Message)]


def encrypted() -> UnreadableError:
    """Say that only the key opens the message."""
    return UnreadableError("encrypted: unflub cannot read it; decrypt the message to check it.")


class _Reader:
    """Reads the parts of one body, and stops where a hostile one would take too long."""

    def __init__(self, decode: Callable[[Message, str], str]) -> None:
        self._decode = decode
        self._parts_left = _PARTS
        self._tags_left = _TAGS
        self.last: Message | None = None

    def shown(self, part: Message, *, root: bool = False) -> Iterator[str]:
        """Yield the text of each part below `part` that a reader is shown."""
        kind = part.get_content_type()
        if kind == "multipart/encrypted":
            raise encrypted()  # RFC 3156 section 4, PGP/MIME
        if not root and _is_attached(part):
            return
        if part.is_multipart():
            yield from self._shown_of_multipart(part, kind)
        elif self._parts_left > 0:
            self._parts_left -= 1
            self.last = part
            yield self._text(part, kind)

    def _shown_of_multipart(self, part: Message, kind: str) -> Iterator[str]:
        children = _children(part)
        if kind.startswith("message/"):
            return  # a forwarded message, attached
        if kind == "multipart/alternative":
            yield self._best_alternative(children)
            return
        if kind == "multipart/related":
            children = children[:1]  # RFC 2387: the others are pictures of the first
        for child in children:
            yield from self.shown(child)

    def _best_alternative(self, children: list[Message]) -> str:
        """Give the plain text if it says something, else the last that does (RFC 2046, 5.1.4)."""
        plain = [child for child in children if child.get_content_type() == "text/plain"]
        text = self._first_with_text(plain)
        if len(text) >= _STUB:
            return text
        full = self._first_with_text([child for child in reversed(children) if child not in plain])
        return full if len(full) > 2 * len(text) else text

    def _first_with_text(self, parts: list[Message]) -> str:
        texts = ("\n\n".join(self.shown(part)) for part in parts)
        return next(filter(str.strip, texts), "")

    def _text(self, part: Message, kind: str) -> str:
        if kind == "text/html":
            from scanner.core.html import text_of_html

            markup = _PICTURE.sub("", self._decode(part, kind))[:_TEXT]
            text = text_of_html(markup, self._tags_left)
            self._tags_left = max(0, self._tags_left - markup.count("<"))
            return text
        # A multipart without its boundary was cut short; what is there is read as text.
        is_plain = kind in ("text/plain", "text/markdown") or kind.startswith("multipart/")
        return _plain(part, self._decode(part, "text/plain")) if is_plain else ""


def _is_attached(part: Message) -> bool:
    """Tell an attachment (RFC 2183): clients show any part with a name as one, "inline" or not."""
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _plain(part: Message, text: str) -> str:
    text = text[:_TEXT].replace("\r\n", "\n").replace("\r", "\n")
    declared = _content_type_of(part)
    return unflow(text, delsp=declared.delsp) if declared.is_flowed else text


class _ContentType(NamedTuple):
    """What a Content-Type field says of a text: its charset, as Python names it, and RFC 3676."""

    codec: str
    is_flowed: bool
    delsp: bool


def _content_type_of(part: Message) -> _ContentType:
    return _content_type(str(part.get("content-type", "text/plain")))


@lru_cache(maxsize=256)
def _content_type(field: str) -> _ContentType:
    """Read a field, the same one in most messages of an archive."""
    part = Message()
    part["Content-Type"] = field
    flowed, delsp = (str(part.get_param(name, "")).lower() for name in ("format", "delsp"))
    # The NUL has a wide charset believed: there is no text here that could tell.
    return _ContentType(_charset(part, "\0"), flowed == "flowed", delsp == "yes")


def _decoded(part: Message, kind: str) -> str:
    """Undo transfer encoding and charset of one part, by mail-parser where it can."""
    leaf = _leaf(part, kind)
    try:
        from scanner.core.mail_parser import Parser

        parser = Parser(leaf)
        texts = parser.text_plain + parser.text_html
        sure = "CharsetDecodeDefect" not in parser.defects_categories
    except Exception:  # noqa: BLE001 - it raises AttributeError and others on hard parts
        texts, sure = [], False
    if sure:
        return texts[0] if texts else ""
    payload = leaf.get_payload(decode=True)
    return guessed(payload) if isinstance(payload, bytes) else ""


def _quickly_decoded(part: Message, kind: str) -> str:
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    if encoding not in _ENCODINGS and _content_type_of(part).codec in _LIKE_ASCII:
        text = _payload(part)
        if text and text.isascii():
            return text[:_PAYLOAD]
    leaf = _leaf(part, kind)
    payload = leaf.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        text = payload.decode(str(leaf.get_content_charset()))
    except (LookupError, ValueError):
        return guessed(payload)
    return normalize("NFC", text)  # as mail-parser does


def _leaf(part: Message, kind: str) -> Message:
    """Make a message of this part alone, with headers that mail-parser decodes surely."""
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    payload = _payload(part)[:_PAYLOAD]
    if encoding == "base64":
        payload = _whole_base64(payload)
    elif encoding not in _ENCODINGS:
        # For 7bit and 8bit mail-parser overlooks charsets that live in seven bits
        # (iso-2022-jp, utf-7); RFC 2045 section 6.2 calls all of these identity.
        encoding = "binary"
    leaf = Message()
    leaf["Content-Type"] = f'{kind}; charset="{_charset(part, payload)}"'
    leaf["Content-Transfer-Encoding"] = encoding
    leaf.set_payload(payload)
    return leaf


def _payload(part: Message) -> str:
    """Give the payload as it came: ASCII, other bytes as surrogate escapes."""
    if isinstance(part, Entity):
        return part.body
    # By these fields the email package would decode it, and guess at what it cannot.
    bare = copy(part)
    del bare["content-type"], bare["content-transfer-encoding"]
    payload = bare.get_payload(decode=True)
    return payload.decode("ascii", "surrogateescape") if isinstance(payload, bytes) else ""


def _whole_base64(payload: str) -> str:
    """Drop the odd digit of base64 that was cut short: with it nothing would be decoded."""
    digits = re.sub(r"[^A-Za-z0-9+/=]", "", payload)
    return digits[:-1] if len(digits.rstrip("=")) % 4 == 1 else digits


def _charset(part: Message, payload: str) -> str:
    declared = _declared_charset(part)
    try:
        known = codecs.lookup(declared)
    except (LookupError, ValueError):
        return "utf-8"
    if known.name.startswith(_WIDE) and part.get("content-transfer-encoding") is None:
        return known.name if "\0" in payload else "utf-8"
    return _SUPERSETS.get(known.name, known.name)


def _declared_charset(part: Message) -> str:
    try:
        return (part.get_content_charset() or "utf-8").strip(" '\"")
    except (LookupError, UnicodeError, ValueError):
        return "utf-8"


def guessed(raw: bytes) -> str:
    """Decode bytes whose charset is wrong or unknown: a BOM, then UTF-8, then cp1252."""
    for mark, charset in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(charset, "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # Cut short inside a character is still UTF-8.
        if error.start >= len(raw) - 3:
            return raw.decode("utf-8", "ignore")
        return raw.decode("cp1252", "replace")
