"""Counts of floating-point operations, beside those of the same products in PyTorch."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import gatewise
from gatewise.cells import LSTM
from gatewise.compiler.stages import plan
from gatewise.engine import flops  # noqa: F401  # registers the formulas
from gatewise.engine.build import BuildError, built


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


def counted(layer, values):
    with FlopCounterMode(display=False) as counter:
        layer(values)[0].sum().backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("needs_gradient", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_gru_counts_what_pytorch_counts(bidirectional, needs_gradient):
    options = {"num_layers": 2, "bidirectional": bidirectional}
    values = torch.randn(7, 3, 5, requires_grad=needs_gradient)
    ours, theirs = (counted(library.GRU(5, 8, **options), values) for library in (gatewise, torch.nn))
    # PyTorch does not compute the gradient of an initial state that needs none.
    skipped = 2 * (1 + bidirectional) * 2 * 3 * 24 * 8
    assert ours == theirs + skipped


def test_recomputed_gates_and_constant_weights():
    values = torch.randn(7, 3, 5)
    inputs, states = 2 * 21 * 32 * 5, 2 * 21 * 32 * 8
    assert counted(gatewise.LSTM(5, 8), values) == 2 * inputs + 3 * states
    assert counted(gatewise.LSTM(5, 8, recompute="gates"), values) == 3 * inputs + 4 * states
    layer = gatewise.LSTM(5, 8)
    layer.weight_ih_l0.requires_grad_(False)
    assert counted(layer, values) == inputs + 3 * states
