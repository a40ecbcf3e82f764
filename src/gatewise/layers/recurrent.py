"""The layer that runs any cell along sequences: stacked, in one direction or both."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import require_sequence
from gatewise.cells.initial_values import Initial
from gatewise.compiler.layout import layout, projection_obstacle
from gatewise.engine.choice import run, run_together
from gatewise.engine.repetition import Repetition
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.sequences import elapsed_backwards
from gatewise.engine.stepping import CellSteps, cell_steps
from gatewise.errors import GatewiseError
from gatewise.layers.batches import Batch, read_batch, read_elapsed, read_resets
from gatewise.layers.checks import check_cell, check_heads, check_input, check_whole
from gatewise.layers.initialization import initial_biases, initialize
from gatewise.layers.regularization import DropoutMask, Regularization, regularization
from gatewise.layers.states import State, StateForm, state_shapes
from gatewise.layers.stepper import Stepper
from gatewise.layers.torch_interface import TorchInterface


class Recurrent(TorchInterface):
    """Runs a cell along sequences: `h_t, ... = cell(x_t, h_{t-1}, ...)`, in stacked layers.

    Args:
        cell: the equations, a class such as `gatewise.cells.PeepholeLSTM` or your own
        input_size: I, the features of a step
        hidden_size: H, the units; a list has one for each layer
        num_layers: the layers, each of which reads the outputs of the one below
        bias: whether products with the input and the state add biases
        batch_first: whether input and output are [B, T, ...]
        dropout: of the outputs of each layer but the last
        bidirectional: whether other layers read the sequence backward; outputs are concatenated
        proj_size: P, the width of a projected output (Sak et al. 2014); 0 for none
        device: of the parameters
        dtype: of the parameters
        forget_bias: the initial bias of the forget gate (that of the cell if None)
        dropout_mask: whether dropout draws a mask for each "step", as `torch.nn`, or each "sequence"
        variational_dropout: one mask per sequence, on inputs and recurrent state (Gal, Ghahramani 2016)
        zoneout: for all states, or by state: `{"c": 0.5, "h": 0.05}` (Krueger et al. 2017)
        weight_dropout: on the recurrent matrix, once per call (Merity et al. 2018)
        residual: adds its input to the output of each layer above the first (Kim et al. 2017)
        skip: adds the input of the stack to the input of each layer above the first (Graves 2013)
        states_batch_first: whether states are [B, layers * directions, H], before and after
        recompute: "gates" saves only the states and recomputes gates for the gradient: less memory
        heads: divides the units of each layer into groups that read only themselves between steps: matrices
            of hidden values are block-diagonal, [gates * H, H / heads] (Beck et al. 2024)

    Raises: `GatewiseError`, one line that names the argument, what was expected and what was given.

    >>> import torch, gatewise
    >>> layer = gatewise.Recurrent(gatewise.cells.PeepholeLSTM, 5, 8, num_layers=2, bidirectional=True)
    >>> output, (h, c), traces = layer(torch.randn(10, 3, 5), lengths=[10, 0, 4], trace=True)
    >>> output.shape, c.shape, traces[0].gates["f"].shape
    (torch.Size([10, 3, 16]), torch.Size([4, 3, 8]), torch.Size([10, 3, 8]))
    """

    input_size: int
    proj_size: int
    num_layers: int
    batch_first: bool
    bidirectional: bool
    states_batch_first: bool
    training: bool
    hidden_sizes: tuple[int, ...]
    bias: bool
    residual: bool
    skip: bool
    heads: int
    noise: Regularization
    initial_biases: dict[str, Initial]

    def __init__(
        self,
        cell: CellType,
        input_size: int,
        hidden_size: int | Sequence[int],
        num_layers: int | None = None,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        forget_bias: float | None = None,
        dropout_mask: DropoutMask = "step",
        variational_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        weight_dropout: float = 0.0,
        residual: bool = False,
        skip: bool = False,
        states_batch_first: bool = False,
        recompute: Literal["gates"] | None = None,
        heads: int = 1,
    ) -> None:
        super().__init__()
        check_cell(cell, "cells.LSTM")
        require_sequence(cell, "make a layer of it with Lattice")
        self.cell = cell
        self.hidden_sizes = _sizes(hidden_size, num_layers)
        check_whole("input_size", input_size, 1)
        check_whole("proj_size", proj_size, 0)
        self.input_size, self.proj_size = input_size, proj_size
        self.hidden_size = hidden_size
        self.num_layers = len(self.hidden_sizes)
        self.bias, self.batch_first, self.bidirectional = bool(bias), bool(batch_first), bool(bidirectional)
        self.residual, self.skip, self.recompute = residual, skip, recompute
        self.states_batch_first = bool(states_batch_first)
        self.heads = check_heads(heads, self.hidden_sizes)
        if recompute not in (None, "gates"):
            raise GatewiseError(f'expected recompute as "gates" or None, got {recompute!r}')
        self.noise = regularization(cell, dropout, variational_dropout, zoneout, weight_dropout, dropout_mask)
        self.initial_biases = initial_biases(cell, forget_bias, self.bias)
        self._check_fit()
        self._kinds = layout(cell).of(self.bias)
        self._recurrent_matrices = {one.name for one in self._kinds if one.multiplies_hidden}
        names = {one.name: one.name for one in self._kinds}
        names |= {"projection": "weight_hr"} if proj_size else {}
        self._names = [
            {parameter: self._name(name, place) for parameter, name in names.items()}
            for place, _ in self._places()
        ]
        for place, hidden in self._places():
            for kind in self._kinds:
                shape = kind.shape(self._width_into(place), hidden, self._output_width(place), heads)
                self._register(kind.name, place, torch.empty(shape, device=device, dtype=dtype))
            if proj_size:
                self._register("weight_hr", place, torch.empty(proj_size, hidden, device=device, dtype=dtype))
        self._form = self._state_form()
        self._repetitions = [Repetition() for _ in self.hidden_sizes]
        self.reset_parameters()

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        lengths: Tensor | list[int] | None = None,
        resets: Tensor | None = None,
        trace: bool = False,
        elapsed: Tensor | None = None,
    ) -> Any:
        """Runs the stack.

        input: [T, B, I] ([B, T, I] if `batch_first`, [T, I] for one sequence), or a PackedSequence
        hx: the initial states, [layers * directions, B, H] each ([B, layers * directions, H] if
            `states_batch_first`); zeros if None. A tuple, unless the cell has one state; tuples of [B, H]
            instead of tensors if layers have different sizes
        lengths: [B] integers, in any order, zero allowed; nothing beyond them is read
        resets: [T, B] bool (in the form of the input): whether the state is set to zero before a step
        trace: whether to return every state and gate of every step too, a list with a `Trace` for each layer
            and direction, in the order of the states
        elapsed: [T, B] (in the form of the input), the time since the step before, for cells that read it,
            such as `PhasedLSTM`; 1 if None. It has no gradient

        Returns: output [T, B, directions * H] in the form of the input, and the final states as `hx`.
        """
        batch = read_batch(input, lengths, self.batch_first, self.input_size)
        check_input(batch.values, self._like())
        borders = read_resets(resets, batch)
        form = self._form
        states = form.read(hx, batch.values, batch.values.shape[1], batch.batched)
        times = read_elapsed(elapsed, batch, self.cell)
        values, results = self._stack(batch, borders, states, trace, times)
        output = batch.restore(values)
        last = form.write([result.final for result in results], batch.batched)
        if not trace:
            return output, last
        return output, last, [_restore_trace(result.trace, batch) for result in results]

    def _stack(
        self,
        batch: Batch,
        resets: Tensor | None,
        states: list[dict[str, Tensor]],
        trace: bool,
        elapsed: Tensor | None,
    ) -> tuple[Tensor, list[LayerResult]]:
        values = batch.values
        results: list[LayerResult] = []
        for number in range(self.num_layers):
            seen = torch.cat([values, batch.values], dim=-1) if self.skip and number else values
            seen = self.noise.on_input(seen, self.training)
            places = range(number * (1 + self.bidirectional), (number + 1) * (1 + self.bidirectional))
            requests = [
                self._request(place, seen, states[place], batch.lengths, resets, trace, elapsed)
                for place in places
            ]
            directions = (
                run_together(requests)
                if self.bidirectional
                else [run(requests[0], self._repetitions[number])]
            )
            results += directions
            outputs = [one.output for one in directions]
            output = torch.cat(outputs, dim=-1) if self.bidirectional else outputs[0]
            output = output + values if self.residual and number else output
            last = number == self.num_layers - 1
            values = output if last else self.noise.between(output, self.training)
        return values, results

    def _request(
        self,
        place: int,
        values: Tensor,
        state: dict[str, Tensor],
        lengths: Tensor | None = None,
        resets: Tensor | None = None,
        trace: bool = False,
        elapsed: Tensor | None = None,
    ) -> Request:
        """The request of a layer and direction for an input [T, B, I]."""
        parameters = self._values_at(place)
        reverse = self.bidirectional and place % 2 == 1
        if elapsed is not None and reverse:
            elapsed = elapsed_backwards(elapsed, lengths)
        return Request(
            self.cell,
            values,
            parameters,
            state,
            lengths,
            resets,
            reverse,
            trace=trace,
            elapsed=elapsed,
            recompute=self.recompute == "gates",
            heads=self.heads,
            **self._noise_within(parameters, state, values.shape[0]),
        )

    def _noise_within(
        self, parameters: dict[str, Tensor], state: dict[str, Tensor], steps: int
    ) -> dict[str, Any]:
        """The options of a request for noise; recurrent weights are replaced among its parameters."""
        noise, training = self.noise, self.training
        if not noise.within:
            return {}
        for name in self._recurrent_matrices if noise.weight_dropout else ():
            parameters[name] = noise.recurrent(parameters[name], training)
        return {
            "zoneout": noise.kept_fraction(state, steps, training),
            "hidden_mask": noise.hidden_mask(state[self.cell.state[0]], training),
        }

    @property
    def step_states(self) -> dict[str, tuple[int, ...]]:
        """The shape of each state of a row, such as (H,), by name and layer, in the order of `step`."""
        own = enumerate(self._form.shapes)
        return {f"{name}_l{place}": shape for place, shapes in own for name, shape in shapes.items()}

    def step(
        self, input: Tensor, states: Sequence[Tensor], elapsed: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs one step without a batch axis before the rows, as the body of a loop that is exported.

        input: [B, I]; states: [B, H] each, as `step_states`; elapsed: [B], as in `forward`

        Returns: the output [B, H] of the last layer, and the new states.

        Raises: `GatewiseError` if the layer is bidirectional.
        """
        self._refuse_bidirectional()
        count = len(self.cell.state)
        by_layer = [
            dict(zip(self.cell.state, states[place * count :], strict=False))
            for place in range(self.num_layers)
        ]
        batch = Batch(input.unsqueeze(0), None, batch_first=False)
        times = None if elapsed is None else elapsed.unsqueeze(0)
        output, results = self._stack(batch, None, by_layer, False, times)
        return output.squeeze(0), tuple(one for result in results for one in result.final.values())

    def _refuse_bidirectional(self) -> None:
        if self.bidirectional:
            raise GatewiseError(
                "a bidirectional layer also reads each sequence from its end, so it can't run step by step; "
                "train one with bidirectional=False"
            )

    @torch.no_grad()
    def stepper(self, batch: int = 1, copy: bool = True) -> Stepper:
        """An object that runs the layer one step at a time, for inference; see `Stepper`.

        batch: B, the number of sequences that run side by side
        copy: whether each step returns memory of its own; without, the next step overwrites the result

        Raises: `GatewiseError` if the layer is bidirectional.
        """
        check_whole("batch", batch, 1)
        self._refuse_bidirectional()
        own = self._like()
        states = self._form.read(None, own, batch, batched=True)
        training, self.training = self.training, False  # without the noise of training
        try:
            steps: list[CellSteps] = []
            for place in range(self.num_layers):
                values = own.new_zeros(batch, self._width_into(place))
                if place and not self.skip:
                    values = steps[-1].output
                steps.append(cell_steps(self._request(place, values.unsqueeze(0), states[place])))
        finally:
            self.training = training
        example = own.new_zeros(batch, self.input_size)
        return Stepper(steps, self._form, example, self.residual, self.skip, copy)

    @property
    def dropout(self) -> float:
        """The dropout between layers; it may be set at any time, as in `torch.nn`."""
        return self.noise.dropout

    @dropout.setter
    def dropout(self, rate: float) -> None:
        self.noise = replace(self.noise, dropout=rate)

    def reset_parameters(self) -> None:
        """Initializes every parameter."""
        self.refuse_int8()
        for place, hidden in self._places():
            initialize(
                self.values_of(self._names[place]), self._kinds, hidden, self.cell, self.initial_biases
            )

    def parameter_names(self) -> list[dict[str, str]]:
        return self._names

    def extra_repr(self) -> str:
        sizes = f"{self.input_size}, {self.hidden_size}"
        sizes = f"{self.cell.__name__}, {sizes}" if type(self) is Recurrent else sizes
        noise, zoneout = self.noise, {name: rate for name, rate in self.noise.zoneout.items() if rate}
        options: dict[str, tuple[object, object]] = {
            "num_layers": (self.num_layers, 1),
            "bias": (self.bias, True),
            "batch_first": (self.batch_first, False),
            "bidirectional": (self.bidirectional, False),
            "proj_size": (self.proj_size, 0),
            "dropout": (noise.dropout, 0),
            "dropout_mask": (noise.dropout_mask, "step"),
            "variational_dropout": (noise.variational_dropout, 0),
            "zoneout": (zoneout, {}),
            "weight_dropout": (noise.weight_dropout, 0),
            "residual": (self.residual, False),
            "skip": (self.skip, False),
            "states_batch_first": (self.states_batch_first, False),
            "recompute": (self.recompute, None),
            "heads": (self.heads, 1),
            "is_int8": (self.is_int8, False),
        }
        changed = [f"{name}={value}" for name, (value, default) in options.items() if value != default]
        return ", ".join([sizes, *changed])

    def _places(self) -> list[tuple[int, int]]:
        """Each layer and direction by number, with its hidden size."""
        both = [size for size in self.hidden_sizes for _ in range(1 + self.bidirectional)]
        return list(enumerate(both))

    def _name(self, parameter: str, place: int) -> str:
        number, reverse = divmod(place, 1 + self.bidirectional)
        return f"{parameter}_l{number}" + ("_reverse" if reverse else "")

    def _register(self, parameter: str, place: int, values: Tensor) -> None:
        self.register_parameter(self._name(parameter, place), nn.Parameter(values))

    def _values_at(self, place: int) -> dict[str, Tensor]:
        """The values of the parameters in a call, which a subclass may compute from them."""
        return self.values_of(self._names[place])

    def _output_width(self, place: int) -> int:
        return self.proj_size or self.hidden_sizes[place // (1 + self.bidirectional)]

    def _width_into(self, place: int) -> int:
        number = place // (1 + self.bidirectional)
        if number == 0:
            return self.input_size
        below = self._output_width(place - 1 - self.bidirectional) * (1 + self.bidirectional)
        return below + self.input_size if self.skip else below

    def _state_form(self) -> StateForm:
        shapes = tuple(
            state_shapes(self.cell, hidden, self._output_width(place), self.heads)
            for place, hidden in self._places()
        )
        return StateForm(self.cell, shapes, self.states_batch_first)

    def _check_fit(self) -> None:
        if self.proj_size and (self.heads > 1 or self.cell.matrix_states):
            raise GatewiseError(
                f"proj_size={self.proj_size} changes the width of the output, which heads and matrices of "
                "states depend on; leave it out"
            )
        if self.proj_size:
            obstacle = projection_obstacle(self.cell)
            if obstacle:
                raise GatewiseError(
                    f"proj_size={self.proj_size} can't be combined with {self.cell.__name__}: {obstacle}"
                )
            if self.proj_size >= min(self.hidden_sizes):
                raise GatewiseError(
                    f"expected proj_size below hidden_size {min(self.hidden_sizes)}, got {self.proj_size}"
                )
        if self.residual and not self.proj_size and len(set(self.hidden_sizes)) > 1:
            raise GatewiseError(f"residual=True needs layers of one size, got {list(self.hidden_sizes)}")
        if self.dropout and self.num_layers == 1:
            warnings.warn("dropout acts between layers, and there is one layer only", stacklevel=3)


def _sizes(hidden_size: int | Sequence[int], num_layers: int | None) -> tuple[int, ...]:
    if not isinstance(hidden_size, Sequence):
        check_whole("hidden_size", hidden_size, 1)
        check_whole("num_layers", 1 if num_layers is None else num_layers, 1)
        return (hidden_size,) * (num_layers or 1)
    sizes = tuple(hidden_size)
    for size in sizes:
        check_whole("hidden_size", size, 1)
    if not sizes or num_layers not in (None, len(sizes)):
        raise GatewiseError(f"expected a hidden_size for each of num_layers={num_layers}, got {list(sizes)}")
    return sizes


def _restore_trace(trace: Trace | None, batch: Batch) -> Trace:
    assert trace is not None
    return Trace(
        {name: batch.restore_padded(values) for name, values in trace.states.items()},
        {name: batch.restore_padded(values) for name, values in trace.gates.items()},
    )
