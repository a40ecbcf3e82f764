"""Sequences of a long table with the text of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gatewise.data.labels.signals import Signals, texts_of_column, texts_of_table
from gatewise.data.labels.transcript_data import (
    TranscriptData,
    TranscriptOptions,
    TranscriptPreprocessing,
    Untranscribed,
    split_transcripts,
)
from gatewise.data.labels.transcripts import TranscriptDataset
from gatewise.data.sequences.long_table import LongColumns, read_long
from gatewise.data.sequences.missing import MaskedFill
from gatewise.data.sequences.plausible import require_steps
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.data.tokenizers.transcripts import learn_transcripts
from gatewise.errors import GatewiseError


@dataclass(frozen=True, kw_only=True)
class SignalPreprocessing(TranscriptPreprocessing):
    """How a model reads a long table. targets: the table of texts beside it, None if it contains them"""

    columns: LongColumns
    fill: MaskedFill | None
    scales: tuple[Scale, ...]
    targets: str | None

    def source(self, path: Path) -> Path:
        return path

    def read(self, path: Path, trained: bool) -> TranscriptData:
        table, _ = read_long(path, self.columns, labelled=self.targets is None, fill=self.fill)
        column = self.options.split_column if trained else None
        texts, names = _read_texts(path, table, self.targets, column)
        split = self.options.split(path, names) if trained else None
        return split_transcripts(self, Signals(table, self.scales), 0, table.ids, texts, split, *table.notes)

    def read_untranscribed(self, path: Path) -> Untranscribed:
        table, _ = read_long(path, replace(self.columns, label=None), labelled=False, fill=self.fill)
        inputs = TranscriptDataset(Signals(table, self.scales), range(len(table)), None, self.tokenizer)
        return Untranscribed((str(self.columns.id), self.columns.label or "text"), table.ids, inputs)


def read_signals(
    path: Path,
    columns: LongColumns,
    options: TranscriptOptions,
    *,
    fill: MaskedFill | None = None,
    targets: str | None = None,
) -> TranscriptData:
    """Reads the sequences of a long table, and their texts in its label column or in another table.

    targets: the other table, beside the first

    Raises: `GatewiseError` with the place in the file.
    """
    table, found = read_long(path, columns, labelled=targets is None, fill=fill)
    table = require_steps(table)
    texts, names = _read_texts(path, table, targets, options.split_column)
    split = options.split(path, names)
    preprocessing = SignalPreprocessing(
        columns=found,
        fill=fill,
        scales=table.scales(split.train),
        targets=targets,
        tokenizer=learn_transcripts(texts, options.unit),
        options=options,
    )
    signals = Signals(table, preprocessing.scales)
    return split_transcripts(preprocessing, signals, 0, table.ids, texts, split, *table.notes)


def _read_texts(
    path: Path, table: SequenceTable, targets: str | None, split_column: str | None
) -> tuple[list[str], Sequence[str]]:
    """The text of each sequence, and the name of its set, "" if that is not given."""
    if targets is not None:
        return texts_of_table(path.parent / targets, table.ids, split_column)
    if split_column is not None:
        raise GatewiseError(
            f"--split-column {split_column} is a column of a table of texts; give that table as --targets"
        )
    return texts_of_column(table), [""] * len(table)
