"""A layer that runs one step at a time, for inference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gatewise.engine.stepping import CellSteps
from gatewise.errors import GatewiseError
from gatewise.layers.states import State, StateForm


class Stepper:
    """Runs the layers of a stack one step at a time: `h_t = stepper.step(x_t)`.

    It holds the parameters that the layer had when it was made, packed for the kernel, and the states. A step
    is one call of the kernel for each layer; its results are those of the layer's `eval()` mode on the whole
    sequence. It computes no gradient, and is not for several threads at once.

    Made by `Recurrent.stepper`.

    >>> import torch, gatewise
    >>> layer = gatewise.LSTM(5, 8)
    >>> stepper = layer.stepper(batch=2)
    >>> x = torch.randn(10, 2, 5)
    >>> outputs = torch.stack([stepper.step(row) for row in x])
    >>> torch.allclose(outputs, layer(x)[0], atol=1e-6)
    True
    """

    def __init__(
        self,
        steps: Sequence[CellSteps],
        form: StateForm,
        input: Tensor,
        residual: bool,
        skip: bool,
        copy: bool,
    ) -> None:
        self._steps, self._form, self._residual, self._skip = steps, form, residual, skip
        self._copy = copy
        self._shape, self._dtype, self._device = input.shape, input.dtype, input.device

    def step(self, input: Tensor) -> Tensor:
        """Runs one step.

        input: [B, I]

        Returns: the output [B, H] of the last layer; without `copy`, the next step overwrites its memory.

        Raises: `GatewiseError` if the input has another shape, dtype or device.
        """
        if (
            type(input) is not Tensor
            or input.shape != self._shape
            or input.dtype is not self._dtype
            or input.device != self._device
        ):
            raise GatewiseError(f"expected input as {self._described()}, got {_describe(input)}")
        first = values = input.contiguous()
        for number, steps in enumerate(self._steps):
            seen = torch.cat([values, first.detach()], dim=-1) if self._skip and number else values
            output = steps.advance(seen)
            values = output.add_(values) if self._residual and number else output
        return values.clone() if self._copy else values

    @property
    def state(self) -> State:
        """A copy of the states, in the form that the layer takes and returns."""
        return self._form.write([steps.states() for steps in self._steps], batched=True)

    @state.setter
    def state(self, hx: State | None) -> None:
        like = torch.empty(0, dtype=self._dtype, device=self._device)
        states = self._form.read(hx, like, self._shape[0], batched=True)
        for steps, own in zip(self._steps, states, strict=True):
            steps.set_states(own)

    def reset(self, rows: Sequence[int] | Tensor | None = None) -> None:
        """Sets the states of some sequences to zero.

        rows: their numbers, or [B] bool; all if None

        Raises: `GatewiseError` if there are no such sequences.
        """
        chosen: slice | Tensor = slice(None) if rows is None else self._numbers(rows)
        for steps in self._steps:
            states = steps.states()
            for one in states.values():
                one[chosen] = 0
            steps.set_states(states)

    def _numbers(self, rows: object) -> Tensor:
        """Numbers or a mask of sequences, as an index."""
        batch = self._shape[0]
        try:
            given = torch.as_tensor(rows, device=self._device)
        except (TypeError, ValueError, RuntimeError):
            given = torch.empty(0)
        if given.dtype == torch.bool and list(given.shape) == [batch]:
            return given
        whole = given.dtype in (torch.int64, torch.int32) and given.dim() == 1
        if not whole or bool(((given < 0) | (given >= batch)).any()):
            raise GatewiseError(
                f"expected rows as numbers in 0..{batch - 1}, or [{batch}] bool, got {rows!r}"
            )
        return given

    def _described(self) -> str:
        return f"a tensor {list(self._shape)} of {self._dtype} on {self._device}"


def _describe(given: object) -> str:
    if not isinstance(given, Tensor):
        return type(given).__name__
    return f"{list(given.shape)} of {given.dtype} on {given.device}"
