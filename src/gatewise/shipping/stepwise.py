"""One step of a trained model: a module of raw values, with named states of fixed sizes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gatewise.layers import BlockStack, Recurrent
from gatewise.layers.stepper import Stepper

Own = tuple[Tensor, ...]  # the states of a stepwise model beside those of its cells
PREFIX = "initial_"


class Stepwise(nn.Module):
    """One step of a model for inference: `y, *states = step(x, *states)`.

    `x` has the raw values of an observation, and `y` results in the unit of the data: scaling, calibration
    and all that can be computed are inside, also for `torch.export`, with any batch. A stream in Python, the
    C file and the step graph of ONNX all read it.

    Args:
        description: plain data: the meaning of the numbers of `x` and `y`, and what remains outside
        example: an observation, [1, ...]
        initial: the states before the first step, [1, ...] each, by name
    """

    description: dict[str, Any]
    state_names: tuple[str, ...]
    example: Tensor
    graph_obstacle: str | None = None  # why no graph can be made of it

    def __init__(self, description: dict[str, Any], example: Tensor, initial: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.description, self.state_names = description, tuple(initial)
        self.register_buffer("example", example, persistent=False)
        for name, values in initial.items():
            self.register_buffer(f"{PREFIX}{name}", values, persistent=False)

    @abstractmethod
    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """x: [B, ...] and the states -> y [B, ...] and the new states."""

    def initial_states(self, batch: int = 1) -> Own:
        """The states before the first step, [B, ...] each, in the order of `state_names`."""
        own = (self.get_buffer(f"{PREFIX}{name}") for name in self.state_names)
        return tuple(one.expand(batch, *one.shape[1:]).clone() for one in own)

    def set_initial(self, name: str, values: Tensor) -> None:
        """Replaces a state before the first step, [1, ...]."""
        self.register_buffer(f"{PREFIX}{name}", values, persistent=False)


def dtype_of(module: nn.Module) -> torch.dtype:
    """The type of the numbers that a module computes with, beside int8 weights."""
    return next(one.dtype for one in module.state_dict().values() if one.is_floating_point())


class Steps(Protocol):
    """Layers that run a step at a time: `Recurrent` and `BlockStack`."""

    @property
    def step_states(self) -> dict[str, tuple[int, ...]]: ...

    def step(
        self, input: Tensor, states: Sequence[Tensor], elapsed: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]: ...


class LinearStep(NamedTuple):
    """A step `p = softmax(layer(h))` of layers that read `(x - mean) / deviation`.

    is_max: whether h is the maximum over the steps so far, which is the only state beside those of the cells
    """

    mean: Tensor
    deviation: Tensor
    layer: nn.Linear
    is_max: bool = False


class RecurrentStepwise(Stepwise):
    """A step of a causal recurrent model, whose states are those of its cells, and a few of its own.

    Args:
        description, example: as in `Stepwise`
        layers: the recurrent layers
        own: the states beside those of the cells before the first step, by name
    """

    layers: Recurrent | BlockStack
    own: int

    def __init__(
        self,
        description: dict[str, Any],
        example: Tensor,
        layers: Recurrent | BlockStack,
        own: Mapping[str, Tensor],
    ) -> None:
        dtype = dtype_of(layers)
        cells = {
            name: torch.zeros(1, *shape, dtype=dtype) for name, shape in _steps(layers).step_states.items()
        }
        super().__init__(description, example, {**own, **cells})
        self.layers, self.own = layers, len(own)

    @property
    def cell_states(self) -> tuple[str, ...]:
        """The names of the states of a layer, if all have one cell."""
        return self.layers.cell.state if isinstance(self.layers, Recurrent) else ()

    @abstractmethod
    def prepare(self, x: Tensor, own: Own) -> tuple[Tensor, Tensor | None, Own]:
        """Observations [B, ...] and own states -> features [B, F], elapsed times [B] or None, new states."""

    @abstractmethod
    def result(self, output: Tensor, own: Own) -> tuple[Tensor, Own]:
        """The output of the layers [B, H] and own states -> y [B, ...] and new states."""

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        features, elapsed, own = self.prepare(x, states[: self.own])
        output, cells = _steps(self.layers).step(features, states[self.own :], elapsed)
        y, own = self.result(output, own)
        return (y, *own, *cells)

    def linear_step(self) -> LinearStep | None:
        """What surrounds the layers, if it is as simple as that; else None."""
        return None

    def stepper(self) -> Stepper | None:
        """A stepper of the layers for one sequence; None if they have none, or read elapsed times."""
        layers = self.layers
        if not isinstance(layers, Recurrent) or layers.cell.reads_elapsed:
            return None
        return layers.stepper(copy=False)


def _steps(layers: Any) -> Steps:
    steps: Steps = layers
    return steps
