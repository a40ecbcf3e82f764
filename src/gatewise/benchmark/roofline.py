"""The roofline: the performance of every cell and shape, below the limits of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gatewise.benchmark.machine import Machine
from gatewise.benchmark.results import OURS, Row
from gatewise.benchmark.workload import ALL_STEPS, PASSES, BenchmarkCase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY = "#222222", "#777777"
COLOURS = ("#c1440e", "#2a6f97", "#3f7d20", "#8e4585", "#b8860b", "#333333", "#20908d", "#d1495b")
MARKS = "osD^v<>Pp*hX"
TITLES = {"forward": "forward", "both": "forward and backward"}


def draw_roofline(rows: Sequence[Row], machine: Machine, cases: Sequence[BenchmarkCase]) -> Figure:
    """Draws the rows of gatewise: a colour for each cell, a marker for each shape, a panel for each pass.

    Only those with a gradient from all steps are drawn. The x axis has the operations per byte that a step
    reads or writes (`BenchmarkCase.intensity`) in the forward pass; those of the backward pass are about the
    same. The limits of the machine are lines.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    own = [row for row in rows if row.library == OURS and row.workload == ALL_STEPS]
    shapes = list(dict.fromkeys(row.shape for row in own))
    drawn = [case for case in cases if case.workload == ALL_STEPS]
    names = list(dict.fromkeys(case.cell.__name__ for case in drawn))
    points = {(case.cell.__name__, str(case.shape)): case.intensity() for case in drawn}
    figure = Figure(figsize=(12.5, 6.2), layout="constrained")
    panels: Sequence[Any] = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, which in zip(panels, PASSES, strict=True):
        _limits(axes, machine, list(points.values()), min((row.gflops for row in own), default=1.0))
        for row in (row for row in own if row.passes == which):
            axes.plot(
                points[row.cell, row.shape],
                row.gflops,
                ls="",
                ms=7,
                mew=1.3,
                alpha=0.9,
                marker=MARKS[shapes.index(row.shape) % len(MARKS)],
                color=COLOURS[names.index(row.cell) % len(COLOURS)],
                mfc="none",
            )
        axes.set_title(TITLES[which], loc="left", fontsize=11)
        axes.set_xlabel("operations per byte that a step reads or writes")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("GFLOP/s")
    cells_key = [
        Line2D([], [], color=COLOURS[n % len(COLOURS)], lw=3, label=name) for n, name in enumerate(names)
    ]
    shapes_key = [
        Line2D([], [], color=INK, ls="", marker=MARKS[n % len(MARKS)], mfc="none", label=shape)
        for n, shape in enumerate(shapes)
    ]
    dtype = ", ".join(sorted({row.dtype for row in own}))
    title = f"gatewise on {machine.processor}, {machine.threads} threads, {dtype}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, parse_math=False)
    figure.legend(
        handles=[*cells_key, *shapes_key],
        loc="outside right upper",
        frameon=False,
        fontsize=9,
        title="cell; batch x steps x inputs x hidden",
        title_fontsize=9,
        alignment="left",
    )
    return figure


def _limits(axes: Axes, machine: Machine, intensities: Sequence[float], slowest: float) -> None:
    """Draws the processor's peak, and the limit of each memory if every step reads from it."""
    from matplotlib.ticker import LogLocator

    low, high = min(intensities, default=0.5) / 2, max(intensities, default=50.0) * 2
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    axes.set_xlim(low, high)
    if machine.peak is None:
        return
    bottom = min(slowest / 2, machine.peak / 20)
    axes.set_ylim(bottom, machine.peak * 1.6)
    axes.axhline(machine.peak, color=INK, lw=1.2)
    axes.annotate(
        f"peak {machine.peak:.0f} GFLOP/s",
        (high, machine.peak),
        (-2, 3),
        textcoords="offset points",
        color=INK,
        fontsize=9,
        ha="right",
        va="bottom",
    )
    for name, bandwidth in (machine.bandwidths or {}).items():
        until = machine.peak / bandwidth
        if until <= low:  # it limits none of the points
            continue
        x = np.geomspace(low, max(min(until, high), low), 2)
        axes.plot(x, x * bandwidth, color=GREY, lw=1.0, ls="--")
        end = 0.45 * min(until, high)
        axes.text(
            end,
            1.08 * end * bandwidth,
            f"{name} {bandwidth:.0f} GB/s",
            color=GREY,
            fontsize=9,
            ha="right",
            rotation=np.degrees(np.arctan(bandwidth)),
            rotation_mode="anchor",
            transform_rotates_text=True,
        )
