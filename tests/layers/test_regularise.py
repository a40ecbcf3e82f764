"""Dropout in its kinds, and zoneout: right masks, right means, and gradients that arrive."""

import pytest
import torch
from torch.nn import functional

from gatewise import Recurrent
from gatewise.cells import LSTM, FullPeepholeLSTM, MinGRU
from gatewise.compiler.layout import layout
from gatewise.engine.choice import run
from gatewise.engine.request import Request
from gatewise.errors import GatewiseError


def touched_weights(layer, values):
    layer.zero_grad()
    layer(values)[0].square().sum().backward()
    return layer.weight_hh_l0.grad != 0


def test_weight_dropout_reaches_every_weight_that_was_kept(cell):
    if not any(one.name == "weight_hh" for one in layout(cell).parameters):
        pytest.skip("no matrix between steps")
    layer = Recurrent(cell, 3, 8, weight_dropout=0.5, dtype=torch.float64)
    values = torch.randn(6, 4, 3, dtype=torch.float64)
    reachable = touched_weights(layer.eval(), values)
    assert reachable.double().mean() > 0.7
    touched = touched_weights(layer.train(), values)
    assert 0.3 < touched[reachable].double().mean() < 0.7


def test_weight_dropout_without_a_matrix_to_act_on():
    with pytest.raises(
        GatewiseError, match=r"weight_dropout=0.5 acts on matrices of hidden values, and MinGRU"
    ):
        Recurrent(MinGRU, 3, 8, weight_dropout=0.5)


def test_weight_dropout_acts_on_every_matrix_but_the_input_s():
    layer = Recurrent(FullPeepholeLSTM, 3, 8, weight_dropout=1.0, dtype=torch.float64)
    layer(torch.randn(6, 4, 3, dtype=torch.float64))[0].sum().backward()
    assert not layer.P_l0.grad.any()
    assert not layer.weight_hh_l0.grad.any()
    assert layer.weight_ih_l0.grad.any()


def test_weight_dropout_keeps_the_parameters_themselves():
    layer = Recurrent(LSTM, 3, 8, weight_dropout=0.5)
    before = layer.weight_hh_l0.detach().clone()
    layer(torch.randn(6, 4, 3))
    assert torch.equal(layer.weight_hh_l0, before)
    assert set(layer.state_dict()) == set(Recurrent(LSTM, 3, 8).state_dict())


def test_variational_dropout_hides_the_same_inputs_at_every_step():
    layer = Recurrent(LSTM, 6, 4, variational_dropout=0.5, dtype=torch.float64)
    values = torch.ones(9, 3, 6, dtype=torch.float64, requires_grad=True)
    layer(values)[0].sum().backward()
    hidden = values.grad == 0
    assert torch.equal(hidden.all(0), hidden.any(0))
    assert hidden.any()
    assert not hidden.all()


def test_dropout_between_layers_has_one_mask_for_a_whole_sequence():
    layer = Recurrent(LSTM, 3, 6, num_layers=2, dropout=0.5, dropout_mask="sequence", dtype=torch.float64)
    first, second = (Recurrent(LSTM, size, 6, dtype=torch.float64) for size in (3, 6))
    for number, one in enumerate((first, second)):
        one.load_state_dict(
            {name: layer.get_parameter(name.replace("_l0", f"_l{number}")) for name in one.state_dict()}
        )
    values = torch.randn(9, 4, 3, dtype=torch.float64)
    torch.manual_seed(5)
    found, _ = layer(values)
    torch.manual_seed(5)
    mask = functional.dropout(torch.ones(1, 4, 6, dtype=torch.float64), 0.5)
    assert set(mask.flatten().tolist()) == {0.0, 2.0}
    torch.testing.assert_close(found, second(first(values)[0] * mask)[0])
    torch.testing.assert_close(layer.eval()(values)[0], second(first(values)[0])[0])


def test_the_mask_of_dropout_is_that_of_a_step_or_a_sequence():
    with pytest.raises(GatewiseError, match="expected dropout_mask as 'step' or 'sequence', got 'batch'"):
        Recurrent(LSTM, 3, 8, dropout_mask="batch")


def test_the_hidden_mask_acts_on_what_is_fed_back():
    layer = Recurrent(LSTM, 3, 4, dtype=torch.float64)
    parameters = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
    state = {name: torch.zeros(2, 4, dtype=torch.float64) for name in ("h", "c")}
    values = torch.randn(5, 2, 3, dtype=torch.float64)
    mask = torch.tensor([[0.0, 2.0, 0.0, 2.0], [2.0, 0.0, 2.0, 0.0]], dtype=torch.float64)
    output = run(Request(LSTM, values, parameters, state, hidden_mask=mask)).output
    theirs = torch.nn.LSTMCell(3, 4, dtype=torch.float64)
    theirs.load_state_dict(parameters)
    h, c = state["h"], state["c"]
    for step in range(5):
        h, c = theirs(values[step], (h * mask, c))
        torch.testing.assert_close(output[step], h)


@pytest.mark.parametrize(("zoneout", "dtype"), [(0.3, torch.float32), ({"c": 0.5}, torch.float64)])
def test_zoneout_keeps_old_values_in_training_and_their_mean_afterwards(zoneout, dtype):
    layer = Recurrent(LSTM, 3, 50, zoneout=zoneout, dtype=dtype)
    rate = 0.3 if zoneout == 0.3 else 0.5
    start = (torch.randn(1, 20, 50, dtype=dtype), torch.randn(1, 20, 50, dtype=dtype))
    values = torch.randn(1, 20, 3, dtype=dtype)
    _, (_, kept) = layer(values, start)
    same = (kept == start[1]).double().mean()
    assert abs(same - rate) < 0.06
    layer.eval()
    _, (_, mean) = layer(values, start)
    plain = Recurrent(LSTM, 3, 50, dtype=dtype).eval()
    plain.load_state_dict(layer.state_dict())
    _, (_, new) = plain(values, start)
    torch.testing.assert_close(mean, rate * start[1] + (1 - rate) * new)


def test_the_same_seed_gives_the_same_noise():
    layer = Recurrent(
        LSTM, 3, 8, num_layers=2, dropout=0.2, variational_dropout=0.2, zoneout=0.2, weight_dropout=0.2,
        proj_size=4, dtype=torch.float64,
    )  # fmt: skip
    values, outputs = torch.randn(5, 2, 3, dtype=torch.float64), []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(layer(values)[0])
    assert torch.equal(*outputs)
