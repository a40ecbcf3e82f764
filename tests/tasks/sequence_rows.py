"""Sequences of a file as the raw inputs of a deployed model."""

import numpy as np
import torch


def raw_sequences(preprocessing, path, count=None):
    """All sequences of a file, or the first ones: NaN beyond their ends, which no model may read."""
    table = preprocessing.table(path, labelled=False)
    rows = [table.values[own] for own in table.slices(range(len(table)))][:count]
    lengths = np.array([len(one) for one in rows])
    values = np.full((len(rows), lengths.max(), rows[0].shape[1]), np.nan)
    for number, one in enumerate(rows):
        values[number, : len(one)] = one
    return {"values": torch.from_numpy(values), "lengths": torch.from_numpy(lengths)}
