"""The options of the tasks that read whole sequences."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.missing import MaskedFill
from gatewise.modules.pooling import PoolingMode
from gatewise.tasks.options import DROPOUT, ColumnNames, Rate, StackOptions, TableOptions


class GapOptions(TableOptions):
    """The data"""

    fill: MaskedFill | None = Field(
        None,
        description="How to treat empty cells; by default they raise an error. forward repeats the value "
        "before; with mask the network also reads which values are missing, and since when.",
    )
    irregular: bool = Field(
        False,
        description="Let the network read the time since the step before, from the column of times.",
    )

    @property
    def reads_gaps(self) -> bool:
        return self.fill == "mask" or self.irregular


class SequenceDataOptions(GapOptions):
    """The data"""

    id: ColumnNames = Field(
        None,
        description="Column of sequence ids, or several separated by commas; by default recognized by its "
        "name.",
    )
    time: str | None = Field(
        None, description="Column that orders the steps; by default the order of the rows."
    )
    wide: Literal["rows"] | None = Field(
        None,
        description="For tables: each row is a sequence, with a column for each step; recognized where it is "
        "certain.",
    )
    weight: str | None = Field(
        None, description="Column of weights, one for each sequence, which multiply its training loss."
    )
    group: str | None = Field(
        None,
        description="Column of groups, one for each sequence, such as a person; no group is in two sets.",
    )
    channels: tuple[str, ...] = Field(
        (), description="Columns of values, separated by commas in a shell; by default all others."
    )
    test_file: str | None = Field(
        None, description="File of the test set; by default X_TEST beside X_TRAIN, if there is one."
    )

    @property
    def columns(self) -> LongColumns:
        """The columns that the user named, without those of labels and targets."""
        return LongColumns(
            id=self.id,
            time=self.time,
            channels=self.channels,
            weight=self.weight,
            group=self.group,
            dialect=self.dialect,
            wide=self.wide,
        )


class SequenceNetworkOptions(StackOptions):
    """The network"""

    dropout: Rate = Field(
        0.3, description="Dropout between layers, and before the output layer.", json_schema_extra=DROPOUT
    )
    bidirectional: bool = Field(True, description="Run the layers in both directions.")
    pooling: PoolingMode = Field("max", description="Pooling over the steps: last, mean, max or attention.")
