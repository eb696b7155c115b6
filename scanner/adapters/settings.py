"""Writing an account into the configuration, and leaving all else in the file as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from scanner import config
from scanner.adapters import whole
from scanner.errors import ConfigurationError

_SAMPLE = "home"  # the account of config.example.toml
# What tomlkit raises of accounts that are written inline, or dotted.
_ODD = (TOMLKitError, ValueError, TypeError, KeyError, AttributeError)


def changed(text: str | None, name: str, values: Mapping[str, Any]) -> str:
    """Set keys of one account; without a text, in the example, whose comments tell of each key.

    Keys with the value None are taken out. Raises ConfigurationError where the outcome would not
    be a configuration.
    """
    try:
        made = _changed(text if text is not None else _fresh(name), name, values)
    except _ODD:
        raise ConfigurationError(
            "the account cannot be written into this configuration; write those that stand there "
            "as tables of their own, such as [accounts.home]"
        ) from None
    config.parse(made)
    return made


def read(path: Path) -> str | None:
    """Give the text of a configuration, or None where there is none. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None
    config.parse(text, str(path))  # what is wrong with it is for the user to mend
    return text


def write(path: Path, text: str) -> None:
    """Write a private file, whole or not at all. Raises UnreadableError."""
    again = f"{whole.ADVICE}, and run `unflub setup` again: the configuration is as it was"
    whole.written(path, text.encode(), again)


def _changed(text: str, name: str, values: Mapping[str, Any]) -> str:
    document = tomlkit.parse(text)
    accounts = document.setdefault("accounts", tomlkit.table(is_super_table=True))
    if name not in accounts:
        accounts.append(name, tomlkit.table())
    table: Table = accounts[name]
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        elif key not in table or table[key] != value:
            table[key] = value
    return tomlkit.dumps(document)


def _fresh(name: str) -> str:
    text = config.example().read_text(encoding="utf-8")
    # The head of the file tells how to copy it, and that is done.
    body = text.split("\n\n", 1)[1]
    head = "# The configuration of unflub, as `unflub setup` wrote it; change what you like.\n\n"
    key = tomlkit.key(name).as_string()  # a name with a dot is quoted
    return head + body.replace(f"[accounts.{_SAMPLE}]", f"[accounts.{key}]").replace(
        f"unflub login {_SAMPLE}", f"unflub login {name}"
    ).replace(f'"unflub.{_SAMPLE}"', f'"unflub.{name}"')
