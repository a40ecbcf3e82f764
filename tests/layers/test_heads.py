"""Heads: matrices of hidden values with a block for each group of units."""

import copy

import pytest
import torch

import gatewise
from gatewise.cells import GRU, LSTM, SLSTM, ChoGRU
from gatewise.engine.request import block_diagonal
from gatewise.errors import GatewiseError


def layer_of(cell, heads=2, **options):
    return gatewise.Recurrent(cell, 3, 6, heads=heads, dtype=torch.float64, **options)


@pytest.mark.parametrize("cell", [LSTM, GRU, ChoGRU, SLSTM], ids=lambda one: one.__name__)
def test_heads_are_the_layer_with_zeros_outside_their_blocks(cell):
    layer = layer_of(cell, num_layers=2, bidirectional=True)
    whole = gatewise.Recurrent(cell, 3, 6, num_layers=2, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for name, one in layer.named_parameters():
            recurrent = name.startswith("weight_hh")
            getattr(whole, name).copy_(block_diagonal(one, 2) if recurrent else one)
    values = torch.randn(7, 4, 3, dtype=torch.float64)
    lengths = [7, 0, 3, 5]
    torch.testing.assert_close(layer(values, lengths=lengths), whole(values, lengths=lengths))


@pytest.mark.parametrize("cell", [LSTM, ChoGRU], ids=lambda one: one.__name__)
def test_outputs_states_and_gradients_are_those_of_the_reference(cell):
    layer = layer_of(cell)
    values = torch.randn(5, 3, 3, dtype=torch.float64, requires_grad=True)
    resets = torch.rand(5, 3) < 0.3
    found = []
    for backend in ("native", "reference"):
        with gatewise.backend(backend):
            output, state = layer(values, resets=resets)
        loss = output.sin().sum() + sum(one.square().sum() for one in [state] if torch.is_tensor(one))
        found.append([output, *torch.autograd.grad(loss, [values, *layer.parameters()])])
    torch.testing.assert_close(found[0], found[1])


def test_one_head_reads_nothing_of_another():
    layer = layer_of(LSTM)
    first = torch.zeros(1, 1, 6, dtype=torch.float64), torch.zeros(1, 1, 6, dtype=torch.float64)
    changed = (first[0].index_fill(2, torch.arange(3), 5.0), first[1])
    values = torch.randn(4, 1, 3, dtype=torch.float64)
    one, other = layer(values, first)[0], layer(values, changed)[0]
    assert torch.equal(one[..., 3:], other[..., 3:])
    assert not torch.equal(one[..., :3], other[..., :3])


def test_steppers_cells_quantization_and_copies():
    layer = layer_of(SLSTM).float()
    values = torch.randn(5, 2, 3)
    stepper = layer.stepper(batch=2)
    steps = torch.stack([stepper.step(one) for one in values])
    torch.testing.assert_close(steps, layer(values)[0])
    cell = gatewise.RecurrentCell(SLSTM, 3, 6, heads=2)
    cell.load_state_dict({name.removesuffix("_l0"): one for name, one in layer.state_dict().items()})
    torch.testing.assert_close(cell(values[0])[0], steps[0])
    small = gatewise.quantize(layer)
    with gatewise.backend("reference"):
        expected = small(values)[0]
    torch.testing.assert_close(small(values)[0], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(copy.deepcopy(layer)(values)[0], steps)
    assert "heads=2" in repr(layer)


def test_fewer_weights():
    assert layer_of(LSTM).weight_hh_l0.shape == (24, 3)
    assert gatewise.Recurrent(ChoGRU, 3, [6, 9], heads=3).weight_hh_l1.shape == (27, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"heads": 4},
            r"heads=4 does not divide the 6 units; give one of 1, 2, 3, 6, or another hidden_size",
        ),
        ({"heads": 0}, "expected heads as a whole number of at least 1, got 0"),
        ({"heads": 2, "proj_size": 2}, "proj_size=2 changes the width of the output, which heads"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(GatewiseError, match=message):
        gatewise.Recurrent(LSTM, 3, 6, **options)
