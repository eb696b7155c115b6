"""The model on disk: a versioned folder that is checked before it is believed.

A folder holds `model.json` (what the model is, with a hash over itself and one of every
other file), `heads.npz` (the heads as plain arrays), `heads.skops` (the scikit-learn
estimators they were exported from, for anyone who wants to look into them; a model that was moved
by its owner's notes has none), `encoder.onnx` and `tokenizer.json` (the encoder),
`readings.npz` (what it said of the corpus, for refitting the heads) and `README.md` (the
model card). Nothing is ever unpickled, and the verdict needs neither scikit-learn nor torch.
`shelf` says which of the versioned folders is in use.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import scanner
from scanner.core.classify import PRESETS, Thresholds
from scanner.errors import ModelError
from scanner.learning import features, heads
from scanner.learning.gate import Gate
from scanner.learning.heads import Heads
from scanner.learning.model import Model
from scanner.learning.on_demand import ENCODER, OnDemand, check, content, sha256
from scanner.learning.shelf import ADVICE

FORMAT = 13
"""Counts up whenever the folder's layout changes."""

_METADATA, _HEADS, _ESTIMATORS, _CARD = "model.json", "heads.npz", "heads.skops", "README.md"
_ROW = re.compile(r"\[\n([-+\d.eE,\s]+)\]")  # of numbers, which are easier to read on one line


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
        check(folder, name, hashes[name])
    for name in ENCODER:
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
        record = json.loads(content(folder, _METADATA))
    except ValueError:
        raise ModelError(f"{folder / _METADATA} is not JSON; {ADVICE}") from None
    if not isinstance(record, dict) or record.get("sha256") != own_hash(record):
        raise ModelError(f"{folder / _METADATA} was changed after training; {ADVICE}")
    if (record.get("format"), record.get("features")) != (FORMAT, features.VERSION):
        raise ModelError(f"{folder} was made by another version of unflub; {ADVICE}")
    return record


def _hashes(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    hashes: dict[str, str] = record.get("files", {})
    for name in (_HEADS, _CARD, *ENCODER):
        if name not in hashes:
            raise ModelError(f"{folder / _METADATA} names no {name}; {ADVICE}")
    return hashes


def _heads(folder: Path) -> Heads:
    try:
        with np.load(folder / _HEADS, allow_pickle=False) as arrays:
            return heads.from_arrays(arrays)
    except (OSError, ValueError, EOFError):
        raise ModelError(f"{folder / _HEADS} cannot be read; {ADVICE}") from None


def own_hash(record: Mapping[str, Any]) -> str:
    """Hash all that `model.json` says but this hash itself."""
    said = {name: value for name, value in record.items() if name != "sha256"}
    return sha256(json.dumps(said, sort_keys=True).encode())
