"""A message as unflub knows it: what its author wrote, and the sentences of that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draft:
    r"""What unflub needs to know of one message.

    `text` is the *own text*: what the writer wrote, without quoted replies, forwarded
    messages, signatures, disclaimers or "Sent from my ..." lines; lines end in "\n".
    `message_id` keeps its angle brackets and is empty where the message has none;
    addresses are bare (`user@host`) and in lower case. `recipients` are those of To, Cc and Bcc;
    `to` is those of To alone, in their order. `is_over` tells that something else follows the own
    text (another part, quoted mail); otherwise a message that was cut may have more of it. Own text
    below a quote amid which a message was cut is overlooked.
    """

    text: str
    subject: str = ""
    message_id: str = ""
    sender: str = ""
    recipients: frozenset[str] = frozenset()
    to: tuple[str, ...] = ()
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: `start` and `end` are character offsets into the own text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of one draft's body, in order; salutation and closing are left out.

    For every sentence `text[start:end] == sentence.text`, and sentences never overlap.
    """

    subject: str
    text: str
    items: tuple[Sentence, ...]
