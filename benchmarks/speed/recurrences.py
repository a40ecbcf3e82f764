"""Cells since 2017 beside PyTorch: loops over steps, and forms that are parallel over all steps.

Run with `python benchmarks/speed/recurrences.py [CELL ...] > FILE`. Each formulation (`formulations.py`)
first has to agree with gatewise within 1e-4 of the largest output and gradient. float32, one thread,
processor time in ms, medians of some turns in one process, in alternation; as many inputs as units. A ratio
of 2 means that gatewise is twice as fast.
"""

from __future__ import annotations

import csv
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import formulations as of
import torch
from torch import Tensor

from gatewise.cells import HGRN2, LRU, MLSTM, RGLRU, SLSTM, CellType
from gatewise.layers import Recurrent

Formulation = Callable[[Recurrent, Tensor], Tensor]
Shape = tuple[int, int, int, int]  # T, B, H, heads
TURNS, LARGEST, TOLERANCE = 5, 2**22, 1e-4


@dataclass(frozen=True)
class Case:
    """A cell, what it is compared with, and in which shapes."""

    cell: CellType
    formulations: dict[str, Formulation]
    shapes: list[Shape]


def shapes(
    steps: tuple[int, ...], rows: tuple[int, ...], units: tuple[int, ...], heads: tuple[int, ...]
) -> list[Shape]:
    """All combinations of at most `LARGEST` outputs."""
    return [one for one in product(steps, rows, units, heads) if one[0] * one[1] * one[2] <= LARGEST]


PARALLEL = shapes((256, 1024, 4096), (1, 16, 64), (64, 256), (1,))
SCANS = shapes((256, 1024), (1, 16), (64, 256), (1,))
MATRICES = shapes((256, 1024), (1, 8), (256,), (4,))
CASES = {
    "sLSTM": Case(SLSTM, {"loop": of.slstm_loop}, shapes((256,), (1, 16, 64), (128,), (1, 4))),
    "minGRU": Case(of.LogMinGRU, {"parallel in log space": of.min_gru_parallel}, PARALLEL),
    "minLSTM": Case(of.LogMinLSTM, {"parallel in log space": of.min_lstm_parallel}, PARALLEL),
    "RG-LRU": Case(
        RGLRU,
        {
            "loop": lambda layer, values: of.looped(*of.rglru_parts(layer, values)),
            "scan by doubling": lambda layer, values: of.doubled(*of.rglru_parts(layer, values)),
        },
        SCANS,
    ),
    "LRU": Case(
        LRU,
        {
            "loop": lambda layer, values: of.lru_output(
                layer, of.looped(*of.lru_parts(layer, values)), values
            ),
            "scan by doubling": lambda layer, values: of.lru_output(
                layer, of.doubled(*of.lru_parts(layer, values)), values
            ),
        },
        SCANS,
    ),
    "mLSTM": Case(MLSTM, {"parallel, T x T": of.mlstm_parallel, "chunks of 64": of.mlstm_chunks}, MATRICES),
    "HGRN2": Case(HGRN2, {"parallel, T x T": of.hgrn2_parallel, "chunks of 16": of.hgrn2_chunks}, MATRICES),
}


def native(layer: Recurrent, inputs: Tensor) -> Tensor:
    """The layer itself."""
    return layer(inputs)[0]


def check(name: str, case: Case) -> None:
    """Raises: `AssertionError` if a formulation differs from gatewise in outputs or gradients."""
    for heads in sorted({one[3] for one in case.shapes}):
        torch.manual_seed(0)
        layer, values = Recurrent(case.cell, 16, 32, heads=heads), torch.randn(100, 3, 16).requires_grad_()
        wanted = [values, *layer.parameters()]

        def results(
            run: Formulation, layer: Recurrent = layer, wanted: list[Tensor] = wanted
        ) -> list[Tensor]:
            output = run(layer, wanted[0])
            return [output, *torch.autograd.grad(output.sin().sum(), wanted)]

        exact = results(native)
        for title, run in case.formulations.items():
            for ours, theirs in zip(exact, results(run), strict=True):
                distance = float((ours - theirs).detach().abs().max() / ours.detach().abs().max())
                assert distance < TOLERANCE, f"{name}, {title}: {distance:.1e}"


def measure(layer: Recurrent, values: Tensor, runs: dict[str, Formulation]) -> dict[str, tuple[float, float]]:
    """The median milliseconds of each: forward, and forward and backward."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in runs}
    for turn in range(TURNS + 1):
        for name, run in runs.items():
            began = time.process_time()
            with torch.no_grad():
                run(layer, values)
            middle = time.process_time()
            run(layer, values).sum().backward()
            if turn:
                times[name][0].append(1e3 * (middle - began))
                times[name][1].append(1e3 * (time.process_time() - middle))
    return {
        name: (statistics.median(forward), statistics.median(both)) for name, (forward, both) in times.items()
    }


def main(names: list[str]) -> None:
    """Prints a row for each cell, shape and formulation."""
    torch.set_num_threads(1)
    output = csv.writer(sys.stdout)
    output.writerow(
        ["cell", "T", "B", "H", "heads", "formulation", "forward", "both", "forward ratio", "both ratio"]
    )
    for name in names or CASES:
        case = CASES[name]
        check(name, case)
        for steps, rows, units, heads in case.shapes:
            torch.manual_seed(0)
            layer, values = Recurrent(case.cell, units, units, heads=heads), torch.randn(steps, rows, units)
            found = measure(layer, values, {"gatewise": native, **case.formulations})
            ours = found["gatewise"]
            for title, (forward, both) in found.items():
                figures = [
                    f"{forward:.2f}",
                    f"{both:.2f}",
                    f"{forward / ours[0]:.2f}",
                    f"{both / ours[1]:.2f}",
                ]
                output.writerow([name, steps, rows, units, heads, title, *figures])
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
