"""Layers beside `torch.nn` and the reference engine, in one process and taking turns: medians and ratios.

    python benchmarks/speed.py [--cells LSTM,GRU,RNN,PeepholeLSTM] [--repeats 9] [--out speed.csv]

A line is printed only for a layer whose outputs and gradients agree with the float64 reference in this very
run. The operations counted are those of the products: 2 T B H (I + H) a gate forward, three times that with
the backward pass.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import gatewise
from gatewise.cells import cells
from gatewise.compiler.layout import layout

SHAPES = [  # B, T, I, H
    (1, 100, 64, 128), (1, 100, 256, 512), (16, 100, 64, 128), (64, 100, 128, 256),
    (64, 100, 256, 512), (128, 50, 512, 1024), (32, 784, 1, 128), (256, 28, 28, 128),
]  # fmt: skip
SLOWEST = 2e9  # products beyond which the step-by-step reference is left out
TOLERANCE = 1e-3


Run = Callable[[Tensor], Tensor]


def contenders(name: str, inputs: int, hidden: int, operations: float) -> dict[str, Run]:
    """Ours, the reference engine, and torch's, where there is one; all with the same weights."""
    ours = gatewise.Recurrent(cells()[name], inputs, hidden)

    def by_reference(values: Tensor) -> Tensor:
        with gatewise.backend("reference"):
            return ours(values)[0]

    found: dict[str, Run] = {"gatewise": lambda values: ours(values)[0]}
    if operations < SLOWEST:
        found["reference"] = by_reference
    if hasattr(torch.nn, name):
        theirs = getattr(torch.nn, name)(inputs, hidden)
        theirs.load_state_dict(ours.state_dict())
        found["torch.nn"] = lambda values: theirs(values)[0]
    return found


def agrees(name: str, inputs: int, hidden: int) -> bool:
    """Whether outputs and the input's gradient are those of the float64 reference, on a short batch."""
    layer = gatewise.Recurrent(cells()[name], inputs, hidden)
    exact = gatewise.Recurrent(cells()[name], inputs, hidden, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    values = torch.randn(5, 3, inputs, requires_grad=True)
    output = layer(values)[0]
    (gradient,) = torch.autograd.grad(output.square().sum(), values)
    double = values.detach().double().requires_grad_()
    with gatewise.backend("reference"):
        expected = exact(double)[0]
    (true_gradient,) = torch.autograd.grad(expected.square().sum(), double)
    pairs = ((output, expected), (gradient, true_gradient))
    return all(bool((one - two).abs().max() <= TOLERANCE * (1 + two.abs().max())) for one, two in pairs)


def seconds(run: Callable[[Tensor], Tensor], values: Tensor, backward: bool) -> float:
    """One call, with or without its gradient."""
    own = values.clone().requires_grad_(backward)
    with torch.set_grad_enabled(backward):
        began = time.perf_counter()
        output = run(own)
        if backward:
            output.sum().backward()
        return time.perf_counter() - began


def measure(name: str, shape: tuple[int, int, int, int], repeats: int) -> list[dict[str, object]]:
    """Rows of one cell and shape: who, forward or both, milliseconds, GFLOP/s, and the ratio to torch.nn."""
    batch, steps, inputs, hidden = shape
    gates = len(next(one.blocks for one in layout(cells()[name]).parameters if one.name == "weight_ih"))
    operations = 2.0 * steps * batch * hidden * (inputs + hidden) * gates
    values, rows = torch.randn(steps, batch, inputs), []
    for backward in (False, True):
        runs = contenders(name, inputs, hidden, operations)
        times: dict[str, list[float]] = {who: [] for who in runs}
        for turn in range(repeats + 2):
            for who, run in runs.items():
                took = seconds(run, values, backward)
                if turn >= 2:  # the first two warm up
                    times[who].append(took)
        medians = {who: statistics.median(own) for who, own in times.items()}
        for who, median in medians.items():
            rows.append(
                {
                    "cell": name, "B,T,I,H": ",".join(map(str, shape)), "pass": ("forward", "both")[backward],
                    "who": who, "ms": round(1e3 * median, 3),
                    "GFLOP/s": round(operations * (3 if backward else 1) / median / 1e9, 1),
                    "times torch.nn": round(medians["torch.nn"] / median, 2) if "torch.nn" in medians else "",
                }
            )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", default="LSTM,GRU,RNN,PeepholeLSTM")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    print(f"{torch.get_num_threads()} threads")
    every = []
    for name in given.cells.split(","):
        for shape in SHAPES:
            if not agrees(name, shape[2], shape[3]):
                print(f"{name} {shape}: does not agree with the reference; no speed is shown")
                continue
            for row in measure(name, shape, given.repeats):
                print("  ".join(f"{value!s:>12}" for value in row.values()), flush=True)
                every.append(row)
    if given.out and every:
        with given.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, every[0])
            writer.writeheader()
            writer.writerows(every)


if __name__ == "__main__":
    main()
