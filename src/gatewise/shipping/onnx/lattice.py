"""Layers over a lattice: a Scan for each axis, each inside the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from gatewise.cells.base import CellType
from gatewise.compiler.onnx_step import INPUT, StepGraph, previous, step_graph
from gatewise.shipping.onnx.builder import Builder
from gatewise.shipping.onnx.recorder import LayerNode
from gatewise.shipping.onnx.scan import prepare, print_nodes

Values = dict[str, Any]  # of `onnx_ir`, by name


@dataclass(frozen=True)
class Slab:
    """What an axis and those after it read, of one position along all axes before it.

    scanned: values of each position, by those of the step
    before: of each position, the states before it along axes that are scanned already
    initial: the states before the first positions along this axis and those after it
    """

    scanned: Values
    before: Values
    initial: Values


def print_lattice(layer: LayerNode, values: Values, builder: Builder) -> list[Any]:
    """The nodes of a layer. Returns: every state at every position [*L, B, H], in the order of the scan."""
    graph = step_graph(layer.cell, layer.options)
    known = {**values, INPUT: values["inputs"]}
    prepare(graph, known, builder)
    scanned = {step: known[whole] for step, whole in graph.scanned.items()}
    slab = Slab(scanned, {}, {name: values[name] for name in layer.cell.previous})
    return _along(1, slab, layer.cell, graph, known, builder)


def _along(
    axis: int, slab: Slab, cell: CellType, graph: StepGraph, known: Values, outer: Builder
) -> list[Any]:
    """A Scan along an axis, whose body scans the next one; in the last, the equations of a step."""
    inner, number = Builder(f"{outer.name}.axis{axis}", outer.number), ir.DataType.from_numpy(outer.number)
    own = [name for name in slab.initial if cell.previous[name].axis == axis]
    later = {name: one for name, one in slab.initial.items() if name not in own}

    def inputs(kind: str, names: Any) -> Values:
        return {
            name: ir.Value(name=f"{inner.name}.{kind}.{name}", type=ir.TensorType(number)) for name in names
        }

    carried, scanned = inputs("carried", own), inputs("scanned", slab.scanned)
    before, initial = inputs("before", slab.before), inputs("initial", later)
    within = Slab(scanned, {**before, **carried}, initial)
    if axis == cell.axes:
        values = {**known, **scanned, **{previous(name): one for name, one in within.before.items()}}
        print_nodes(graph.step, values, inner)
        states = [values[graph.states[name]] for name in cell.state]
    else:
        states = _along(axis + 1, within, cell, graph, known, inner)
    by_name = dict(zip(cell.state, states, strict=True))
    outputs = [inner.node("Identity", by_name[cell.previous[name].state]) for name in own]
    outputs += [inner.node("Identity", one) for one in states]
    for one in outputs:
        one.type = ir.TensorType(number)
    given = [*carried.values(), *scanned.values(), *before.values(), *initial.values()]
    body = ir.Graph(given, outputs, nodes=inner.made, name=inner.name)
    results = outer.nodes(
        "Scan", *(slab.initial[name] for name in own), *slab.scanned.values(), *slab.before.values(),
        *later.values(), count=len(outputs), body=body, num_scan_inputs=len(given) - len(own),
    )  # fmt: skip
    return results[len(own) :]
