"""Which mailboxes an account has (LIST, RFC 9051 section 6.3.9), and which of them is Drafts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imapclient import imap_utf7

from scanner.adapters.connection import translated
from scanner.config import Account
from scanner.core.providers import by_host
from scanner.errors import ConfigurationError

_MOST_NAMES, _LONGEST_NAME = 12, 60  # of mailboxes in a line
# How mail clients name the Drafts mailbox where the server does not mark it (RFC 6154).
_DRAFTS_NAMES = frozenset(
    name.casefold()
    for name in (
        "Drafts", "Draft", "Draft messages", "Entwürfe", "Brouillons", "Borradores", "Bozze",
        "Rascunhos", "Concepten", "Utkast", "Kladder", "Luonnokset", "Szkice", "Robocze",
        "Koncepty", "Черновики", "Чернетки", "下書き", "草稿", "草稿箱", "임시보관함",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListResponse:
    """A mailbox as LIST tells of it (RFC 9051 section 7.3.1), its flags in small letters."""

    flags: frozenset[str]
    delimiter: str
    name: str

    @property
    def is_open(self) -> bool:
        """Whether it can be selected; some only hold others."""
        return not self.flags & {"\\noselect", "\\nonexistent"}


def find(client: Any, account: Account, *, tell: bool = False) -> str:
    """Name the Drafts mailbox, which the account may name. Raises ConfigurationError.

    Of several candidates it is the one nearest to the top.
    The error names mailboxes if it may `tell` of them, on a terminal. A log may not: a mailbox
    can be named after somebody, and a name can hold anything.
    """
    rows = listed(client)
    names = _selectable(rows)
    found = shown(names) if tell else f"{len(names)} others; `unflub doctor` names them"
    if wanted := account.drafts:
        if wanted in names or wanted.upper() == "INBOX":
            return wanted
        what = f"mailbox {wanted!r}" if tell else "mailbox of the name that `drafts` gives"
        raise ConfigurationError(
            f"account {account.name}: the server has no {what}; it has {found}"
        )
    marked = [row for row in rows if "\\drafts" in row.flags]
    named = [row for row in rows if row.is_open and _is_named_drafts(row)]
    if marked or named:
        return min(marked or named, key=lambda row: len(_path(row))).name
    provider = by_host(*account.endpoint)
    advice = f"{provider.drafts}, or " if provider and provider.drafts else ""
    raise ConfigurationError(
        f"account {account.name}: no Drafts mailbox found; {advice}name it as `drafts` in the "
        f"configuration; the server has {found}"
    )


def shown(names: Iterable[str]) -> str:
    """Put names of mailboxes into a line for a terminal: a dozen, cut short, and no controls."""
    return ", ".join(_printable(name[:_LONGEST_NAME]) for name in sorted(names)[:_MOST_NAMES])


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in name)


def names(client: Any, account: Account) -> list[str]:
    """List the mailboxes that can be opened. Raises UnreachableError."""
    with translated(account):
        return sorted(_selectable(listed(client)))


def listed(client: Any) -> list[ListResponse]:
    """List all mailboxes; raises the libraries' errors."""
    client.folder_encode = False  # one name that is not as it should be would cost all the others
    try:
        rows = client.list_folders()
    finally:
        client.folder_encode = True
    return [
        ListResponse(
            frozenset(flag.decode("ascii", "replace").casefold() for flag in flags),
            (delimiter or b"").decode("ascii", "replace"),
            _decoded(name),
        )
        for flags, delimiter, name in rows
    ]


def _decoded(name: bytes | str) -> str:
    """Decode modified UTF-7 (RFC 3501 section 5.1.3); a name that is none stays as it is.

    A mailbox of such a name cannot be opened, and is told of like others that cannot.
    """
    if isinstance(name, str):
        return name
    try:
        found: str = imap_utf7.decode(name)
        found.encode()  # half of a character would fail later
    except UnicodeError:
        return name.decode("ascii", "replace")
    return found


def _selectable(rows: Iterable[ListResponse]) -> list[str]:
    return [row.name for row in rows if row.is_open]


def _is_named_drafts(row: ListResponse) -> bool:
    """Tell Drafts at the top or right below INBOX; further down lie archives and others' mail."""
    *above, last = _path(row)
    return last in _DRAFTS_NAMES and above in ([], ["inbox"])


def _path(row: ListResponse) -> list[str]:
    name = row.name.casefold()
    return name.split(row.delimiter) if row.delimiter else [name]
