"""What each unit does, by a layer's trace: how open its gates are, how long it keeps, what it follows."""

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

SHUT, OPEN = 0.1, 0.9  # Karpathy, Johnson and Li 2015
ROUNDING = 1e-12  # of the largest value: what changes less does not change
STILL = 1e-3  # a unit whose hidden varies less is dead


def unit_table(trace: LayerTrace, inside: Tensor | None = None) -> pl.DataFrame:
    """A row for each unit of a layer, over all examples and steps of a trace.

    inside: [B, T] (over a lattice [B, L1, ...]) bool, the steps that count; all where None

    Columns: `unit`; for each gate its mean, `f_shut` and `f_open`, the shares of steps at which it is
    below 0.1 and above 0.9; for each state that is carried on, `c_keep`, the mean factor k by which a step
    multiplies it, `c_constant`, the steps after which 1/e of it is left, `-1/ln k`, and `c_half_life`,
    `ln 2` times that (infinite where k is 1 or more, zero where it is 0 or less); `spread`, the standard
    deviation of the hidden; `dead`, whether that is next to nothing. A projected hidden has fewer units
    than its gates: its columns end in NaN.

    >>> import torch, gatewise
    >>> from gatewise.insight.trace import trace
    >>> table = unit_table(trace(gatewise.LSTM(3, 4), torch.randn(9, 2, 3)).layers[0])
    >>> table.height, [name for name in table.columns if name.startswith("f")]
    (4, ['f', 'f_shut', 'f_open'])
    """
    columns: dict[str, Tensor] = {}
    for name, gate in trace.gates.items():
        values = _counted(gate, inside)
        columns[name] = values.mean(0)
        columns[f"{name}_shut"] = (values < SHUT).float().mean(0)
        columns[f"{name}_open"] = (values > OPEN).float().mean(0)
    for name, factor in keep_factors(trace).items():
        keep = _counted(factor, inside).mean(0)
        columns[f"{name}_keep"] = keep
        columns[f"{name}_constant"] = time_constant(keep)
        columns[f"{name}_half_life"] = math.log(2) * time_constant(keep)
    hidden = _counted(trace.states[trace.cell.state[0]], inside)
    columns["spread"] = hidden.std(0, correction=0)
    widest = max(map(len, columns.values()))
    padded = {
        name: functional.pad(value.double(), (0, widest - len(value)), value=torch.nan)
        for name, value in columns.items()
    }
    frame = pl.DataFrame({name: value.cpu().numpy() for name, value in padded.items()})
    return frame.with_row_index("unit").with_columns(dead=pl.col("spread") < STILL)


def time_constant(keep: Tensor) -> Tensor:
    """The steps after which 1/e is left of what is multiplied by `keep` at each: `-1/ln keep`.

    >>> time_constant(torch.tensor([0.5, 1.0, 0.0])).tolist()
    [1.4426950216293335, inf, 0.0]
    """
    return torch.where(keep >= 1, torch.inf, -1 / keep.clamp(min=0, max=1).log())


def keep_factors(trace: LayerTrace) -> dict[str, Tensor]:
    """For each state that is carried on, [B, T, H]: the factor by which each step multiplies it."""
    named = {**trace.values, **trace.states}
    found = {}
    for name, factor in carry_factors(trace.cell).items():
        state = trace.states[name.split(".")[0]]
        kept = torch.as_tensor(_evaluated(factor, named)).to(state)
        if kept.dim() == 0 or kept.shape == state.shape:  # a projected state is kept by no gate of its own
            found[name] = kept.expand_as(state)
    return found


def followers(trace: LayerTrace, signals: Mapping[str, np.ndarray], example: int = 0) -> pl.DataFrame:
    """For each signal the units whose states go with it, the closest first.

    signals: [T] numbers each, such as a column of the data, or 1 where a character stands and 0 elsewhere

    Columns: `signal`, `state`, `unit`, `correlation` (Pearson's, in -1..1); units that never change are
    left out.

    Raises: `GatewiseError` where a signal is not as long as the trace.
    """
    rows = []
    for name, signal in signals.items():
        wanted = np.asarray(signal, dtype=np.float64)
        for state, values in trace.states.items():
            own = values[example].detach().double().cpu().numpy()
            if wanted.shape != own.shape[:1]:
                raise GatewiseError(
                    f"expected the signal {name!r} as {len(own)} numbers, one a step, got {wanted.shape}"
                )
            rows.append(_correlations(name, state, wanted, own))
    frame = pl.concat(rows).filter(pl.col("correlation").is_not_nan())
    return frame.sort(pl.col("correlation").abs(), descending=True).sort("signal", maintain_order=True)


def correlations(values: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """[H]: Pearson's, of the values [T, H] of each unit with a signal [T]; NaN where one never changes."""
    signal, values = _unit_changes(signal), _unit_changes(values)
    return np.where((signal != 0).any() & (values != 0).any(0), signal @ values, np.nan)


def _unit_changes(values: np.ndarray) -> np.ndarray:
    """[T, ...], as differences from the mean over T, of norm 1; zeros where that is mere rounding."""
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
        case Operation(function=name, arguments=arguments):
            found: Tensor | float = FUNCTIONS[name](*(_evaluated(one, named) for one in arguments))
            return found
    raise GatewiseError(f"how much is kept depends on {expression}, which a trace does not hold")
