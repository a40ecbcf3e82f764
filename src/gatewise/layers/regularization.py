"""Noise in training, for regularization: dropout, zoneout, weight dropout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.base import CellType
from gatewise.compiler.layout import layout
from gatewise.errors import GatewiseError

DropoutMask = Literal["step", "sequence"]  # what one mask of dropout is for


@dataclass(frozen=True)
class Regularization:
    """The probabilities of all kinds of noise.

    dropout: of a unit at a step, between layers (as in `torch.nn`)
    variational_dropout: of a unit for a whole sequence, in a layer's input and recurrent state (Gal and
        Ghahramani 2016)
    zoneout: of a unit keeping its old value, by state (Krueger et al. 2017)
    weight_dropout: of a recurrent weight, for a whole call (Merity et al. 2018)
    dropout_mask: whether each step of a sequence has its own mask of `dropout`, or all steps have the same
    within: whether there is noise inside a layer, not only between layers
    """

    dropout: float
    variational_dropout: float
    zoneout: Mapping[str, float]
    weight_dropout: float
    dropout_mask: DropoutMask = "step"
    within: bool = field(init=False)  # no cached property, whose lock `torch.compile` can't follow

    def __post_init__(self) -> None:
        within = self.variational_dropout or self.weight_dropout or any(self.zoneout.values())
        object.__setattr__(self, "within", bool(within))

    def between(self, values: Tensor, training: bool) -> Tensor:
        """The output of a layer [T, B, H] with dropout, for the next layer."""
        if self.dropout_mask == "sequence":
            return sequence_dropout(values, self.dropout, training)
        return functional.dropout(values, self.dropout, training) if self.dropout else values

    def on_input(self, values: Tensor, training: bool) -> Tensor:
        """The input of a layer [T, B, I] with one mask for all steps."""
        return sequence_dropout(values, self.variational_dropout, training)

    def hidden_mask(self, hidden: Tensor, training: bool) -> Tensor | None:
        """A mask for the recurrent hidden state [B, H], the same at every step."""
        if not training or self.variational_dropout == 0:
            return None
        return functional.dropout(torch.ones_like(hidden), self.variational_dropout)

    def recurrent(self, weight: Tensor, training: bool) -> Tensor:
        """The recurrent weights with dropout; the gradient reaches all others."""
        return functional.dropout(weight, self.weight_dropout, training)

    def kept_fraction(
        self, state: Mapping[str, Tensor], steps: int, training: bool
    ) -> dict[str, Tensor | float]:
        """The fraction of each state that zoneout keeps: masks [T, B, H] in training, else the mean."""
        if not training:
            return {name: rate for name, rate in self.zoneout.items() if rate}
        return {
            name: torch.bernoulli(torch.full_like(state[name], rate).expand(steps, -1, -1))
            for name, rate in self.zoneout.items()
            if rate
        }


def sequence_dropout(values: Tensor, rate: float, training: bool) -> Tensor:
    """Dropout of values [T, B, H] with one mask [B, H] for all steps (Gal and Ghahramani 2016)."""
    if not training or rate == 0:
        return values
    return values * functional.dropout(torch.ones_like(values[:1]), rate)


def regularization(
    cell: CellType,
    dropout: float,
    variational_dropout: float,
    zoneout: float | Mapping[str, float],
    weight_dropout: float,
    dropout_mask: DropoutMask,
) -> Regularization:
    """Checks the probabilities; one number as `zoneout` is that of every state."""
    if dropout_mask not in get_args(DropoutMask):
        raise GatewiseError(f"expected dropout_mask as 'step' or 'sequence', got {dropout_mask!r}")
    if not isinstance(zoneout, int | float | Mapping):
        raise GatewiseError(f"expected zoneout as a number or one for each state, got {zoneout!r}")
    vectors = [name for name in cell.state if name not in cell.matrix_states]
    by_state = dict.fromkeys(vectors, zoneout) if isinstance(zoneout, int | float) else dict(zoneout)
    for name in by_state:
        if name not in cell.state:
            raise GatewiseError(f"zoneout names the state {name!r}; {cell.__name__} has {cell.state}")
        if name in cell.matrix_states:
            raise GatewiseError(
                f"zoneout keeps units, and the state {name!r} of {cell.__name__} is a matrix; give it for "
                f"{', '.join(vectors)}"
            )
    rates = {
        "dropout": dropout,
        "variational_dropout": variational_dropout,
        "weight_dropout": weight_dropout,
        **{f"zoneout of {name}": rate for name, rate in by_state.items()},
    }
    for name, rate in rates.items():
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise GatewiseError(f"expected {name} as a probability in 0..1, got {rate!r}")
    if weight_dropout and not any(one.multiplies_hidden for one in layout(cell).parameters):
        raise GatewiseError(
            f"weight_dropout={weight_dropout} acts on matrices of hidden values, and {cell.__name__} has "
            "none; leave it out"
        )
    return Regularization(dropout, variational_dropout, by_state, weight_dropout, dropout_mask)
