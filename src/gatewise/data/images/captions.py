"""Images and their captions: a folder, and a table with a file and a caption in each row, or another file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gatewise.data.images.caption_files import has_captions, read_caption_table
from gatewise.data.images.image_file import is_image
from gatewise.data.images.images import ImageFiles, default_batch_size
from gatewise.data.splits import set_named
from gatewise.data.tables.table import Table
from gatewise.data.text.ragged import Ragged
from gatewise.data.tokenizers.sentences import SentenceTokenizer
from gatewise.errors import GatewiseError

FILES = ("file", "image", "filename", "file_name", "path", "image_name")
CAPTIONS = ("caption", "text", "description", "sentence", "comment")


class CaptionBatch(NamedTuple):
    """Images and a caption of each as numbers.

    images: [B, H, W, C], standardized, zero outside their sizes: [B, 2]
    target: [B, T], each caption with END, and PADDING beyond it
    """

    images: Tensor
    sizes: Tensor
    target: Tensor


@dataclass(frozen=True)
class CaptionTable:
    """The captions of the images of a folder.

    path: of the table; given: that path, or its folder, as the user gave it
    images: the files, each once; captions: of each image, one or more
    sets: of each image, "train", "validation" or "test"; "" if the table has no column for it
    columns: of file and caption; notes: on what was found and left out
    """

    path: str
    given: str
    images: tuple[Path, ...]
    captions: tuple[tuple[str, ...], ...]
    sets: tuple[str, ...]
    columns: tuple[str, str]
    notes: tuple[str, ...] = ()


class Captions(Dataset[CaptionBatch]):
    """Some images with their captions; each caption is an example.

    files: all images; numbers: of the images of this set; captions: of each of them, one or more
    """

    files: ImageFiles
    numbers: list[int]
    captions: list[tuple[str, ...]]
    image_of: list[int]
    targets: Ragged
    sizes: np.ndarray
    max_batch_size: int

    def __init__(
        self,
        files: ImageFiles,
        numbers: Sequence[int],
        captions: Sequence[Sequence[str]],
        tokenizer: SentenceTokenizer,
    ) -> None:
        self.files, self.numbers, self.captions = files, list(numbers), [tuple(one) for one in captions]
        self.image_of = [image for image, own in enumerate(self.captions) for _ in own]
        self.targets = Ragged.of([tokenizer.encode(text) for own in self.captions for text in own])
        self.sizes = files.sizes[self.numbers].prod(1)[self.image_of]
        self.max_batch_size = default_batch_size(int(self.sizes.max(initial=1)) * files.form.channels)

    def __len__(self) -> int:
        return len(self.image_of)

    def __getitems__(self, chosen: list[int]) -> CaptionBatch:
        images, sizes = self.files.batch([self.numbers[self.image_of[one]] for one in chosen])
        return CaptionBatch(images, sizes, self.targets.padded(np.array(chosen)))

    def pictures(self, chosen: Sequence[int]) -> CaptionBatch:
        """Some images, each once, by their places in `numbers`, with empty targets."""
        images, sizes = self.files.batch([self.numbers[one] for one in chosen])
        return CaptionBatch(images, sizes, torch.zeros(len(images), 0, dtype=torch.long))


def read_captions(
    path: Path,
    images: Path | None = None,
    *,
    file: str | None = None,
    caption: str | None = None,
    split_column: str | None = None,
) -> CaptionTable:
    """Reads the captions of a table, and finds the images that it names.

    Args:
        path: of the table, or of a folder that contains it
        images: the folder of the images, by default that of the table
        file, caption: columns, by default those with the usual names
        split_column: with the words train, validation and test

    Raises: `GatewiseError` if there is no table, or if a column, an image or a caption is missing.
    """
    table = read_caption_table(_table_of(path))
    folder, given = images or Path(table.path).parent, (file, caption)
    file = _column(table, file, FILES, "file of an image", "file")
    caption = _column(table, caption, CAPTIONS, "caption", "caption")
    names = _texts(table, file, "file of an image")
    texts = _texts(table, caption, "caption")
    sets: list[str | None] = [None] * len(names)
    if split_column is not None:
        sets = [one or "" for one in _texts(table, split_column, "name of the set")]
    found: dict[str, tuple[list[str], str]] = {}
    paths: dict[str, Path] = {}
    for row, (name, text, own) in enumerate(zip(names, texts, sets, strict=True)):
        where = f"{table.path}, {table.place(row)}"
        if name not in found:
            paths[name or ""] = _image(folder, name or "", where)
        if not (text or "").strip():
            raise GatewiseError(f"{where}: the caption of {name} is empty; write one, or remove the row")
        set_name = "" if own is None else set_named(own, where)
        known, before = found.setdefault(name or "", ([], set_name))
        if set_name != before:
            raise GatewiseError(
                f"{where}: {name} is in {own!r}, and in {before!r} above; give all its rows one set"
            )
        known.append(text or "")
    return CaptionTable(
        table.path,
        str(path),
        tuple(paths[name] for name in found),
        tuple(tuple(own) for own, _ in found.values()),
        tuple(own for _, own in found.values()),
        (file, caption),
        (*_describe_columns(file, caption, given), *_unnamed(paths.values())),
    )


def image_column(path: Path, file: str) -> tuple[tuple[str, ...], list[Path]]:
    """The images that a table names, each once: their names, and their files.

    Raises: `GatewiseError` if there is no such column, or no such file.
    """
    table = read_caption_table(path)
    column = _texts(table, file, "file of an image")
    first = {name or "": row for row, name in reversed([*enumerate(column)])}
    names = tuple(dict.fromkeys(name or "" for name in column))
    files = [_image(path.parent, name, f"{path}, {table.place(first[name])}") for name in names]
    return names, files


def _image(folder: Path, name: str, where: str) -> Path:
    """The file of an image that a table names. Raises: `GatewiseError` if it is not in the folder."""
    inside = os.path.relpath(os.path.join(folder, name), folder)
    if inside.split(os.sep)[0] == os.pardir:
        raise GatewiseError(
            f"{where}: {name!r} names no image in the folder {str(folder)!r}; give another with --images"
        )
    if not (folder / inside).is_file():
        raise GatewiseError(
            f"{where}: there is no image {str(folder / inside)!r}; give its folder as --images"
        )
    return folder / inside


def _texts(table: Table, name: str, role: str) -> list[str | None]:
    """The cells of a column as texts, None for an empty one."""
    cells = table.column(name, role)
    if not (cells.dtype in (pl.String, pl.Null) or cells.dtype.is_numeric()):
        raise GatewiseError(f"{table.path}, column {name!r}: expected texts as {role}, got {cells.dtype}")
    return cells.cast(pl.String).to_list()


def _describe_columns(file: str, caption: str, given: tuple[str | None, str | None]) -> tuple[str, ...]:
    """A note on the columns, unless they were given or have the most usual names."""
    if file in (FILES[0], given[0]) and caption in (CAPTIONS[0], given[1]):
        return ()
    return (f"images are named in column {file!r}, captions are column {caption!r}",)


def _unnamed(paths: Iterable[Path]) -> tuple[str, ...]:
    """A note on the images that the table does not name, if there are any."""
    named = set(paths)
    others = [one for folder in {path.parent for path in named} for one in folder.iterdir()]
    count = sum(is_image(one) and one not in named for one in others)
    return (f"left out: {count:,} images without a caption",) if count else ()


def _table_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    tables = sorted(one for one in path.iterdir() if has_captions(one) and not one.name.startswith("."))
    if len(tables) != 1:
        listed = f"{len(tables)} tables, {', '.join(one.name for one in tables)}" if tables else "no table"
        raise GatewiseError(f"{path} contains {listed}; give the path of the table of captions")
    return tables[0]


def _column(table: Table, given: str | None, names: Sequence[str], role: str, option: str) -> str:
    if given is not None:
        table.column(given, role)
        return given
    for name in names:
        for one in table.columns:
            if one.lower() == name:
                return one
    raise GatewiseError(
        f"{table.path} has no column {names[0]!r}, it has {', '.join(table.columns)}; "
        f"name one with --{option}"
    )
