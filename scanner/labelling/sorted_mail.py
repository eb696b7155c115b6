"""Learning from two mail folders, as spam filters do: "fine" holds no flubs, "flub" some.

A note in "flub" does not say which sentence it is, so it waits here to be labelled. What a folder
said of a message is remembered, so that saying it once more changes nothing, not even where the
message was labelled otherwise since; a message that was moved is learnt anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from scanner import examples
from scanner.adapters import lock, whole
from scanner.core.draft import Draft, Sentences
from scanner.core.segment import segment
from scanner.errors import UnreadableError
from scanner.learning.corpus import Example

SOURCE = "fine"
"""The file of examples that messages in a "fine" folder go to."""

_FLUB = "flub"

Kinds = Callable[[Sequence[Sentences]], list[str]]
"""Tells of messages whether they are notes."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a folder said of a message; of one that waits to be labelled, the message itself."""

    folder: str
    subject: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Learnt:
    """How many messages were learnt as fine, queued, or said nothing new; and lay in both."""

    fine: int
    queued: int
    same: int
    both: int


def file() -> Path:
    """Where it is remembered; private, and it need not exist."""
    return platformdirs.user_data_path("unflub") / "sorted.jsonl"


def learn(fine: Mapping[str, Sentences], flub: Mapping[str, Sentences], kinds: Kinds) -> Learnt:
    """Learn what the folders say that they have not said before; a message in both is a flub.

    Raises UnreadableError where the disk refuses.
    """
    with _changing() as said:
        new = {
            name: one
            for name, one in fine.items()
            if name not in flub and said.get(name, _Said("")).folder != SOURCE
        }
        moved = {n: one for n, one in flub.items() if said.get(n, _Said("")).folder != _FLUB}
        stored = examples.by_key()
        examples.add(_negatives(new, kinds), SOURCE)
        # Which label it had without a flub is no longer true; one with flubs answers the folder.
        examples.forget({n for n in moved if n in stored and not stored[n].labels})
        said |= {name: _Said(SOURCE) for name in new}
        said |= {name: _Said(_FLUB, one.subject, one.text) for name, one in moved.items()}
        both = len(fine.keys() & flub.keys())
        same = len(fine) + len(flub) - both - len(new) - len(moved)
        return Learnt(len(new), len(moved), same, both)


def queue() -> dict[str, Sentences]:
    """Give the messages that wait to be labelled, by the keys of their examples."""
    labelled = examples.by_key()
    return {
        name: segment(Draft(said.text, said.subject))
        for name, said in _read(file()).items()
        if said.folder == _FLUB and name not in labelled
    }


def forget(names: Collection[str]) -> None:
    """Forget what the folders said of these messages, so that they may be learnt anew."""
    if not file().exists():
        return
    with _changing() as said:
        for name in names:
            said.pop(name, None)


def _negatives(messages: Mapping[str, Sentences], kinds: Kinds) -> Iterator[Example]:
    told = kinds(list(messages.values()))
    for (name, one), kind in zip(messages.items(), told, strict=True):
        yield Example(name[:12], kind, one.subject, one.text, (), "none", SOURCE)


@contextmanager
def _changing() -> Iterator[dict[str, _Said]]:
    """Give what was said, to be changed, and write it. Raises UnreadableError."""
    path = file()
    with whole.refusals(path, f"{whole.ADVICE}: nothing was lost"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock.awaited(path.with_suffix(".lock")):
            said = _read(path)
            before = dict(said)
            yield said
            if said != before:
                whole.replaced(path, "".join(map(_line, said.items())).encode())


def _line(entry: tuple[str, _Said]) -> str:
    name, said = entry
    record = {"key": name, "folder": said.folder, "subject": said.subject, "text": said.text}
    return json.dumps(record, ensure_ascii=False) + "\n"


def _read(path: Path) -> dict[str, _Said]:
    try:
        records: list[dict[str, Any]] = [
            json.loads(line) for line in path.read_text("utf-8").split("\n") if line
        ]
        return {
            str(one["key"]): _Said(str(one["folder"]), str(one["subject"]), str(one["text"]))
            for one in records
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        raise UnreadableError(
            f"{path} cannot be read; take it away, and name the mail folders once more"
        ) from None
