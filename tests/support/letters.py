"""Notes as one types them into a mail client."""

from __future__ import annotations

from support.notes import FLUB, OPENING, OTHER_FLUB, STRENGTH


def written(*paragraphs: str) -> str:
    return "\n\n".join(("Dear Ms Okafor,", *paragraphs, "Kind regards,\nAda\n"))


def in_html(text: str) -> str:
    return "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in text.split("\n\n"))


CLEAN = written(OPENING, STRENGTH)
FLUBBED = written(OPENING, FLUB, STRENGTH)
OTHERWISE = written(OPENING, STRENGTH, OTHER_FLUB)
ANSWER = "Thursday at ten suits me well.\n\nAda\n\n" + "".join(
    f"> {line}\n" for line in FLUBBED.splitlines()
)
"""An answer to a note with a flub, which it quotes."""
