"""Layers of any cell: a Scan whose body is printed from the equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from gatewise.compiler.onnx_step import ELAPSED, INPUT, INSIDE, RESETS, Node, StepGraph, previous, step_graph
from gatewise.shipping.onnx.builder import Builder
from gatewise.shipping.onnx.recorder import LayerNode


def print_scan(layer: LayerNode, values: dict[str, Any], builder: Builder) -> list[Any]:
    """The nodes of a layer. Returns: the output [T, B, H] and the final states."""
    graph, cell = step_graph(layer.cell, layer.options), layer.cell
    known = {**values, INPUT: _ordered(layer, values["inputs"], values, builder)}
    if layer.options.ended:
        known[INSIDE] = _inside(known[INPUT], values["lengths"], builder)
    if layer.options.reset:  # in the order in which steps run
        known[RESETS] = builder.unsqueezed(values["resets"], 2)
    if layer.options.timed:
        known[ELAPSED] = values["elapsed"]
    prepare(graph, known, builder)
    body = _body(layer, graph, known, builder)
    final = builder.nodes(
        "Scan", *(values[name] for name in cell.state), *(known[one] for one in graph.scanned.values()),
        count=len(cell.state) + 1, body=body, num_scan_inputs=len(graph.scanned),
    )  # fmt: skip
    return [_ordered(layer, final[-1], values, builder), *final[:-1]]


def prepare(graph: StepGraph, known: dict[str, Any], builder: Builder) -> None:
    """Adds what does not recur: constants, weights, and the products of the inputs."""
    for name, number in graph.constants.items():
        known[name] = (
            builder.whole_numbers(*number) if isinstance(number, tuple) else builder.float_number(number)
        )
    print_nodes(graph.prepared + graph.of_inputs, known, builder)


def _ordered(layer: LayerNode, whole: Any, values: dict[str, Any], builder: Builder) -> Any:
    """A value of all steps in the order in which they run, or back."""
    if not layer.reverse:
        return whole
    if "lengths" in values:
        lengths = builder.cast(values["lengths"], "int64")
        return builder.node("ReverseSequence", whole, lengths, time_axis=0, batch_axis=1)
    ends = [builder.whole_numbers(one) for one in (-1, np.iinfo(np.int64).min, 0, -1)]
    return builder.node("Slice", whole, *ends)


def _inside(inputs: Any, lengths: Any, builder: Builder) -> Any:
    """[T, B, 1] bool: whether a step is inside its sequence."""
    steps = builder.node("Shape", inputs, start=0, end=1)
    zero, one = (builder.constant(np.array(number)) for number in (0, 1))
    scalar = builder.node("Squeeze", steps)
    numbers = builder.node("Range", zero, scalar, one)
    column = builder.node("Unsqueeze", numbers, builder.whole_numbers(1))
    inside = builder.node("Less", column, builder.cast(lengths, "int64"))
    return builder.unsqueezed(inside, 2)


def _body(layer: LayerNode, graph: StepGraph, known: dict[str, Any], outer: Builder) -> ir.Graph:
    inner = Builder(f"{outer.name}.step", outer.number)
    number = ir.DataType.from_numpy(outer.number)
    bools = {graph.scanned.get(f"step.{name}") and f"step.{name}" for name in (INSIDE, RESETS)}
    inputs = {
        name: ir.Value(
            name=f"{inner.name}.{name}", type=ir.TensorType(ir.DataType.BOOL if name in bools else number)
        )
        for name in (*(previous(state) for state in layer.cell.state), *graph.scanned)
    }
    values = {**known, **inputs}
    print_nodes(graph.step, values, inner)
    outputs = [values[graph.states[state]] for state in layer.cell.state]
    outputs.append(values[graph.output])
    for one in outputs:
        one.type = ir.TensorType(number)
    return ir.Graph(list(inputs.values()), outputs, nodes=inner.made, name=inner.name)


def print_nodes(nodes: list[Node], values: dict[str, Any], builder: Builder) -> None:
    """Adds nodes, and their results to the values by name."""
    for node in nodes:
        results = builder.nodes(
            node.operator, *(values[name] for name in node.inputs), count=len(node.outputs), **node.attributes
        )
        values.update(zip(node.outputs, results, strict=True))
