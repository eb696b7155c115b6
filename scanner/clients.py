"""The commands that mail clients use on the way to Send; no logic of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner import common, findings, terminal
from scanner.core.number import number_of
from scanner.errors import ConfigurationError, UnflubError, UnreadableError

if TYPE_CHECKING:  # loaded where needed
    from scanner.adapters.single import Message
    from scanner.core.judge import Judge
    from scanner.core.report import Row
    from scanner.core.verdict import Verdict
    from scanner.rows import Terms


class HeldError(UnflubError):
    """The message is not sent; the mail client keeps it where a program says so (sysexits.h)."""

    exit_status = 75  # EX_TEMPFAIL


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...", shell_complete=common.file_names)
@click.option("--explain", is_flag=True, help="Show which words weigh most in each sentence.")
@click.option("--skip-dismissed", is_flag=True, help="Leave out what you called no flub before.")
@findings.judged
def check(files: tuple[str, ...], *, explain: bool, **options: Any) -> int:
    """Check messages before they are sent.

    A FILE holds one message (RFC 5322) or plain text; without one, standard input is read.

    \b
    Examples:
      unflub check note.txt
      unflub check --format json - < note.eml
      unflub check --explain note.txt
    """
    from scanner.checking import verdicts
    from scanner.core.report import Tally
    from scanner.rows import judged

    findings.require_free(options["output"], files)
    found = _messages(files)
    terms = asked_for(options)
    if explain:
        from scanner import scanning

        rows = _explained(scanning.rows(found, terms), scanning.judge(terms))
    else:
        rows = iter(judged(found, terms, partial(verdicts, policy=terms.policy, model=terms.model)))
    return findings.printed(rows, options, Tally(), show_clean=True)


def _messages(files: tuple[str, ...]) -> list[Message]:
    """Read the messages that are named, or standard input where none is."""
    from scanner.adapters import mbox
    from scanner.adapters.single import STANDARD_INPUT, single

    return [mbox.lone(single(name)) for name in files or (STANDARD_INPUT,)]


def asked_for(options: dict[str, Any]) -> Terms:
    """Give the terms of a check, by its options. Raises ConfigurationError."""
    terms = findings.terms(options | {"direction": options["direction"] or "outgoing"})
    if not options["skip_dismissed"]:
        return terms
    from scanner.adapters import dismissals

    return replace(terms, dismissed=dismissals.everywhere())


def _explained(rows: Iterable[Row], judge: Judge) -> Iterator[Row]:
    from scanner.core.explain import explain

    for row in rows:
        if (judged := row.judged) is None:
            yield row
        else:
            why = explain(
                judge.classifier, judged.sentences, judged.assessment, judge.thresholds.kind
            )
            yield replace(row, why=why)


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--anyway", is_flag=True, help="Let it through without a check.")
@click.option(
    "--unasked",
    type=click.Choice(["hold", "send"]),
    default="hold",
    show_default=True,
    help="What becomes of a flub note where there is no terminal to ask on.",
)
@click.option(
    "--no-question", is_flag=True, help="Do as if there were no terminal: for full-screen clients."
)
@common.preset
@common.config
@click.argument(
    "command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...",
    shell_complete=common.file_names,
)  # fmt: skip
def sendmail(  # noqa: PLR0913 - options of a command
    *,
    anyway: bool,
    unasked: str,
    no_question: bool,
    preset: str | None,
    config_path: Path | None,
    command: tuple[str, ...],
) -> None:
    """Check a message, then have COMMAND send it.

    Reads the message from standard input and passes it on to COMMAND byte for byte; ends as
    COMMAND does. A thank-you note that explains a flub is first asked about on the terminal. What
    is not sent ends with status 75, so that the mail client keeps it. A message with the header
    field "X-Unflub: send" is let through. What cannot be checked is sent.

    \b
    Examples:
      unflub sendmail msmtp -t < note.eml
      set sendmail = "unflub sendmail msmtp"      in neomutt
    """
    if sys.platform == "win32":
        raise ConfigurationError("unflub sendmail is for Unix; use `unflub check`, or the add-on")
    from scanner import handing, presend

    if anyway or not handing.carries_message(command):
        handing.hand_over(command)
    if sys.stdin is None:
        raise UnreadableError("not sent: standard input is closed; send the message in")
    held = handing.taken(sys.stdin.buffer)
    try:
        found = presend.flaw(held, preset, config_path)
    except presend.NotCheckedError as error:
        terminal.say(str(error))
        found = None
    if found:
        from scanner import asking

        answer = None if no_question else asking.ask(found)
        _follow(answer or unasked, found, asking.in_short(found))
    handing.hand_over(command, held)


def _follow(choice: str, found: Verdict, deeds: str) -> None:
    """Do what the user chose. Raises HeldError where the message is not to be sent."""
    from scanner.adapters import dismissals

    if choice == "dismiss":
        try:
            dismissals.add(found.assessment.digests)
        except UnreadableError as error:  # which is no reason to keep the mail
            terminal.say(str(error))
    elif choice != "send":
        raise HeldError(
            f"not sent: this thank-you note {deeds}; take that out, or add the "
            'header field "X-Unflub: send"'
        )


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...", shell_complete=common.file_names)
@common.preset
@common.config
def dismiss(*, files: tuple[str, ...], preset: str | None, config_path: Path | None) -> None:
    """Say that what is found in messages is no flub.

    These passages are not brought up again: neither before sending, nor by warning drafts.
    Only digests of their sentences are kept.

    \b
    Examples:
      unflub dismiss < note.eml
    """
    from scanner import checking, config
    from scanner.adapters import dismissals

    settings = config.optional(config_path)
    found = _messages(files)
    if trouble := next((message.error for message in found if message.error), None):
        raise trouble
    raws = [message.raw for message in found]
    verdicts = checking.verdicts(raws, settings.policy(preset), settings.model_folder)
    digests: set[str] = set()
    for one in verdicts:
        if isinstance(one, UnreadableError):
            raise one
        digests.update(one.assessment.digests)
    dismissals.add(digests)
    count = number_of(len(digests), "sentence")
    click.echo(f"{count} will not be brought up again" if digests else "nothing found to dismiss")
