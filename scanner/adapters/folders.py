"""Which entries of a folder hold mail: each mail program has its own way to lay it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scanner.adapters.emlx import SUFFIX as EMLX

SourceKind = Literal["auto", "eml", "mbox", "maildir", "mh", "emlx", "thunderbird", "takeout"]
"""What a source may be: one message a file, an mbox, or the folder of a mail program."""

# What Thunderbird keeps beside mail; only Mail and ImapMail of a profile hold mail at all.
_PROFILE = "prefs.js"
_PROFILE_MAIL = frozenset({"Mail", "ImapMail"})
_INDEX = ".msf"
_BESIDE_MAIL = (
    _INDEX, ".dat", ".html", ".js", ".json", ".log", ".sqlite", ".mozmsgs", ".wdseml",
)  # fmt: skip
# Any of these names tells the layout.
_MH = frozenset({".mh_sequences", ".xmhcache", ".claws_mark", ".sylpheed_mark"})
_APPLE = frozenset({"Info.plist", "table_of_contents", "MailData", "PersistenceInfo.plist"})
MAILDIR_FLAGS = ":2,"
"""What stands between the unique name of a message in a Maildir and its flags."""

_TRASHED = "T"
_DELIVERED = frozenset({"new", "cur"})
_DELIVERING = "tmp"
_DELIVERY = _DELIVERED | {_DELIVERING}
_TAKEOUT = "archive_browser.html"
_MBOX = (".mbox", ".mbox.gz")
_APPLE_EXPORT = "mbox"
_EMLX_PART = ".emlxpart"
_APPLE_MAIL = (EMLX, ".eml", *_MBOX)


@dataclass(frozen=True, slots=True)
class Entries:
    """The files and the folders in one folder, in the order they are to be read."""

    files: Sequence[Path]
    folders: Sequence[Path]

    @property
    def names(self) -> frozenset[str]:
        """The names of all of them."""
        return frozenset(path.name for path in (*self.files, *self.folders))


def mail_in(entries: Entries, kind: SourceKind) -> tuple[Entries, SourceKind]:
    """Leave what may hold mail, by the layout of `kind` or the one the names show.

    The kind of the folders below is given, too: what lies in a profile needs no sign of its own.
    """
    found = _detected(entries.names) if kind == "auto" else kind
    return _LAYOUTS[found](entries), found if found in _WHOLE_TREES else kind


def shows(entries: Entries, kind: SourceKind) -> bool:
    """Tell whether names of a folder show this layout, even where no mail lies in it."""
    return _detected(entries.names) == kind


def _detected(names: frozenset[str]) -> SourceKind:
    if "cur" in names and ("new" in names or "tmp" in names):
        return "maildir"
    if names & _MH:
        return "mh"
    if names & _APPLE:
        return "emlx"
    if _PROFILE in names or any(name.endswith(_INDEX) for name in names):
        return "thunderbird"
    return "takeout" if _TAKEOUT in names else "auto"


def _any(entries: Entries) -> Entries:
    """Leave nothing but the attachments that Apple Mail keeps beside messages on a server."""
    return Entries(_not_ending(entries.files, (_EMLX_PART,)), entries.folders)


def _maildir(entries: Entries) -> Entries:
    """List new and cur at once, since messages move from there to here.

    Beside them a server keeps its own files, and in tmp nothing is delivered yet. A folder
    without cur may still stand above others; only what lies in new or cur is a message.
    """
    if "cur" not in entries.names:
        found = [f for f in entries.files if f.absolute().parent.name in _DELIVERED]
        return Entries(_kept(found), entries.folders)
    listed: list[Path] = []
    below = [f for f in entries.folders if f.name not in _DELIVERY]
    for folder in (f for f in reversed(entries.folders) if f.name in _DELIVERED):
        try:
            listed += sorted(folder.iterdir())
        except OSError:  # told when it is opened
            below.append(folder)
    once = {path.name.partition(MAILDIR_FLAGS)[0]: path for path in listed}
    return Entries(_kept(once.values()), below)


def _kept(files: Iterable[Path]) -> list[Path]:
    """Leave messages flagged T, as IMAP's Deleted, and files with a dot (maildir(5))."""
    return [
        file
        for file in files
        if _TRASHED not in file.name.partition(MAILDIR_FLAGS)[2] and not file.name.startswith(".")
    ]


def _mh(entries: Entries) -> Entries:
    """Keep files named by a number, in its order; ",3" is a message that was removed."""
    numbered = [f for f in entries.files if f.name.isascii() and f.name.isdigit()]
    return Entries(sorted(numbered, key=lambda f: int(f.name)), entries.folders)


def _emlx(entries: Entries) -> Entries:
    """Keep messages and exported mailboxes; indexes, lists, and attachments lie beside them."""
    files = [f for f in entries.files if f.name.endswith(_APPLE_MAIL) or f.name == _APPLE_EXPORT]
    return Entries(files, [f for f in entries.folders if f.name != "Attachments"])


def _thunderbird(entries: Entries) -> Entries:
    """Leave the index beside each mbox; of a profile, two folders hold mail."""
    if _PROFILE in entries.names:
        return Entries([], [f for f in entries.folders if f.name in _PROFILE_MAIL])
    files, folders = (_not_ending(some, _BESIDE_MAIL) for some in (entries.files, entries.folders))
    if any(folder.name == "cur" for folder in folders):  # it keeps one message a file here
        folders = [folder for folder in folders if folder.name != _DELIVERING]
    return Entries(files, folders)


def _not_ending(paths: Iterable[Path], endings: tuple[str, ...]) -> list[Path]:
    return [path for path in paths if not path.name.endswith(endings)]


def _takeout(entries: Entries) -> Entries:
    """Leave the settings and the overview that lie beside the .mbox files."""
    return Entries([f for f in entries.files if f.name.endswith(_MBOX)], entries.folders)


# Kinds that go for everything below a folder that shows them.
_WHOLE_TREES = frozenset({"maildir", "emlx", "thunderbird", "takeout"})

_LAYOUTS: dict[SourceKind, Callable[[Entries], Entries]] = {
    "auto": _any,
    "eml": _any,
    "mbox": _any,
    "maildir": _maildir,
    "mh": _mh,
    "emlx": _emlx,
    "thunderbird": _thunderbird,
    "takeout": _takeout,
}
