"""Notes as a mail client saves them."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage

FLUB = (
    "I am sorry I rambled when you asked about the budget. "
    "What I should have said is that I planned it for three years."
)
OTHER_FLUB = "I also forgot to mention my certificate in the interview, which was stupid of me."
OPENING = "Thank you for meeting me today about the ward manager position at Larkfield Hospital."
STRENGTH = "Your plan for shorter handovers is just what I would like to work on."


def written(*paragraphs: str) -> str:
    """Put salutation and closing around the paragraphs, as one types them."""
    return "\n\n".join(("Dear Ms Okafor,", *paragraphs, "Kind regards,\nAda\n"))


def note(
    *paragraphs: str,
    subject: str = "Thank you for the interview",
    message_id: str = "<note-1@client.example>",
    to: str = "panel@example.com",
    picture: int = 0,
) -> bytes:
    """A draft of these paragraphs as RFC 5322 bytes, long lines in quoted-printable.

    A `picture` of so many bytes may be attached.
    """
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "Me <me@example.org>"
    if to:
        message["To"] = to
    message["Subject"] = subject
    if message_id:
        message["Message-ID"] = message_id
    message.set_content(written(*paragraphs))
    if picture:
        message.add_attachment(bytes(picture), "image", "png")
    return message.as_bytes()


FLUBBED = note(OPENING, FLUB, STRENGTH)
CLEAN = note(OPENING, STRENGTH)
