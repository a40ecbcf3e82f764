"""The norm of the gradient by lag, before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gatewise.plots.vanishing import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_RELATIVE_NORM = 1e-12  # smaller norms, relative to the largest, are not drawn


def draw_gradients(tables: Mapping[str, pl.DataFrame]) -> Figure:
    """Draws a panel for each layer and state, with a colour for each model.

    tables: the tables that `GradientWatch` writes, by model: `epoch, layer, cell, state, lag, norm`
    """
    from matplotlib.figure import Figure

    table = pl.concat([own.with_columns(model=pl.lit(name)) for name, own in tables.items()])
    layers = table["layer"].unique(maintain_order=True).to_list()
    states = table["state"].unique(maintain_order=True).to_list()
    figure = Figure(figsize=(1.6 + 4.6 * len(states), 0.8 + 3.1 * len(layers)), layout="constrained")
    panels = figure.subplots(len(layers), len(states), squeeze=False, sharey="row")
    for row, layer in enumerate(layers):
        for column, state in enumerate(states):
            _panel(panels[row][column], table.filter(layer=layer, state=state), list(tables))
            where = f"{layer}, " if len(layers) > 1 else ""
            panels[row][column].set_title(f"{where}{state}", loc="left", fontsize=11)
    first, last = table["epoch"].min(), table["epoch"].max()
    lines = "dashed: before training" + ("" if first == last else f", solid: in epoch {int(str(last)) + 1}")
    figure.suptitle(f"norm of the gradient, relative to the largest ({lines})", fontsize=11)
    return figure


def _panel(axes: Axes, table: pl.DataFrame, models: list[str]) -> None:
    for model, colour in zip(models, COLOURS * len(models), strict=False):
        own = table.filter(model=model)
        if own.is_empty():
            continue
        first, last = own["epoch"].min(), own["epoch"].max()
        for epoch, style in ((first, "--"), (last, "-"))[: 1 + (first != last)]:
            norms = own.filter(epoch=epoch).sort("lag")["norm"].to_numpy()
            relative = norms / (norms.max() or 1.0)
            label = model if epoch == last else None
            axes.plot(
                np.where(relative > MIN_RELATIVE_NORM, relative, np.nan),
                style,
                color=colour,
                lw=1.6,
                label=label,
            )
    axes.set_yscale("log")
    axes.set_xlabel("lag: steps before the last")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    if axes.lines:
        axes.legend(frameon=False)
