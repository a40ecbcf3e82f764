"""The step that other libraries' loops run is the cell's."""

import pytest
import torch

from gatewise.benchmark.competitors.torch_scan import TORCH
from gatewise.benchmark.equations import ArrayEquations
from gatewise.benchmark.shapes import Shape
from gatewise.benchmark.workload import BenchmarkCase, BenchmarkProblem
from gatewise.compiler.layout import layout
from gatewise.engine.choice import backend


def test_stepped_by_hand_every_cell_is_the_reference(cell):
    if cell.matrix_states:
        pytest.skip("loops over arrays know vectors only")
    problem = BenchmarkProblem.of(BenchmarkCase(cell, Shape(3, 4, 2, 5)))
    equations = ArrayEquations(cell, layout(cell), TORCH, problem.parameters())
    state = tuple(torch.zeros(3, 5) for _ in cell.state)
    outputs = []
    for now in zip(*equations.input_products(problem.values), strict=True):
        state = equations.step(now, state)
        outputs.append(state[0])
    with backend("reference"), torch.no_grad():
        expected, last = problem.layer(problem.values)
    torch.testing.assert_close(torch.stack(outputs), expected)
    last = last if isinstance(last, tuple) else (last,)
    for one, other in zip(state, last, strict=True):
        torch.testing.assert_close(one, other[0])
