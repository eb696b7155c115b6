"""What FETCH tells of a message (RFC 9051 section 7.5.2), and a message put together of it.

A draft with a big attachment is not transferred for the few lines of text in it: what is no
text is left empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scanner.adapters.connection import GARBLED

FetchResponse: TypeAlias = Mapping[bytes, Any]

SIZE = "RFC822.SIZE"
_MOST_PARTS = 100
_DEEPEST = 40
_SHOWN = (b"plain", b"html", b"markdown")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part without parts; only a text that is shown gets fetched."""

    number: str
    is_text: bool


@dataclass(frozen=True, slots=True)
class Multipart:
    """Parts between boundaries (RFC 2046 section 5.1)."""

    number: str
    boundary: bytes
    children: tuple[Leaf | Multipart, ...]


Part = Leaf | Multipart


def size(response: FetchResponse) -> int:
    """Give the size of the whole message, or 0 where it is not told."""
    told = response.get(SIZE.encode())
    return told if isinstance(told, int) else 0


def given(response: FetchResponse) -> dict[str, bytes]:
    """Give the sections of the body by their names: "1.MIME" for BODY[1.MIME]<0>."""
    return {_section(k): v for k, v in response.items() if b"[" in k and isinstance(v, bytes)}


def _section(key: bytes) -> str:
    return key.partition(b"[")[2].partition(b"]")[0].decode("ascii", "replace").upper()


def outline(response: FetchResponse) -> Part | None:
    """Read BODYSTRUCTURE; None where no message can be put together by it."""
    try:
        root = _outline(response[b"BODYSTRUCTURE"], "", 0)
    except GARBLED:
        return None
    return root if sum(1 for _ in _all(root)) <= _MOST_PARTS else None


def sections(root: Part) -> list[str]:
    """Name the sections to fetch beside HEADER: of multiparts the MIME header, of texts all."""
    names = []
    for part in _all(root):
        if part.number and (isinstance(part, Multipart) or part.is_text):
            names.append(f"{part.number}.MIME")
        if isinstance(part, Leaf) and part.is_text:
            names.append(part.number or "1")
    return names


def assemble(root: Part, texts: Mapping[str, bytes]) -> bytes | None:
    """Put HEADER and `sections` together; the parts left out are empty attachments.

    None where one of them was not given: what is unknown must not seem empty.
    """
    if not {"HEADER", *sections(root)} <= texts.keys():
        return None
    return texts["HEADER"] + _body(root, texts)


def _outline(structure: Sequence[Any], number: str, depth: int) -> Part:
    if depth > _DEEPEST:
        raise ValueError("the parts are nested too deeply")
    if isinstance(structure[0], list):
        children = tuple(
            _outline(child, f"{number}.{n}".lstrip("."), depth + 1)
            for n, child in enumerate(structure[0], 1)
        )
        return Multipart(number, _parameter(structure, b"boundary"), children)
    kind, subtype = (bytes(word).lower() for word in structure[:2])
    shown = kind == b"text" and subtype in _SHOWN
    return Leaf(number, is_text=shown and not (number and _attached(structure)))


def _parameter(structure: Sequence[Any], name: bytes) -> bytes:
    found = _parameters(structure).get(name)
    if not isinstance(found, bytes):
        raise TypeError(f"a part has no {name.decode()}")
    return found


def _parameters(structure: Sequence[Any]) -> dict[bytes, Any]:
    pairs = (structure[2] if len(structure) > 2 else None) or ()  # noqa: PLR2004 - the RFC's place
    return {key.lower(): value for key, value in zip(pairs[::2], pairs[1::2], strict=False)}


def _attached(structure: Sequence[Any]) -> bool:
    """Tell an attachment by Content-Disposition (RFC 2183), wherever it stands, or by its name."""
    words = (field[0] for field in structure if isinstance(field, tuple) and field)
    disposed = any(isinstance(word, bytes) and word.lower() == b"attachment" for word in words)
    return disposed or b"name" in _parameters(structure)


def _all(part: Part) -> Iterator[Part]:
    yield part
    if isinstance(part, Multipart):
        for child in part.children:
            yield from _all(child)


def _body(part: Part, texts: Mapping[str, bytes]) -> bytes:
    if isinstance(part, Leaf):
        return texts[part.number or "1"] if part.is_text else b""
    pieces = []
    for child in part.children:
        pieces += [b"--", part.boundary, b"\r\n", _mime(child, texts), _body(child, texts), b"\r\n"]
    return b"".join([*pieces, b"--", part.boundary, b"--\r\n"])


def _mime(part: Part, texts: Mapping[str, bytes]) -> bytes:
    left_out = b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment\r\n\r\n"
    return texts.get(f"{part.number}.MIME", left_out)
