"""Layers that the standard of ONNX has a node for: LSTM, GRU and RNN."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from gatewise.cells.base import CellType
from gatewise.cells.gru import GRU, ChoGRU
from gatewise.cells.lstm import LSTM
from gatewise.cells.peephole import PeepholeLSTM
from gatewise.cells.rnn import RNN, ReluRNN
from gatewise.cells.serialization import to_data
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PROJECTION
from gatewise.shipping.onnx.builder import Builder
from gatewise.shipping.onnx.recorder import LayerNode

PEEPHOLES = ("i", "o", "f")
WEIGHTS = (("weight_ih",), ("weight_hh",), ("bias_ih", "bias_hh"))  # the inputs W, R and B


@dataclass(frozen=True)
class StandardNode:
    """A recurrent node. blocks: the order of its blocks, by the names of our lines"""

    operator: str
    blocks: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)


STANDARD: dict[CellType, StandardNode] = {
    LSTM: StandardNode("LSTM", ("i", "o", "f", "g")),
    PeepholeLSTM: StandardNode("LSTM", ("i", "o", "f", "g")),
    GRU: StandardNode("GRU", ("z", "r", "n"), {"linear_before_reset": 1}),
    ChoGRU: StandardNode("GRU", ("z", "r", "n"), {"linear_before_reset": 0}),
    RNN: StandardNode("RNN", ("h",), {"activations": ["Tanh"]}),
    ReluRNN: StandardNode("RNN", ("h",), {"activations": ["Relu"]}),
}


def standard_node(layer: LayerNode) -> StandardNode | None:
    """The node of the standard with the equations of a layer; None if there is none."""
    options = layer.options
    plain = options.heads == 1 and not options.zoneout and not options.reset
    biases = {"bias_ih", "bias_hh"} & set(options.parameters)
    if not plain or PROJECTION in options.parameters or len(biases) == 1:
        return None
    return _with_equations(layer.cell)


@cache
def _with_equations(cell: CellType) -> StandardNode | None:
    def equations(one: CellType) -> tuple[Any, ...]:
        data = to_data(one)
        return data["state"], dict(data["lines"])

    return next((node for known, node in STANDARD.items() if equations(known) == equations(cell)), None)


def print_standard(
    layer: LayerNode, node: StandardNode, values: dict[str, Any], builder: Builder
) -> list[Any]:
    """The node and what it reads. Returns: the output [T, B, H] and the final states [B, H]."""
    blocks = {one.name: one.blocks for one in layout(layer.cell).parameters}

    def ordered(name: str, order: tuple[str, ...]) -> Any:
        units, places = layer.options.units, [blocks[name].index(block) for block in order]
        parts = [builder.rows(values[name], place * units, (place + 1) * units) for place in places]
        return builder.node("Concat", *parts, axis=0)

    inputs = [values["inputs"]]
    for names in WEIGHTS:
        parts = [ordered(name, node.blocks) for name in names if name in values]
        whole = builder.node("Concat", *parts, axis=0) if parts else None
        inputs.append(None if whole is None else builder.unsqueezed(whole, 0))
    lengths, zero = values.get("lengths"), builder.whole_numbers(0)
    inputs.append(None if lengths is None else builder.cast(lengths, "int32"))
    inputs += [builder.node("Unsqueeze", values[name], zero) for name in layer.cell.state]
    if "p" in values:
        inputs.append(builder.unsqueezed(ordered("p", PEEPHOLES), 0))
    results = builder.nodes(
        node.operator, *inputs, count=1 + len(layer.cell.state), hidden_size=layer.options.units,
        direction="reverse" if layer.reverse else "forward", **node.attributes,
    )  # fmt: skip
    output = builder.node("Squeeze", results[0], builder.whole_numbers(1))
    final = [builder.node("Squeeze", one, zero) for one in results[1:]]
    return [
        output,
        *(
            _ended(layer, name, one, values, builder)
            for name, one in zip(layer.cell.state, final, strict=True)
        ),
    ]


def _ended(layer: LayerNode, name: str, final: Any, values: dict[str, Any], builder: Builder) -> Any:
    """The final state, of an empty sequence the initial one."""
    if not layer.options.ended:
        return final
    empty = builder.node("Equal", values["lengths"], builder.like(values["lengths"], 0))
    return builder.node("Where", builder.unsqueezed(empty, 1), values[name], final)
