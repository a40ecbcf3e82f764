"""The steps of one sequence by the engine's stepper, whose states stay in the buffers of its kernels."""

from __future__ import annotations

from torch import Tensor

from gatewise.layers.stepper import Stepper
from gatewise.shipping.stepwise import Own, RecurrentStepwise, Stepwise


class FastSteps:
    """A recurrent stepwise model at one sequence. states: before its first step, [1, ...] each"""

    def __init__(self, step: RecurrentStepwise, stepper: Stepper, states: Own) -> None:
        self._step, self._stepper, self._own = step, stepper, states[: step.own]
        cells = states[step.own :]
        count = len(step.cell_states)
        nested = tuple(tuple(cells[place::count]) for place in range(count))
        stepper.state = nested if count > 1 else nested[0]

    def advance(self, x: Tensor) -> Tensor:
        """x: [1, ...] -> y [1, ...]"""
        features, _, own = self._step.prepare(x, self._own)
        y, self._own = self._step.result(self._stepper.step(features), own)
        return y

    def states(self) -> Own:
        """The states after the last step, [1, ...] each."""
        given = self._stepper.state
        by_state = (given,) if isinstance(given, Tensor) else given
        if isinstance(given, tuple) and len(self._step.cell_states) == 1:
            by_state = (given,)  # of layers of different sizes
        layers = range(len(by_state[0]))
        return (*self._own, *(one[layer] for layer in layers for one in by_state))


def fast_steps(step: Stepwise, states: Own) -> FastSteps | None:
    """Fast steps of a sequence; None if the model has none. states: [1, ...] each"""
    if not isinstance(step, RecurrentStepwise):
        return None
    stepper = step.stepper()
    return None if stepper is None else FastSteps(step, stepper, states)
