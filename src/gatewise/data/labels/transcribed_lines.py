"""Images of text lines with the text of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewise.data.images.captions import CaptionTable, image_column, read_captions
from gatewise.data.images.image_file import SUFFIXES, ImageForm
from gatewise.data.images.images import Colour, find_images, reopen_images
from gatewise.data.images.left_out import printable
from gatewise.data.labels.text_lines import TextLines, open_text_lines
from gatewise.data.labels.transcript_data import (
    TranscriptData,
    TranscriptOptions,
    TranscriptPreprocessing,
    Untranscribed,
    split_transcripts,
)
from gatewise.data.labels.transcripts import TranscriptDataset
from gatewise.data.text.pairs import read_text_table
from gatewise.data.tokenizers.transcripts import learn_transcripts
from gatewise.errors import GatewiseError


@dataclass(frozen=True, kw_only=True)
class LinePreprocessing(TranscriptPreprocessing):
    """How a model reads images of text lines. columns: of file and text in their table"""

    columns: tuple[str, str]
    image: ImageForm

    def source(self, path: Path) -> Path:
        return Path(read_captions(path, file=self.columns[0], caption=self.columns[1]).path)

    def read(self, path: Path, trained: bool) -> TranscriptData:
        table = _read_lines(path, *self.columns, self.options.split_column if trained else None)
        lines = TextLines(reopen_images(table.images, self.image))
        split = self.options.split(path, table.sets) if trained else None
        note = f"{len(table.images):,} images of {path}"
        return split_transcripts(self, lines, lines.height, _names(table), _texts(table), split, note)

    def read_untranscribed(self, path: Path) -> Untranscribed:
        """All images of a folder, or those that a table names."""
        if path.is_dir():
            files = find_images(path)
            names = tuple(printable(str(file.relative_to(path))) for file in files)
        else:
            names, files = image_column(path, self.columns[0])
        lines = TextLines(reopen_images(files, self.image))
        return Untranscribed(
            self.columns, names, TranscriptDataset(lines, range(len(names)), None, self.tokenizer)
        )


def names_images(path: Path) -> bool:
    """Whether a path is a folder, or a table that names images."""
    if path.is_dir():
        return True
    row = read_text_table(path).frame.row(0)
    return any(isinstance(cell, str) and cell.strip().lower().endswith(SUFFIXES) for cell in row)


def read_text_lines(
    path: Path,
    options: TranscriptOptions,
    *,
    file: str | None = None,
    text: str | None = None,
    colour: Colour = "auto",
    height: int = 0,
) -> TranscriptData:
    """Reads the images that a table names, and their texts.

    Args:
        path: of the table, or of the folder that contains it
        file, text: columns, by default those with the usual names; height: in pixels, 0 for the default

    Raises: `GatewiseError` with the place in the table, or with an image that has several texts.
    """
    table = _read_lines(path, file, text, options.split_column)
    lines = open_text_lines(table.images, colour, height)
    split = options.split(path, table.sets)
    lines.files.fit(split.train)
    texts = _texts(table)
    preprocessing = LinePreprocessing(
        columns=table.columns,
        image=lines.files.form,
        tokenizer=learn_transcripts(texts, options.unit),
        options=options,
    )
    note = f"{len(texts):,} images, {lines.height} pixels high, read column by column"
    notes = (note, *table.notes, *lines.files.notes)
    return split_transcripts(preprocessing, lines, lines.height, _names(table), texts, split, *notes)


def _read_lines(path: Path, file: str | None, text: str | None, split_column: str | None) -> CaptionTable:
    table = read_captions(path, file=file, caption=text, split_column=split_column)
    for image, own in zip(table.images, table.captions, strict=True):
        if len(own) > 1:
            raise GatewiseError(
                f"{table.path} has {len(own)} texts for {image.name}; give one for each image"
            )
    return table


def _names(table: CaptionTable) -> tuple[str, ...]:
    return tuple(str(image.relative_to(Path(table.path).parent)) for image in table.images)


def _texts(table: CaptionTable) -> list[str]:
    return [own[0] for own in table.captions]
