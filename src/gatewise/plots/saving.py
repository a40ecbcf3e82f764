"""Pictures as PNG files, marked as gatewise's."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from gatewise.files import write_whole

MARK = b"Software\0gatewise"  # how the metadata begin in the file


def save_picture(figure: Any, path: Path, dots: int = 150) -> None:
    """Writes a figure. dots: an inch."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a sign that the font lacks
        write_whole(
            path,
            lambda partial: figure.savefig(
                partial, format="png", dpi=dots, metadata={"Software": "gatewise"}
            ),
        )
