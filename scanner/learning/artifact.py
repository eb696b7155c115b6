"""The model on disk: a versioned folder that is checked before it is believed.

A folder holds `model.json` (what the model is, with a hash over itself and one of every
other file), `heads.npz` (the heads as plain arrays), `heads.skops` (the scikit-learn
estimators they were exported from, for who wants to look into them; a model that took over
another's `kind` has none), `encoder.onnx` and `tokenizer.json` (the encoder),
`readings.npz` (what it said of the corpus, for refitting the heads) and `README.md` (the
model card). Nothing is ever unpickled, and the verdict needs neither scikit-learn nor torch.
`shelf` says which of the versioned folders is in use.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import scanner
from scanner.core import segment
from scanner.core.classify import (
    CATEGORIES,
    PRESETS,
    Predictions,
    SentencePrediction,
    Thresholds,
)
from scanner.core.draft import Draft, Sentences
from scanner.errors import ModelError
from scanner.learning import features, heads, readings, words
from scanner.learning.gate import COLUMNS, Gate, glimpse
from scanner.learning.heads import Heads
from scanner.learning.readings import GRAPH, VOCABULARY, GoesOn, Known, Reading, always
from scanner.learning.shelf import ADVICE
from scanner.learning.words import Bag

if TYPE_CHECKING:  # loaded where needed: most mail needs neither
    from scanner.learning.encoder import Encoder
    from scanner.learning.estimators import FittedHeads

FORMAT = 11
"""Counts up whenever the folder's layout changes."""

_METADATA, _HEADS, _ESTIMATORS, _CARD = "model.json", "heads.npz", "heads.skops", "README.md"
_ROW = re.compile(r"\[\n([-+\d.eE,\s]+)\]")  # of numbers, which are easier to read on one line
_ENCODER = (GRAPH, VOCABULARY, readings.NAME)


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
        for name in _ENCODER:
            self._check(name)
            shutil.copyfile(self.folder / name, folder / name)

    def _check(self, name: str) -> None:
        if self._hashes is not None:
            _check(self.folder, name, self._hashes[name])

    def read(self, messages: Sequence[Sentences], goes_on: GoesOn = always) -> list[Reading]:
        """Read messages as `Encoder.read` does.

        Raises `ModelError` where the encoder is not as it was made.
        """
        return self._load().read(messages, goes_on) if messages else []


@dataclass(frozen=True, slots=True)
class Model:
    """A trained classifier with the thresholds it was chosen with.

    `gate` says which messages are read at all. `metadata` is what `model.json` says beside
    them: corpus hash, seed, scores and so on. `estimators` are there only right after training.
    """

    version: str
    heads: Heads
    gate: Gate
    thresholds: Mapping[str, Thresholds]
    encoder: OnDemand
    metadata: Mapping[str, Any] = field(default_factory=dict)
    estimators: FittedHeads | None = None

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        """Predict for each message, in order.

        A message that is turned away at the gate is no note (0.0). The sentences of what no
        preset takes for a note are not looked at: 0.0 as well.
        """
        said = [_unread(message) for message in messages]
        looks = self._worth_reading(messages)

        def goes_on(number: int, beginning: Reading) -> bool:
            return self._may_be_a_note(looks[number], beginning)

        read = self.encoder.read([look.message for look in looks], goes_on)
        for look, reading in zip(looks, read, strict=True):
            said[look.number] = self._said(look, reading)
        return said

    def reads(self, messages: Sequence[Sentences]) -> list[bool]:
        """Tell of each message whether it passes the gate."""
        passed = {look.number for look in self._worth_reading(messages)}
        return [number in passed for number in range(len(messages))]

    def may_be_notes(self, drafts: Sequence[Draft]) -> list[bool]:
        """Tell the same of drafts; most need not be cut into sentences for it."""
        passed = np.zeros(len(drafts), bool)
        odds = self.heads.first.odds([whole_text(draft) for draft in drafts])
        left = np.flatnonzero(np.array(odds) >= self.gate.first)
        bags = [words.bag(segment.words(drafts[number])) for number in left.tolist()]
        left = left[self.heads.closer_odds(bags) >= self.gate.closer]
        passed[left] = self.reads([segment.segment(drafts[number]) for number in left.tolist()])
        return passed.tolist()

    def _worth_reading(self, messages: Sequence[Sentences]) -> list[_Look]:
        """Give the messages that pass the gate, with what was found out on the way."""
        first = self.heads.first.odds([whole_text(message) for message in messages])
        looks = [
            look
            for number, odds in enumerate(first)
            if odds >= self.gate.first and (look := self._closer(number, messages[number], odds))
        ]
        seen = np.array([look.glimpse for look in looks], np.float32).reshape(-1, COLUMNS)
        passed = self.gate.passes(seen).tolist()
        return [look for look, passes in zip(looks, passed, strict=True) if passes]

    def _closer(self, number: int, message: Sentences, first: float) -> _Look | None:
        """Look closer at a message, and at its sentences if it still may be a note."""
        bag = words.bag(message_text(message))
        closer = float(self.heads.closer_odds([bag])[0])
        if closer < self.gate.closer:
            return None
        note = float(self.heads.note_odds([bag])[0])
        sentences = [words.bag(sentence.text) for sentence in message.items]
        seen = glimpse(first, note, self.heads.hints(sentences), closer)
        return _Look(number, message, bag, note, sentences, seen)

    def _may_be_a_note(self, look: _Look, beginning: Reading) -> bool:
        """Tell by the beginning of a message whether it can still be a note, whatever follows."""
        return max(self._kind(look, beginning), self._kind(look, beginning.surest)) >= self._least

    def _kind(self, look: _Look, reading: Reading) -> float:
        note = np.array([look.note], np.float32)
        return float(self.heads.kind_probability([look.words], [reading], note)[0])

    @property
    def _least(self) -> float:
        """What every preset asks of a note at least."""
        return min(at.kind for at in self.thresholds.values())

    def _said(self, look: _Look, reading: Reading) -> Predictions:
        kind = self._kind(look, reading)
        if kind < self._least:
            return _unread(look.message, kind)
        chances, categories = self.heads.sentences(look.message, look.sentences, reading)
        sentences = [
            SentencePrediction(chance, CATEGORIES[category])
            for chance, category in zip(chances.tolist(), categories, strict=True)
        ]
        folded = self.heads.folded_probability(look.message, look.words, reading)
        return Predictions(kind, tuple(sentences), folded)


class _Look(NamedTuple):
    """A message in a batch: its words, and the odds of a note by them; its sentences' words."""

    number: int
    message: Sentences
    words: Bag
    note: float
    sentences: list[Bag]
    glimpse: list[float]


def message_text(message: Sentences) -> str:
    """Give the words that tell what a message is: its subject and sentences.

    Salutation and closing are no sentences: how somebody greets does not say why he writes.
    """
    return " ".join([message.subject, *(sentence.text for sentence in message.items)])


def whole_text(message: Draft | Sentences) -> str:
    """Give the words of the gate's first look: all that was written, for nothing is cut yet."""
    return f"{message.subject} {message.text}"


def require_place(home: Path) -> None:
    """Raise `ModelError` where no model could be written into a folder; it is not made yet."""
    places = (home, *home.absolute().parents)
    nearest = next(path for path in places if os.path.exists(path))  # noqa: PTH110 - never raises
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        raise ModelError(
            f"{home} cannot be written (nothing can be put into {nearest}); choose another folder"
        )


def save(model: Model, folder: Path, card: str = "") -> None:
    """Write a model folder, all or nothing; `card` is its README, the model card.

    Raises `ModelError` where the folder exists already or cannot be written.
    """
    if folder.exists():
        raise ModelError(f"{folder} exists already; choose another version name")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder.parent) as temporary:
            made = Path(temporary) / folder.name
            made.mkdir()
            _write(model, made, card)
            made.replace(folder)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written ({error.strerror}); free space or choose another folder"
        ) from None


def load(folder: Path) -> Model:
    """Read a model folder after checking every part of it; the encoder when it is needed.

    Raises `ModelError` where anything is missing, was changed, or was made by a version of
    unflub whose models this one cannot read.
    """
    record = describe(folder)
    hashes = _hashes(folder, record)
    for name in (_HEADS, _CARD):
        _check(folder, name, hashes[name])
    for name in _ENCODER:
        if not (folder / name).is_file():
            raise ModelError(f"{folder / name} is missing or cannot be read; {ADVICE}")
    try:
        thresholds = {name: Thresholds(**record["thresholds"][name]) for name in PRESETS}
        return Model(
            record["version"],
            _heads(folder),
            Gate(**record["gate"]),
            thresholds,
            OnDemand(folder, hashes),
            record,
        )
    except (KeyError, TypeError, AttributeError):
        raise ModelError(f"{folder} lacks parts of a model; {ADVICE}") from None


def _write(model: Model, folder: Path, card: str) -> None:
    np.savez_compressed(folder / _HEADS, allow_pickle=False, **heads.as_arrays(model.heads))
    if model.estimators:
        model.estimators.dump(folder / _ESTIMATORS)
    model.encoder.copy(folder)
    (folder / _CARD).write_text(card or f"# unflub model {model.version}\n", "utf-8")
    record = _described(model)
    files = sorted(path.name for path in folder.iterdir())
    record["files"] = {name: sha256((folder / name).read_bytes()) for name in files}
    write_metadata(folder, record)


def write_metadata(folder: Path, record: Mapping[str, Any]) -> None:
    """Write `model.json`, with its hash."""
    sealed = {**record, "sha256": own_hash(record)}
    text = json.dumps(sealed, indent=2, ensure_ascii=False, sort_keys=True)
    text = _ROW.sub(lambda row: f"[{' '.join(row[1].split())}]", text)
    (folder / _METADATA).write_text(text + "\n", "utf-8")


def _described(model: Model) -> dict[str, Any]:
    from importlib.metadata import version

    return dict(model.metadata) | {
        "format": FORMAT,
        "features": features.VERSION,
        "version": model.version,
        "libraries": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("scikit-learn", "skops", "numpy", "onnxruntime")},
        },
        "unflub": scanner.__version__,
        "gate": asdict(model.gate),
        "thresholds": {name: asdict(at) for name, at in model.thresholds.items()},
    }


def describe(folder: Path) -> dict[str, Any]:
    """Give what `model.json` says of a model, without loading it. Raises `ModelError`."""
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder}; {ADVICE}")
    try:
        record = json.loads(_bytes(folder, _METADATA))
    except ValueError:
        raise ModelError(f"{folder / _METADATA} is not JSON; {ADVICE}") from None
    if not isinstance(record, dict) or record.get("sha256") != own_hash(record):
        raise ModelError(f"{folder / _METADATA} was changed after training; {ADVICE}")
    if (record.get("format"), record.get("features")) != (FORMAT, features.VERSION):
        raise ModelError(f"{folder} was made by another version of unflub; {ADVICE}")
    return record


def _hashes(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    hashes: dict[str, str] = record.get("files", {})
    for name in (_HEADS, _CARD, *_ENCODER):
        if name not in hashes:
            raise ModelError(f"{folder / _METADATA} names no {name}; {ADVICE}")
    return hashes


def _check(folder: Path, name: str, expected: str) -> None:
    if sha256(_bytes(folder, name)) != expected:
        raise ModelError(f"{folder / name} was changed after training; {ADVICE}")


def _bytes(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise ModelError(f"{folder / name} is missing or cannot be read; {ADVICE}") from None


def _heads(folder: Path) -> Heads:
    try:
        with np.load(folder / _HEADS, allow_pickle=False) as arrays:
            return heads.from_arrays(arrays)
    except (OSError, ValueError, EOFError):
        raise ModelError(f"{folder / _HEADS} cannot be read; {ADVICE}") from None


def sha256(content: bytes) -> str:
    """Hash a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def own_hash(record: Mapping[str, Any]) -> str:
    """Hash all that `model.json` says but this hash itself."""
    said = {name: value for name, value in record.items() if name != "sha256"}
    return sha256(json.dumps(said, sort_keys=True).encode())


def _unread(message: Sentences, kind: float = 0.0) -> Predictions:
    return Predictions(kind, (SentencePrediction(0.0, CATEGORIES[0]),) * len(message.items))
