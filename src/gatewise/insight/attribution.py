"""Attribution: which inputs a prediction came from, by integrated gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import GatewiseError

AT_ONCE = 2**24  # numbers of inputs on the way from the baseline that are looked at together


@dataclass(frozen=True)
class Attributed:
    """What each input gave to a prediction.

    values: of the inputs' shape [N, ...]; output, start: [N], what is said of the inputs and of the baseline
    """

    values: Tensor
    output: Tensor
    start: Tensor

    @property
    def gap(self) -> Tensor:
        """[N]: by how much the values miss the difference of both outputs. More steps make it smaller."""
        return self.values.flatten(1).sum(1) - (self.output - self.start)


def attribute(
    forward: Callable[[Tensor], Tensor], inputs: Tensor, baseline: Tensor | None = None, steps: int = 64
) -> Attributed:
    """Integrated gradients: `(x - x') * mean over s in 0..1 of dF/dx (x' + s (x - x'))`.

    forward: F, [N, ...] -> [N], each row by itself, of any module in evaluation mode; N may be any number
    inputs: x, [N, ...]; baseline: x', of the same shape or one that becomes it, zeros if None
    steps: points on the straight way between them, by Gauss and Legendre

    What it gives sums up to `F(x) - F(x')`, but for the `gap` (Sundararajan, Taly and Yan 2017).

    Raises: `GatewiseError` where Captum is not installed, or `forward` gives no number for each row.

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
    # cuDNN has no gradient of a recurrent layer that is not in training.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        with torch.no_grad():
            ends = [_checked(forward(one), len(inputs)) for one in (inputs, start)]
        values = gradients(forward).attribute(
            inputs, start, n_steps=steps, method="gausslegendre",
            internal_batch_size=max(AT_ONCE // max(inputs[0].numel(), 1), len(inputs)),
        )  # fmt: skip
    return Attributed(values.detach(), *ends)


def attribute_through(
    layer: nn.Module,
    forward: Callable[[Tensor], Tensor],
    inputs: Tensor,
    baseline: Tensor | None = None,
    steps: int = 64,
    batch_first: bool = True,
) -> Attributed:
    """The same for inputs that have no gradient, as symbols: by what a layer makes of them, as an embedding.

    layer: is called once in `forward`, and gives [N, T, E], or [T, N, E] where it is not `batch_first`
    forward: [N, T] -> [N]; inputs: [N, T]; baseline: a vector [E], zeros if None

    values: [N, T], in the order in which the layer sees them, summed over E

    Raises: `GatewiseError` as for `attribute`, and where the layer is not called just once.

    >>> symbols, rows = torch.tensor([[3, 1, 4]]), nn.Embedding(5, 2)
    >>> found = attribute_through(rows, lambda symbols: rows(symbols).sum((1, 2)), symbols)
    >>> torch.allclose(found.values, rows(symbols).sum(-1))
    True
    """
    vectors = _given_by(layer, forward, inputs)
    vectors = vectors if batch_first else vectors.transpose(0, 1)

    def onwards(vectors: Tensor) -> Tensor:
        again = inputs.repeat(len(vectors) // len(inputs), *[1] * (inputs.dim() - 1))
        with _giving(layer, vectors if batch_first else vectors.transpose(0, 1)):
            return forward(again)

    found = attribute(onwards, vectors, baseline, steps)
    return Attributed(found.values.sum(-1), found.output, found.start)


def _checked(output: Any, rows: int) -> Tensor:
    if not isinstance(output, Tensor) or output.shape != (rows,):
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise GatewiseError(f"expected one number for each of {rows} rows from what is attributed, got {got}")
    return output


def _given_by(layer: nn.Module, forward: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """What a layer gives in the course of a call."""
    seen: list[Tensor] = []
    handle = layer.register_forward_hook(lambda module, given, output: seen.append(output))
    try:
        with torch.no_grad():
            forward(inputs)
    finally:
        handle.remove()
    if len(seen) != 1:
        raise GatewiseError(
            f"attribution goes through a layer that is called once; {type(layer).__name__} was called "
            f"{len(seen)} times"
        )
    return seen[0]


@contextmanager
def _giving(layer: nn.Module, output: Tensor) -> Iterator[None]:
    """Within it, a layer gives what it is told to."""
    handle = layer.register_forward_hook(lambda module, given, own: output)
    try:
        yield
    finally:
        handle.remove()


def _require_captum() -> Any:
    """Captum's integrated gradients. Raises: `GatewiseError` where it is not installed."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise GatewiseError(
            "attribution is computed by Captum, which is not installed: pip install 'gatewise[attribution]'"
        ) from error
    return IntegratedGradients
