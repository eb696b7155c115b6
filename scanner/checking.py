"""Verdicts on messages that are about to be sent: from a running daemon, else made here.

The daemon has the model loaded, so it answers in a moment. Where there is none, or it is of
another version, uses another model, is busy or broken, the same verdict is made here.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scanner import __version__
from scanner.adapters import local
from scanner.config import Seconds
from scanner.core import wire
from scanner.core.classify import Policy
from scanner.core.verdict import Check, Verdicts
from scanner.errors import UnflubError, UnreachableError

if TYPE_CHECKING:
    from scanner.adapters.local import Values

PROTOCOL = 2
"""Counts up whenever questions or answers change."""

_PATIENCE: Seconds = 10


class Checker(Protocol):
    """The daemon's judge, as others may ask it."""

    def check(self, asked: Check) -> Verdicts | None:
        """Give verdicts, or None where it cannot."""
        ...


def verdicts(
    messages: Sequence[bytes],
    policy: Policy,
    model: Path | None,
    patience: Seconds = _PATIENCE,
) -> Verdicts:
    """Judge messages, by the model in this folder, or by the one in use where there is none.

    What a daemon does not answer within `patience` is judged here. The verdict on what is surely
    no note has no sentences. Raises ModelError.
    """
    answered = _by_daemon(messages, policy, model, patience)
    return _here(messages, policy, model) if answered is None else answered


def presence() -> str:
    """Say in one line whether a daemon answers, for who tests the connection.

    Raises UnreachableError where it is of another version, so that it is of no use.
    """
    answer = local.ask(greeting(), _PATIENCE)
    if answer is None:
        return "no daemon answers; each check loads the model anew: `unflub service install`"
    if skew := _skew(answer):
        raise UnreachableError(skew)
    return f"the daemon answers, version {__version__}"


def answer(judge: Checker, question: Values) -> Values:
    """Answer a question, in the daemon. Raises ValueError for what is none."""
    refusal = greeting()
    if _skew(question) or "messages" not in question:
        return refusal
    try:
        model = question["model"]
        asked = Check(
            [b64decode(raw, validate=True) for raw in question["messages"]],
            wire.policy(question["policy"]),
            None if model is None else Path(model),
        )
        found = judge.check(asked)
    except (KeyError, TypeError) as error:
        raise ValueError("no question") from error
    except UnflubError:  # it is stopping, or the model is gone; who asks finds out for itself
        return refusal
    return refusal if found is None else {**refusal, "verdicts": list(map(wire.as_values, found))}


def _by_daemon(
    messages: Sequence[bytes], policy: Policy, model: Path | None, patience: Seconds
) -> Verdicts | None:
    if sum(map(len, messages)) > local.MOST_MESSAGE:
        return None
    question = {
        **greeting(),
        "policy": wire.policy_as_values(policy),
        "model": None if model is None else str(model.resolve()),
        "messages": [b64encode(raw).decode() for raw in messages],
    }
    answered = local.ask(question, patience)
    if answered is None or _skew(answered):
        return None
    try:
        found = [wire.verdict(values) for values in answered["verdicts"]]
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    return found if len(found) == len(messages) else None


def _here(messages: Sequence[bytes], policy: Policy, model: Path | None) -> Verdicts:
    from scanner.learning import loading, shelf

    return loading.judge(shelf.installed(model), policy, sift=True)(messages)


def greeting() -> Values:
    """Say who answers, or asks; as an answer, that there is none."""
    return {"protocol": PROTOCOL, "version": __version__}


def _skew(said: Values) -> str:
    """Say what to do where daemon and program are of different versions, or nothing."""
    if said.get("protocol") == PROTOCOL and said.get("version") == __version__:
        return ""
    return (
        f"the daemon is of version {said.get('version')}, and this of {__version__}: "
        "restart the daemon"
    )
