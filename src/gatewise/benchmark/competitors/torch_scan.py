"""PyTorch's `scan`, a loop that is one operation for its compiler."""

from __future__ import annotations

from importlib import import_module

import torch
from torch import Tensor

from gatewise.benchmark.candidate import FLOAT32, Competitor, TimedCandidate, TorchCandidate
from gatewise.benchmark.equations import ArrayEquations, Library, matrices_refused
from gatewise.benchmark.workload import BenchmarkCase, BenchmarkProblem
from gatewise.cells.base import CellType
from gatewise.compiler.layout import Layout, layout
from gatewise.engine.step import FUNCTIONS

TORCH = Library(
    functions=FUNCTIONS,
    join=lambda values: torch.cat(list(values), dim=-1),
    split=lambda values, count: values.chunk(count, dim=-1),
    transposed=lambda matrix: matrix.t().contiguous(),
)


class TorchScan(Competitor):
    """Any cell, by `torch.compile`, compiled for each shape and pass."""

    name = "scan"
    quick = False

    def missing(self) -> str | None:
        try:
            import_module("torch._higher_order_ops.scan")
        except ImportError:
            return f"PyTorch {torch.__version__} has no scan"
        return None

    def refusal(self, case: BenchmarkCase) -> str | None:
        return matrices_refused(case)

    def prepare(self, problem: BenchmarkProblem, dtype: str = FLOAT32) -> TimedCandidate:
        parameters = {name: one.clone().requires_grad_() for name, one in problem.parameters().items()}
        torch.compiler.reset()  # the compiler limits the number of shapes of a function
        along = torch.compile(_along, fullgraph=True, dynamic=False)
        inside, cell = problem.inside(), problem.case.cell
        own_layout = layout(cell)

        def run(values: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            output, final = along(cell, own_layout, parameters, values, inside)
            return output, final

        return _Compiled(problem, run, parameters)


class _Compiled(TorchCandidate):
    def saved_bytes(self) -> int | None:
        return None  # hooks on saved tensors would cause another compilation


def _along(
    cell: CellType, own_layout: Layout, parameters: dict[str, Tensor], values: Tensor, inside: Tensor | None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    from torch._higher_order_ops.scan import scan

    equations = ArrayEquations(cell, own_layout, TORCH, parameters)
    products = equations.input_products(values)
    units = parameters["weight_hh"].shape[1]

    def step(state: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        new = equations.step(inputs[: len(products)], state)
        output = new[0]
        if inside is not None:
            output = torch.where(inputs[-1], output, 0.0)
            new = tuple(torch.where(inputs[-1], one, old) for one, old in zip(new, state, strict=True))
        # Copies: PyTorch's compiler takes a carry for an alias if its gradient reads it too.
        return tuple(one.clone() for one in new), output.clone()

    initial = tuple(values.new_zeros(values.shape[1], units) for _ in cell.state)
    final, output = scan(step, initial, products if inside is None else (*products, inside), dim=0)
    return output, final
