"""Attribution of a prediction to the inputs, by integrated gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import GatewiseError

BATCH_VALUES = 2**24  # input values of one internal batch of interpolated inputs


@dataclass(frozen=True)
class Attribution:
    """The contribution of each input to a prediction.

    values: of the inputs' shape [N, ...]
    output, baseline_output: [N], the model's outputs for the inputs and for the baseline
    """

    values: Tensor
    output: Tensor
    baseline_output: Tensor

    @property
    def gap(self) -> Tensor:
        """[N]: the sum of the values minus the difference of the outputs. More steps make it smaller."""
        return self.values.flatten(1).sum(1) - (self.output - self.baseline_output)


def attribute(
    forward: Callable[[Tensor], Tensor], inputs: Tensor, baseline: Tensor | None = None, steps: int = 64
) -> Attribution:
    """Integrated gradients: `(x - x') * mean over s in 0..1 of dF/dx (x' + s (x - x'))`.

    forward: F, [N, ...] -> [N], independent for each row and for any N, of a module in evaluation mode
    inputs: x, [N, ...]; baseline: x', broadcastable to x; zeros if None
    steps: points of the Gauss-Legendre quadrature on the straight line from x' to x

    The values sum up to `F(x) - F(x')`, except for the `gap` (Sundararajan, Taly and Yan 2017).

    Raises: `GatewiseError` if Captum is not installed, or `forward` does not return one number for each row.

    >>> import gatewise
    >>> layer, x = gatewise.LSTM(3, 4), torch.randn(9, 1, 3)
    >>> def last(x):  # [N, T, 3] -> [N]
    ...     return layer(x.transpose(0, 1))[0][-1, :, 0]
    >>> found = attribute(last, x.transpose(0, 1))
    >>> found.values.shape, bool(found.gap.abs() < 1e-5)
    (torch.Size([1, 9, 3]), True)
    """
    gradients = _require_captum()
    inputs = inputs.detach()
    start = torch.zeros_like(inputs) if baseline is None else baseline.detach().expand_as(inputs)
    # cuDNN computes no gradient of a recurrent layer in evaluation mode.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        with torch.no_grad():
            ends = [_checked(forward(one), len(inputs)) for one in (inputs, start)]
        values = gradients(forward).attribute(
            inputs,
            start,
            n_steps=steps,
            method="gausslegendre",
            internal_batch_size=max(BATCH_VALUES // max(inputs[0].numel(), 1), len(inputs)),
        )
    return Attribution(values.detach(), *ends)


def attribute_through(
    layer: nn.Module,
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor | None = None,
    steps: int = 64,
    batch_first: bool = True,
) -> Attribution:
    """Integrated gradients for inputs without a gradient, such as symbols, by the output of an embedding.

    layer: called once in `forward`; returns [N, T, E], or [T, N, E] if not `batch_first`
    forward: [N, T] -> [N]; inputs: [N, T]; baseline: a vector [E], zeros if None

    Returns: values [N, T], summed over E, in the order in which the layer reads the inputs.

    Raises: `GatewiseError` as `attribute`, and if the layer is not called exactly once.

    >>> symbols, rows = torch.tensor([[3, 1, 4]]), nn.Embedding(5, 2)
    >>> found = attribute_through(rows, lambda symbols: rows(symbols).sum((1, 2)), symbols)
    >>> torch.allclose(found.values, rows(symbols).sum(-1))
    True
    """
    vectors = _output_of(layer, forward, inputs)
    vectors = vectors if batch_first else vectors.transpose(0, 1)

    def from_vectors(vectors: Tensor) -> Tensor:
        repeated = inputs.repeat(len(vectors) // len(inputs), *[1] * (inputs.dim() - 1))
        with _replaced_output(layer, vectors if batch_first else vectors.transpose(0, 1)):
            return forward(repeated)

    found = attribute(from_vectors, vectors, baseline, steps)
    return Attribution(found.values.sum(-1), found.output, found.baseline_output)


def _checked(output: Any, rows: int) -> Tensor:
    if not isinstance(output, Tensor) or output.shape != (rows,):
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise GatewiseError(f"expected forward to return one number for each of {rows} rows, got {got}")
    return output


def _output_of(layer: nn.Module, forward: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """The output of a layer during a call of `forward`."""
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda module, given, output: seen.append(output))
    try:
        with torch.no_grad():
            forward(inputs)
    finally:
        handle.remove()
    if len(seen) != 1:
        raise GatewiseError(
            f"expected a layer that is called once; {type(layer).__name__} was called {len(seen)} times"
        )
    return seen[0]


@contextmanager
def _replaced_output(layer: nn.Module, output: Tensor) -> Iterator[None]:
    """Makes a layer return a given output within the context."""
    handle = layer.register_forward_hook(lambda module, given, own: output)
    try:
        yield
    finally:
        handle.remove()


def _require_captum() -> Any:
    """Captum's integrated gradients. Raises: `GatewiseError` if Captum is not installed."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise GatewiseError(
            "attribution is computed by Captum, which is not installed: pip install 'gatewise[attribution]'"
        ) from error
    return IntegratedGradients
