"""The commands that mail clients use on the way to Send; no logic of their own."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner import common, config, terminal
from scanner.errors import ConfigurationError, UnflubError, UnreadableError

if TYPE_CHECKING:  # loaded where needed
    from scanner.core.verdict import Verdict


class HeldError(UnflubError):
    """The message is not sent; the mail client keeps it where a program says so (sysexits.h)."""

    exit_status = 75  # EX_TEMPFAIL


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
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
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
      unflub sendmail -- msmtp -t < note.eml
      set sendmail = "unflub sendmail -- msmtp"      in neomutt
    """
    if sys.platform == "win32":
        raise ConfigurationError("unflub sendmail is for Unix; use `unflub check`, or the add-on")
    from scanner import presend

    if anyway or not presend.carries_message(command):
        presend.hand_over(command)
    if sys.stdin is None:
        raise UnreadableError("not sent: standard input is closed; send the message in")
    held = presend.taken(sys.stdin.buffer)
    try:
        found = presend.flaw(held, preset, config_path)
    except presend.NotCheckedError as error:
        _tell(error)
        found = None
    if found:
        from scanner import asking

        answer = None if no_question else asking.ask(found)
        _follow(answer or unasked, found, asking.deeds(found))
    presend.hand_over(command, held)


def _tell(error: UnflubError) -> None:
    """Say what is wrong; that nobody can be told is no reason to keep the mail."""
    with suppress(OSError):
        terminal.say(str(error))


def _follow(choice: str, found: Verdict, deeds: str) -> None:
    """Do what the user chose. Raises HeldError where the message is not to be sent."""
    from scanner.adapters import dismissals

    if choice == "dismiss":
        try:
            dismissals.add(found.assessment.digests)
        except UnreadableError as error:  # which is no reason to keep the mail
            _tell(error)
    elif choice != "send":
        raise HeldError(
            f"not sent: this thank-you note {deeds}; take that out, or add the "
            'header field "X-Unflub: send"'
        )


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
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
    from scanner import checking
    from scanner.adapters import dismissals
    from scanner.adapters.single import STANDARD_INPUT, single

    settings = config.optional(config_path)
    found = [single(name) for name in files or (STANDARD_INPUT,)]
    if trouble := next((message.error for message in found if message.error), None):
        raise trouble
    raws = [message.raw for message in found]
    verdicts = checking.verdicts(raws, settings.policy(preset), settings.model_folder)
    if trouble := next((one for one in verdicts if isinstance(one, UnreadableError)), None):
        raise trouble
    digests = {
        digest
        for one in verdicts
        if not isinstance(one, UnreadableError)
        for digest in one.assessment.digests
    }
    dismissals.add(digests)
    click.echo(f"{len(digests)} sentences are not brought up again")
