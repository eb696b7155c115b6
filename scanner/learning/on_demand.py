"""The encoder of a model folder: checked and loaded when there is something to read."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from scanner.core.draft import Sentences
from scanner.errors import ModelError
from scanner.learning import readings
from scanner.learning.readings import GRAPH, VOCABULARY, GoesOn, Known, Reading
from scanner.learning.shelf import ADVICE

if TYPE_CHECKING:
    from scanner.learning.encoder import Encoder

ENCODER = (GRAPH, VOCABULARY, readings.NAME)
"""Its files."""


class OnDemand:
    """The encoder of a model folder: checked and loaded when the first message is to be read.

    Most mail is turned away at the gate, and should not pay for what it does not need.
    """

    def __init__(self, folder: Path, hashes: Mapping[str, str] | None = None) -> None:
        """`hashes` are those of the folder's files, or None where they were just made."""
        self.folder = folder
        self._hashes = hashes
        self._loaded: Encoder | None = None
        self._known: Known | None = None
        self._loading = Lock()

    def _load(self) -> Encoder:
        with self._loading:  # accounts are watched in threads; one encoder serves all
            if self._loaded is None:
                self._check(GRAPH)
                self._check(VOCABULARY)
                from scanner.learning.encoder import Encoder

                self._loaded = Encoder.load(self.folder)
            return self._loaded

    def known(self) -> Known:
        """Give what the encoder said of the corpus, unseen; raises `ModelError` as `read` does."""
        if self._known is None:
            self._check(readings.NAME)
            self._known = readings.load(self.folder / readings.NAME)
        return self._known

    def copy(self, folder: Path) -> None:
        """Copy the encoder's files, each checked first; raises `ModelError` as `read` does."""
        for name in ENCODER:
            self._check(name)
            shutil.copyfile(self.folder / name, folder / name)

    def _check(self, name: str) -> None:
        if self._hashes is not None:
            check(self.folder, name, self._hashes[name])

    def read(self, messages: Sequence[Sentences]) -> list[Reading]:
        """Read messages as `Encoder.read` does.

        Raises `ModelError` where the encoder is not as it was made.
        """
        return self._load().read(messages) if messages else []

    def sift(
        self, messages: Sequence[Sentences], least: float, goes_on: GoesOn
    ) -> list[Reading | None]:
        """Read messages as `Encoder.sift` does; raises `ModelError` as `read` does."""
        return self._load().sift(messages, least, goes_on) if messages else []


def check(folder: Path, name: str, expected: str) -> None:
    """Raise `ModelError` where a file of a model folder is not what its hash says."""
    if sha256(content(folder, name)) != expected:
        raise ModelError(f"{folder / name} was changed after training; {ADVICE}")


def content(folder: Path, name: str) -> bytes:
    """Give a file of a model folder. Raises `ModelError`."""
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise ModelError(f"{folder / name} is missing or cannot be read; {ADVICE}") from None


def sha256(content: bytes) -> str:
    """Hash a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()
