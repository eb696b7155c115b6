"""Commands whose modules are loaded when somebody asks for them: most runs are of one command."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module

import click


class Commands(MutableMapping[str, click.Command]):
    """The commands of a group by name, in the order they were added."""

    def __init__(self) -> None:
        self._known: dict[str, click.Command | str] = {}

    def later(self, module: str, *names: str) -> None:
        """Add commands that are attributes of a module, which is loaded when one is looked at."""
        self._known |= dict.fromkeys(names, module)

    def __getitem__(self, name: str) -> click.Command:
        known = self._known[name]
        if isinstance(known, str):
            command: click.Command = getattr(import_module(known), name.replace("-", "_"))
            self._known[name] = known = command
        return known

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known[name] = command

    def __delitem__(self, name: str) -> None:
        del self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
