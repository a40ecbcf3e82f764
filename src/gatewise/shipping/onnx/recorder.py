"""A backend that records each layer as one symbolic node, which the export then replaces."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.onnx_step import LayerOptions
from gatewise.engine.diagonals import final_along, initial_along, inside, mirrored
from gatewise.engine.request import LayerResult, Request
from gatewise.engine.sequences import resets_backwards
from gatewise.errors import GatewiseError
from gatewise.shipping.obstacles import layer_obstacle

DOMAIN, LAYER = "gatewise", "Layer"
OPTIONAL = ("lengths", "resets", "elapsed")


@dataclass(frozen=True)
class LayerNode:
    """What a symbolic node says about its layer.

    given: the names of its inputs: "inputs", those of `OPTIONAL`, parameters and states
    """

    cell: CellType
    options: LayerOptions
    given: tuple[str, ...]
    reverse: bool

    def written(self) -> str:
        """The description as JSON."""
        options = self.options
        return json.dumps(
            {
                "cell": to_data(self.cell),
                "units": options.units,
                "heads": options.heads,
                "parameters": options.parameters,
                "zoneout": dict(options.zoneout),
                "given": self.given,
                "reverse": self.reverse,
            }
        )

    @classmethod
    def read(cls, text: str) -> LayerNode:
        """The description that `written` returned."""
        data = json.loads(text)
        given = tuple(data["given"])
        options = LayerOptions(
            data["units"], data["heads"], tuple(data["parameters"]), data["zoneout"],
            timed="elapsed" in given, ended="lengths" in given, reset="resets" in given,
        )  # fmt: skip
        return cls(from_data(data["cell"]), options, given, data["reverse"])


class Recorder:
    """The backend of an export, for `gatewise.backend`."""

    name = "onnx"

    def refusal(self, request: Request) -> str | None:
        return layer_obstacle(request)

    def run(self, request: Request) -> LayerResult:
        reason = self.refusal(request)
        if reason:
            raise GatewiseError(f"a layer of {request.cell.__name__} can't be exported to ONNX: {reason}")
        if request.cell.of_lattice:
            return _over_lattice(request)
        (reverse,), resets, cell = request.directions, request.resets, request.cell
        if reverse and resets is not None:
            resets = resets_backwards(resets, request.lengths)
        elapsed = request.elapsed_by_unit()[..., :1] if cell.reads_elapsed else None
        optional = {"lengths": request.lengths, "resets": resets, "elapsed": elapsed}
        given = {
            "inputs": request.inputs,
            **{name: one for name, one in optional.items() if one is not None},
            **request.parameters,
            **request.state,
        }
        options = LayerOptions(
            request.keys * request.heads, request.heads, tuple(request.parameters), _fractions(request)
        )
        node = LayerNode(cell, options, tuple(given), reverse)
        return _recorded(request, node, list(given.values()))


def _over_lattice(request: Request) -> LayerResult:
    """A layer over a lattice, whose symbolic node has no directions and no sizes of samples."""
    cell, axes = request.cell, request.cell.axes
    sizes, lengths = tuple(request.inputs.shape[:axes]), request.lengths
    own = None if lengths is None else inside(sizes, lengths)
    inputs = request.inputs if own is None else request.inputs.masked_fill(~own, 0.0)
    state = {name: initial_along(request, name) for name in cell.previous}
    given = {"inputs": mirrored(inputs, request, range(axes)), **request.parameters, **state}
    options = LayerOptions(request.keys, 1, tuple(request.parameters), {})
    node = LayerNode(cell, options, tuple(given), False)
    units = (*request.inputs.shape[:-1], request.keys)
    results = torch.onnx.ops.symbolic_multi_out(
        f"{DOMAIN}::{LAYER}", list(given.values()), {"description": node.written()},
        dtypes=[inputs.dtype] * len(cell.state), shapes=[units] * len(cell.state), version=1,
    )  # fmt: skip
    whole = dict(zip(cell.state, results, strict=True))
    if own is not None:
        seen = mirrored(own, request, range(axes))
        whole = {name: values.masked_fill(~seen, 0.0) for name, values in whole.items()}
    final = {
        name: final_along(whole[one.state], request, one.axis - 1) for name, one in cell.previous.items()
    }
    return LayerResult(mirrored(whole[cell.state[0]], request, range(axes)), final)


def _recorded(request: Request, node: LayerNode, given: list[Tensor]) -> LayerResult:
    state, first = request.state, request.cell.state[0]
    output = (*request.inputs.shape[:2], state[first].shape[-1])
    results = torch.onnx.ops.symbolic_multi_out(
        f"{DOMAIN}::{LAYER}", given, {"description": node.written()},
        dtypes=[request.inputs.dtype] * (1 + len(state)),
        shapes=[output, *(one.shape for one in state.values())],
        version=1,
    )  # fmt: skip
    return LayerResult(results[0], dict(zip(state, results[1:], strict=True)))


def _fractions(request: Request) -> dict[str, float]:
    return {name: float(one) for name, one in request.zoneout.items() if not isinstance(one, Tensor)}


def symbolic_nodes(nodes: Any) -> list[Any]:
    """The symbolic nodes of layers among those of a graph."""
    return [node for node in nodes if (node.domain, node.op_type) == (DOMAIN, LAYER)]
