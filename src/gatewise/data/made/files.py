"""Writes made data to files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from gatewise.files import write_whole


def write_table(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    """Writes a CSV file."""
    write_whole(path, pl.DataFrame(columns, strict=False).write_csv)
    return path


def write_text(path: Path, lines: Iterable[str]) -> Path:
    """Writes lines of text."""
    text = "".join(f"{line}\n" for line in lines)
    write_whole(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def write_image(path: Path, image: np.ndarray) -> Path:
    """Writes an image [height, width] of bytes as PNG."""
    from PIL import Image

    write_whole(path, lambda partial: Image.fromarray(image).save(partial, format="png"))
    return path
