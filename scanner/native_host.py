"""`unflub native-host`: answers a mail client's add-on over a pipe, for as long as that is open.

Standard output belongs to the answers alone: whatever a library may print goes to standard error.
Nothing of a note is kept, logged or told in an error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from queue import Queue
from typing import Any, BinaryIO, TypeAlias

from scanner import __version__, checking, config
from scanner.adapters import dismissals
from scanner.core import dialog, pipe
from scanner.core.advice import ADVICE
from scanner.core.assess import without
from scanner.errors import UnflubError, UnreadableError, slip

PROTOCOL = 1
"""Counts up whenever questions or answers change; the add-on has the same number."""

Values: TypeAlias = dict[str, Any]

_DAEMON_PATIENCE = 1  # seconds; the add-on waits for a few
_LONGEST_SUBJECT = 1000  # characters, of what the library folds in quadratic time
# What passes for a note at a glance, so that all of the model is needed.
_NOTE = "Thank you for the interview. I am sorry that I rambled about the budget."


def run() -> None:
    """Serve standard input and output until the client closes the pipe."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions: Queue[bytes | UnreadableError] = Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, questions), daemon=True).start()
    with suppress(Exception):  # a question meets it again, and tells
        _try_out()
    _serve(questions, answers)


def _serve(questions: Queue[bytes | UnreadableError], answers: BinaryIO) -> None:
    """Answer one question after the other; after what cannot be read there are no more."""
    readable = True
    while readable:
        asked = questions.get()
        readable = not isinstance(asked, UnreadableError)
        said = _failure(str(asked)) if isinstance(asked, UnreadableError) else _answered(asked)
        answers.write(pipe.framed(said))
        answers.flush()


def _answered(asked: bytes) -> Values:
    """Answer a question, in JSON; one that makes no sense is answered by an error."""
    try:
        question = json.loads(asked)
        about = {"id": question["id"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return _failure("the add-on asked something that is no question; install it anew")
    return about | _answer(question)


def _listen(source: BinaryIO, questions: Queue[bytes | UnreadableError]) -> None:
    """Read while questions are answered, so that the end of the client is the end, at once."""
    try:
        while (asked := pipe.read(source.read)) is not None:
            questions.put(asked)
    except UnreadableError as error:
        questions.put(error)
        return
    os._exit(0)  # nothing is left to be tidied up


def _try_out() -> None:
    """Judge a note: afterwards the model is loaded, here or in the daemon, so that none waits."""
    settings, note = config.optional(), message("", _NOTE, html=False)
    checking.verdicts([note], settings.policy(), settings.model_folder, _DAEMON_PATIENCE)


def _answer(question: Values) -> Values:
    if question.get("protocol") != PROTOCOL:
        return _failure(
            f"the add-on and unflub {__version__} do not understand each other; update the older"
        )
    kind = _KINDS.get(str(question.get("ask")))
    if kind is None:
        return _failure("the add-on asked something that unflub does not know; install it anew")
    try:
        return _said(**kind(question))
    except UnflubError as error:
        return _failure(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, the next mail is to be checked
        return _failure(slip(error))


def _hello(_: Values) -> Values:
    _try_out()  # who tests the connection wants to know whether notes will be checked
    return {"categories": {name: advice.name for name, advice in ADVICE.items()}}


def _check(question: Values) -> Values:
    settings = config.optional()
    raw = message(question["subject"], question["body"], html=question["html"])
    wanted = settings.policy(question["preset"] or None)
    wanted = replace(wanted, off=wanted.off.union(map(str, question["without"])))
    (verdict,) = checking.verdicts([raw], wanted, settings.model_folder, _DAEMON_PATIENCE)
    if isinstance(verdict, UnreadableError):
        return dialog.unread(verdict)
    return dialog.shown(verdict, without(verdict.assessment, dismissals.everywhere()))


def _dismiss(question: Values) -> Values:
    dismissals.add(map(str, question["digests"]))
    return {}


_KINDS = {"hello": _hello, "check": _check, "dismiss": _dismiss}


def message(subject: str, body: str, *, html: bool) -> bytes:
    """Make a message (RFC 5322) of what a mail client has of a note."""
    made = EmailMessage(policy=policy.SMTP)
    # What looks encoded (RFC 2047) the library would decode, and fail at some of it.
    made["Subject"] = " ".join(_encodable(subject[:_LONGEST_SUBJECT]).replace("=?", "= ?").split())
    made.set_content(_encodable(body), subtype="html" if html else "plain", cte="base64")
    return made.as_bytes()


def _encodable(text: str) -> str:
    """JSON may hold halves of characters, which no message can."""
    return text.encode("utf-8", "replace").decode()


def _failure(error: str) -> Values:
    return _said(error=error)


def _said(**values: Any) -> Values:
    return {"protocol": PROTOCOL, "version": __version__, **values}
