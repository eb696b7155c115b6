"""The model on disk: a versioned folder that is checked before it is believed.

A folder holds `model.json` (what the model is, with a hash over itself and one of every
other file), `weights.skops` (stock scikit-learn estimators; never unpickled) and `README.md`
(the model card). Beside the versioned folders lies `current`, which names one of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import skops.io
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import scanner
from scanner.core.classify import CATEGORIES, Predictions, SentencePrediction, Thresholds
from scanner.core.segment import Sentences
from scanner.errors import ModelError
from scanner.learning import features
from scanner.learning.features import Counts, Floats, Matrix, Weighting

PRESETS = ("cautious", "balanced", "strict")
"""The presets every model has thresholds for."""

FORMAT = 1
"""Counts up whenever the folder's layout changes."""

_METADATA, _WEIGHTS, _CARD, _POINTER = "model.json", "weights.skops", "README.md", "current"
_ADVICE = "install unflub anew, or train a model with `unflub train`"


@dataclass(frozen=True, slots=True)
class KindEstimator:
    """Tells whether a message is a post-interview note."""

    words: Weighting
    classifier: LogisticRegression

    def probability(self, counts: Matrix) -> Floats:
        """Give each message's probability to be a note."""
        return probability(self.classifier, self.words.transform(counts))


@dataclass(frozen=True, slots=True)
class SentenceEstimator:
    """Reads sentences with their neighbours; `classifier` gives odds, or a category."""

    words: Weighting
    characters: Weighting
    classifier: LogisticRegression | LinearSVC

    def matrix(self, counts: Counts) -> Matrix:
        """Weigh the sentences' features as this estimator learnt them."""
        return features.sentence_matrix(counts, self.words, self.characters)

    def odds(self, counts: Counts) -> Floats:
        """Give each sentence's log-odds by a first reading."""
        return odds(self.classifier, self.matrix(counts))


@dataclass(frozen=True, slots=True)
class Estimators:
    """The three questions: `kind`, `flub` (read twice) and `category`."""

    kind: KindEstimator
    flub: SentenceEstimator
    second: LogisticRegression
    category: SentenceEstimator

    def flub_probability(self, counts: Counts) -> Floats:
        """Give each sentence's probability to be a flub, were its message a note."""
        return probability(self.second, features.second_look(self.flub.odds(counts), counts.rows))

    def categories(self, counts: Counts) -> list[str]:
        """Give the category each sentence would be."""
        if not counts.rows.texts:
            return []
        names: list[str] = self.category.classifier.predict(self.category.matrix(counts)).tolist()
        return names


@dataclass(frozen=True, slots=True)
class Model:
    """A trained classifier with the thresholds it was chosen with.

    `metadata` is what `model.json` says beside them: corpus hash, seed, scores and so on.
    """

    version: str
    estimators: Estimators
    thresholds: Mapping[str, Thresholds]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def predict(self, messages: Sequence[Sentences]) -> list[Predictions]:
        """Predict for each message, in order.

        Sentences of a message that no preset takes for a note are not looked at: 0.0.
        """
        if not messages:
            return []
        kinds = self.estimators.kind.probability(features.kind_counts(messages))
        floor = min(thresholds.kind for thresholds in self.thresholds.values())
        read = self._sentences([m for m, k in zip(messages, kinds, strict=True) if k >= floor])
        return [
            Predictions(float(kind), next(read) if kind >= floor else _unread(message))
            for message, kind in zip(messages, kinds, strict=True)
        ]

    def _sentences(self, messages: Sequence[Sentences]) -> Iterator[tuple[SentencePrediction, ...]]:
        counts = features.count(messages)
        chances = self.estimators.flub_probability(counts).tolist()
        found = map(SentencePrediction, chances, self.estimators.categories(counts))
        for message in messages:
            yield tuple(islice(found, len(message.items)))


def shipped() -> Path:
    """Give the folder of the model that comes with unflub, in a checkout or installed.

    Raises `ModelError` where there is none.
    """
    package = Path(__file__).resolve().parent.parent
    for models in (package.parent / "models", package / "models"):
        if (models / _POINTER).is_file():
            return current(models)
    raise ModelError("no model comes with this copy of unflub; install it anew")


def own() -> Path:
    """Give the folder that holds the user's own models; it need not exist."""
    return platformdirs.user_data_path("unflub") / "models"


def installed(explicit: Path | None = None) -> Path:
    """Choose the model folder: the explicit one, else the user's own, else the shipped one."""
    if explicit is not None:
        return explicit
    return current(own()) if (own() / _POINTER).is_file() else shipped()


def current(models: Path) -> Path:
    """Find the model folder that `models/current` names.

    Raises `ModelError` where the pointer is no plain name of a folder beside it.
    """
    try:
        name = (models / _POINTER).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"{models / _POINTER} cannot be read; {_ADVICE}") from None
    if not name or Path(name).name != name or not (models / name).is_dir():
        raise ModelError(f"{models / _POINTER} names no model folder beside it; {_ADVICE}")
    return models / name


def make_current(folder: Path) -> None:
    """Have `installed` choose this folder from now on, in one step."""
    temporary = folder.parent / f".{_POINTER}.{os.getpid()}"
    temporary.write_text(f"{folder.name}\n", "utf-8")
    temporary.replace(folder.parent / _POINTER)


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
    """Read a model folder after checking every part of it.

    Raises `ModelError` where anything is missing, was changed, or was made by a version of
    unflub or scikit-learn whose models this one cannot read.
    """
    record = _record(folder)
    _check_versions(folder, record)
    for name, expected in record["files"].items():
        if sha256(_bytes(folder, name)) != expected:
            raise ModelError(f"{folder / name} was changed after training; {_ADVICE}")
    try:
        thresholds = {name: Thresholds(**record["thresholds"][name]) for name in PRESETS}
        return Model(record["version"], _weights(folder), thresholds, record)
    except (KeyError, TypeError, AttributeError):
        raise ModelError(f"{folder} lacks parts of a model; {_ADVICE}") from None


def _write(model: Model, folder: Path, card: str) -> None:
    skops.io.dump(
        _parts(model.estimators),
        folder / _WEIGHTS,
        compression=zipfile.ZIP_DEFLATED,
        compresslevel=9,
    )
    (folder / _CARD).write_text(card or f"# unflub model {model.version}\n", "utf-8")
    record = _described(model)
    record["files"] = {name: sha256((folder / name).read_bytes()) for name in (_WEIGHTS, _CARD)}
    record["sha256"] = own_hash(record)
    text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / _METADATA).write_text(text + "\n", "utf-8")


def _described(model: Model) -> dict[str, Any]:
    return dict(model.metadata) | {
        "format": FORMAT,
        "features": features.VERSION,
        "version": model.version,
        "libraries": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("scikit-learn", "skops", "numpy")},
        },
        "unflub": scanner.__version__,
        "thresholds": {
            name: {"kind": pair.kind, "flub": pair.flub} for name, pair in model.thresholds.items()
        },
    }


def _record(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {folder}; {_ADVICE}")
    try:
        record = json.loads(_bytes(folder, _METADATA))
    except ValueError:
        raise ModelError(f"{folder / _METADATA} is not JSON; {_ADVICE}") from None
    if not isinstance(record, dict) or record.get("sha256") != own_hash(record):
        raise ModelError(f"{folder / _METADATA} was changed after training; {_ADVICE}")
    return record


def _check_versions(folder: Path, record: Mapping[str, Any]) -> None:
    if (record.get("format"), record.get("features")) != (FORMAT, features.VERSION):
        raise ModelError(f"{folder} was made by another version of unflub; {_ADVICE}")
    trained = record.get("libraries", {}).get("scikit-learn", "none")
    if trained.split(".")[:2] != version("scikit-learn").split(".")[:2]:
        raise ModelError(
            f"{folder} was made with scikit-learn {trained}, here is {version('scikit-learn')}; "
            f"{_ADVICE}"
        )
    if _WEIGHTS not in record.get("files", {}):
        raise ModelError(f"{folder / _METADATA} names no weights; {_ADVICE}")


def _bytes(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError:
        raise ModelError(f"{folder / name} is missing or cannot be read; {_ADVICE}") from None


def _weights(folder: Path) -> Estimators:
    path = folder / _WEIGHTS
    try:
        strange = skops.io.get_untrusted_types(file=path)
        parts = None if strange else skops.io.load(path, trusted=[])
    except Exception:  # noqa: BLE001 - a hostile archive may make skops raise anything
        raise ModelError(f"{path} cannot be read; {_ADVICE}") from None
    if parts is None:
        raise ModelError(f"{path} holds types that no model of unflub has; {_ADVICE}")
    return _assembled(parts)


def _parts(estimators: Estimators) -> dict[str, Any]:
    """Take estimators apart into stock objects, which skops loads without trusting a type."""
    return {
        "kind": _pair(estimators.kind.words) | {"classifier": estimators.kind.classifier},
        "flub": _sentence_parts(estimators.flub),
        "second": estimators.second,
        "category": _sentence_parts(estimators.category),
    }


def _sentence_parts(estimator: SentenceEstimator) -> dict[str, Any]:
    return {
        "words": _pair(estimator.words),
        "characters": _pair(estimator.characters),
        "classifier": estimator.classifier,
    }


def _pair(weighting: Weighting) -> dict[str, Any]:
    return {"columns": weighting.columns.astype(np.int32), "tfidf": weighting.tfidf}


def _assembled(parts: Mapping[str, Any]) -> Estimators:
    return Estimators(
        KindEstimator(_weighting(parts["kind"]), parts["kind"]["classifier"]),
        _sentence_estimator(parts["flub"]),
        parts["second"],
        _sentence_estimator(parts["category"]),
    )


def _sentence_estimator(parts: Mapping[str, Any]) -> SentenceEstimator:
    return SentenceEstimator(
        _weighting(parts["words"]), _weighting(parts["characters"]), parts["classifier"]
    )


def _weighting(parts: Mapping[str, Any]) -> Weighting:
    return Weighting(parts["columns"].astype(np.int64), parts["tfidf"])


def sha256(content: bytes) -> str:
    """Hash a file's content, in hex."""
    return hashlib.sha256(content).hexdigest()


def own_hash(record: Mapping[str, Any]) -> str:
    """Hash all that `model.json` says but this hash itself."""
    said = {name: value for name, value in record.items() if name != "sha256"}
    return sha256(json.dumps(said, sort_keys=True).encode())


def odds(classifier: LogisticRegression, matrix: Any) -> Floats:
    """Give each row's log-odds, as `decision_function` does, without its checks."""
    result: Floats = matrix @ classifier.coef_.ravel() + classifier.intercept_[0]
    return result.astype(np.float32)


def probability(classifier: LogisticRegression, matrix: Any) -> Floats:
    """Give each row's probability of the second class."""
    result: Floats = expit(odds(classifier, matrix))
    return result


def _unread(message: Sentences) -> tuple[SentencePrediction, ...]:
    return (SentencePrediction(0.0, CATEGORIES[0]),) * len(message.items)
