"""What a command before Send is about, done by the daemon for `quick`, which loads next to nothing.

The options are parsed by click, as ever, and the message is judged and told of by what does it in
the command itself. Whatever needs more than words (an error, a file, a question) is refused; then
the command does it by itself. So there is one answer, and two ways to it.
"""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from scanner import __version__, checking, clients, handing, presend, rows
from scanner.adapters import local, mbox
from scanner.adapters.single import STANDARD_INPUT, Message
from scanner.checking import Checker
from scanner.core.classify import Policy
from scanner.core.report import Tally
from scanner.core.verdict import Check, Verdicts
from scanner.errors import UnflubError
from scanner.findings import exit_status
from scanner.printing import format_of

if TYPE_CHECKING:
    from scanner.adapters.local import Values

assert sys.platform != "win32"  # noqa: S101 - the type checker, too, is to know


class DeclinedError(Exception):
    """The command is to do it by itself."""


def answer(judge: Checker, question: Values) -> Values:
    """Answer a question, in the daemon: an errand, or one of `checking`.

    Raises ValueError for what is none.
    """
    if "arguments" not in question:
        return checking.answer(judge, question)
    try:
        return _done(judge, question)
    except (DeclinedError, UnflubError, click.ClickException):
        return checking.greeting()
    except (KeyError, TypeError) as error:
        raise ValueError("no errand") from error


def _done(judge: Checker, errand: Values) -> Values:
    if errand["version"] != __version__ or errand["surroundings"] != local.surroundings():
        raise DeclinedError
    name, *arguments = map(str, errand["arguments"])
    command, wanted, do = _ERRANDS[name]
    options = _options(command, arguments)
    source = wanted(options)
    if "message" not in errand:
        return {"wants": source}
    message = Message(source, b64decode(errand["message"], validate=True))
    return do(judge, message, options, bool(errand["in_color"]))


def _options(command: click.Command, arguments: list[str]) -> dict[str, Any]:
    """Parse as the command does, but for --help, which would be shown here."""
    silent = click.Command(
        command.name,
        params=command.params,
        context_settings=command.context_settings,
        add_help_option=False,
    )
    options = silent.make_context(command.name, arguments).params
    if any(options.get(name) for name in _NOT_HERE):
        raise DeclinedError
    return options


# What names files, whose place this process may see otherwise, or asks for more than words.
_NOT_HERE = ("config_path", "model", "output", "explain", "anyway")


def _message_to_check(options: dict[str, Any]) -> str:
    if len(options["files"]) > 1 or options["form"] == "html":
        raise DeclinedError
    return str(next(iter(options["files"]), STANDARD_INPUT))


def _check(judge: Checker, message: Message, options: dict[str, Any], in_color: bool) -> Values:  # noqa: FBT001
    terms = clients.asked_for(options)
    verdicts = partial(_judged, judge, policy=terms.policy, model=terms.model)
    form = format_of(
        options["form"], with_text=options["with_text"], in_color=in_color, show_clean=True
    )
    tally, pieces = Tally(), []
    for row in rows.judged([mbox.lone(message)], terms, verdicts):
        tally.add(row)
        pieces.append(form.row(row))
    pieces.append(form.end(tally))
    text = "".join(f"{piece}\n" for piece in pieces if piece is not None)
    return {
        "prints": "" if options["quiet"] else text if in_color else click.unstyle(text),
        "encoding": None if options["form"] == "text" else "utf-8",
        "status": exit_status(tally, options["fail_on"]),
    }


def _message_to_send(options: dict[str, Any]) -> str:
    if not handing.carries_message(options["command"]):
        raise DeclinedError
    return STANDARD_INPUT


def _sendmail(judge: Checker, message: Message, options: dict[str, Any], _: bool) -> Values:  # noqa: FBT001
    if presend.look(message.raw, options["preset"], None, partial(_judged, judge)):
        raise DeclinedError  # somebody is to be asked
    return {"runs": list(options["command"])}


def _judged(judge: Checker, raws: Sequence[bytes], policy: Policy, model: Path | None) -> Verdicts:
    if model and not model.is_absolute():  # to whom?
        raise DeclinedError
    found = judge.check(Check(raws, policy, model))
    if found is None:
        raise DeclinedError
    return found


_Do: TypeAlias = Callable[[Checker, Message, dict[str, Any], bool], dict[str, Any]]
_ERRANDS: dict[str, tuple[click.Command, Callable[[dict[str, Any]], str], _Do]] = {
    "check": (clients.check, _message_to_check, _check),
    "sendmail": (clients.sendmail, _message_to_send, _sendmail),
}
