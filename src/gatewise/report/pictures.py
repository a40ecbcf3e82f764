"""The views of the report as figures, for papers: values over time, the gradient, the units."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.plots.saving import save_picture
from gatewise.report.attention import draw_attention
from gatewise.report.colours import GATES, LINES, STATES
from gatewise.report.example import Example, Track
from gatewise.report.inspection import Inspection
from gatewise.report.layer_views import LayerView, layer_views, reach_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

INK, FAINT = "#222222", "#999999"
LETTERS = 14  # of a symbol, at most
THUMBNAILS = 8  # units of a lattice
WIDE = 9.0  # inches
PICTURES = (
    "values.png",
    "attribution.png",
    "attention.png",
    "gradient.png",
    "units.png",
)  # all files that `draw` may write


def draw(inspection: Inspection, folder: Path, layer: int = 0, order: str = "half-life") -> dict[str, str]:
    """Writes figures of one layer and of the gradient. Returns: the description of each file, by its name.

    order: of the units: "half-life", "activity", "similarity" or "number", which is used if there is no other
    """
    inspection.opening(layer, None)
    one = layer_views(inspection)[layer]
    units = one.orders.get(order, one.orders["number"])
    written = {}
    if len(one.axes) == 1:
        save_picture(_over_time(one, inspection, units), folder / "values.png")
        written["values.png"] = f"{one.title}: every gate and state over time"
    else:
        save_picture(_lattice(one, units), folder / "values.png")
        written["values.png"] = f"{one.title}: every gate and state over the lattice"
        if inspection.example.attribution is not None:
            save_picture(_over_image(inspection.example), folder / "attribution.png")
            written["attribution.png"] = "the contribution of each pixel to the prediction"
    if inspection.example.attention is not None:
        save_picture(draw_attention(inspection.example.attention), folder / "attention.png")
        written["attention.png"] = "the attention weights of each target"
    if inspection.flows:
        save_picture(_gradient(inspection), folder / "gradient.png")
        written["gradient.png"] = "the gradient against the lag"
    if one.trace.gates:
        save_picture(_saturation(one), folder / "units.png")
        written["units.png"] = f"{one.title}: how often the gates of each unit are open and closed"
    return written


def _over_time(one: LayerView, inspection: Inspection, units: list[int]) -> Figure:
    from matplotlib.figure import Figure

    tracks = [
        track
        for track in inspection.example.tracks
        if (track.lines or track.symbols or track.strip) and track.belongs_to(one.trace.module)
    ]
    heights = [*map(_height, tracks), *[1.25] * len(one.values)]
    figure = Figure(figsize=(WIDE, sum(heights) + 0.9), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axes, track in zip(panels, tracks, strict=False):
        _track(axes, track)
        if track.strip is not None:
            _strip(figure, axes, track)
    for axes, name in zip(panels[len(tracks) :], one.values, strict=True):
        _map(figure, axes, one, name, units)
    steps = [
        one.first + one.steps,
        *(line.start + len(line.values) for track in tracks for line in track.lines),
    ]
    panels[-1].set_xlim(one.first - 0.5, (max(steps) if one.steps == one.of[0] else steps[0]) - 0.5)
    panels[-1].set_xlabel(
        f"step ({inspection.example.unit})" if inspection.example.unit != "step" else "step"
    )
    _name_times(panels[-1], inspection.example.times)
    figure.suptitle(
        f"{inspection.name}, {one.title}", x=0.01, ha="left", fontsize=11, color=INK, parse_math=False
    )
    return figure


def _long(track: Track) -> bool:
    return any(len(text) > 2 for text in track.symbols)


def _height(track: Track) -> float:
    """Inches."""
    if track.strip is not None and track.strip.names and not track.symbols:
        return 0.22 + 0.16 * len(track.strip.names)
    if not track.symbols:
        return 0.8
    return 0.25 + 0.075 * min(max(map(len, track.symbols)), LETTERS) if _long(track) else 0.25


def _track(axes: Axes, track: Track) -> None:
    axes.set_ylabel(fill(track.name, 18), rotation=0, ha="right", va="center", fontsize=9, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if track.symbols:
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        size = min(8.0, 700 / len(track.symbols))
        for step, text in enumerate(track.symbols):
            axes.text(
                step,
                0.5,
                text[:LETTERS],
                ha="center",
                va="center",
                fontsize=size,
                color=INK,
                rotation=90 if _long(track) else 0,
                parse_math=False,
                clip_on=True,
            )
        return
    for index, line in enumerate(track.lines):
        colour = INK if index == 0 else LINES["light"][(index - 1) % len(LINES["light"])]
        axes.plot(
            line.start + np.arange(len(line.values)), line.values, color=colour, lw=1.1, label=line.name
        )
    if len(track.lines) > 1:
        legend = axes.legend(
            frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 0.95), ncols=len(track.lines)
        )
        for entry in legend.get_texts():
            entry.set_parse_math(False)


def _strip(figure: Figure, axes: Axes, track: Track) -> None:
    """Draws the values of a strip as colours, behind the symbols if there are any."""
    strip = track.strip
    assert strip is not None
    reach = reach_of(strip.values) if strip.signed else reach_of(strip.values, 1.0)
    image = axes.imshow(
        np.ma.masked_invalid(strip.values),
        aspect="auto",
        interpolation="nearest",
        cmap=_colour_map("states" if strip.signed else "gates"),
        vmin=-reach * strip.signed,
        vmax=reach,
        extent=(-0.5, strip.values.shape[1] - 0.5, len(strip.values) - 0.5, -0.5),
    )
    axes.spines[:].set_visible(False)
    if track.symbols:
        for text, value in zip(axes.texts, strip.values[0], strict=True):
            text.set_y(0)
            text.set_color("white" if abs(value) > 0.55 * reach else INK)
    elif len(strip.names) > 1:
        axes.set_yticks(range(len(strip.names)))
        axes.set_yticklabels(strip.names, fontsize=7, parse_math=False)
        axes.tick_params(left=False)
    else:
        axes.set_yticks([])
    figure.colorbar(image, ax=axes, pad=0.01, aspect=8).ax.tick_params(labelsize=7)


def _map(figure: Figure, axes: Axes, one: LayerView, name: str, units: list[int]) -> None:
    values = one.values[name]
    rows = values[:, [unit for unit in units if unit < values.shape[1]]].T
    extent = (one.first - 0.5, one.first + one.steps - 0.5, len(rows) - 0.5, -0.5)
    image = axes.imshow(rows, aspect="auto", extent=extent, interpolation="nearest", **_colours(one, name))
    axes.set_ylabel(
        f"{name}\n{one.words(name)}", rotation=0, ha="right", va="center", fontsize=9, parse_math=False
    )
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(labelsize=8)
    figure.colorbar(image, ax=axes, pad=0.01, aspect=8).ax.tick_params(labelsize=7)


def _colours(one: LayerView, name: str) -> dict[str, Any]:
    gate, reach = one.kind(name) == "gate", one.reach(name)
    return {
        "cmap": _colour_map("gates" if gate else "states"),
        "vmin": 0.0 if gate else -reach,
        "vmax": reach,
    }


def _colour_map(kind: str) -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(kind, (GATES if kind == "gates" else STATES)["light"])


def _name_times(axes: Axes, times: tuple[str, ...]) -> None:
    if not times:
        return
    low, high = axes.get_xlim()
    ticks = [
        int(one)
        for one in axes.get_xticks()
        if low <= one <= high and 0 <= one < len(times) and one == int(one)
    ]
    axes.set_xticks(ticks, [times[tick] for tick in ticks])


def _lattice(one: LayerView, units: list[int]) -> Figure:
    """A row for each value, an image for each of some units; the first slice of more than two axes."""
    from matplotlib.figure import Figure

    down, across = one.axes[-2:]
    chosen = units[:THUMBNAILS]
    side = WIDE / len(chosen)
    figure = Figure(
        figsize=(WIDE + 0.8, (side * down / across + 0.1) * len(one.values) + 0.7), layout="constrained"
    )
    panels = figure.subplots(len(one.values), len(chosen), squeeze=False)
    for row, (name, values) in zip(panels, one.values.items(), strict=True):
        for axes, unit in zip(row, chosen, strict=True):
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color("#cccccc")
            if unit < values.shape[1]:
                axes.imshow(values[: down * across, unit].reshape(down, across), **_colours(one, name))
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10, parse_math=False)
    for axes, unit in zip(panels[0], chosen, strict=True):
        axes.set_title(f"unit {one.units[unit]}", fontsize=9, color=INK)
    figure.suptitle(one.title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    return figure


def _over_image(example: Example) -> Figure:
    """The image, and the contribution of each pixel, stored with its columns as rows."""
    from matplotlib.figure import Figure

    assert example.attribution is not None
    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for track in example.tracks:
        if track.pixels is not None:
            left.imshow(track.pixels, cmap="gray", vmin=0, vmax=255)
        elif track.strip is not None:
            values, reach = track.strip.values.T, reach_of(track.strip.values)
            image = right.imshow(values, cmap=_colour_map("states"), vmin=-reach, vmax=reach)
            figure.colorbar(image, ax=right, pad=0.02, shrink=0.8).ax.tick_params(labelsize=7)
    for axes in (left, right):
        axes.axis("off")
    figure.suptitle(
        fill(example.attribution.output_name, 80), x=0.01, ha="left", fontsize=10, color=INK, parse_math=False
    )
    return figure


def _gradient(inspection: Inspection) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for flow in inspection.flows:
        for state, norms in flow.norms.items():
            positive = np.where(norms.cpu().numpy() > 0, norms.double().cpu().numpy(), np.nan)
            colour = LINES["light"][len(axes.lines) % len(LINES["light"])]
            axes.semilogy(positive, lw=1.5, color=colour, label=f"{state}, {flow.title}")
    axes.set_xlabel("lag in steps, from the last step")
    axes.set_ylabel("norm of the gradient")
    axes.spines[["top", "right"]].set_visible(False)
    legend = axes.legend(frameon=False, fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return figure


def _saturation(one: LayerView) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [1, 0], color="#cccccc", lw=0.8)
    for index, name in enumerate(one.trace.gates):
        colour = LINES["light"][index % len(LINES["light"])]
        fractions = one.table[f"{name}_open"].to_numpy(), one.table[f"{name}_closed"].to_numpy()
        axes.scatter(*fractions, s=14, color=colour, alpha=0.6, label=name, linewidths=0)
    axes.set(
        xlabel="fraction of steps open (above 0.9)",
        ylabel="fraction of steps closed (below 0.1)",
        aspect="equal",
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    return figure
