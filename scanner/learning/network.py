"""A network that reads messages, in torch: a small BERT, or MPNet, with one linear layer on top.

Only rebuilding the encoder needs torch; `encoder` runs what is exported by `exporting`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanner.learning.readings import ANSWERS

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


# Added to the attention scores of padding, before the softmax.
_NOT_THERE = -1e4

# Larger distances are not told apart.
_FARTHEST = 128


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

    An answer is made of the last layer's state at its place, and of the mean of the states from the
    place asked for before it to its own: at a sentence's separator, that of the sentence.
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
