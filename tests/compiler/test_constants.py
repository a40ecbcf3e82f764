"""Functions of parameters alone, which kernels are given as vectors."""

import pytest
import torch

import gatewise
from gatewise.cells import LRU, LSTM, Cell, PhasedLSTM, W, b, cells, exp, p, prev, sigmoid, tanh, x
from gatewise.compiler.constants import with_constants


class Own(Cell):
    """A line that is constant, one that has a constant part, and cheap ones that stay."""

    state = ("h",)
    a = sigmoid(p.a)
    k = a * prev.h
    h = tanh(exp(-p.c * 2) * (W.h @ x)) + k + p.a * 2 + exp(b.h) * 0.1


def test_costly_functions_of_vectors_are_vectors():
    cell, constants = with_constants(Own)
    assert [repr(one) for one in constants.values()] == [
        "sigmoid(p_a)",
        "exp((-p_c) * 2)",
        "exp(b_h) * 0.1",
    ]
    assert repr(cell.lines["h"]) == "tanh(constant_k2 * W_h x) + k + p_a * 2 + constant_k3"
    assert with_constants(LSTM) == (LSTM, {})


@pytest.mark.parametrize("one", [one for one in cells().values() if not one.matrix_states])
def test_every_line_and_state_remains(one):
    cell, _ = with_constants(one)
    assert (cell.state, cell.gates, cell.intermediates) == (one.state, one.gates, one.intermediates)
    assert list(cell.previous) == list(one.previous)


@pytest.mark.parametrize("bias", [True, False])
def test_kernels_are_the_reference(bias):
    layer = gatewise.Recurrent(Own, 3, 5, bias=bias, dtype=torch.float64)
    values = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for backend in ("native", "reference"):
        with gatewise.backend(backend):
            output, _, traces = layer(values, trace=True)
        loss = output.sin().sum() + sum(one.square().sum() for one in traces[0].gates.values())
        gradients = torch.autograd.grad(loss, [values, *layer.parameters()], create_graph=True)
        second = torch.autograd.grad(sum(one.square().sum() for one in gradients), list(layer.parameters()))
        found.append([output, *traces[0].gates.values(), *gradients, *second])
    torch.testing.assert_close(found[0], found[1])


def test_parameters_changed_in_place_are_seen():
    layer, values = gatewise.Recurrent(LRU, 3, 4).double(), torch.randn(5, 2, 3, dtype=torch.float64)
    before = layer(values)[0]
    with torch.no_grad():
        layer.p_l0.mul_(0.5)
        changed = layer(values)[0]
    assert not torch.allclose(before, changed)
    with gatewise.backend("reference"):
        torch.testing.assert_close(layer(values)[0], changed)
    stepper = gatewise.Recurrent(PhasedLSTM, 3, 4).double().stepper(2)
    assert stepper.step(values[0]).shape == (2, 4)
