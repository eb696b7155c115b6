"""An exported network in torch again, to learn further: `exporting` and `rounding` undone.

So nothing need be kept but the model folder. Its weights stay as they were rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

from scanner.learning import nesting, network
from scanner.learning.network import POSITIONS, Network
from scanner.learning.rounding import TOGETHER

_OF_A_LAYER = re.compile(r"/network/(layers\.\d+)/(\w+)/linear/MatMul")
_OF_THE_ANSWERS = "/network/answers/MatMul"
_SHARED = {name: names[0] for names in TOGETHER for name in names}
"""The matrix whose `shrink` stands in the graph, for those that multiply the same input."""


def restored(graph: Path) -> Network:
    """Give the network that a graph was exported from, but for what rounding took."""
    model = onnx.load(graph)
    levels = [*nesting.levels(model.graph)]
    constants = {one.name: _tensor(one) for level in levels for one in level.initializer}
    its = {name.removeprefix("network."): one for name, one in constants.items()}
    beyond = POSITIONS - len(its["places.weight"])  # no message is so long
    state = {
        "words.weight": its["words.steps"].float() * its["words.scale"],
        "places.weight": functional.pad(its["places.weight"], (0, 0, 0, beyond)),
    }
    state |= {
        name.replace(".linear.", "."): one
        for name, one in its.items()
        if name.endswith(("norm.weight", "norm.bias", ".bias"))
    }
    nodes = [node for level in levels for node in level.node]
    return network.of(state | dict(_matrices(nodes, constants, its))).eval()


def _matrices(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Tensor], its: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Give the matrices by their names; torch keeps them transposed."""
    made_by = {output: node for node in nodes for output in node.output}
    for node in nodes:
        if node.name == _OF_THE_ANSWERS:
            yield "answers.weight", constants[node.input[1]].T.contiguous()
        elif found := _OF_A_LAYER.fullmatch(node.name):
            layer, name = found.groups()
            steps, scale, zero = (constants[one] for one in made_by[node.input[1]].input)
            matrix = (steps.float() - zero.float()) * scale  # a scale for each column
            shrink = its[f"{layer}.{_SHARED[name]}.shrink"]
            yield f"{layer}.{name}.weight", (shrink[:, None] * matrix).T.contiguous()


def _tensor(constant: onnx.TensorProto) -> Tensor:
    return torch.from_numpy(numpy_helper.to_array(constant).copy())
