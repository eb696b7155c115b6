"""What to do about a note: the candidate's advice, or the employer's, with wording to use.

Who received the note, or doubts an answer, asks: the candidate, and every reference, with the
concern, the goal of the question, and room for examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from scanner.core.advice import ADVICE, deed, topic, topic_for_others
from scanner.core.assess import Assessment, Passage
from scanner.core.origin import Direction
from scanner.core.position import Position, find_position


@dataclass(frozen=True, slots=True)
class Letter:
    """A text that is ready to send but for the blanks in square brackets."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Counsel:
    """Steps in their order, and the letters they speak of.

    `folded` says what is milder about a passage that is folded in, or nothing.
    """

    steps: tuple[str, ...]
    letters: tuple[Letter, ...]
    folded: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """What a passage does by its sentences of one category, and why that matters to the reader."""

    category: str
    confidence: float
    deed: str
    why: str


@dataclass(frozen=True, slots=True)
class _Question:
    """What a passage does, and leaves open.

    `concern` and `goal` are for the candidate, `point` about {} is for the references.
    """

    deed: str
    concern: str
    goal: str
    point: str


_Asked: TypeAlias = list[tuple[_Question, str]]

_QUESTIONS = {
    "reanswer": _Question(
        "answers an interview question again",
        "You gave one answer a second time, in writing",
        "to hear the answer you would give with time to think, and how you reached it",
        "how [candidate] deals with {} when there is little time to think",
    ),
    "self_criticism": _Question(
        "judges their own performance",
        "You seemed unsure how part of the conversation went",
        "to learn how you do this when it is your everyday work and not an interview",
        "how sure [candidate] is when it comes to {} on an ordinary day",
    ),
    "apology": _Question(
        "apologises for something in the interview",
        "You came back to a moment of the interview that seems to trouble you",
        "to set the moment aside and see how you handle the same thing at work",
        "how [candidate] carries on with {} after a bad moment",
    ),
    "excuse": _Question(
        "gives the reason for something that went wrong",
        "Something seems to have stood in your way in the interview",
        "to give you the same question again under fair conditions",
        "how [candidate] manages {} when something gets in the way",
    ),
    "correction": _Question(
        "takes back something they said",
        "Something you told us was put differently afterwards",
        "to get the facts right, so that nothing is held against you that need not be",
        "what [candidate] did in the matter of {}, as you remember it",
    ),
    "omission": _Question(
        "says what they forgot to mention",
        "Something that matters to you did not come up in the interview",
        "to learn what it was, and what you did and achieved there",
        "what [candidate] has done in the matter of {}, which we hardly spoke about",
    ),
    "plea": _Question(
        "asks you to overlook something",
        "There is a point you would rather we did not weigh",
        "to judge that point on what you have done and not on one moment",
        "{}, and how much it mattered in the work",
    ),
    "pretext": _Question(
        "reopens an answer behind a question or an offer",
        "One topic seems not to be settled for you",
        "to finish that topic properly, with your experience on the table",
        "{}, which our conversation did not finish",
    ),
}


def counsel(subject: str, assessment: Assessment, direction: Direction) -> Counsel:
    """Say what to do now about a note that has passages."""
    position = find_position(subject, assessment.text)
    is_folded = assessment.severity == "folded"
    if direction == "incoming":
        todo = _employer(position, assessment.passages)
        return replace(todo, folded=_FOLDED_THEIRS if is_folded else "")
    letter = Letter("To one of your references", to_own_referee(position))
    return Counsel(_CANDIDATE, (letter,), FOLDED if is_folded else "")


def reasons(passage: Passage, direction: Direction) -> Iterator[Reason]:
    """Give a reason for each category of a passage, in the order of its sentences.

    Why it matters to an employer is the same for all of them, and said with the last.
    """
    *_, last = passage.categories
    for category, confidence in passage.categories.items():
        what, why = _reason(category, passage.text, direction)
        is_said = direction == "outgoing" or category == last
        yield Reason(category, confidence, what, why if is_said else "")


def _reason(category: str, passage: str, direction: Direction) -> tuple[str, str]:
    if direction == "incoming":
        return f"The writer {_QUESTIONS[category].deed}", _ASK
    return f"It {deed(category, passage)}", ADVICE[category].reason


FOLDED = (
    "This one is folded in: it is short, and it goes on to something that speaks for you. "
    "Some readers will not mind it. The note is as strong without it."
)
"""What the writer is told of a passage that is folded in."""

_FOLDED_THEIRS = (
    "This one is folded in: it is short, and it goes on to something that speaks for the writer."
)

_ASK = "It may weigh more with them than it should with you: ask before you weigh it."

_CANDIDATE = (
    "Not sent yet? Take the passage out, and give the space to one strength or to an idea the "
    "conversation sparked.",
    "Sent already? Leave it at that: a second note would bring it up once more.",
    "If the worry is real, it belongs with your references. Write to one of them.",
)

BEFORE_SENDING = (
    (
        "Press ahead.",
        "Give the space to one strength, or to an idea the conversation sparked. A thank-you note "
        "has one job: thanks, interest, and a reminder of what you bring.",
    ),
    (
        "If the worry is real, it belongs with your references.",
        "Write to one of them today; here is a start:",
    ),
)
"""What to do with a note that is not sent yet: each step's gist, and the rest. A letter follows."""

_EMPLOYER = (
    "Take the passage for a question to ask, not for a verdict: people remember their own weak "
    "moments far better than anyone else does.",
    "Ask the candidate directly: say what concerns you and what the question is for, and leave "
    "room for examples.",
    "Ask every reference the same, so that one voice does not decide.",
)


def to_own_referee(position: Position) -> str:
    """Write for the candidate: ask a referee to speak to what the interview dwelt on."""
    return (
        f"Hi [name],\n\nI have just interviewed for {_job(position)} at "
        f"{position.employer or '[the employer]'}, and they may call you. "
        "A good part of the conversation was about [the themes they dwelt on]. If they ask, "
        "would you speak to that? [A project you saw me do] would be a good example.\n\n"
        "Thank you, it means a lot.\n[Your name]"
    )


def _employer(position: Position, passages: Sequence[Passage]) -> Counsel:
    to_candidate = _to_candidate(position, _asked(passages, topic))
    to_reference = _to_reference(position, _asked(passages, topic_for_others))
    return Counsel(
        _EMPLOYER,
        (Letter("To the candidate", to_candidate), Letter("To every reference", to_reference)),
    )


def _asked(passages: Sequence[Passage], named: Callable[[str], str]) -> _Asked:
    """Give each question once, with all topics of the passages that raise it."""
    topics: dict[str, list[str]] = {}
    for passage in passages:
        topics.setdefault(passage.category, []).append(named(passage.text))
    return [
        (_QUESTIONS[category], " and ".join(filter(None, dict.fromkeys(found))) or "[the topic]")
        for category, found in topics.items()
    ]


def _to_candidate(position: Position, asked: _Asked) -> str:
    concerns = "\n\n".join(
        f"{question.concern}. I mean what you said about {named}. I ask {question.goal}."
        for question, named in asked
    )
    return (
        f"Dear [candidate],\n\nThank you for your note about {_job(position)}. Before we go on, "
        f"I would rather ask than guess.\n\n{concerns}\n\n"
        f"Would you tell me about one or two times when you dealt with "
        f"{'it' if len(asked) == 1 else 'each of these'}: "
        "what the situation was, what you did, and how it ended? Take as much room as you need.\n\n"
        "Kind regards\n[Your name]"
    )


def _to_reference(position: Position, asked: _Asked) -> str:
    points = "; and ".join(question.point.format(named) for question, named in asked)
    return (
        f"Dear [reference],\n\n[Candidate] has applied to us for {_job(position)} and named you. "
        "There is something I would like to understand better, and I ask everyone who was named "
        f"the same: {points}. After one interview we know too little about this.\n\n"
        "The aim is to judge it by work that somebody saw, not by one conversation. Have you seen "
        "[candidate] deal with it? Examples help most, good ones and bad ones: what was asked, "
        "what [candidate] did, and what came of it.\n\n"
        "Thank you for your time.\n[Your name]"
    )


def _job(position: Position) -> str:
    return f"the {position.title} position" if position.title else "[the position]"
