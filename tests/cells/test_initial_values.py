"""Initial values of biases and vectors, and the gates that a cell names."""

import pytest
import torch

import gatewise
from gatewise.cells import (
    LRU,
    MLSTM,
    RGLRU,
    SLSTM,
    Cell,
    IndRNN,
    MinLSTM,
    R,
    W,
    exp,
    p,
    position,
    prev,
    sigmoid,
    softplus,
    tanh,
    uniform,
    x,
)
from gatewise.errors import GatewiseError


def test_vectors_and_biases_start_as_the_cell_says():
    class Own(Cell):
        state = ("h",)
        initial_bias = {"f": 1 + position}  # noqa: RUF012
        initial_vectors = {p.a: exp(uniform), p.b: 3.0}  # noqa: RUF012
        f = sigmoid(W.f @ x + R.f @ prev.h)
        h = f * prev.h + p.a * tanh(W.h @ x) + p.b * p.c

    layer = gatewise.Recurrent(Own, 2, 1000)
    a, b, c = layer.p_l0.detach().chunk(3)
    assert ((a >= 1) & (a <= 2.72)).all()
    assert a.log().mean() == pytest.approx(0.5, abs=0.05)
    assert (b == 3).all()
    assert c.std() > 0
    bias = layer.bias_ih_l0[:1000] + layer.bias_hh_l0[:1000]
    torch.testing.assert_close(bias, torch.linspace(1, 2, 1000))


def test_a_product_of_its_own_has_its_bias():
    bias = gatewise.Recurrent(MLSTM, 3, 8, heads=4).bias_w_l0
    torch.testing.assert_close(bias, torch.tensor([-10.0] * 4 + [3.0, 4.0, 5.0, 6.0]))

    class Unbiased(Cell):
        state = ("h",)
        initial_bias = {"a": 1.0}  # noqa: RUF012
        a = prev.h * 0.5
        h = tanh(W.h @ x) + a

    with pytest.raises(GatewiseError, match="names 'a', whose line adds no bias"):
        gatewise.Recurrent(Unbiased, 3, 8)


@pytest.mark.parametrize("backend", ["reference", pytest.param("native", marks=pytest.mark.thorough)])
def test_gates_of_a_minimal_lstm_sum_to_one_at_any_input(backend):
    layer = gatewise.Recurrent(MinLSTM, 1, 1)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1.0)
        layer.bias_ih_l0.zero_()
    with gatewise.backend(backend):
        output = layer(torch.tensor([[[-90.0]], [[-200.0]], [[200.0]]]))[0]
    assert output.isfinite().all()


def test_a_number_starts_all_units_and_another_layer_s_random_numbers_stay_the_same():
    torch.manual_seed(0)
    gatewise.Recurrent(gatewise.cells.LSTM, 3, 4)
    assert torch.rand(1) == with_biases_of_their_own()


def with_biases_of_their_own():
    torch.manual_seed(0)
    torch.nn.LSTM(3, 4)
    return torch.rand(1)


def test_the_papers_initial_fractions():
    a = exp_of(gatewise.Recurrent(RGLRU, 2, 500).p_l0.detach())
    assert a.min() >= 0.8999
    assert a.max() <= 0.9991
    decay, angle, gain = gatewise.Recurrent(LRU, 2, 500).p_l0.detach().chunk(3)
    modulus = torch.exp(-torch.exp(decay))
    assert modulus.min() >= 0.8999
    assert modulus.max() <= 0.9991
    assert angle.exp().max() <= 6.29
    assert (gain == 1).all()
    vector = gatewise.Recurrent(IndRNN, 2, 500).p_l0.detach()
    assert 0 <= vector.min() < 0.05
    assert 0.95 < vector.max() <= 1


def exp_of(values):
    return torch.exp(-8 * torch.nn.functional.softplus(values))


def test_a_cell_names_its_gates_and_a_subclass_inherits_them():
    class Shown(SLSTM):
        h = SLSTM.o * tanh(SLSTM.c)

    assert SLSTM.gates == ("i", "f", "o") == Shown.gates
    assert "m" not in SLSTM.gates


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"gates": ("k",)}, "Odd.gates names 'k', which is not a line of the cell"),
        ({"gates": "h"}, r'Odd.gates is \'h\'; expected names such as \("i", "f"\)'),
        ({"initial_vectors": {p.z: 1.0}}, "Odd.initial_vectors names p_z, which is not a vector of the cell"),
        ({"initial_vectors": {p.a: prev.h * 2}}, r"Odd: p_a starts with h\[t-1\] \* 2; an initial value is"),
        ({"initial_bias": {"h": "1"}}, "an equation contains '1', a str"),
        ({"initial_bias": {"h": softplus(p.a * 1)}}, "the bias of Odd.h starts with softplus"),
    ],
)
def test_mistakes(body, message):
    lines = {"state": ("h",), "h": tanh(W.h @ x + p.a * prev.h)}
    with pytest.raises(GatewiseError, match=message):
        type(Cell)("Odd", (Cell,), {**lines, **body})


def test_random_numbers_do_not_occur_in_lines():
    with pytest.raises(GatewiseError, match="Odd has a Uniform, which is not part of the notation"):
        type(Cell)("Odd", (Cell,), {"state": ("h",), "h": tanh(W.h @ x) + uniform})
