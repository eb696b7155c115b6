"""A network as ONNX, a byte a weight: what `encoder` runs without torch."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from scanner.learning import nesting, rounding
from scanner.learning.network import Network
from scanner.learning.windows import LENGTH, Window, inputs


def export(network: Network, path: Path, samples: Sequence[Window]) -> None:
    """Write the network as ONNX, a byte a weight; `samples` are windows to tune it by.

    Its early exit is taught nothing yet.

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
    nesting.nest(path)


def _embedding(network: Network) -> nn.Embedding:
    assert isinstance(network.words, nn.Embedding)  # noqa: S101 - exported once, from training
    return network.words


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
