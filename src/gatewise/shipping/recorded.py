"""A recurrent layer as one operator of an exported graph, which holds its equations and no code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.base import CellType
from gatewise.cells.serialization import from_data, to_data
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request
from gatewise.errors import GatewiseError
from gatewise.plain import parse_json


@dataclass(frozen=True)
class LayerEquations:
    """What an operator runs: a cell with its options.

    parameters: their names, in the order of the operator's
    zoneout: the fraction of its last value that a state keeps
    """

    cell: CellType
    parameters: tuple[str, ...]
    heads: int
    reverse: bool
    zoneout: Mapping[str, float]

    def to_json(self) -> str:
        """The equations as text, for a graph."""
        data = {**vars(self), "cell": to_data(self.cell), "zoneout": dict(self.zoneout)}
        return json.dumps(data)

    @staticmethod
    def from_json(text: str) -> LayerEquations:
        """The equations of an operator. Nothing in the text is executed."""
        data: Any = parse_json(text)
        names = tuple(map(str, data["parameters"]))
        return LayerEquations(
            from_data(data["cell"]), names, int(data["heads"]), bool(data["reverse"]), data["zoneout"]
        )


class Recorded:
    """A backend that runs layers as the operator `gatewise::recurrent`, for `gatewise.backend`."""

    name = "recorded"

    def refusal(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> LayerResult:
        cell = request.cell
        if cell.axes > 1 or cell.of_lattice:
            raise GatewiseError(
                f"the model runs {cell.__name__} over a lattice, which can't be exported step by step; train "
                "one with a cell of sequences, such as lstm"
            )
        if request.resets is not None or request.trace or request.hidden_mask is not None:
            raise GatewiseError("resets, traces and masks of training can't be exported; call eval() first")
        zoneout = {name: float(kept) for name, kept in request.zoneout.items()}
        names, (reverse,) = tuple(request.parameters), request.directions
        own = LayerEquations(cell, names, request.heads, reverse, zoneout)
        state = [request.state[name] for name in cell.state]
        found = torch.ops.gatewise.recurrent(
            request.inputs, list(request.parameters.values()), state, request.lengths, request.elapsed,
            own.to_json(),
        )  # fmt: skip
        return LayerResult(found[0], dict(zip(cell.state, found[1:], strict=True)))


@torch.library.custom_op(
    "gatewise::recurrent",
    mutates_args=(),
    schema=(
        "(Tensor inputs, Tensor[] parameters, Tensor[] state, Tensor? lengths, Tensor? elapsed, "
        "str equations) -> Tensor[]"
    ),
)
def recurrent(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], lengths: Tensor | None,
    elapsed: Tensor | None, equations: str,
) -> list[Tensor]:  # fmt: skip
    """The output and the final states of a layer: [T, B, H], [B, ...] each."""
    own = LayerEquations.from_json(equations)
    request = Request(
        own.cell, inputs, dict(zip(own.parameters, parameters, strict=True)),
        dict(zip(own.cell.state, state, strict=True)), lengths, reverse=own.reverse, zoneout=own.zoneout,
        heads=own.heads, elapsed=elapsed,
    )  # fmt: skip
    found = Reference().run(request)
    return [found.output.clone(), *(one.clone() for one in found.final.values())]


@recurrent.register_fake
def _recurrent_fake(
    inputs: Tensor, parameters: Sequence[Tensor], state: Sequence[Tensor], *rest: Any
) -> list[Tensor]:
    output = inputs.new_empty(*inputs.shape[:2], state[0].shape[-1])
    return [output, *(one.new_empty(one.shape) for one in state)]
