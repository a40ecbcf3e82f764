"""Layers under autocast to bfloat16: beside float32, and beside `torch.nn` under the same autocast.

Run with `python benchmarks/speed/bfloat16.py > FILE`. One thread, processor time, medians of some turns in
one process, in alternation. A ratio of 2 means that gatewise in bfloat16 is twice as fast.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import gatewise

SHAPES = [(64, 100, 256, 512), (64, 100, 128, 256), (256, 28, 28, 128), (8, 100, 64, 64), (1, 100, 256, 512)]
TURNS = 9


def forward(layer: nn.Module, values: Tensor, rounded: bool) -> None:
    """Without a gradient. rounded: whether under autocast"""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=rounded):
        layer(values)


def both(layer: nn.Module, values: Tensor, rounded: bool) -> None:
    """Forward and backward."""
    with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
        output, _ = layer(values)
    output.float().square().mean().backward()


def seconds(runs: dict[str, Callable[[], None]]) -> dict[str, float]:
    """The median of each."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(TURNS + 1):
        for name, run in runs.items():
            run()  # or the caches would be those of the one before
            began = time.process_time()
            run()
            times[name].append(time.process_time() - began)
    return {name: statistics.median(own[1:]) for name, own in times.items()}


def main() -> None:
    """Prints a row for each layer and shape."""
    torch.set_num_threads(1)
    output = csv.writer(sys.stdout)
    against = ("float32", "torch.nn")
    output.writerow(
        [
            "layer",
            "B",
            "T",
            "I",
            "H",
            *(f"{what}, {name}" for what in ("forward", "both") for name in against),
        ]
    )
    for name in ("LSTM", "GRU", "RNN"):
        for batch, steps, inputs, hidden in SHAPES:
            torch.manual_seed(0)
            ours, theirs = (getattr(package, name)(inputs, hidden) for package in (gatewise, nn))
            values = torch.randn(steps, batch, inputs)
            ratios = []
            for work in (forward, both):
                found = seconds(
                    {
                        "ours": partial(work, ours, values, True),
                        "float32": partial(work, ours, values, False),
                        "torch.nn": partial(work, theirs, values, True),
                    }
                )
                ratios += [f"{found[one] / found['ours']:.2f}" for one in against]
            output.writerow([name, batch, steps, inputs, hidden, *ratios])
            sys.stdout.flush()


if __name__ == "__main__":
    main()
