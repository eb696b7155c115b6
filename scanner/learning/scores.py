"""Precision, recall and F1, kept as the counts that they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.learning.features import Mask


@dataclass(frozen=True, slots=True)
class Scores:
    """What was shown as one class: so many rightly, of so many shown, and of so many there are."""

    right: int = 0
    shown: int = 0
    count: int = 0

    @classmethod
    def of(cls, truth: Mask, shown: Mask) -> Scores:
        """Count what is true beside what is shown."""
        return cls(int((truth & shown).sum()), int(shown.sum()), int(truth.sum()))

    @property
    def precision(self) -> float:
        """The share that is right, of what is shown."""
        return self.right / max(self.shown, 1)

    @property
    def recall(self) -> float:
        """The share that is shown, of what there is."""
        return self.right / max(self.count, 1)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / max(self.shown + self.count, 1)

    def __add__(self, other: Scores) -> Scores:
        """Count both."""
        return Scores(self.right + other.right, self.shown + other.shown, self.count + other.count)
