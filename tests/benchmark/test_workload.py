"""Shapes, and the arithmetic that is counted."""

import pytest
import torch

from gatewise.benchmark.workload import (
    LATTICE_SHAPES,
    QUICK_SHAPES,
    SHAPES,
    BenchmarkCase,
    BenchmarkProblem,
    Shape,
)
from gatewise.cells import GRU, LSTM, RNN, FullPeepholeLSTM
from gatewise.errors import GatewiseError


@pytest.mark.parametrize("shape", [*SHAPES, *QUICK_SHAPES, *LATTICE_SHAPES], ids=str)
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
