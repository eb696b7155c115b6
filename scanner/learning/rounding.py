"""The network in whole numbers: a byte a weight, and multiplied as bytes.

What is multiplied with a matrix is rounded by a scale that is fixed beforehand on sample
messages, so what the encoder says of a message never hangs on what is read beside it. Weights
have seven bits: processors without VNNI add two products in 16 bits, which eight would overflow
on some machines and not on others.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

# How much of the inputs' spread is moved into the matrix; of 0.5, 0.6 and 0.7 the one that
# moves the answers least.
_MOVED = 0.6

TOGETHER = (("query", "key", "value"), ("joined",), ("wide",), ("narrow",))
"""Matrices of a layer that multiply the same input."""


class Smoothed(nn.Module):
    """A matrix that takes over the spread of its inputs; the product stays the same.

    Some columns of a transformer's inputs are many times larger than the others, and one scale
    for all would round the others away (Xiao and others, SmoothQuant, 2023).
    """

    shrink: Tensor

    def __init__(self, linear: nn.Linear, spread: Tensor) -> None:
        super().__init__()
        self.linear = nn.Linear(linear.in_features, linear.out_features)
        self.linear.weight = nn.Parameter(linear.weight.detach() * spread)
        self.linear.bias = linear.bias
        self.register_buffer("shrink", 1 / spread)

    def forward(self, hidden: Tensor) -> Tensor:
        """Multiply; what the input loses the matrix has gained."""
        product: Tensor = self.linear(hidden * self.shrink)
        return product


def smooth(layers: Sequence[nn.Module], reads: Iterator[object]) -> None:
    """Put smoothed matrices into layers; each step of `reads` has them read a sample message."""
    matrices = [getattr(layer, name) for layer in layers for names in TOGETHER for name in names]
    largest = _largest_inputs(matrices, reads)
    for layer in layers:
        for names in TOGETHER:
            linears = [getattr(layer, name) for name in names]
            inputs = torch.stack([largest[linear] for linear in linears]).amax(0)
            spread = _spread(inputs, [linear.weight.detach() for linear in linears])
            for name, linear in zip(names, linears, strict=True):
                setattr(layer, name, Smoothed(linear, spread))


def _largest_inputs(
    matrices: Sequence[nn.Module], reads: Iterator[object]
) -> dict[nn.Module, Tensor]:
    """Give the largest size of each column that a matrix is multiplied with in all `reads`."""
    largest: dict[nn.Module, Tensor] = {}

    def look(matrix: nn.Module, inputs: tuple[Tensor]) -> None:
        most = inputs[0].detach().abs().flatten(0, -2).amax(0)
        largest[matrix] = torch.maximum(largest.get(matrix, most), most)

    hooks = [matrix.register_forward_pre_hook(look) for matrix in matrices]
    for _ in reads:
        pass
    for hook in hooks:
        hook.remove()
    return largest


def _spread(inputs: Tensor, weights: Sequence[Tensor]) -> Tensor:
    columns = torch.stack([weight.abs().amax(0) for weight in weights]).amax(0)
    spread = inputs.clamp(min=1e-4) ** _MOVED / columns.clamp(min=1e-5) ** (1 - _MOVED)
    return spread / spread.median()


def quantise(full: Path, path: Path, samples: Sequence[dict[str, Any]]) -> None:
    """Write a graph in whole numbers; its scales are those of the sample inputs."""
    with tempfile.TemporaryDirectory() as folder, _silent():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(full, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            path,
            _Samples(samples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=_matrices(onnx.load(prepared)),
            extra_options={
                "OpTypesToExcludeOutputQuantization": ["MatMul"],
                "DedicatedQDQPair": True,
            },
        )


def _matrices(model: Any) -> list[str]:
    """Name the products with a constant matrix, but for the last: answers are not rounded."""
    constants = {constant.name for constant in model.graph.initializer}
    named = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in constants
    ]
    return named[:-1]


class _Samples(CalibrationDataReader):  # type: ignore[misc]  # it ships no types
    def __init__(self, samples: Sequence[dict[str, Any]]) -> None:
        self._left = iter(samples)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._left, None)


@contextmanager
def _silent() -> Iterator[None]:
    """Silence a library that logs how it gets on."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
