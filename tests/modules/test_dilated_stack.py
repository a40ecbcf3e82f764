"""Dilated layers against a loop over the cells of each step."""

import pytest
import torch

from gatewise.cells import GRU, LSTM
from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent
from gatewise.modules.dilated_stack import DilatedStack, run_dilated


@pytest.mark.parametrize("dilation", [1, 2, 3, 7, 20])
def test_a_layer_continues_from_its_state_some_steps_before(dilation):
    layer = Recurrent(LSTM, 3, 4).double()
    steps = torch.randn(7, 2, 3).double()
    found = run_dilated(layer, steps, dilation)
    states = {}
    first = -(-7 // dilation) * dilation - 7  # copies of the first step
    for step in range(-first, 7):
        output, state = layer(steps[max(step, 0)][None], states.get(step - dilation))
        states[step] = state
        if step >= 0:
            torch.testing.assert_close(found[step], output[0])


def test_layers_above_the_first_add_to_their_input():
    stack = DilatedStack(GRU, 3, 4, dilations=(1, 2)).double()
    steps = torch.randn(6, 2, 3).double()
    below = run_dilated(stack.layers[0], steps, 1)
    torch.testing.assert_close(stack(steps)[0], below + run_dilated(stack.layers[1], below, 2))


def test_the_last_output_sees_the_whole_past():
    stack = DilatedStack(GRU, 1, 4, dilations=(1, 4, 8)).double()
    steps = torch.randn(30, 2, 1).double().requires_grad_()
    stack(steps)[0][-1].sum().backward()
    assert (steps.grad != 0).all()


@pytest.mark.parametrize("dilations", [(0,), (1, -2), (1, 10**9)])
def test_dilations_out_of_bounds(dilations):
    with pytest.raises(GatewiseError, match="expected dilations from 1 to 10000, got"):
        DilatedStack(GRU, 1, 2, dilations)


def test_the_sequence_of_the_last_step_comes_first():
    """So that a report of one example shows it."""
    seen = []

    class Layer(torch.nn.Module):
        def forward(self, rows):
            seen.append(rows)
            return rows, None

    steps = torch.arange(10.0)[:, None, None]
    assert torch.equal(run_dilated(Layer(), steps, 4), steps)
    assert seen[0][:, 0, 0].tolist() == [1, 5, 9]
    assert seen[0][:, 2, 0].tolist() == [0, 3, 7]
