"""Attention maps of translations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gatewise.data.tokenizers.sentences import SentenceTokenizer
from gatewise.plots.attention import draw_weights
from gatewise.tasks.translate.metrics import Translation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, COLUMNS, CELL = "#222222", 2, 0.3  # inches of a symbol
END = "(end)"


def draw_attention(
    translations: Sequence[Translation], source: SentenceTokenizer, target: SentenceTokenizer, name: str
) -> Figure:
    """Draws the attention map of each translation in a panel: darker is more; each row sums to one."""
    from matplotlib.figure import Figure

    down = -(-len(translations) // COLUMNS)
    across = min(len(translations), COLUMNS)
    shapes = [
        translation.attention.shape for translation in translations if translation.attention is not None
    ]
    height, width = (max(shape[side] for shape in shapes) for side in (0, 1))
    size = (1.6 + CELL * width) * across, 0.5 + (1.6 + CELL * height) * down
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(
        f"{name}: attention over the source (columns) for each symbol of the translation (rows)",
        x=0.01,
        ha="left",
        fontsize=11,
        color=INK,
        parse_math=False,
    )
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for panel in panels[len(translations) :]:
        panel.axis("off")
    for panel, translation in zip(panels, translations, strict=False):
        _draw_map(panel, translation, source, target)
    return figure


def _draw_map(
    panel: Axes, translation: Translation, source: SentenceTokenizer, target: SentenceTokenizer
) -> None:
    assert translation.attention is not None
    weights = translation.attention.numpy()
    columns = [*map(source.display, translation.source), END][: weights.shape[1]]
    rows = [*map(target.display, translation.tokens), END][: weights.shape[0]]
    draw_weights(panel, weights, columns, rows)
