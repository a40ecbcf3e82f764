"""The vanishing gradient in milliseconds: draws docs/pictures/subnormal-gradients.png.

Run with `python benchmarks/speed/vanishing.py`. An LSTM with one set of weights in torch.nn, in torch.nn with
subnormal numbers flushed, and in gatewise; 32 rows, 1 input, 128 units, a loss at the last step only.
Left: the norm of the gradient with respect to the input, against the lag. Right: the CPU time of one thread
of a backward pass of that length, the median of some turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import gatewise
from gatewise.plots.saving import save_picture

B, INPUTS, H = 32, 1, 128
STEPS, APART = 400, 20  # the longest sequence, and the distance of the measured lengths
TURNS = 5
OUT = Path(__file__).parents[2] / "docs" / "pictures" / "subnormal-gradients.png"
# The colour and the line width on the left, where all three are the same down to the smallest normal number.
LINES = {"torch.nn": ("#2a6f97", 4.5), "torch.nn, flushed": ("#4c956c", 2.8), "gatewise": ("#c1440e", 1.2)}
INK = "#222222"


def main() -> None:
    """Measures, prints a row for each length, and draws."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs, ours = nn.LSTM(INPUTS, H), gatewise.LSTM(INPUTS, H)
    ours.load_state_dict(theirs.state_dict())
    scopes: dict[str, tuple[nn.Module, Callable[[], AbstractContextManager[None]]]] = {
        "torch.nn": (theirs, nullcontext),
        "torch.nn, flushed": (theirs, gatewise.flush_subnormals),
        "gatewise": (ours, nullcontext),
    }
    values = torch.randn(STEPS, B, INPUTS)
    norms = {name: _norms(layer, scope, values) for name, (layer, scope) in scopes.items()}
    lengths = range(APART, STEPS + 1, APART)
    times: dict[str, list[float]] = {name: [] for name in scopes}
    for steps in lengths:
        turns = [
            {name: _backward(layer, scope, values[:steps])[0] for name, (layer, scope) in scopes.items()}
            for _ in range(TURNS)
        ]
        for name, own in times.items():
            own.append(statistics.median(turn[name] for turn in turns))
        print(f"{steps:>5}" + "".join(f"{name:>20} {own[-1]:7.1f} ms" for name, own in times.items()))
    save_picture(_drawn(norms, list(lengths), times), OUT)


def _backward(
    layer: nn.Module, scope: Callable[[], AbstractContextManager[None]], values: Tensor
) -> tuple[float, Tensor]:
    """The milliseconds of a backward pass from the last step, and the gradient of the input."""
    values = values.clone().requires_grad_()
    with scope():
        loss = layer(values)[0][-1].sum()
        began = time.process_time()
        loss.backward()
        took = time.process_time() - began
    assert values.grad is not None
    return 1e3 * took, values.grad


def _norms(layer: nn.Module, scope: Callable[[], AbstractContextManager[None]], values: Tensor) -> np.ndarray:
    """[T]: the norm over the batch against the lag, 0 at the last step."""
    gradient = _backward(layer, scope, values)[1]
    return np.asarray(gradient.double().norm(dim=(1, 2)).flip(0))


def _drawn(norms: dict[str, np.ndarray], lengths: list[int], times: dict[str, list[float]]) -> Figure:
    figure = Figure(figsize=(11, 4.4), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    smallest = torch.finfo(torch.float32).tiny
    for name, (colour, width) in LINES.items():
        lag = np.flatnonzero(norms[name])
        left.plot(lag, norms[name][lag], color=colour, lw=width, label=name)
        right.plot(lengths, times[name], color=colour, lw=1.6, marker="o", ms=4, label=name)
    left.axhline(smallest, color=INK, lw=0.9, ls="--")
    left.text(STEPS, smallest, "below: subnormal numbers", color=INK, fontsize=9, ha="right", va="top")
    left.set_yscale("log")
    left.set_title("norm of the gradient of the input", loc="left", fontsize=11)
    left.set_xlabel("steps back from the loss")
    right.set_title("backward pass, CPU time in milliseconds", loc="left", fontsize=11)
    right.set_xlabel("steps")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xlim(0, STEPS * 1.02)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=9)
    return figure


if __name__ == "__main__":
    main()
