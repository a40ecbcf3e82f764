"""The operation of matrix memories: GFLOP/s and GB/s, forward and backward, for heads of several widths.

Run with `python benchmarks/speed/memories.py`. float32, one thread, processor time, medians of some turns; a
product of two 1024 x 1024 matrices is measured in the same turns, as the peak. The operations counted are
those of the definition, for each number of a memory and step: 5 forward, 11 backward (6 and 15 with a factor
for each key). The backward pass computes memories again, twice; this is not counted. With one factor for each
head, the gradient is computed in chunks of steps, by other operations; those of the definition are counted.
The bytes are those of all arrays that are read or written.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from gatewise.engine.memories import read_memories

T, B, H = 256, 4, 256
TURNS = 9
FACTORS = {"head": "one factor", "unit": "a factor for each unit", "key": "a factor for each key"}
FORWARD, BACKWARD = {"head": 5, "unit": 5, "key": 6}, {"head": 11, "unit": 11, "key": 15}


def seconds(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median processor time of each call, in turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(TURNS + 1):
        for name, call in calls.items():
            began = time.process_time()
            call()
            if turn:
                times[name].append(time.process_time() - began)
    return {name: statistics.median(own) for name, own in times.items()}


def measure(keys: int, by: str) -> str:
    """A row of the table. by: of what each has a factor"""
    shape = (T, B, H)
    a, b, u, k, q = (torch.rand(shape).requires_grad_() for _ in range(5))
    if by == "head":
        a = torch.rand(T, B, H // keys).requires_grad_()
    vectors = (a, b if by == "key" else None, u, k, q)
    initial = torch.zeros(B, H, keys, requires_grad=True)
    given = [one for one in (initial, *vectors) if one is not None]
    read, _ = read_memories(initial, vectors, H // keys)
    received, square = torch.rand(shape), torch.rand(1024, 1024)

    def forward() -> None:
        with torch.no_grad():
            read_memories(initial, vectors, H // keys)

    def backward() -> None:
        torch.autograd.grad(read, given, received, retain_graph=True)

    found = seconds({"forward": forward, "backward": backward, "peak": lambda: square @ square})
    peak = 2e-9 * 1024**3 / found["peak"]
    numbers, arrays = T * B * H * keys, 4 * (T * B * H * (5 if by == "key" else 4) + a.numel())
    cells = [f"{keys}, {FACTORS[by]}"]
    for name, count, size in (("forward", FORWARD, arrays), ("backward", BACKWARD, 2 * arrays)):
        speed = 1e-9 * count[by] * numbers / found[name]
        cells.append(
            f"{speed:.0f} GFLOP/s ({speed / peak:.0%} of the peak), {1e-9 * size / found[name]:.1f} GB/s"
        )
    cells.append(f"{found['backward'] / found['forward']:.1f}")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print("| keys of a head | forward | backward | backward / forward |\n| --- | --- | --- | --- |")
    for keys in (32, 64, 128):
        for by in FACTORS:
            print(measure(keys, by), flush=True)
