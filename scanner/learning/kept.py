"""Networks that are kept, so that more notes cost half an hour, and not three times that.

A folder holds a network for each part of the writers, fine-tuned without it, and says who is in
which: so a writer stays unseen by the network that reads him, however often it learns further.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from scanner.core.draft import Sentences
from scanner.errors import ConfigurationError, ModelError
from scanner.learning import network
from scanner.learning.folds import folds
from scanner.learning.ingredients import identified
from scanner.learning.network import Network

_PARTS = "parts.json"
UNFINISHED = "unfinished"
"""The folder, within that of the networks, of those that wait for the others to be ready."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For each part a network that has not seen it, and the part of each writer."""

    networks: Sequence[Network]
    parts: Mapping[str, int]


def save(kept: Kept, folder: Path, background: Sequence[Sentences]) -> None:
    """Write the networks, and beside them a hash of the background, in its order.

    Those that waited are taken away.
    """
    for number, one in enumerate(kept.networks):
        save_one(one, folder, str(number))
    known = {"parts": kept.parts, "background": identified(background)}
    (folder / _PARTS).write_text(json.dumps(known, indent=1), "utf-8")
    rmtree(folder / UNFINISHED, ignore_errors=True)


def save_one(one: Network, folder: Path, name: str) -> None:
    """Write a network into a folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".saving-", dir=folder) as temporary:
        path = Path(temporary) / name
        save_file(one.state_dict(), path)
        path.replace(_file(folder, name))


def is_kept(folder: Path, name: str) -> bool:
    """Tell whether `save_one` wrote it."""
    return _file(folder, name).exists()


def load_one(folder: Path, name: str) -> Network:
    """Read what `save_one` wrote."""
    return network.of(load_file(_file(folder, name)))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def load(folder: Path, background: Sequence[Sentences]) -> Kept:
    """Read what `save` wrote; no networks where there are none yet.

    Raises `ModelError` where it cannot be read, and `ConfigurationError` where there was another
    background, or the same in another order: its messages are dealt by their place, and some would
    not be unseen.
    """
    if not (folder / _PARTS).exists():
        return Kept((), {})
    try:
        known = json.loads((folder / _PARTS).read_text("utf-8"))
        parts: dict[str, int] = known["parts"]
        networks = [load_one(folder, str(number)) for number in range(max(parts.values()) + 1)]
    except Exception:  # noqa: BLE001 - the libraries raise whatever they like
        raise ModelError(f"{folder} holds no networks to go on from; name an empty one") from None
    if known["background"] != identified(background):
        raise ConfigurationError(
            f"the networks in {folder} know other background mail, or the same in another order; "
            "name it as it was then, or an empty folder"
        )
    return Kept(networks, parts)


def dealt(writers: NDArray[np.str_], parts: Mapping[str, int], count: int) -> NDArray[np.int64]:
    """Give each message's part: that of its writer, and the new writers are dealt to all."""
    given = np.array([parts.get(writer, -1) for writer in writers.tolist()])
    new = given < 0
    for number, marks in enumerate(folds(writers[new], count) if new.any() else ()):
        given[np.flatnonzero(new)[marks]] = number
    return given
