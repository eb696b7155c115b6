"""A sitting of `unflub label`: mail is read, shown message by message, and kept as it is done."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import click

from scanner import config, examples, terminal
from scanner.adapters import sources, state
from scanner.adapters.archive import Archive, Folder, mailboxes
from scanner.core.classify import DEFAULT_PRESET, Predictions
from scanner.core.draft import Sentences
from scanner.core.number import number_of
from scanner.core.selection import Selection
from scanner.errors import ConfigurationError, UnreadableError
from scanner.labelling import items, sorted_mail
from scanner.labelling.items import Gathered
from scanner.labelling.session import Item, begun
from scanner.learning import artifact, shelf
from scanner.learning.corpus import Example, project
from scanner.learning.model import Model

_LABELLED = "labelled"


@dataclass(frozen=True, slots=True)
class Sitting:
    """How to label: with which model, in which order, and whether labelled messages, `again`.

    Every method raises UnflubError for what is in the way.
    """

    settings: config.Config
    model: Path | None = None
    order: Literal["uncertain", "given"] = "uncertain"
    again: bool = False

    def read(self, places: Sequence[str] | None, account: str | None = None) -> Gathered:
        """Read mail at paths, or in mailboxes of an account; None is all that the user wrote."""
        bar = terminal.progress("reading")
        if account is None:
            paths = places or ()
            messages, total = sources.walk(paths), sources.size(paths)
            with bar as show:
                return items.gathered(terminal.counted(messages, total, show))
        opened = mailboxes(
            self.settings.account(account), self.settings.timeout_seconds,
            partial(_chosen, places), Selection(),
        )  # fmt: skip
        with opened as (waiting, count), bar as show:
            return items.gathered(terminal.counted(waiting, count, show))

    def kinds(self, messages: Sequence[Sentences]) -> list[str]:
        """Tell what of them are notes; a warning asks to be surer."""
        if not messages:
            return []
        model = self._loaded()
        least = model.thresholds[DEFAULT_PRESET].kind
        said = _predicted(messages, model)
        return ["thank_you" if one.thank_you >= least else "other" for one in said]

    def label(self, found: Gathered, dismissed: frozenset[str] = frozenset()) -> None:
        """Have the user label what is not labelled yet; `dismissed` are digests."""
        stored = examples.by_key()
        left = {
            # What is labelled is shown as it was then: its lines may be wrapped otherwise now.
            name: project(stored[name]).sentences if name in stored else one
            for name, one in found.messages.items()
            if self.again or name not in stored
        }
        say_unreadable(found.unreadable)
        if found.unreadable and not found.messages:
            raise UnreadableError("nothing to label: no message here can be read; name other mail")
        if not left:
            count = number_of(len(found.messages), "message")
            click.echo(f"nothing to label: {count}, all labelled; --again shows them")
            return
        model = self._loaded()
        said = _predicted(list(left.values()), model)
        made = items.items(left, said, model.thresholds["strict"], stored, dismissed)
        _shown(items.doubtful_first(made) if self.order == "uncertain" else made)

    def label_queue(self) -> None:
        """Have the user label what `unflub label folders` has queued."""
        waiting = sorted_mail.queue()
        if not waiting:
            raise click.UsageError("nothing waits to be labelled; name mail, or an --account")
        self.label(Gathered(waiting))

    def label_dismissed(self, paths: Sequence[str], account: str | None) -> None:
        """Offer the notes whose warnings were deleted, where the user agrees."""
        accounts = [account] if account else [one.name for one in self.settings.accounts]
        digests = frozenset[str]().union(*map(self._dismissed, accounts))
        if not digests:
            raise UnreadableError(
                "no account remembers a dismissed warning; delete a warning draft you disagree "
                "with, and let `unflub watch` see it"
            )
        found = Gathered()
        for name in [None] if paths else accounts:
            more = self.read(paths or None, name)
            found = Gathered(found.messages | more.messages, found.unreadable + more.unreadable)
        stored = examples.by_key()
        notes = {
            name: one
            for name, one in found.messages.items()
            if items.dismissed_in(one, digests) and (self.again or name not in stored)
        }
        if not notes:
            raise UnreadableError(
                "no note was found whose warning you dismissed, or they are labelled; "
                "name mail to look in"
            )
        if click.confirm(
            f"You deleted warnings about {number_of(len(notes), 'note')}. Look, and teach "
            "unflub that these are no flubs?\n"
            "You are asked about each one, and nothing leaves this machine"
        ):
            self.label(Gathered(notes), digests)

    def _dismissed(self, name: str) -> frozenset[str]:
        return state.load(state.memory_of(self.settings.account(name).name)).memory.unwanted

    def _loaded(self) -> Model:
        return artifact.load(shelf.installed(self.model or self.settings.model_folder))


def require_terminal() -> None:
    """Raise ConfigurationError where nobody sees a screen, or there are no keys."""
    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        raise ConfigurationError(
            "labelling needs a terminal; run it in one, or use `unflub label import`"
        )


def say_unreadable(count: int) -> None:
    """Say how many messages were left out, if any."""
    if count:
        terminal.say(f"{number_of(count, 'message')} left out: unreadable, or not in English")


def _shown(made: Sequence[Item]) -> None:
    from scanner.labelling.screen import labelled

    end = labelled(begun(made), _keep)
    done = sum(kept != item.before for kept, item in zip(end.kept, end.items, strict=True))
    click.echo(
        f"{done} of {number_of(len(made), 'message')} labelled; "
        "`unflub train` learns from labels, `unflub label list` counts them"
    )


def _keep(item: Item, example: Example | None) -> None:
    """Keep the label of a message as it is from now on; None is as if it had never had one."""
    if example is None:
        examples.forget({item.name})
    else:
        examples.add([example], example.writer or _LABELLED)


def _predicted(messages: Sequence[Sentences], model: Model) -> list[Predictions]:
    with terminal.progress("looking") as progress:
        return items.predicted(messages, model, progress)


def _chosen(patterns: Sequence[str] | None, archive: Archive) -> list[Folder]:
    return archive.written() if patterns is None else archive.folders(patterns)
