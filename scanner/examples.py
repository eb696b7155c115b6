"""The user's own labelled examples: files of their own, apart from the shipped corpus.

One file of JSON lines for each source (what was labelled here, what was imported), in the format
of `training_data`. There is one label for a message, the last one, whichever file it came from.
Training always starts from what lies here, so what is forgotten here is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import platformdirs

from scanner.adapters import lock, whole
from scanner.core.parse import plain
from scanner.errors import UnreadableError
from scanner.learning import corpus
from scanner.learning.corpus import Example

Kept = dict[str, Example]
"""Examples by the key of their message; `writer` names the file, the stem of its name."""


@dataclass(frozen=True, slots=True)
class Added:
    """How many messages were new, had another label before, or the very same."""

    new: int = 0
    changed: int = 0
    same: int = 0


def folder() -> Path:
    """Where the user's examples lie, a file `SOURCE.jsonl` for each source; it need not exist."""
    return platformdirs.user_data_path("unflub") / "examples"


def key(subject: str, text: str) -> str:
    """Name a message by its subject and own text, however spaced, in 32 hexadecimal digits.

    `text` may hold quoted text and a signature; they do not count.
    Raises UnreadableError for what is no text.
    """
    try:
        f"{subject}{text}".encode()
    except UnicodeEncodeError:
        raise UnreadableError("broken: it holds half a character; export it once more") from None
    words = " ".join(f"{subject}\n{plain(text).text}".split())
    return sha256(words.encode()).hexdigest()[:32]


def read(home: Path | None = None) -> list[Example]:
    """Read every example, one for each message. Raises UnreadableError that names file and line."""
    return list(_kept(home or folder()).values())


def by_key() -> Kept:
    """Read every example by the key of its message. Raises UnreadableError."""
    return _kept(folder())


def add(examples: Iterable[Example], source: str, home: Path | None = None) -> Added:
    """Keep examples in the file of `source`; what was said of their messages before is replaced.

    All are kept or none. Adding the same once more changes nothing.
    Raises UnreadableError where an example is no text, or the disk refuses.
    """
    home = home or folder()
    # Of two in one go, too, the last one counts.
    given = {key(one.subject, one.text): replace(one, writer=source) for one in examples}
    with _changing(home):
        before = _kept(home)
        _write(home, before | given, first=source)
    old = [(before[name], one) for name, one in given.items() if name in before]
    same = sum(replace(was, id=one.id, writer=source) == one for was, one in old)
    return Added(len(given) - len(old), len(old) - same, same)


def forget(names: Collection[str], home: Path | None = None) -> int:
    """Take away the examples of these messages, named by their keys; say how many there were."""
    home = home or folder()
    with _changing(home):
        before = _kept(home)
        after = {name: one for name, one in before.items() if name not in names}
        _write(home, after)
    return len(before) - len(after)


def _kept(home: Path) -> Kept:
    """Read all files; the one that was written last has the last word.

    A message is found in two files only where adding it was interrupted.
    """
    files = sorted(home.glob("*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    kept: Kept = {}
    for one in corpus.read(files):
        name = key(one.subject, one.text)
        kept.pop(name, None)
        kept[name] = one
    return kept


def _write(home: Path, kept: Kept, first: str = "") -> None:
    """Write the files that change, the one that gains examples `first`; empty ones go."""
    files: dict[str, list[str]] = {path.stem: [] for path in home.glob("*.jsonl")}
    for one in kept.values():
        files.setdefault(one.writer, []).append(f"{corpus.as_json(one)}\n")
    for source in sorted(files, key=lambda name: (name != first, name)):
        path, content = home / f"{source}.jsonl", "".join(files[source]).encode()
        if not content:
            path.unlink()
        elif not path.exists() or path.read_bytes() != content:
            whole.replaced(path, content)


@contextmanager
def _changing(home: Path) -> Iterator[None]:
    """Let one process at a time change the files. Raises UnreadableError where the disk refuses."""
    with whole.refusals(home, f"{whole.ADVICE}: nothing was lost"):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock.awaited(home / ".lock"):
            yield
