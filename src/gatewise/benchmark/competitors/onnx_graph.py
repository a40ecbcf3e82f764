"""A layer as an ONNX graph of one node."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from gatewise.benchmark.workload import BenchmarkProblem
from gatewise.cells import GRU, LSTM, RNN
from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout

# The order of the blocks in ONNX, by the names of gatewise.
ORDERS: dict[CellType, tuple[str, ...]] = {
    LSTM: ("i", "o", "f", "g"), GRU: ("z", "r", "n"), RNN: ("h",)
}  # fmt: skip
OPSET = 17


def graph(problem: BenchmarkProblem) -> bytes:
    """The serialized model: the inputs of `feed` to the output [T, 1, B, H] and final states [1, B, H]."""
    onnx = import_module("onnx")
    helper, kinds, cell = onnx.helper, onnx.TensorProto, problem.case.cell
    shape = problem.case.shape
    inputs = [helper.make_tensor_value_info("x", kinds.FLOAT, list(problem.values.shape))]
    if problem.lengths is not None:
        inputs.append(helper.make_tensor_value_info("lengths", kinds.INT32, [shape.batch]))
    initial = [f"initial_{name}" for name in cell.state] if problem.state is not None else []
    state = [1, shape.batch, shape.hidden]
    inputs += [helper.make_tensor_value_info(name, kinds.FLOAT, state) for name in initial]
    weights = [onnx.numpy_helper.from_array(one, name) for name, one in _weights(problem).items()]
    results = ("y", *(f"final_{name}" for name in cell.state))
    options = {"linear_before_reset": 1} if cell is GRU else {}
    node = helper.make_node(
        cell.__name__,
        ["x", "W", "R", "B", "lengths" if problem.lengths is not None else "", *initial],
        list(results),
        hidden_size=shape.hidden,
        **options,
    )
    sizes = [[shape.steps, *state], *(state for _ in cell.state)]
    outputs = [
        helper.make_tensor_value_info(name, kinds.FLOAT, size)
        for name, size in zip(results, sizes, strict=True)
    ]
    model = helper.make_model(
        helper.make_graph([node], cell.__name__, inputs, outputs, weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def feed(problem: BenchmarkProblem) -> dict[str, Any]:
    """The graph's inputs: `x` [T, B, I]; `lengths` [B] and states [1, B, H] if the problem has them."""
    fed: dict[str, Any] = {"x": problem.values.numpy()}
    if problem.lengths is not None:
        fed["lengths"] = problem.lengths.int().numpy()
    for name, one in (problem.state or {}).items():
        fed[f"initial_{name}"] = one[None].numpy()
    return fed


def _weights(problem: BenchmarkProblem) -> dict[str, np.ndarray]:
    """W [1, K * H, I], R [1, K * H, H] and both biases B [1, 2 * K * H], the blocks in ONNX's order."""
    cell, parameters = problem.case.cell, problem.parameters()
    blocks = {one.name: one.blocks for one in layout(cell).parameters}

    def ordered(name: str) -> np.ndarray:
        parts: Sequence[np.ndarray] = np.split(parameters[name].numpy(), len(blocks[name]))
        by_block = dict(zip(blocks[name], parts, strict=True))
        return np.concatenate([by_block[one] for one in ORDERS[cell]])

    return {
        "W": ordered("weight_ih")[None],
        "R": ordered("weight_hh")[None],
        "B": np.concatenate([ordered("bias_ih"), ordered("bias_hh")])[None],
    }
