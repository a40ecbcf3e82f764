"""The steps of one sequence by the engine's stepper, whose states stay in the buffers of its kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gatewise.layers.stepper import Stepper
from gatewise.shipping.reading import Row
from gatewise.shipping.stepwise import LinearStep, Own, RecurrentStepwise


class FastSteps:
    """A recurrent stepwise model at one sequence. states: before its first step, [1, ...] each"""

    def __init__(self, step: RecurrentStepwise, stepper: Stepper, states: Own) -> None:
        self._step, self._stepper, self._own = step, stepper, states[: step.own]
        self._numbers = step.example.numpy().dtype
        cells = states[step.own :]
        count = len(step.cell_states)
        nested = tuple(tuple(cells[place::count]) for place in range(count))
        stepper.state = nested if count > 1 else nested[0]

    def advance(self, row: Row) -> Any:
        """Runs a step. Returns: y without the batch, as a tensor or an array"""
        with torch.inference_mode():
            x = torch.from_numpy(np.array([row], dtype=self._numbers))
            features, _, own = self._step.prepare(x, self._own)
            y, self._own = self._step.result(self._stepper.step(features), own)
            return y[0]

    def states(self) -> Own:
        """The states after the last step, [1, ...] each."""
        given = self._stepper.state
        by_state = (given,) if isinstance(given, Tensor) else given
        if isinstance(given, tuple) and len(self._step.cell_states) == 1:
            by_state = (given,)  # of layers of different sizes
        layers = range(len(by_state[0]))
        return (*self._own, *(one[layer] for layer in layers for one in by_state))


class LinearSteps(FastSteps):
    """Fast steps between a scaling and a linear layer, as arrays, whose calls take less time."""

    def __init__(self, step: RecurrentStepwise, stepper: Stepper, states: Own, linear: LinearStep) -> None:
        super().__init__(step, stepper, states)
        self._mean, self._deviation = linear.mean.numpy(), linear.deviation.numpy()
        self._weight = linear.layer.weight.detach().numpy()
        self._bias = linear.layer.bias.detach().numpy()
        self._input = torch.zeros(1, len(self._mean), dtype=linear.layer.weight.dtype)
        self._highest = states[0].numpy()[0].copy() if linear.is_max else None
        self._scaled, self._raw = self._input.numpy()[0], np.empty_like(self._mean)

    def advance(self, row: Row) -> Any:
        raw = self._raw
        raw[:] = row
        raw -= self._mean
        np.divide(raw, self._deviation, out=self._scaled, casting="same_kind")
        output = self._stepper.step(self._input).numpy()[0]
        if self._highest is not None:
            output = np.maximum(self._highest, output, out=self._highest)
        logits = self._weight @ output
        logits += self._bias
        logits -= logits.max()
        odds = np.exp(logits, out=logits)
        odds /= odds.sum()
        return odds

    def states(self) -> Own:
        if self._highest is not None:
            self._own = (torch.from_numpy(self._highest.copy()).unsqueeze(0),)
        return super().states()


def fast_steps(step: RecurrentStepwise, states: Own) -> FastSteps | None:
    """Fast steps of a sequence; None if the layers have none. states: [1, ...] each"""
    stepper, linear = step.stepper(), step.linear_step()
    if stepper is None:
        return None
    return FastSteps(step, stepper, states) if linear is None else LinearSteps(step, stepper, states, linear)
