"""Named figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewise.plots.saving import save_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A matplotlib figure.

    name: the name of its file, without the extension
    description: a phrase that describes it
    """

    name: str
    description: str
    figure: Figure

    def save(self, folder: Path) -> Path:
        """Writes the figure into a folder as a PNG file, and returns its path."""
        path = folder / f"{self.name}.png"
        save_picture(self.figure, path)
        return path
