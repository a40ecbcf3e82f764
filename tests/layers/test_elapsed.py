"""Cells that read the time since the step before."""

import pytest
import torch

import gatewise
from gatewise.cells import LSTM, Cell, PhasedLSTM, W, back, elapsed, exp, prev, softplus, tanh, x
from gatewise.errors import GatewiseError


class Decaying(Cell):
    """A state that decays with time."""

    state = ("h",)
    f = exp(-elapsed * softplus(W.f @ x))
    h = f * prev.h + (1 - f) * tanh(W.h @ x)


def results(layer, values, times, lengths, backend):
    with gatewise.backend(backend):
        output, _, traces = layer(values, lengths=lengths, elapsed=times, trace=True)
    loss = output.sin().sum() + sum(one.sum() for trace in traces for one in trace.gates.values())
    return [output, *torch.autograd.grad(loss, [values, *layer.parameters()])]


@pytest.mark.parametrize("cell", [PhasedLSTM, Decaying], ids=lambda one: one.__name__)
def test_kernels_are_the_reference(cell):
    layer = gatewise.Recurrent(cell, 3, 5, num_layers=2, bidirectional=True, dtype=torch.float64)
    values = torch.randn(7, 4, 3, dtype=torch.float64, requires_grad=True)
    for times in (None, torch.rand(7, 4) * 3):
        for lengths in (None, [7, 0, 3, 1]):
            found = [results(layer, values, times, lengths, one) for one in ("native", "reference")]
            torch.testing.assert_close(found[0], found[1])


def test_a_state_decays_with_the_times_between_steps():
    layer = gatewise.Recurrent(Decaying, 1, 1, dtype=torch.float64)
    torch.nn.init.zeros_(layer.weight_ih_l0)
    with torch.no_grad():
        layer.bias_ih_l0.copy_(torch.tensor([0.0, 0.7]))
    times = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    h = 0.0
    for time, found in zip(
        times, layer(torch.zeros(3, 1, dtype=torch.float64), elapsed=times)[0], strict=True
    ):
        f = torch.exp(-time * torch.log(torch.tensor(2.0, dtype=torch.float64)))
        h = f * h + (1 - f) * torch.tanh(torch.tensor(0.7, dtype=torch.float64))
        torch.testing.assert_close(found[0], h)


def test_backward_the_time_before_a_step_is_that_after_it():
    layer = gatewise.Recurrent(Decaying, 2, 3, bidirectional=True)
    values, times = torch.randn(5, 2, 2), torch.rand(5, 2)
    both, _ = layer(values, elapsed=times)
    alone = gatewise.Recurrent(Decaying, 2, 3)
    alone.load_state_dict(
        {name.removesuffix("_reverse"): one for name, one in layer.state_dict().items() if "reverse" in name}
    )
    after = torch.cat([times[:1], times[1:].flip(0)])
    torch.testing.assert_close(alone(values.flip(0), elapsed=after)[0].flip(0), both[..., 3:])


def test_times_of_one_are_those_that_are_not_given():
    layer = gatewise.Recurrent(PhasedLSTM, 3, 5, bidirectional=True)
    values = torch.randn(6, 3, 3)
    for lengths in (None, [6, 0, 2]):
        given = layer(values, lengths=lengths, elapsed=torch.ones(6, 3))
        torch.testing.assert_close(given, layer(values, lengths=lengths))


def test_forms_and_a_compiled_layer():
    layer = gatewise.Recurrent(PhasedLSTM, 3, 4, batch_first=True)
    values, times = torch.randn(2, 5, 3), torch.rand(2, 5)
    output, _ = layer(values, elapsed=times)
    torch.testing.assert_close(layer(values[0], elapsed=times[0])[0], output[0])
    torch.testing.assert_close(layer(values, elapsed=torch.ones(2, 5))[0], layer(values)[0])
    exported = torch.export.export(layer, (values,), {"elapsed": times})
    torch.testing.assert_close(exported.module()(values, elapsed=times)[0], output)


def test_mistakes():
    layer = gatewise.Recurrent(PhasedLSTM, 3, 4)
    with pytest.raises(GatewiseError, match=r"expected elapsed of shape \[5, 2\], got \[5\]"):
        layer(torch.randn(5, 2, 3), elapsed=torch.ones(5))
    with pytest.raises(GatewiseError, match="elapsed= was given to a layer of LSTM, which reads no times"):
        gatewise.LSTM(3, 4)(torch.randn(5, 2, 3), elapsed=torch.ones(5, 2))
    with pytest.raises(GatewiseError, match="Odd reads the elapsed time, and a lattice has none"):
        type(Cell)("Odd", (Cell,), {"state": ("h",), "h": tanh(W.h @ x + back[1].h * elapsed)})
    assert LSTM.reads_elapsed is False
