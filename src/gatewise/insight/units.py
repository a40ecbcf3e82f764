"""Unit statistics from a layer's trace: open and closed gates, half-lives, correlation with signals."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells.carry_factor import carry_factors
from gatewise.cells.expressions import Constant, Expression, Operation
from gatewise.engine.step import FUNCTIONS
from gatewise.errors import GatewiseError
from gatewise.insight.trace import LayerTrace

CLOSED, OPEN = 0.1, 0.9  # Karpathy, Johnson and Li 2015
ROUNDING = 1e-12  # of the largest value: a smaller change counts as none
DEAD = 1e-3  # a unit whose hidden state has a smaller standard deviation is dead


def unit_table(trace: LayerTrace, inside: Tensor | None = None) -> pl.DataFrame:
    """A row for each unit of a layer, over all examples and steps of a trace.

    inside: [B, T] (over a lattice [B, L1, ...]) bool, the steps that count; all if None

    Columns: `unit`; for each gate its mean, `f_closed` and `f_open`, the fractions of steps at which it is
    below 0.1 and above 0.9; for each state with a carry factor, `c_carry_factor`, the mean k of the factor,
    `c_time_constant`, the steps after which 1/e of the state is left, `-1/ln k`, and `c_half_life`,
    `ln 2` times that (infinite if k is 1 or more, zero if it is 0 or less); `std`, the standard deviation of
    the hidden state; `dead`, whether that is below 0.001. A projected hidden state has fewer units than the
    gates: its columns end in NaN.

    >>> import torch, gatewise
    >>> from gatewise.insight.trace import trace
    >>> table = unit_table(trace(gatewise.LSTM(3, 4), torch.randn(9, 2, 3)).layers[0])
    >>> table.height, [name for name in table.columns if name.startswith("f")]
    (4, ['f', 'f_closed', 'f_open'])
    """
    columns: dict[str, Tensor] = {}
    for name, gate in trace.gates.items():
        values = _counted(gate, inside)
        columns[name] = values.mean(0)
        columns[f"{name}_closed"] = (values < CLOSED).float().mean(0)
        columns[f"{name}_open"] = (values > OPEN).float().mean(0)
    for name, factor in carry_factor_values(trace).items():
        mean = _counted(factor, inside).mean(0)
        columns[f"{name}_carry_factor"] = mean
        columns[f"{name}_time_constant"] = time_constant(mean)
        columns[f"{name}_half_life"] = math.log(2) * time_constant(mean)
    hidden = _counted(trace.states[trace.cell.state[0]], inside)
    columns["std"] = hidden.std(0, correction=0)
    widest = max(map(len, columns.values()))
    padded = {
        name: functional.pad(value.double(), (0, widest - len(value)), value=torch.nan)
        for name, value in columns.items()
    }
    frame = pl.DataFrame({name: value.cpu().numpy() for name, value in padded.items()})
    return frame.with_row_index("unit").with_columns(dead=pl.col("std") < DEAD)


def time_constant(factor: Tensor) -> Tensor:
    """The steps after which 1/e of a value is left that each step multiplies by a factor: `-1/ln factor`.

    >>> time_constant(torch.tensor([0.5, 1.0, 0.0])).tolist()
    [1.4426950216293335, inf, 0.0]
    """
    return torch.where(factor >= 1, torch.inf, -1 / factor.clamp(min=0, max=1).log())


def carry_factor_values(trace: LayerTrace) -> dict[str, Tensor]:
    """For each state with a carry factor, [B, T, H]: the factor by which each step multiplies the state."""
    named = {**trace.values, **trace.states}
    hidden = trace.states[trace.cell.state[0]]  # in place of a matrix, whose rows have one factor
    found = {}
    for name, factor in carry_factors(trace.cell).items():
        state = trace.states.get(name.split(".")[0], hidden)
        values = torch.as_tensor(_evaluated(factor, named)).to(state)
        if values.dim() == 0 or values.shape == state.shape:  # no gate of its own carries a projected state
            found[name] = values.expand_as(state)
    return found


def correlated_units(trace: LayerTrace, signals: Mapping[str, np.ndarray], example: int = 0) -> pl.DataFrame:
    """The units whose states correlate with each signal, the strongest correlation first.

    signals: [T] numbers each, such as a column of the data, or 1 at each occurrence of a character and else 0

    Columns: `signal`, `state`, `unit`, `correlation` (Pearson's, in -1..1); constant units are left out.

    Raises: `GatewiseError` if a signal is not as long as the trace.
    """
    rows = []
    for name, signal in signals.items():
        expected = np.asarray(signal, dtype=np.float64)
        for state, values in trace.states.items():
            own = values[example].detach().double().cpu().numpy()
            if expected.shape != own.shape[:1]:
                raise GatewiseError(
                    f"expected the signal {name!r} as {len(own)} numbers, one a step, got {expected.shape}"
                )
            rows.append(_correlations(name, state, expected, own))
    frame = pl.concat(rows).filter(pl.col("correlation").is_not_nan())
    return frame.sort(pl.col("correlation").abs(), descending=True).sort("signal", maintain_order=True)


def correlations(values: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """[H]: Pearson's correlation of each unit's values [T, H] with a signal [T]; NaN if one is constant."""
    signal, values = _standardized(signal), _standardized(values)
    return np.where((signal != 0).any() & (values != 0).any(0), signal @ values, np.nan)


def _standardized(values: np.ndarray) -> np.ndarray:
    """[T, ...], centred over T, of norm 1; zeros if the differences are only rounding errors."""
    largest = np.abs(values).max(0)
    values = values / np.where(largest > 0, largest, 1.0)
    centred = values - values.mean(0)
    norm = np.linalg.norm(centred, axis=0)
    return np.where(norm > ROUNDING, centred / np.where(norm > 0, norm, 1.0), 0.0)


def _correlations(name: str, state: str, signal: np.ndarray, values: np.ndarray) -> pl.DataFrame:
    found = correlations(values, signal)
    units = np.arange(len(found))
    return pl.DataFrame({"signal": name, "state": state, "unit": units, "correlation": found})


def _counted(values: Tensor, inside: Tensor | None) -> Tensor:
    """[n, H]: the values of the steps that count."""
    values = values.detach()
    return values.flatten(0, -2) if inside is None else values[inside]


def _evaluated(expression: Expression, named: Mapping[str, Tensor]) -> Tensor | float:
    if expression.line is not None:
        return named[expression.line]
    match expression:
        case Constant(value=value):
            return value
        case Operation(function="keys", arguments=(only,)):  # a key is shown at the unit of its number
            return _evaluated(only, named)
        case Operation(function=name, arguments=arguments):
            found: Tensor | float = FUNCTIONS[name](*(_evaluated(one, named) for one in arguments))
            return found
    raise GatewiseError(f"the carry factor depends on {expression}, which a trace does not contain")
