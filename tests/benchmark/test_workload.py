"""Shapes, and the arithmetic that is counted."""

import pytest
import torch

from gatewise.benchmark.shapes import LATTICE_SHAPES, SHAPES, Shape
from gatewise.benchmark.workload import LAST_STEP, ZEROS, BenchmarkCase, BenchmarkProblem
from gatewise.cells import GRU, LSTM, RNN, FullPeepholeLSTM, mdlstm
from gatewise.errors import GatewiseError


@pytest.mark.parametrize("shape", [*SHAPES, *LATTICE_SHAPES], ids=str)
def test_a_shape_reads_what_it_writes(shape):
    assert Shape.read(str(shape)) == shape


@pytest.mark.parametrize(
    "text", ["", "1x2x3", "0x2x3x4", "1x2x3x4-rugged", "1x2x3x4-all", "1x2x3x4x5-ragged", "axbxcxd"]
)
def test_invalid_shapes(text):
    with pytest.raises(GatewiseError, match="expected a shape as"):
        Shape.read(text)


@pytest.mark.parametrize(
    ("cell", "products"),
    [(LSTM, 4 * (7 + 5)), (GRU, 3 * (7 + 5)), (RNN, 7 + 5), (FullPeepholeLSTM, 4 * (7 + 5) + 3 * 5)],
)
def test_every_matrix_is_counted(cell, products):
    case = BenchmarkCase(cell, Shape(batch=2, steps=3, inputs=7, hidden=5))
    assert case.operations("forward") == 2 * 2 * 3 * 5 * products
    assert case.operations("both") == 3 * case.operations("forward")


def test_only_steps_inside_count():
    shape = Shape(64, 100, 8, 16, ragged=True)
    lengths = shape.lengths()
    assert torch.equal(lengths, shape.lengths())
    assert lengths.min() >= 10
    assert lengths.max() <= 100
    full = BenchmarkCase(LSTM, Shape(64, 100, 8, 16)).operations("forward")
    assert BenchmarkCase(LSTM, shape).operations("forward") == pytest.approx(full * int(lengths.sum()) / 6400)


def test_intensity_of_one_row_is_that_of_a_matrix_by_a_vector():
    assert BenchmarkCase(LSTM, Shape(1, 10, 256, 512)).intensity() == pytest.approx(0.5, rel=0.01)
    assert BenchmarkCase(LSTM, Shape(64, 10, 256, 512)).intensity() > 20


def test_a_problem_is_the_same_whenever_it_is_made():
    case = BenchmarkCase(GRU, Shape(2, 3, 4, 5, ragged=True))
    one = BenchmarkProblem.of(case)
    torch.rand(3)
    other = BenchmarkProblem.of(case)
    assert torch.equal(one.values, other.values)
    assert all(torch.equal(value, other.parameters()[name]) for name, value in one.parameters().items())
    assert one.inside().sum() == one.lengths.sum()


def test_the_gradient_comes_from_the_last_step_of_each_sequence():
    shape = Shape(5, 30, 2, 3, ragged=True)
    incoming = BenchmarkProblem.of(BenchmarkCase(GRU, shape, LAST_STEP)).incoming
    found = (incoming != 0).all(-1).nonzero().tolist()
    assert sorted(found) == sorted([int(length) - 1, row] for row, length in enumerate(shape.lengths()))
    assert (incoming != 0).any(-1).sum() == 5


def test_zeros_have_a_first_step_and_no_biases():
    problem = BenchmarkProblem.of(BenchmarkCase(LSTM, Shape(2, 30, 2, 3), ZEROS))
    assert (problem.values[0] != 0).all()
    assert (problem.values[1:] == 0).all()
    assert all((one != 0).any() != name.startswith("bias") for name, one in problem.parameters().items())
    with torch.no_grad():
        output, _ = problem.layer(problem.values)
    assert output[-1].abs().max() < 1e-3 * output[0].abs().max()


def test_lattices_have_a_first_and_a_last_position():
    shape = Shape.read("2x3x4x5x6")
    values = BenchmarkProblem.of(BenchmarkCase(mdlstm(2), shape, ZEROS)).values
    incoming = BenchmarkProblem.of(BenchmarkCase(mdlstm(2), shape, LAST_STEP)).incoming
    assert values.ne(0).any(-1).nonzero().tolist() == [[0, 0, 0], [1, 0, 0]]
    assert incoming.ne(0).any(-1).nonzero().tolist() == [[0, 2, 3], [1, 2, 3]]
