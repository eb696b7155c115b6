"""The words for each category: what a passage does, and why the note is stronger without it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """`name` says what the passage does; `reason` why it weakens a note; both are for the user."""

    name: str
    reason: str


ADVICE = {
    "reanswer": Advice(
        "answers an interview question again",
        "A second try tells the reader that the first one fell short, which they may not have "
        "thought. The conversation is over; the note cannot carry an answer.",
    ),
    "self_criticism": Advice(
        "judges your own performance",
        "We remember our weak moments far more sharply than the people across the table do. "
        "This sentence hands them a verdict they may never have reached.",
    ),
    "apology": Advice(
        "apologises for something in the interview",
        "An apology asks the reader to think of the moment once more, just when they are "
        "forming the picture that stays.",
    ),
    "excuse": Advice(
        "gives the reason for something that went wrong",
        "A good reason still sounds defensive in a short note, and it spends the reader's time "
        "on the hole instead of on you.",
    ),
    "correction": Advice(
        "takes back something you said",
        "In a note of a few lines a correction becomes the headline. If the fact matters, it is "
        "better settled in the next conversation or by your references and papers.",
    ),
    "omission": Advice(
        "says what you forgot to mention",
        "The thing itself may be a strength; calling it forgotten makes it a gap. Told plainly, "
        "as one more thing you bring, it works for you.",
    ),
    "plea": Advice(
        "asks the reader to overlook something",
        "Asking not to be marked down assumes that you would have been. It puts the doubt into "
        "words for them.",
    ),
    "pretext": Advice(
        "reopens an answer behind a question or an offer",
        "Readers notice a question that is really about your own answer. A plain offer of more "
        "information does the same work without the worry.",
    ),
}

# "your question about the night shift", "you asked me about pricing": the topic, up to where
# the phrase ends.
_TOPIC = re.compile(
    r"\b(?:questions?|asked(?: me)?|answers?|reply|response|points?) "
    r"(?:about|regarding|concerning|around) "
    r"((?:[\w'’-]+ ){0,5}?[\w'’-]+)(?<! (?:of|on|to|by))(?<! for)(?<! (?:with|from))"
    r"(?=[.,;:?!)]|$| (?:and|but|that|which|when|as|has|have|had|is|was|were|did|do|does"
    r"|make|made|come|came|went|fell|sound|sounded|would|could|will|might|may|because|so|in|at"
    r"|doesn't|deserves|again|very|well|better|properly|fully|clear|enough|too|my|there)\b)",
    re.IGNORECASE,
)
# What names no topic, or another one when said to the writer: "your team" is the reader's.
_NO_TOPIC = re.compile(
    r"\b(?:i|me|myself|mine|us|you|yours?|his|her|their|it|that|this|them|which|who|why|how|what|"
    r"where|when|whether|between)\b",
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(my|our)\b", re.IGNORECASE)
_ABOUT = {
    "reanswer": "answers the question about {} again",
    "pretext": "reopens the question about {}",
    "self_criticism": "judges your answer about {}",
    "correction": "takes back what you said about {}",
}
# "the churn question", "your second question": what kind of question it was. After "that" it
# may be anybody's: "I am sorry that Priya's question threw me".
_QUESTION = re.compile(
    r"\b(?:the|your) ((?:(?!(?:of|about|to|in|on|from|for|with|as|and|or|an?|the|my|your|i|you"
    r"|it|that|is|was|own|only|very|next)\b)[\w'’-]+ ){1,2}question)\b",
    re.IGNORECASE,
)
_TO = {
    "reanswer": "answers the {} again",
    "self_criticism": "judges your answer to the {}",
}


def deed(category: str, passage: str) -> str:
    """Say what a passage does, with the topic where it names one: "answers the … again"."""
    named = topic(passage)
    if named and category in _ABOUT:
        return _ABOUT[category].format(named)
    asked = _QUESTION.search(" ".join(passage.split())) if category in _TO else None
    return _TO[category].format(asked[1]) if asked else ADVICE[category].name


def deeds(categories: Iterable[str], passage: str) -> str:
    """Say in one clause all that a passage of these categories does."""
    *some, last = (deed(category, passage) for category in categories)
    return f"{', '.join(some)} and {last}" if some else last


def topic(passage: str) -> str:
    """Give what a passage says that a question or an answer was about, as said to its writer."""
    return _OWN.sub("your", _named(passage))


def topic_for_others(passage: str) -> str:
    """Give the topic where it is nobody's: "my illness" is the writer's to tell."""
    named = _named(passage)
    return "" if _OWN.search(named) else named


def _named(passage: str) -> str:
    found = _TOPIC.search(" ".join(passage.split()))
    return "" if found is None or _NO_TOPIC.search(found[1]) else found[1]
