"""Measures the rates of this machine that plans of kernel calls need; examples of the plans."""

from __future__ import annotations

from dataclasses import replace

import torch

from gatewise.benchmark.machine import measured
from gatewise.engine.machine import Machine, keep, machine
from gatewise.engine.thread_plan import plan_threads, predicted_steps
from gatewise.errors import GatewiseError

REACHED = 0.9  # of the peak, by products of matrices whose weights are in the cache of the core
LSTM_SUMS = 4
EXAMPLES = (  # batch, steps, inputs, units
    (1, 100, 64, 128), (16, 100, 64, 128), (64, 100, 64, 128),
    (8, 100, 256, 512), (64, 100, 256, 512), (64, 50, 512, 1024),
)  # fmt: skip


def measure_rates() -> Machine:
    """Measures the rates of this machine in a few seconds, and keeps them beside the compiled kernels.

    Raises: `GatewiseError` if they can't be measured or kept.
    """
    found = measured()
    if found.peak is None or found.bandwidths is None:
        raise GatewiseError(f"the rates of this machine are {found.reason}; plans use estimates")
    each = {name: 1e9 * total / found.threads for name, total in found.bandwidths.items()}
    rates = replace(
        machine(), multiplications=REACHED * 1e9 * found.peak / 2 / found.threads, measured=True,
        l2_bandwidth=each["L2"], l3_bandwidth=each["L3"], memory_bandwidth=each["memory"],
    )  # fmt: skip
    try:
        keep(rates)
    except OSError as error:
        raise GatewiseError(f"the measured rates can't be written beside the kernels: {error}") from error
    return rates


def described_rates() -> str:
    """The rates of one thread, and where they are from."""
    here = machine()
    bandwidths = (here.l2_bandwidth, here.l3_bandwidth, here.memory_bandwidth)
    numbers = " / ".join(f"{one / 1e9:.0f}" for one in bandwidths)
    rates = f"{here.multiplications / 1e9:.0f} billion multiply-adds and {numbers} GB (L2, L3, memory)"
    origin = "measured" if here.measured else "estimated; gatewise doctor --measure measures and keeps them"
    return f"{rates} per second and thread, {origin}"


def example_plans() -> list[tuple[str, str, str, str]]:
    """Calls of an LSTM: the shape, the predicted microseconds of a step by rows and by units, the plan."""
    rows = []
    for batch, steps, inputs, units in EXAMPLES:
        weights = LSTM_SUMS * units * (units + inputs)
        threads, share_units, _ = plan_threads((steps,), batch, weights)
        predicted = predicted_steps((steps,), batch, weights, torch.get_num_threads())
        divided = "units" if share_units else "rows"
        chosen = "one thread" if threads == 1 else f"{threads} threads divide {divided}"
        by_rows, by_units = (f"{1e6 * one:.1f}" for one in predicted)
        rows.append((f"{batch}, {steps}, {inputs}, {units}", by_rows, by_units, chosen))
    return rows
