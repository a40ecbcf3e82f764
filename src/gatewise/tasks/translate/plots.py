"""Attention maps of translations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gatewise.data.text.symbols import Symbols
from gatewise.plots.attention import show_weights
from gatewise.tasks.translate.metrics import Told

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, ACROSS, CELL = "#222222", 2, 0.3  # inches of a symbol


END = "(end)"


def draw_attention(told: Sequence[Told], source: Symbols, target: Symbols, name: str) -> Figure:
    """Draws a panel for each translation: darker where more was looked at; each row sums to one."""
    from matplotlib.figure import Figure

    down = -(-len(told) // ACROSS)
    across = min(len(told), ACROSS)
    widest, highest = (max(one.looked.shape[side] for one in told) for side in (1, 0))  # type: ignore[union-attr]
    size = (1.6 + CELL * widest) * across, 0.5 + (1.6 + CELL * highest) * down
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(
        f"{name}: where it looked in the source (across) for each symbol that it told (down)",
        x=0.01, ha="left", fontsize=11, color=INK, parse_math=False,
    )  # fmt: skip
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for panel in panels[len(told) :]:
        panel.axis("off")
    for panel, one in zip(panels, told, strict=False):
        _draw(panel, one, source, target)
    return figure


def _draw(panel: Any, one: Told, source: Symbols, target: Symbols) -> None:
    assert one.looked is not None
    weights = one.looked.numpy()
    read = [*map(source.shown, one.source), END][: weights.shape[1]]
    said = [*map(target.shown, one.pieces), END][: weights.shape[0]]
    show_weights(panel, weights, read, said)
