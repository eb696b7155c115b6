"""Networks that are finished, kept in a folder until the others are, too."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import load_file, save_file

from scanner.learning import network
from scanner.learning.network import Network


def save(one: Network, folder: Path, name: str) -> None:
    """Write a network into a folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".saving-", dir=folder) as temporary:
        path = Path(temporary) / name
        save_file(one.state_dict(), path)
        path.replace(_file(folder, name))


def exists(folder: Path, name: str) -> bool:
    """Tell whether `save` wrote it."""
    return _file(folder, name).exists()


def load(folder: Path, name: str) -> Network:
    """Read what `save` wrote."""
    return network.of(load_file(_file(folder, name)))


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"
