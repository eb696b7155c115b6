"""The encoder at work: whole notes in, what it says of each sentence out (ONNX Runtime)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from multiprocessing import active_children, parent_process
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scanner.core.draft import Sentences
from scanner.errors import ModelError
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import ANSWERS, GRAPH, NOT_ASKED, VOCABULARY, GoesOn, Reading
from scanner.learning.windows import BEFORE, Tokens, Window, inputs
from scanner.learning.words import Floats

# What ONNX Runtime fuses takes longer on one core than its parts do: 18 ms for 220 pieces, not 16.
_SLOWER = ("BiasGeluFusion", "SkipLayerNormFusion")

# What the early exit has to say for a message to be read on: with the first all are, with the other
# none is.
_TO_THE_END = -math.inf
_LEAVES = np.array([math.inf], np.float32)


class Encoder:
    """A graph and its vocabulary; reading the same message gives the same answer every time."""

    def __init__(self, graph: Path, tokens: Tokens) -> None:
        # Builds for Windows that know no environment variable against it count by the system's
        # own tracing, which minds this; for all others see the package itself.
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        # A laptop has better things to do with its other cores than to wait busily; and where
        # several processes scan, each has a core of its own.
        is_one_of_many = parent_process() or active_children()
        options.intra_op_num_threads = 1 if is_one_of_many else min(2, os.cpu_count() or 1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
        self._tokens = tokens

    @classmethod
    def load(cls, folder: Path) -> Encoder:
        """Load the encoder of a model folder.

        Raises `ModelError` where a part is missing or cannot be read.
        """
        try:
            return cls(folder / GRAPH, Tokens.load(folder / VOCABULARY))
        except Exception:  # noqa: BLE001 - the libraries raise whatever they like
            raise ModelError(
                f"the encoder in {folder} cannot be loaded; install unflub anew"
            ) from None

    def read(self, messages: Sequence[Sentences]) -> list[Reading]:
        """Read messages, each for itself, to their end."""
        read = self.sift(messages, _TO_THE_END, lambda *_: True)
        return [reading for reading in read if reading]

    def sift(
        self, messages: Sequence[Sentences], least: float, goes_on: GoesOn
    ) -> list[Reading | None]:
        """Read messages, each for itself, as far as need be.

        None where less than `least` is said at the early exit. Of a long message the rest is read
        only where it `goes_on`.
        """
        return [self._read(number, one, least, goes_on) for number, one in enumerate(messages)]

    def means(self, windows: Sequence[Window], progress: Progress = silent) -> Floats:
        """Give what the early exit weighs of each window, shape (windows, hidden)."""
        rows = []
        for number, window in enumerate(windows):
            progress(number, len(windows), "reading for the early exit")
            asked = inputs(window) | {"least": _LEAVES}
            rows.append(self._session.run(["mean"], asked)[0][0])
        return np.array(rows, np.float32)

    def _read(
        self, number: int, message: Sentences, least: float, goes_on: GoesOn
    ) -> Reading | None:
        first, *rest = self._tokens.windows(message)
        beginning = first.beginning
        answers, said = self._ask(beginning, least if beginning.tells_early else _TO_THE_END)
        if not len(answers):
            return None
        reading = _Open(len(message.items), said if beginning.tells_early else NOT_ASKED)
        reading.take(beginning, answers)
        # A quarter of the time, and most mail need not be read further.
        if beginning is not first:
            if not goes_on(number, reading.closed()):
                return reading.closed()
            reading = _Open(len(message.items), reading.exit)
            reading.take(first, self._ask(first, _TO_THE_END)[0])
        for window in rest:
            if not goes_on(number, reading.closed()):
                break
            reading.take(window, self._ask(window, _TO_THE_END)[0])
        return reading.closed()

    def _ask(self, window: Window, least: float) -> tuple[Floats, float]:
        """Ask the graph about one window: eight at a time take twice as long for each."""
        asked = inputs(window) | {"least": np.array([least], np.float32)}
        answers, said = self._session.run(["answers", "exit"], asked)
        return answers[0], float(said[0])


class _Open:
    """A reading that is being put together from the windows of a message."""

    def __init__(self, sentences: int, said_early: float) -> None:
        self.exit = said_early
        self.kind = 0.0
        self.rows: Floats = np.full((sentences, ANSWERS - 1), -np.inf, np.float32)
        self._seen: NDArray[np.int64] = np.full(sentences, -1)

    def take(self, window: Window, answers: Any) -> None:
        """Of a sentence in two windows, the one that shows more around it is believed."""
        if window.first == 0:
            self.kind = float(answers[0, -1])
        for place, answer in enumerate(answers[BEFORE:]):
            number = window.first + place
            around = min(place, len(window.ends) - 1 - place)
            if around > self._seen[number]:
                self._seen[number] = around
                self.rows[number] = answer[:-1]

    def closed(self) -> Reading:
        return Reading(self.kind, self.rows, self.exit)
