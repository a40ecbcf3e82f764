"""Times of a step if threads divide the rows of a batch, or the units of each row, beside the predicted ones.

An LSTM on two threads, float32: medians in microseconds of a step, forward, and forward and backward, on a
machine that should be idle. The results are in README.md.

    python benchmarks/speed/thread_plans.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from gatewise.engine import kernel
from gatewise.engine.thread_plan import plan_threads, predicted_steps
from gatewise.layers import LSTM

THREADS, REPEATS = 2, 6
SHAPES = [(batch, 200, 64, 128) for batch in (1, 2, 4, 8, 16, 32)]
SHAPES += [(batch, 100, 256, 512) for batch in (1, 4, 8, 16, 24, 32, 64)]
SHAPES += [(batch, 30, 512, 1024) for batch in (16, 32, 64)]


def seconds(work: Callable[[], object]) -> float:
    """The time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(batch: int, steps: int, inputs: int, units: int) -> list[tuple[float, float]]:
    """Microseconds of a step by rows and by units, forward, and forward and backward."""
    layer, values = LSTM(inputs, units), torch.randn(steps, batch, inputs, requires_grad=True)

    def forward() -> None:
        with torch.no_grad():
            layer(values)

    times: list[tuple[list[float], list[float]]] = [([], []), ([], [])]
    for repeat in range(REPEATS + 1):
        for share_units, (ahead, both) in enumerate(times):
            plan = (THREADS, bool(share_units), batch <= 2)
            kernel.plan_threads = lambda *given, plan=plan: plan
            took = seconds(forward), seconds(lambda: layer(values)[0].sum().backward())
            if repeat:
                ahead.append(took[0])
                both.append(took[1])
    kernel.plan_threads = plan_threads
    return [
        (1e6 * statistics.median(one) / steps, 1e6 * statistics.median(two) / steps) for one, two in times
    ]


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    print("| batch, steps, inputs, units | predicted | forward | forward and backward | plan |")
    print("| --- | --- | --- | --- | --- |")
    for shape in SHAPES:
        batch, steps, inputs, units = shape
        weights = 4 * units * (units + inputs)
        predicted = (1e6 * one for one in predicted_steps((steps,), batch, weights, THREADS))
        by_rows, by_units = measured(*shape)
        plan = "units" if plan_threads((steps,), batch, weights)[1] else "rows"
        cells = [
            ", ".join(map(str, shape)), ", ".join(f"{one:.1f}" for one in predicted),
            f"{by_rows[0]:.1f}, {by_units[0]:.1f}", f"{by_rows[1]:.1f}, {by_units[1]:.1f}", plan,
        ]  # fmt: skip
        print("| " + " | ".join(cells) + " |", flush=True)
