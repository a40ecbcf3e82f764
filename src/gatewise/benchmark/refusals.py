"""Which backend runs a layer, by its cell and by its features, and why other backends refuse."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout, projection_obstacle
from gatewise.engine.choice import refusals
from gatewise.engine.request import Request
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.states import state_shapes

STEPS, BATCH, INPUTS, HIDDEN, PROJECTED = 5, 2, 4, 8, 4
Refusals = dict[str, str | None]  # the reason of each backend, None for the one that runs the request


def cell_refusals(cells: Sequence[CellType], device: str) -> dict[str, Refusals]:
    """The refusals of a small layer of each cell, by the names of the cells. device: "cpu" or "cuda".

    Missing kernels are compiled.
    """
    with _without_warnings():
        return {one.__name__: refusals(_request(one, device)) for one in cells}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppresses the engine's warnings: the tables have the same reasons."""
    log = logging.getLogger("gatewise")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _request(cell: CellType, device: str, **options: Any) -> Request:
    """The request of a small layer of the cell."""
    if cell.of_lattice:
        return _over_lattice(cell, device)
    layer = Recurrent(cell, INPUTS, HIDDEN, device=device, **options)
    parameters = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
    if layer.proj_size:
        parameters["projection"] = parameters.pop("weight_hr")
    inputs = next(iter(parameters.values())).new_zeros(STEPS, BATCH, INPUTS)
    shapes = state_shapes(cell, HIDDEN, layer.proj_size or HIDDEN, heads=1)
    state = {name: inputs.new_zeros(BATCH, *shape) for name, shape in shapes.items()}
    return Request(cell, inputs, parameters, state)


def _over_lattice(cell: CellType, device: str, dtype: torch.dtype | None = None) -> Request:
    """The request of a small layer of a lattice cell."""
    zeros = partial(torch.zeros, device=device, dtype=dtype)
    parameters = {one.name: zeros(one.shape(INPUTS, HIDDEN, HIDDEN)) for one in layout(cell).parameters}
    state = {name: zeros(*[STEPS] * (cell.axes - 1), BATCH, HIDDEN) for name in cell.previous}
    return Request(cell, zeros(*[STEPS] * cell.axes, BATCH, INPUTS), parameters, state)


def feature_refusals(cell: CellType, device: str) -> dict[str, Refusals]:
    """The refusals of a layer with one additional feature, by the feature. device: "cpu" or "cuda"."""
    plain = _request(cell, device)
    requests = (_lattice_features if cell.of_lattice else _sequence_features)(cell, plain, device)
    with _without_warnings():
        answers = {name: refusals(request) for name, request in requests.items()}
        with torch.no_grad():
            answers["trace, no gradient"] = refusals(requests["trace"])
        with torch.autocast(device, torch.bfloat16):
            answers["bfloat16 autocast"] = refusals(plain)
    return answers


def _lattice_features(cell: CellType, plain: Request, device: str) -> dict[str, Request]:
    sizes = torch.ones(BATCH, cell.axes, dtype=torch.int64, device=device)
    return {
        "no feature": plain,
        "own sizes": replace(plain, lengths=sizes if cell.axes > 1 else sizes[:, 0]),
        "reversed axes": replace(plain, reverse=(True,) * cell.axes),
        "float64": _over_lattice(cell, device, torch.float64),
        "trace": replace(plain, trace=True),
    }


def _sequence_features(cell: CellType, plain: Request, device: str) -> dict[str, Request]:
    hidden = plain.state[cell.state[0]]
    steps = torch.zeros(STEPS, BATCH, dtype=torch.bool, device=device)
    requests = {
        "no feature": plain,
        "lengths": replace(plain, lengths=torch.tensor([STEPS, 0], device=device)),
        "resets": replace(plain, resets=steps),
        "zoneout": replace(plain, zoneout={cell.state[0]: hidden.expand(STEPS, -1, -1)}),
        "variational dropout": replace(plain, hidden_mask=torch.ones_like(hidden)),
        "float64": _request(cell, device, dtype=torch.float64),
        "trace": replace(plain, trace=True),
    }
    if projection_obstacle(cell) is None and not cell.matrix_states:
        requests["projection"] = _request(cell, device, proj_size=PROJECTED)
    return requests
