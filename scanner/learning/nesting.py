"""A graph with an early exit: its later layers are run only where an earlier one asks for it.

Most mail that passes the gate is told from the notes by the first layers (Xin and others, DeeBERT:
Dynamic early exiting for accelerating BERT inference, 2020).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import GraphProto, TensorProto, ValueInfoProto, helper, numpy_helper

from scanner.learning.readings import ANSWERS
from scanner.learning.words import Floats

_BEFORE = 3
"""So many layers come before the exit: after two, one note of the corpus could not be told."""

_STATE = f"/network/layers.{_BEFORE - 1}/second_norm/LayerNormalization_output_0"
_AS_WIDE = "network.norm.weight"  # has a number for each column of a layer's state
_SURE = 1000.0

_WEIGHTS, _ADDED = "exit_weights", "exit_added"


class Weights(NamedTuple):
    """How the exit weighs the mean of the pieces, and what it adds."""

    mean: Floats
    added: float


def untaught(hidden: int) -> Weights:
    """Give the weights of an exit that has learnt nothing: everything is read to its end."""
    return Weights(np.zeros(hidden, np.float32), _SURE)


def nest(graph: Path) -> None:
    """Give an exported graph an exit that is `untaught`.

    It is asked for `least` (1) beside its other inputs, and gives `exit` (1), the log-odds there,
    and `mean` (1, hidden), the mean of the pieces that these are made of. Where `exit` is less than
    `least`, `answers` has no row.
    """
    model = onnx.load(graph)
    model.graph.CopyFrom(_nested(model.graph))
    onnx.checker.check_model(model)
    onnx.save(model, graph)


def teach(graph: Path, weights: Weights) -> None:
    """Put the weights that an exit has learnt into its graph."""
    model = onnx.load(graph)
    learnt = {one.name: one for one in _constants(weights)}
    for constant in model.graph.initializer:
        if constant.name in learnt:
            constant.CopyFrom(learnt[constant.name])
    onnx.save(model, graph)


def levels(graph: GraphProto) -> Iterator[GraphProto]:
    """Give a graph, and those that are nested in it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from levels(attribute.g)


def _nested(plain: GraphProto) -> GraphProto:
    needed = _needed(plain, _STATE)
    first = [node for node in plain.node if node.output[0] in needed]
    rest = [node for node in plain.node if node.output[0] not in needed]
    used = {name for node in first for name in node.input}
    outer = [one for one in plain.initializer if one.name in used]
    inner = [one for one in plain.initializer if one.name not in used]
    hidden = next(one.dims[0] for one in plain.initializer if one.name == _AS_WIDE)
    last = next(node for node in rest if "answers" in node.output)
    last.output[:] = ["all_answers"]
    branches = {
        "then_branch": helper.make_graph(rest, "the_rest", [], [_info("all_answers")], inner),
        "else_branch": _no_answers(),
    }
    node = helper.make_node
    nodes = [
        *first,
        node("ReduceMean", [_STATE], ["mean"], axes=[1], keepdims=0),
        node("Gemm", ["mean", _WEIGHTS, _ADDED], ["exit_odds"]),
        node("Squeeze", ["exit_odds", "exit_column"], ["exit"]),
        node("GreaterOrEqual", ["exit", "least"], ["goes_on"]),
        node("If", ["goes_on"], ["answers"], **branches),
    ]
    outputs = [_info("answers", 1, "told", ANSWERS), _info("exit", 1), _info("mean", 1, hidden)]
    inputs = [*plain.input, _info("least", 1)]
    constants = [*outer, *_constants(untaught(hidden))]
    return helper.make_graph(nodes, plain.name, inputs, outputs, constants)


def _needed(graph: GraphProto, wanted: str) -> set[str]:
    """Name all that has to be computed for what is wanted, and that itself."""
    made_by = {output: node for node in graph.node for output in node.output}
    needed, left = set[str](), [wanted]
    while left:
        name = left.pop()
        if name in made_by and name not in needed:
            needed.add(name)
            left += made_by[name].input
    return needed


def _no_answers() -> GraphProto:
    nothing = numpy_helper.from_array(np.zeros((1, 0, ANSWERS), np.float32))
    node = helper.make_node("Constant", [], ["no_answers"], value=nothing)
    return helper.make_graph([node], "nothing", [], [_info("no_answers")])


def _constants(weights: Weights) -> list[TensorProto]:
    return [
        numpy_helper.from_array(weights.mean[:, None].astype(np.float32), _WEIGHTS),
        numpy_helper.from_array(np.array([weights.added], np.float32), _ADDED),
        numpy_helper.from_array(np.array([1]), "exit_column"),
    ]


def _info(name: str, *shape: int | str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape or None)
