"""The values of each layer in a report: all of them, or as many as fit into a page of a few megabytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from torch import Tensor

from gatewise.insight.trace import LayerTrace
from gatewise.insight.units import unit_table
from gatewise.report.example import Track
from gatewise.report.inspection import Inspection
from gatewise.report.order import orders, signals

MOST = 900_000  # values of a report: 2.4 MB
LEAST_STEPS = 160  # of a long sequence that is cut, before units are left out
NEARLY_ALL = 0.98  # fraction of a state's values within the range of colours
WORDS = {
    "i": "input gate",
    "f": "forget gate",
    "o": "output gate",
    "r": "reset gate",
    "z": "update gate",
    "g": "candidate",
    "n": "candidate",
    "c": "cell state",
    "h": "hidden state",
}


@dataclass(frozen=True)
class LayerView:
    """A layer's values on one example, [steps, units] each, in the order of the cell's equations.

    axes: the sizes of its lattice, [steps] of a sequence; first: the first step shown
    of: the steps and units that the layer has; units: the numbers of the units shown
    tracks: drawn above the values
    """

    title: str
    trace: LayerTrace
    first: int
    axes: tuple[int, ...]
    of: tuple[int, int]
    units: list[int]
    tracks: tuple[Track, ...] = ()

    @property
    def steps(self) -> int:
        return int(np.prod(self.axes))

    @cached_property
    def whole(self) -> dict[str, np.ndarray]:
        """All values, [steps, units]."""
        named = {**self.trace.values, **self.trace.states}
        return {name: _flat(named[name]) for name in self.trace.cell.lines if name in named}

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """The values that are shown."""
        last = self.first + self.steps
        if len(self.units) == self.of[1]:
            return {name: one[self.first : last] for name, one in self.whole.items()}
        return {
            name: one[self.first : last, [unit for unit in self.units if unit < one.shape[1]]]
            for name, one in self.whole.items()
        }

    @cached_property
    def table(self) -> pl.DataFrame:
        """The statistics of the shown units, over all steps."""
        table = unit_table(self.trace)
        return table if len(self.units) == table.height else table[self.units]

    @cached_property
    def orders(self) -> dict[str, list[int]]:
        tracks = [track for track in self.tracks if track.belongs_to(self.trace.module)]
        return orders(self.hidden[:, self.units], self.table, signals(tracks, self.of[0]))

    @property
    def hidden(self) -> np.ndarray:
        """The hidden state, or if that is projected to fewer units the first state that is not."""
        states = [self.whole[name] for name in self.trace.cell.state if name in self.whole]
        return next((one for one in states if one.shape[1] == self.of[1]), states[0])

    def kind(self, name: str) -> str:
        """The kind of a line: "gate" (in 0..1), "state" or "value"."""
        cell = self.trace.cell
        return "gate" if name in cell.gates else "state" if name in cell.state else "value"

    def words(self, name: str) -> str:
        """The usual name of a line."""
        kind, usual = self.kind(name), WORDS.get(name.split("_")[0], "")
        return usual if usual.endswith("gate") == (kind == "gate") and usual else kind

    def reach(self, name: str) -> float:
        """The absolute value that gets the strongest colour."""
        if self.kind(name) == "gate":
            return 1.0
        return reach_of(self.values[name])


def layer_views(inspection: Inspection, step: int = 0) -> list[LayerView]:
    """Every layer; of too many values only the steps around `step`, and then the most active units."""
    whole = []
    for title, layer in zip(inspection.titles, inspection.layers, strict=True):
        trace = _row(layer, inspection.row)
        hidden = trace.states[trace.cell.state[0]]
        axes = tuple(hidden.shape[1:-1])
        widest = max(one.shape[-1] for one in {**trace.values, **trace.states}.values())
        of = int(np.prod(axes)), widest
        tracks = inspection.example.tracks if len(axes) == 1 else ()
        whole.append(LayerView(title, trace, 0, axes, of, list(range(widest)), tracks))
    total = _total(whole)
    if total > MOST:
        whole = [_cut_steps(one, MOST / total, step) for one in whole]
    total = _total(whole)
    return [_cut_units(one, MOST / total) for one in whole] if total > MOST else whole


def reach_of(values: np.ndarray, fraction: float = NEARLY_ALL) -> float:
    """The absolute value that gets the strongest colour: that fraction of all values is smaller."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    return float(np.quantile(sizes, fraction)) if sizes.size else 1.0


def _total(layers: list[LayerView]) -> int:
    return sum(one.steps * value.shape[1] for one in layers for value in one.whole.values())


def _cut_steps(one: LayerView, fraction: float, step: int) -> LayerView:
    if len(one.axes) > 1:
        return one
    steps = min(max(int(one.steps * fraction), LEAST_STEPS), one.steps)
    first = min(max(step - steps // 2, 0), one.steps - steps)
    return replace(one, first=first, axes=(steps,))


def _cut_units(one: LayerView, fraction: float) -> LayerView:
    """The units with the largest standard deviation of the hidden state."""
    activity = one.hidden.std(0)
    count = max(int(one.of[1] * fraction), 1)
    return replace(one, units=sorted(np.argsort(-activity, kind="stable")[:count].tolist()))


def _row(layer: LayerTrace, row: int) -> LayerTrace:
    """A layer's trace on one row of the batch, as a batch of one."""
    chosen = [
        {name: value.detach()[row : row + 1] for name, value in named.items()}
        for named in (layer.states, layer.values)
    ]
    return replace(layer, states=chosen[0], values=chosen[1])


def _flat(values: Tensor) -> np.ndarray:
    """[1, ..., H] -> [steps, H]."""
    return values[0].flatten(0, -2).float().cpu().numpy()
