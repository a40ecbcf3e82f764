"""Inspection of a sequence of the test set, in tasks of whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from gatewise.data.sequences.sequences import ScaledSequences
from gatewise.report.attribution import channel_track
from gatewise.report.example import Example, ExampleAttribution, Track, channels, require_example
from gatewise.tasks.attribution import attention_tracks

BASELINE = "where every channel is at its mean"  # of an attribution
Show = Callable[[np.ndarray], tuple[np.ndarray, Track]]


def inspect_sequence(
    network: nn.Module,
    run: Callable[[Any], Any],
    test: ScaledSequences,
    number: int,
    describe: Callable[[Any], str],
    explain: Callable[[Any, Show], ExampleAttribution],
) -> Example:
    """A sequence of the test set, with its channels in the units of the data.

    Args:
        network: which is inspected
        run: runs it on a batch of one sequence
        test: the test set
        number: of the sequence; 0 is the first
        describe: describes the prediction of a batch of one sequence
        explain: attributes an output for such a batch; its second argument maps attributions [T, C] to those
            of each step [T] and a track

    Raises: `GatewiseError` if there is no sequence of that number.
    """
    require_example(number, len(test), "sequences in the test set")
    batch, table = test.__getitems__([number]), test.table
    return Example(
        batch,
        f"sequence {table.ids[test.numbers[number]]}",
        (
            *channels(table.channels, test.unscaled(number)),
            *attention_tracks(network, lambda: run(batch)),
        ),
        describe(batch),
        attribute=lambda _: explain(
            batch, lambda values: (values.sum(1), channel_track(values, table.channels))
        ),
    )
