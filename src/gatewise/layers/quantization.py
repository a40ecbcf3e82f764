"""Quantization: a copy of a module for inference, whose recurrent layers have int8 weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from gatewise.errors import GatewiseError
from gatewise.layers.grid import GridLSTM
from gatewise.layers.int8 import Int8Layer
from gatewise.layers.lattice import Lattice
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.recurrent_cell import RecurrentCell

Pairs = Mapping[str, tuple[Any, Any]]  # by name, a layer and its quantized copy
STEPS = 64  # of the random sequences, or positions of the random lattices, that layers are compared on


@dataclass(frozen=True)
class QuantizedLayer:
    """A quantized layer.

    name: in its module; kind: its class; before, after: bytes of its parameters
    error: of its output, a root mean square relative to that of float32; None if it was not called
    """

    name: str
    kind: str
    before: int
    after: int
    error: float | None


@dataclass(frozen=True)
class Quantization:
    """The report of `quantize`.

    layers: those that were quantized; error: of the module's output on the example, as for a layer
    """

    layers: tuple[QuantizedLayer, ...]
    error: float | None = None

    def __str__(self) -> str:
        lines = [
            f"{one.name} {one.kind}: {one.before / 1e3:.0f} kB -> {one.after / 1e3:.0f} kB, "
            f"error of its output {_percent(one.error)}".strip()
            for one in self.layers
        ]
        lines += [] if self.error is None else [f"error of the output on the example {_percent(self.error)}"]
        return "\n".join(lines)


@torch.no_grad()
def quantize(module: nn.Module, example: Any = None) -> Any:
    """A copy of a module for inference on CPUs, whose gatewise layers have int8 weights.

    Each row of a matrix is rounded to integers with one scale; so is each row of activations when it is
    multiplied. Sums of products are exact; biases, states and everything elementwise are float32:

        y = s_w s_v (q_w . q_v) + b, q_v = round(v / s_v), s_v = max|v| / 127

    module: any module; layers of other libraries in it remain as they are, and so does the module itself
    example: an input of the module, or a tuple of them, to measure errors on; random inputs of layers if None

    Returns: the copy, without trainable parameters; `state_dict` holds int8 matrices and their scales. Its
    attribute `quantization` reports the layers, their sizes and the errors of their outputs.

    Raises: `GatewiseError` if the module has no layer to quantize, or one that is not float32 on the CPU.

    >>> import torch, gatewise
    >>> layer = gatewise.LSTM(5, 32)
    >>> small = gatewise.quantize(layer)
    >>> small.weight_hh_l0.dtype, small.quantization.layers[0].error < 0.02
    (torch.int8, True)
    >>> output, (h, c) = small(torch.randn(10, 3, 5))
    """
    if not isinstance(module, nn.Module):
        raise GatewiseError(
            f"expected a module to quantize, got {type(module).__name__}; that of an estimator is `network_`"
        )
    layers = {
        name: one for name, one in module.named_modules() if isinstance(one, Int8Layer) and not one.is_int8
    }
    if not layers:
        raise GatewiseError(
            f"{type(module).__name__} has no layer to quantize: such layers are gatewise.LSTM, Recurrent, "
            "Lattice, GridLSTM, their relatives and single cells, with float32 weights"
        )
    for name, layer in layers.items():
        try:
            layer.require_quantizable()
        except GatewiseError as error:
            raise GatewiseError(f"{name}: {error}" if name else str(error)) from error
    quantized: Any = copy.deepcopy(module)
    pairs: Pairs = {name: (layer, quantized.get_submodule(name)) for name, layer in layers.items()}
    for _, own in pairs.values():
        own.to_int8()
    quantized.requires_grad_(False).eval()
    training = [one for one in module.modules() if one.training]
    module.eval()
    try:
        quantized.quantization = _report(module, quantized, pairs, example)
    finally:
        for one in training:
            one.training = True
    return quantized


def _report(module: nn.Module, quantized: nn.Module, pairs: Pairs, example: Any) -> Quantization:
    """The errors on an example, or on random inputs of each layer."""
    errors: dict[str, float | None] = {}
    whole = None

    def compare(name: str, layer: nn.Module, inputs: Any, options: Any, output: Any) -> None:
        if name not in errors:  # the first call of a layer
            errors[name] = _error(pairs[name][1](*inputs, **options), output)

    handles = [
        layer.register_forward_hook(partial(compare, name), with_kwargs=True)
        for name, (layer, _) in pairs.items()
    ]
    try:
        if example is None:
            for layer, _ in pairs.values():
                layer(_random_input(layer))
        else:
            given = example if isinstance(example, tuple) else (example,)
            output = module(*given)
            whole = _error(quantized(*given), output)
    finally:
        for handle in handles:
            handle.remove()
    return Quantization(tuple(_layers(pairs, errors)), whole)


def _layers(pairs: Pairs, errors: Mapping[str, float | None]) -> Iterator[QuantizedLayer]:
    for name, (layer, own) in pairs.items():
        before, after = (
            sum(one.nbytes for one in [*some.parameters(), *some.buffers()]) for some in (layer, own)
        )
        yield QuantizedLayer(name, type(layer).__name__, before, after, errors.get(name))


def _random_input(layer: Any) -> Tensor:
    """Random numbers in the form of a layer's input, the same at each call."""
    sizes: tuple[int, ...]
    match layer:
        case RecurrentCell():
            sizes = (8,)
        case Recurrent(batch_first=first):
            sizes = (4, STEPS) if first else (STEPS, 4)
        case Lattice(cell=cell):
            sizes = (2, *[_side(cell.axes)] * cell.axes)
        case GridLSTM(axes=axes, untied=untied):
            sizes = (2, *(untied.get(axis, _side(axes)) for axis in range(1, axes + 1)))
        case _:
            raise TypeError(f"no example for {type(layer).__name__}")
    return torch.randn(*sizes, layer.input_size, generator=torch.Generator().manual_seed(0))


def _side(axes: int) -> int:
    """The size along each axis of a random lattice."""
    return max(2, round(STEPS ** (1 / axes)))


def _error(found: Any, expected: Any) -> float | None:
    """The root mean square of a difference relative to that of the expected tensor; None for others."""
    ours, theirs = _first_tensor(found), _first_tensor(expected)
    if theirs is None or ours is None or ours.shape != theirs.shape or not theirs.is_floating_point():
        return None
    size = float(theirs.norm())
    return float((ours - theirs).norm()) / (size or 1.0)


def _first_tensor(output: Any) -> Tensor | None:
    """The first tensor of an output of a module, its main result."""
    match output:
        case Tensor():
            return output
        case PackedSequence():
            return output.data
        case [first, *_] | {"output": first}:
            return _first_tensor(first)
    return None


def _percent(error: float | None) -> str:
    return "not measured" if error is None else f"{100 * error:.2f}%"
