"""int8 weights beside float32 ones, and beside PyTorch's dynamic quantization of `torch.nn.LSTM`.

Run with `python benchmarks/speed/int8.py [THREADS]`. Forward passes of an LSTM in inference, in ms: medians
of calls in turns, in one process; of one thread its CPU time, of several the time that passes. The error is
that of the output, a root mean square relative to `torch.nn.LSTM` in float64, in the same run.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from typing import Any

import torch

import gatewise

SHAPES = [(1, 100, 64, 128), (1, 100, 256, 512), (16, 100, 128, 256), (64, 100, 256, 512)]  # B, T, I, H
TURNS = 15


def candidates(inputs: int, hidden: int) -> dict[str, Any]:
    """The same weights in each form; the last one is exact."""
    exact = torch.nn.LSTM(inputs, hidden)
    layer = gatewise.LSTM(inputs, hidden)
    layer.load_state_dict(exact.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch will move its quantization to another package
        dynamic = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(exact), {torch.nn.LSTM})[0]
    return {
        "gatewise int8": gatewise.quantize(layer),
        "gatewise float32": layer.eval(),
        "torch float32": exact.eval(),
        "torch int8": dynamic.eval(),
    }


def error(output: torch.Tensor, exact: torch.Tensor) -> float:
    """The relative error of an output."""
    return float((output.double() - exact).norm() / exact.norm())


@torch.no_grad()
def measured(batch: int, steps: int, inputs: int, hidden: int) -> dict[str, tuple[float, float]]:
    """The median time in ms and the error of each candidate."""
    layers, x = candidates(inputs, hidden), torch.randn(steps, batch, inputs)
    double = torch.nn.LSTM(inputs, hidden).double()
    double.load_state_dict(layers["torch float32"].state_dict())
    exact = double(x.double())[0]
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in layers}
    for turn in range(TURNS + 2):
        for name, layer in layers.items():
            begin = clock()
            layer(x)
            if turn >= 2:
                times[name].append(1e3 * (clock() - begin))
    return {
        name: (statistics.median(times[name]), error(layer(x)[0], exact)) for name, layer in layers.items()
    }


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(f"{torch.get_num_threads()} threads, B x T x I x H: ms, times the speed of gatewise float32, error")
    for shape in SHAPES:
        found = measured(*shape)
        base = found["gatewise float32"][0]
        print(" x ".join(map(str, shape)))
        for name, (median, deviation) in found.items():
            print(f"    {name:17}{median:9.2f}{base / median:7.2f}x{deviation:9.1e}")


if __name__ == "__main__":
    main()
