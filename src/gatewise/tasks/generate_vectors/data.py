"""Preprocessing of sequences of vectors, and its inverse for samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from gatewise.data.sequences.archives import ARCHIVES, read_archive
from gatewise.data.sequences.differences import differences
from gatewise.data.sequences.long_table import Fill, LongColumns, read_long
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.tasks.base import require_finite
from gatewise.tasks.generate_vectors.plots import Look


@dataclass(frozen=True)
class VectorReading:
    """How a model reads sequences, and how its samples are converted back.

    columns: None where the data are an archive; channels: what a vector holds
    differences: the channels of which changes are learned; part: the column that tells parts apart
    binary: the places of the channels that are 0 or 1; scales: of all channels
    source: the fingerprint of the data trained on; steps: the usual length of a sequence there
    """

    columns: LongColumns | None
    channels: tuple[str, ...]
    fill: Fill | None
    differences: tuple[str, ...]
    part: str | None
    binary: tuple[int, ...]
    scales: tuple[Scale, ...]
    source: str
    validation_share: float
    test_share: float
    steps: int

    @property
    def key(self) -> str:
        """The name of the column that tells sequences apart."""
        return (self.columns and self.columns.id) or "sequence"

    @property
    def changing(self) -> list[int]:
        """The places of the channels of which changes are learned."""
        return [self.channels.index(name) for name in self.differences]

    @property
    def look(self) -> Look:
        """As strokes of a pen where two positions are all there is, but for whether it is lifted."""
        real = tuple(name for place, name in enumerate(self.channels) if place not in self.binary)
        pen = len(real) == 2 and set(real) == set(self.differences) and len(self.binary) <= 1
        return Look(self.channels, self.binary, real if pen else ())

    def table(self, path: Path, parted: bool) -> SequenceTable:
        """A file with the channels of the training data, as they were learned.

        Errors: `GatewiseError` where it has others, or something else than 0 and 1 in a 0/1 channel.
        """
        table = self._as_it_is(path, parted)
        if len(table.channels) != len(self.channels):
            raise GatewiseError(
                f"{path} has sequences of {len(table.channels)} channels; "
                f"the model knows {len(self.channels)}"
            )
        table = differences(table, self.differences) if self.differences else table
        for channel in self.binary:
            other = (table.values[:, channel] != 0) & (table.values[:, channel] != 1)
            if other.any():
                row = int(other.argmax())
                raise GatewiseError(
                    f"{path}, {table.place(row)}, column {table.channels[channel]!r}: expected 0 or 1 as in "
                    f"training, got {table.values[row, channel]:g}"
                )
        return table

    def ends(self, path: Path) -> np.ndarray:
        """The last vectors of a file's sequences, as they stand there, [N, C]."""
        table = self._as_it_is(path, parted=False)
        return np.asarray(table.values[table.offsets[1:] - 1], dtype=np.float64)

    def in_units(self, scaled: np.ndarray) -> np.ndarray:
        """Scaled vectors [T, C] in the units of the data; of positions, still their changes."""
        columns = [scale.undo(scaled[:, place]) for place, scale in enumerate(self.scales)]
        return np.stack(columns, axis=1).astype(np.float64)

    def whole(self, scaled: np.ndarray) -> np.ndarray:
        """A scaled sequence [T, C] in the units of the data, changes added up from 0."""
        values = self.in_units(scaled)
        values[:, self.changing] = values[:, self.changing].cumsum(axis=0)
        return values

    def as_table(self, sequences: Sequence[np.ndarray]) -> pl.DataFrame:
        """Whole sequences as one long table, with the columns of the training data."""
        time = (self.columns and self.columns.time) or "step"
        kinds = [np.int64 if place in self.binary else np.float64 for place in range(len(self.channels))]
        frames = [
            pl.DataFrame(
                {
                    self.key: [str(number)] * len(values),
                    time: range(1, len(values) + 1),
                    **{
                        name: column.astype(kind)
                        for name, column, kind in zip(self.channels, values.T, kinds, strict=True)
                    },
                }
            )
            for number, values in enumerate(sequences, 1)
        ]
        whole = pl.concat(frames).with_columns(cs.float().round_sig_figs(7))
        require_finite(whole)
        return whole

    def _as_it_is(self, path: Path, parted: bool) -> SequenceTable:
        part = self.part if parted else None
        columns = self.columns and replace(self.columns, channels=self.channels, label=None, part=part)
        return read_vectors(path, columns or LongColumns(), self.fill)[0]


def read_vectors(
    path: Path, columns: LongColumns, fill: Fill | None
) -> tuple[SequenceTable, LongColumns | None]:
    """The sequences of a file, and its columns (None of an archive)."""
    if path.suffix.lower() in ARCHIVES:
        return read_archive(path, False, fill), None
    return read_long(path, columns, False, fill)
