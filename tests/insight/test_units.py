"""Unit statistics, on networks with gates set to known values."""

import math

import numpy as np
import pytest
import torch

import gatewise
from gatewise import cells
from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x
from gatewise.cells.carry_factor import carry_factors
from gatewise.errors import GatewiseError
from gatewise.insight.trace import trace
from gatewise.insight.units import carry_factor_values, correlated_units, unit_table


@pytest.fixture(autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield


def with_gates(**biases):
    """An LSTM of two units that sees nothing but the biases of its gates."""
    layer = gatewise.LSTM(1, 2).double()
    with torch.no_grad():
        for value in layer.parameters():
            value.zero_()
        for block, gate in enumerate("ifgo"):
            wanted = torch.tensor(biases.get(gate, [0.5, 0.5])).double()
            layer.bias_ih_l0[2 * block : 2 * block + 2] = torch.logit(wanted)
    return layer


def test_half_lives_of_set_gates():
    keep = [0.5 ** (1 / 10), 0.9]
    table = unit_table(trace(with_gates(f=keep), torch.randn(7, 3, 1).double()).layers[0])
    assert table["c_half_life"].to_list() == pytest.approx([10, math.log(0.5) / math.log(0.9)])
    assert table["c_time_constant"].to_list() == pytest.approx([10 / math.log(2), -1 / math.log(0.9)])


def test_fractions_of_open_and_closed_steps():
    layer = with_gates(i=[0.95, 0.05], o=[0.5, 0.5])
    table = unit_table(trace(layer, torch.randn(7, 3, 1).double()).layers[0])
    assert table["i_open"].to_list() == [1, 0]
    assert table["i_closed"].to_list() == [0, 1]
    assert table["o_open"].to_list() == table["o_closed"].to_list() == [0, 0]


def test_only_steps_inside_count():
    layer, x = gatewise.GRU(3, 4), torch.randn(6, 2, 3)
    inside = torch.arange(6) < torch.tensor([[6], [3]])
    cut = unit_table(trace(layer, x, lengths=[6, 3]).layers[0], inside)
    whole = trace(layer, x, lengths=[6, 3]).layers[0].gates["r"]
    expected = torch.cat([whole[0], whole[1, :3]]).mean(0)
    assert cut["r"].to_list() == pytest.approx(expected.tolist())


def test_a_dead_unit_is_one_that_never_changes():
    layer = gatewise.RNN(3, 2)
    with torch.no_grad():
        for value in layer.parameters():
            value[0] = 0
    table = unit_table(trace(layer, torch.randn(6, 2, 3)).layers[0])
    assert table["dead"].to_list() == [True, False]
    assert not any("half_life" in name for name in table.columns)


@pytest.mark.parametrize("cell", [cells.GRU, cells.MGU, cells.LSTM1997, cells.CoupledLSTM])
def test_carry_factors_are_the_gradient_with_gates_held_constant(cell):
    layer = gatewise.Recurrent(cell, 3, 4).double()
    with torch.no_grad():  # a state that no gate sees reaches itself by the straight way alone
        for name, value in layer.named_parameters():
            if not name.startswith(("weight_ih", "bias")):
                value.zero_()
    x, name = torch.randn(2, 1, 3).double(), cell.state[-1]
    state = [torch.randn(1, 1, 4).double().requires_grad_() for _ in cell.state]
    given = tuple(state) if len(state) > 1 else state[0]
    seen = trace(layer, x[:1], given).layers[0]
    (gradient,) = torch.autograd.grad(seen.states[name].sum(), state[-1])
    torch.testing.assert_close(carry_factor_values(seen)[name][0], gradient[0])


def test_sums_products_and_signs_of_a_user_s_own_equations():
    class Own(Cell):
        """Carries its state by several terms."""

        state = ("h",)
        f = sigmoid(W.f @ x)
        part = prev.h / (1 + f) - f * prev.h
        h = part + 0.5 * prev.h - (-prev.h) + tanh(R.h @ prev.h)

    layer = gatewise.Recurrent(Own, 3, 4)
    with gatewise.backend("reference"):
        seen = trace(layer, torch.randn(5, 2, 3)).layers[0]
    gate = seen.values["f"]
    torch.testing.assert_close(carry_factor_values(seen)["h"], 1 / (1 + gate) - gate + 1.5)
    assert carry_factors(cells.RNN) == {}


def test_the_unit_that_correlates_with_a_signal_is_found():
    layer, steps = gatewise.RNN(1, 3).double(), 40
    with torch.no_grad():
        for value in layer.parameters():
            value.zero_()
        layer.weight_ih_l0[1] = -0.01  # nearly linear, against the signal
        layer.weight_ih_l0[2] = 2.0
    signal = np.sin(np.arange(steps) / 3)
    x = torch.from_numpy(signal).reshape(steps, 1, 1)
    seen = trace(layer, x).layers[0]
    found = correlated_units(seen, {"sine": signal, "noise": np.random.default_rng(0).normal(size=steps)})
    first = found.filter(signal="sine").row(0, named=True)
    assert (first["unit"], first["state"]) == (1, "h")
    assert first["correlation"] == pytest.approx(-1, abs=1e-4)
    assert 0 not in found["unit"]
    with pytest.raises(GatewiseError, match=r"expected the signal 'short' as 40 numbers, one a step"):
        correlated_units(seen, {"short": np.ones(3)})


def test_a_projected_hidden_has_fewer_units():
    layer = gatewise.LSTM(3, 4, proj_size=2)
    with gatewise.backend("reference"):
        seen = trace(layer, torch.randn(6, 2, 3)).layers[0]
    table = unit_table(seen)
    assert table["c_carry_factor"].to_list() == pytest.approx(seen.gates["f"].mean((0, 1)).tolist())
    assert table["std"].is_nan().to_list() == [False, False, True, True]
