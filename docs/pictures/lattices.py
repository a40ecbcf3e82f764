"""Draws the pictures of docs/lattices.md: `python docs/pictures/lattices.py`."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

INK, TIME, DEPTH, PAPER, BAND = "#222222", "#2a6f97", "#c1440e", "#f4f1ec", "#e9e2d3"
HIDDEN, CELL = 1.3, 3.4  # line widths of hidden and cell states
STEPS, LAYERS = 4, 3
HALF, APART = 0.27, 0.12  # half the side of a block; the distance of two parallel arrows from its middle
ROWS, COLUMNS = 4, 6


def main() -> None:
    for name, figure in (("depth-as-an-axis", depth()), ("diagonals", diagonals())):
        figure.savefig(Path(__file__).parent / f"{name}.png", dpi=150, bbox_inches="tight", pad_inches=0.15)


def depth() -> Figure:
    """Draws a stack of LSTM layers beside a Grid LSTM, with the states that pass between blocks."""
    figure = Figure(figsize=(11, 5), layout="constrained", facecolor="white")
    stack, grid = figure.subplots(1, 2)
    for axes, title in ((stack, "A stack: gatewise.LSTM(num_layers=3)"),
                        (grid, "Depth as an axis: gatewise.GridLSTM(depth=3)")):  # fmt: skip
        axes.set_title(title, fontsize=12, color=INK, pad=8)
        _blocks(axes)
        for row in range(LAYERS):
            for step in range(-1, STEPS):
                _across(axes, step, row, APART, CELL)
                _across(axes, step, row, -APART, HIDDEN)
    for step in range(STEPS):
        for row in range(-1, LAYERS):
            _up(stack, step, row, 0, HIDDEN)
            _up(grid, step, row, -APART, HIDDEN)
            if row < LAYERS - 1:
                _up(grid, step, row, APART, CELL)
    _name(stack, "layer", "$h$", 0)
    _name(grid, "depth", "$h_2$", -APART)
    lines = [
        Line2D([], [], color=TIME, lw=HIDDEN, label="hidden state, along time"),
        Line2D([], [], color=TIME, lw=CELL, label="cell state, along time"),
        Line2D([], [], color=DEPTH, lw=HIDDEN, label="hidden state, along depth"),
        Line2D([], [], color=DEPTH, lw=CELL, label="cell state, along depth: only in the grid"),
    ]
    figure.legend(handles=lines, loc="outside lower center", ncols=4, frameon=False, fontsize=11)
    return figure


def diagonals() -> Figure:
    """Draws a lattice of two axes, each position with the step at which it is computed."""
    figure = Figure(figsize=(8, 5.3), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    steps = ROWS + COLUMNS - 1
    title = f"{ROWS} x {COLUMNS} positions in {ROWS} + {COLUMNS} - 1 = {steps} steps"
    title += "; the positions in a band are computed together"
    axes.set_title(title, fontsize=12, color=INK, pad=8)
    for step in range(steps):
        first, last = max(0, step - COLUMNS + 1), min(step, ROWS - 1)
        axes.plot(
            [step - first, step - last], [-first, -last], color=BAND, lw=46, zorder=0, solid_capstyle="round"
        )
    for row in range(ROWS):
        for column in range(COLUMNS):
            _block(axes, column, -row, "white")
            axes.text(column, -row, str(row + column + 1), color=INK, ha="center", va="center", fontsize=13)
            if row:
                _arrow(axes, (column, 1 - row - HALF), (column, -row + HALF), TIME, HIDDEN)
            if column:
                _arrow(axes, (column - 1 + HALF, -row), (column - HALF, -row), DEPTH, HIDDEN)
    middle = (1 - ROWS) / 2
    axes.text(-0.72, middle, "axis 1", color=TIME, va="center", ha="center", rotation=90, fontsize=12)
    axes.text((COLUMNS - 1) / 2, 0.62, "axis 2", color=DEPTH, va="center", ha="center", fontsize=12)
    _frame(axes, (-0.9, COLUMNS - 0.4), (0.55 - ROWS, 0.8))
    return figure


def _blocks(axes: Axes) -> None:
    for row in range(LAYERS):
        for step in range(STEPS):
            _block(axes, step, row, PAPER)
    for step in range(STEPS):
        axes.text(step, -1.1, f"$x_{step + 1}$", ha="center", va="center", fontsize=13, color=INK)
    _frame(axes, (-1.7, STEPS - 0.2), (-1.3, LAYERS + 0.1))


def _name(axes: Axes, rows: str, output: str, shift: float) -> None:
    """Labels the rows, and the outputs at the top."""
    for row in range(LAYERS):
        axes.text(-0.9, row, f"{rows} {row + 1}", ha="right", va="center", fontsize=11, color=INK)
    for step in range(STEPS):
        axes.text(step + shift, LAYERS - 0.08, output, ha="center", va="center", fontsize=13, color=INK)


def _across(axes: Axes, step: int, row: int, shift: float, width: float) -> None:
    """Draws an arrow to the next step; also before the first step and after the last."""
    _arrow(axes, (step + HALF, row + shift), (step + 1 - HALF, row + shift), TIME, width)


def _up(axes: Axes, step: int, row: int, shift: float, width: float) -> None:
    """Draws an arrow to the next layer; also from the input and to the output."""
    begin = -0.9 if row < 0 else row + HALF
    _arrow(axes, (step + shift, begin), (step + shift, row + 1 - HALF), DEPTH, width)


def _block(axes: Axes, x: float, y: float, color: str) -> None:
    corner = (x - HALF, y - HALF)
    axes.add_patch(
        FancyBboxPatch(corner, 2 * HALF, 2 * HALF, boxstyle="round,pad=0,rounding_size=0.06",
                       facecolor=color, edgecolor=INK, lw=1)
    )  # fmt: skip


def _arrow(
    axes: Axes, begin: tuple[float, float], end: tuple[float, float], color: str, width: float
) -> None:
    style = f"-|>,head_length={3 + width},head_width={1.5 + 0.8 * width}"
    axes.add_patch(FancyArrowPatch(begin, end, arrowstyle=style, color=color, lw=width, shrinkA=1, shrinkB=1))


def _frame(axes: Axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    axes.set(xlim=across, ylim=up, aspect="equal")
    axes.axis("off")


if __name__ == "__main__":
    main()
