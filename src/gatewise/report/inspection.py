"""The content of a report: the traces of a model's layers on one example, its gradient, and the example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import GatewiseError
from gatewise.insight.current_layer import titles
from gatewise.insight.gradient import Flow, gradient_flow
from gatewise.insight.trace import LayerTrace, tracing
from gatewise.report.example import Example

NO_EXAMPLE = Example(None, "", ())


@dataclass(frozen=True)
class Inspection:
    """The values inside a model while it ran on an example.

    layers: in the order of their calls; flows: the gradient back from the last step, by layer
    no_flow: the reason why layers have no gradient; row: of the batch, the one shown; name: of the model
    """

    layers: tuple[LayerTrace, ...]
    example: Example = NO_EXAMPLE
    flows: tuple[Flow, ...] = ()
    no_flow: str = ""
    row: int = 0
    name: str = "a model"
    titles: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "titles", titles([one.source for one in self.layers], [one.call for one in self.layers])
        )

    def opening(self, layer: int, step: int | None) -> int:
        """The step at which a report of a layer opens, its last one if `step` is None.

        Raises: `GatewiseError` if there is no such layer, or the layer has no such step.
        """
        if not 0 <= layer < len(self.layers):
            names = ", ".join(f"{number}: {title}" for number, title in enumerate(self.titles))
            raise GatewiseError(f"there is no layer {layer}; the layers are {names}")
        steps = _steps(self.layers[layer])
        if step is not None and not 0 <= step < steps:
            raise GatewiseError(
                f"{self.titles[layer]} ran for {steps} steps, numbered from 0; got step {step}"
            )
        return steps - 1 if step is None else step


def inspect(
    model: nn.Module,
    run: Callable[[], Any],
    loss: Callable[[], Tensor] | None = None,
    example: Example = NO_EXAMPLE,
    name: str = "a model",
    row: int = 0,
) -> Inspection:
    """Runs a model and collects the traces of its layers and the gradient through time.

    model: any module with layers of gatewise, or of `torch.nn`; run: calls it
    loss: calls it and returns a scalar that depends on its last step alone, for the gradient; None for none

    Raises: `GatewiseError` if the model has no recurrent layer.

    >>> import gatewise
    >>> layer, x = gatewise.LSTM(3, 8), torch.randn(20, 1, 3)
    >>> found = inspect(layer, lambda: layer(x), lambda: layer(x)[0][-1].square().sum())
    >>> found.titles, len(found.flows)
    (('layer 0',), 1)
    """
    with torch.no_grad(), tracing(model) as collected:
        run()
    layers = join_steps(collected)
    flows: Sequence[Flow] = ()
    why = "no loss was given"
    if loss is not None:
        try:
            found = gradient_flow(model, loss)
            flows = [one for one in found if one.steps > 1]
            short = dict.fromkeys(one.title for one in found if one.steps == 1)
            why = f"{' and '.join(short)}: run one step at a time, without a lag" if short else ""
        except GatewiseError as error:
            why = str(error)
    return Inspection(layers, example, tuple(flows), why, row, name)


def join_steps(layers: Sequence[LayerTrace]) -> tuple[LayerTrace, ...]:
    """Joins the calls of layers that ran one step at a time, such as a decoder's, to one trace each."""
    groups: dict[tuple[str, int, str], list[LayerTrace]] = {}
    for one in layers:
        groups.setdefault((one.module, one.layer, one.direction), []).append(one)
    found: list[LayerTrace] = []
    for group in groups.values():
        if len({_shape(one) for one in group}) == 1 and _shape(group[0])[1:-1] == (1,) and len(group) > 1:
            found.append(replace(group[0], states=_joined(group, "states"), values=_joined(group, "values")))
        else:
            found += group
    return tuple(found)


def _joined(group: list[LayerTrace], which: str) -> dict[str, Tensor]:
    names = getattr(group[0], which)
    return {name: torch.cat([getattr(one, which)[name] for one in group], dim=1) for name in names}


def _shape(layer: LayerTrace) -> tuple[int, ...]:
    return tuple(layer.states[layer.cell.state[0]].shape)


def _steps(layer: LayerTrace) -> int:
    steps = 1
    for size in _shape(layer)[1:-1]:
        steps *= size
    return steps
