"""Figures saved as PNG files, with gatewise in their metadata."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from gatewise.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARK = b"Software\0gatewise"  # the metadata in the file


def save_picture(figure: Figure, path: Path, dpi: int = 150) -> None:
    """Writes a figure to a PNG file."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a character that the font lacks
        write_whole(
            path,
            lambda partial: figure.savefig(partial, format="png", dpi=dpi, metadata={"Software": "gatewise"}),
        )
