"""The text/plain parameter format=flowed (RFC 3676): soft line breaks out, paragraphs back."""

from __future__ import annotations

from collections.abc import Iterator

_SIGNATURE = "-- "


def unflow(text: str, *, delsp: bool = False) -> str:
    """Join the lines that the writer's client broke softly.

    `delsp` is the DelSp parameter: the space that marks a soft break is not part of
    the text (RFC 3676 section 4.2). Quoted lines stay quoted.
    """
    return "\n".join(_paragraphs(text.split("\n"), delsp=delsp))


def _paragraphs(lines: list[str], *, delsp: bool) -> Iterator[str]:
    pending: list[str] = []
    pending_depth = 0
    for line in lines:
        depth, content = _unstuffed(line)
        if pending and (depth != pending_depth or content in ("", _SIGNATURE)):
            # Section 4.5: a change of quote depth ends the paragraph, flowed or not. So does the
            # line above a signature (section 4.3), and an empty line: people type a space after
            # "Dear Ann," too.
            yield _line(pending_depth, pending)
            pending = []
        soft = content.endswith(" ") and content != _SIGNATURE
        pending.append(content[:-1] if soft and delsp else content)
        pending_depth = depth
        if not soft:
            yield _line(depth, pending)
            pending = []
    if pending:
        yield _line(pending_depth, pending)


def _unstuffed(line: str) -> tuple[int, str]:
    """Quote depth and content; one stuffed space goes (RFC 3676 section 4.4)."""
    content = line.lstrip(">")
    return len(line) - len(content), content.removeprefix(" ")


def _line(depth: int, pieces: list[str]) -> str:
    content = "".join(pieces)
    return f"{'>' * depth} {content}" if depth else content
