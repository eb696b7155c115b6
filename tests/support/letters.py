"""Notes as one types them into a mail client."""

from __future__ import annotations

from support.notes import FLUB, OPENING, OTHER_FLUB, STRENGTH, written


def in_html(text: str) -> str:
    return "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in text.split("\n\n"))


def in_list(*items: str) -> str:
    """Write a note in HTML, with a list in it."""
    listed = "".join(f"<li>{item}</li>" for item in items)
    return in_html(CLEAN).replace("<p>Kind", f"<ol>{listed}</ol><p>Kind")


def answer(text: str) -> str:
    """Answer to a note, and quote it."""
    return _ANSWER + "".join(f"> {line}\n" for line in text.splitlines())


def answer_in_html(text: str) -> str:
    """Answer to a note, and quote it as Thunderbird does."""
    quoted = f'<blockquote type="cite">{in_html(text)}</blockquote>'
    return f'{in_html(_ANSWER)}<div class="moz-cite-prefix">Ada wrote:<br></div>{quoted}'


_ANSWER = "Thursday at ten suits me well.\n\nAda\n\n"
CLEAN = written(OPENING, STRENGTH)
FLUBBED = written(OPENING, FLUB, STRENGTH)
OTHERWISE = written(OPENING, STRENGTH, OTHER_FLUB)
