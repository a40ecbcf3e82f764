"""Captions in other files than tables: JSON of COCO and of Karpathy's splits, and .token files of Flickr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gatewise.data.tables.table import Table
from gatewise.data.text.lines import Lines
from gatewise.data.text.pairs import is_table, read_text_table
from gatewise.errors import GatewiseError
from gatewise.plain import read_bounded

MAX_BYTES = 1 << 30
TOKEN = re.compile(r"(.+?)#\d+\t(.*)")  # IMAGE.jpg#0, a tab, and the caption
TOKEN_NAMES = re.compile(r".*\.token(\.txt)?", re.IGNORECASE)
COCO = (
    "images with id and file_name, and annotations with image_id and caption, as of COCO, or images with "
    "filename and sentences, as of Karpathy's splits"
)


class CaptionRow(NamedTuple):
    """A caption, the file of its image, and the name of its set, if it has one."""

    file: str
    caption: str
    split: str | None = None


def has_captions(path: Path) -> bool:
    """Whether a path has the name of a file of captions, such as a table.

    >>> [has_captions(Path(name)) for name in ("a.csv", "captions.json", "Flickr8k.token.txt", "notes.txt")]
    [True, True, True, False]
    """
    return is_table(path) or path.suffix.lower() == ".json" or bool(TOKEN_NAMES.fullmatch(path.name))


def read_caption_table(path: Path) -> Table:
    """Reads a file of captions as a table with the columns file and caption, and split where it has sets.

    Raises: `GatewiseError` with the place of what is not as expected.
    """
    if path.suffix.lower() == ".json":
        return _table(path, [*_json_rows(path)])
    if TOKEN_NAMES.fullmatch(path.name):
        table = _table(path, [*_token_rows(path)])
        return replace(table, first_line=2, lines=np.arange(table.frame.height) + 1)
    return read_text_table(path)


def _table(path: Path, rows: list[CaptionRow]) -> Table:
    if not rows:
        raise GatewiseError(f"{path} has no captions; give a file with a caption for each image")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(CaptionRow._fields, pl.String), orient="row")
    frame = frame if frame["split"].null_count() == 0 else frame.drop("split")
    return Table(str(path), frame, first_line=1)


def _token_rows(path: Path) -> Iterator[CaptionRow]:
    """The captions of a .token file. Raises: `GatewiseError` with the line that is written otherwise."""
    lines = Lines(path)
    for number in range(len(lines)):
        found = TOKEN.fullmatch(lines[number].strip())
        if found is None:
            raise GatewiseError(
                f"{path}, {lines.place(number)}: expected IMAGE#NUMBER, a tab and a caption, got "
                f"{lines[number][:30]!r}"
            )
        yield CaptionRow(found[1], found[2].strip())


def _json_rows(path: Path) -> Iterator[CaptionRow]:
    """The captions of a JSON file. Raises: `GatewiseError` with the number of an incomplete entry."""
    data = _read_json(path)
    images, annotations = data.get("images"), data.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list | None):
        raise GatewiseError(f"{path}: expected {COCO}")
    return _image_rows(path, images) if annotations is None else _coco_rows(path, images, annotations)


def _coco_rows(path: Path, images: list[Any], annotations: list[Any]) -> Iterator[CaptionRow]:
    """The captions of COCO: those of the annotations, each of an image by its id."""
    files: dict[str, str] = {}
    for number, image in enumerate(images, 1):
        place = f"{path}, image {number}"
        files[str(_value(image, "id", place))] = _text(image, "file_name", place)
    for number, annotation in enumerate(annotations, 1):
        place = f"{path}, annotation {number}"
        key = str(_value(annotation, "image_id", place))
        if key not in files:
            raise GatewiseError(
                f"{place}: there is no image with the id {key}; remove the caption, or add the image"
            )
        yield CaptionRow(files[key], _text(annotation, "caption", place))


def _image_rows(path: Path, images: list[Any]) -> Iterator[CaptionRow]:
    """The captions of Karpathy's splits: the sentences of each image, whose folder may be its `filepath`."""
    for number, image in enumerate(images, 1):
        place = f"{path}, image {number}"
        file = _text(image, "filename", place)
        file = f"{image['filepath']}/{file}" if image.get("filepath") else file
        split, sentences = image.get("split"), image.get("sentences")
        for sentence in sentences if isinstance(sentences, list) else []:
            yield CaptionRow(file, _text(sentence, "raw", place), None if split is None else str(split))


def _read_json(path: Path) -> Mapping[str, Any]:
    content = read_bounded(path, MAX_BYTES) if path.is_file() else None
    if content is None:
        reason = f"is larger than {MAX_BYTES >> 20} MiB" if path.is_file() else "is not a file"
        raise GatewiseError(f"{path} can't be read: it {reason}")
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GatewiseError(f"{path} can't be read as JSON: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise GatewiseError(f"{path}: expected {COCO}")
    return data


def _value(entry: Any, name: str, place: str) -> Any:
    """A number or a text of an entry. Raises: `GatewiseError` if it is missing."""
    value = entry.get(name) if isinstance(entry, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        listed = ", ".join(map(str, list(entry)[:8])) if isinstance(entry, dict) else type(entry).__name__
        raise GatewiseError(f"{place} has no {name}, but {listed}; expected {COCO}")
    return value


def _text(entry: Any, name: str, place: str) -> str:
    return " ".join(str(_value(entry, name, place)).split())
