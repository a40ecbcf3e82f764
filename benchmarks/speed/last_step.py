"""A loss at the last step beside one at all steps, and sequences of zeros: where numbers become subnormal.

Run with `python benchmarks/speed/last_step.py [CELL ...]`. CPU time of one thread, in ms, the median of some
turns; 32 rows of 784 steps, 1 input, 128 units, float32, forward and backward. The zeros are forward
alone, from random states and without biases, so that the states decay to nothing.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch

import gatewise
from gatewise.cells import Cell, PeepholeLSTM, R, W, prev, sigmoid, tanh, x

B, T, INPUTS, H = 32, 784, 1, 128
TURNS = 5


class Own(Cell):
    """One gate that keeps or writes."""

    state = ("h",)
    f = sigmoid(W.f @ x + R.f @ prev.h)
    g = tanh(W.g @ x + R.g @ prev.h)
    h = f * prev.h + (1 - f) * g


MAKERS: dict[str, Callable[..., Any]] = {
    "LSTM": gatewise.LSTM,
    "GRU": gatewise.GRU,
    "RNN": gatewise.RNN,
    "PeepholeLSTM": lambda *sizes, **more: gatewise.Recurrent(PeepholeLSTM, *sizes, **more),
    "Own": lambda *sizes, **more: gatewise.Recurrent(Own, *sizes, **more),
}


def train(layer: Any, inputs: torch.Tensor, last: bool) -> None:
    """Forward and backward."""
    layer.zero_grad()
    output, _ = layer(inputs)
    (output[-1] if last else output).sum().backward()


def decay(layer: Any, state: Any) -> None:
    """Forward over zeros."""
    with torch.no_grad():
        layer(torch.zeros(T, B, INPUTS), state)


def timed(calls: dict[str, Callable[[], None]], scope: Any) -> list[float]:
    """Milliseconds of each call, in turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            with scope():
                began = time.process_time()
                call()
            if turn:
                times[name].append(1e3 * (time.process_time() - began))
    return [statistics.median(own) for own in times.values()]


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    flushing = getattr(gatewise, "flush_subnormals", nullcontext)
    print(f"{'':<30}{'last step':>12}{'all steps':>12}{'zeros':>12}")
    for name in names or MAKERS:
        nn = getattr(torch.nn, name, None)
        who = {"gatewise": (MAKERS[name], nullcontext)}
        if nn is not None:
            who |= {"torch.nn": (nn, nullcontext), "torch.nn, flushed": (nn, flushing)}
        for title, (make, scope) in who.items():
            torch.manual_seed(0)
            layer, bare, inputs = make(INPUTS, H), make(INPUTS, H, bias=False), torch.randn(T, B, INPUTS)
            first = torch.randn(1, B, H)
            state = (first, first) if name.endswith("LSTM") else first
            if name == "Own":
                state = (first,)
            found = timed(
                {
                    "last": lambda layer=layer, inputs=inputs: train(layer, inputs, True),
                    "all": lambda layer=layer, inputs=inputs: train(layer, inputs, False),
                    "zeros": lambda bare=bare, state=state: decay(bare, state),
                },
                scope,
            )
            print(f"{name + ', ' + title:<30}" + "".join(f"{one:12.0f}" for one in found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
