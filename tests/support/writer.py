"""A user who writes and saves without end, and knows what must be true in the end."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from support.client import MailClient
from support.notes import FLUB, OPENING, OTHER_FLUB, STRENGTH, note

_PASSAGES = ((), (FLUB,), (OTHER_FLUB,), (FLUB, OTHER_FLUB))


@dataclass
class Writer:
    """Autosaves some notes over and over: the new copy first, then the old one expunged."""

    client: MailClient
    passages: Sequence[tuple[str, ...]] = _PASSAGES
    notes: int = 3
    seed: int = 0
    pause: float = 0.05
    saves: int = 0
    saved: dict[int, bytes] = field(default_factory=dict)
    """The newest copy of each note."""
    flagged: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _write(self) -> None:
        while not self._stop.is_set():
            self.save()
            self._stop.wait(self.pause)

    def save(self) -> None:
        """Save a note anew, with or without a flub, now and then under a new Message-ID."""
        number = self._random.randrange(self.notes)
        passages = self._random.choice(self.passages)
        self.saves += 1
        identity = self.saves if self._random.random() < 0.2 else number
        raw = note(
            OPENING, f"Room {number} and its {self.saves} windows were a pleasure to see.",
            *passages, STRENGTH,
            message_id=f"<{identity}@client.example>", to=f"panel{number}@example.com",
        )  # fmt: skip
        before = self.uid_of(self.saved[number]) if number in self.saved else None
        self.client.save(raw)
        self.saved[number], self.flagged[number] = raw, bool(passages)
        if before is not None:
            self.client.delete(before)

    def uid_of(self, raw: bytes) -> int:
        return next(uid for uid, stored in self.client.own().items() if stored.raw == raw)

    def is_content(self) -> bool:
        """Tell whether each flagged note has its one warning, and nothing else lies there."""
        assert sorted(stored.raw for stored in self.client.own().values()) == sorted(
            self.saved.values()
        ), "a message of the user was lost, doubled or changed"
        about = sorted(w.message["In-Reply-To"] for w in self.client.warnings().values())
        return len(about) == len(set(about)) == sum(self.flagged.values())

    def wait_until_content(self, patience: float = 120) -> None:
        self.client.wait_until(lambda _: self.is_content(), patience)
