"""One step of a cell: agreement with torch.nn's cells and with the layers, and wrong arguments."""

import pytest
import torch

import gatewise
from gatewise.cells import PeepholeLSTM, cells, mdlstm
from gatewise.errors import GatewiseError

KINDS = {"LSTMCell": 2, "GRUCell": 1, "RNNCell": 1}


def results_of(step, x, states):
    """The new states, and the gradients of the input, the old states and the parameters."""
    own = [one.clone().requires_grad_() for one in (x, *states)]
    hx = None if not states else tuple(own[1:]) if len(states) > 1 else own[1]
    found = step(own[0], hx)
    found = found if isinstance(found, tuple) else (found,)
    sum((one * torch.linspace(-1, 2, one.numel()).view_as(one)).sum() for one in found).backward()
    return [*found, *(one.grad for one in own), *(one.grad for one in step.parameters())]


@pytest.mark.parametrize("options", [{}, {"bias": False}], ids=str)
@pytest.mark.parametrize("batch", [(), (1,), (4,)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_agreement_with_torch(kind, batch, options):
    theirs = getattr(torch.nn, kind)(3, 5, **options, dtype=torch.float64)
    ours = getattr(gatewise, kind)(3, 5, **options, dtype=torch.float64)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(*batch, 3, dtype=torch.float64)
    for states in ([], [torch.randn(*batch, 5, dtype=torch.float64) for _ in range(KINDS[kind])]):
        for own, other in zip(results_of(ours, x, states), results_of(theirs, x, states), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-13)
            ours.zero_grad()
            theirs.zero_grad()


def test_the_rectified_cell_agrees_with_torch():
    theirs, ours = torch.nn.RNNCell(3, 5, True, "relu"), gatewise.RNNCell(3, 5, True, "relu")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("name", ["PeepholeLSTM", "LayerNormLSTM", "ChoGRU"])
def test_steps_of_any_cell_are_those_of_the_layer(name):
    cell = cells()[name]
    layer = gatewise.Recurrent(cell, 3, 5, dtype=torch.float64)
    step = gatewise.RecurrentCell(cell, 3, 5, dtype=torch.float64)
    step.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    x, state, outputs = torch.randn(6, 2, 3, dtype=torch.float64), None, []
    for row in x:
        state = step(row, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    torch.testing.assert_close(torch.stack(outputs), layer(x)[0], rtol=1e-12, atol=1e-13)


def test_the_forget_gate_starts_open():
    step = gatewise.LSTMCell(3, 4, forget_bias=2.0)
    assert (step.bias_ih + step.bias_hh)[4:8].tolist() == [2.0] * 4
    assert "bias=False" in repr(gatewise.RecurrentCell(PeepholeLSTM, 3, 4, bias=False))


def test_a_step_compiles_into_one_graph():
    step = gatewise.LSTMCell(3, 4)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    x = torch.randn(2, 3)
    for own, other in zip(compiled(x), step(x), strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda step: step(torch.randn(2, 4)), r"expected input of shape \[B, 3\], got \[2, 4\]"),
        (lambda step: step(torch.randn(2, 2, 3)), r"expected input of shape \[B, 3\], got \[2, 2, 3\]"),
        (lambda step: step([1.0]), r"expected input of shape \[B, 3\], got list"),
        (lambda step: step(torch.randn(2, 3), torch.zeros(2, 5)), r"expected the state as a tuple \(h, c\)"),
        (
            lambda step: step(torch.randn(2, 3), (torch.zeros(1, 5), torch.zeros(2, 5))),
            r"expected state h of shape \[2, 5\], got \[1, 5\]",
        ),
        (lambda step: step(torch.randn(2, 3).double()), "expected input of dtype torch.float32"),
        (
            lambda step: gatewise.RecurrentCell(mdlstm(2), 3, 5),
            "MDLSTM2 is a cell of a lattice; RecurrentCell runs cells of sequences",
        ),
        (lambda step: gatewise.RNNCell(3, 5, nonlinearity="sin"), "expected nonlinearity 'tanh' or 'relu'"),
        (lambda step: gatewise.GRUCell(3, 0), "expected hidden_size as a whole number of at least 1, got 0"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(GatewiseError, match=message):
        call(gatewise.LSTMCell(3, 5))
