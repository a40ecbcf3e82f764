"""Windows of series whose horizon begins after given steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from gatewise.data.series.scaled_table import SeriesScaling, scaled_table
from gatewise.data.series.series_set import SeriesSet
from gatewise.data.series.windows import Windows
from gatewise.tasks.forecast.data import static_inputs_of
from gatewise.tasks.forecast.plan import WindowPlan


def windows_after(
    source: SeriesSet, plan: WindowPlan, scaling: SeriesScaling, ends: Sequence[np.ndarray]
) -> Windows:
    """The windows whose horizon begins after the first `ends` steps of a series."""
    pad = ((plan.context, 0), (0, 0))  # so that every origin has a whole context
    tables = [np.pad(scaled_table(series, scaling), pad, mode="edge") for series in source.series]
    offsets = np.cumsum([0, *(len(table) for table in tables[:-1])])
    starts = np.concatenate([offset + own for offset, own in zip(offsets, ends, strict=True)])
    numbers = np.repeat(np.arange(len(ends)), [len(own) for own in ends])
    known = len(scaling.known_inputs(source.columns))
    values = torch.from_numpy(np.concatenate(tables)).float()
    return Windows(
        values,
        torch.from_numpy(starts),
        torch.from_numpy(numbers),
        plan.context,
        plan.horizon,
        known,
        static=static_inputs_of(source, scaling),
    )
