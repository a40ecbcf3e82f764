"""Surgery: a gate held is a gate with that value, and nothing else changes."""

import pytest
import torch
from torch import nn

import gatewise
from gatewise import cells
from gatewise.errors import GatewiseError
from gatewise.insight.ablation import gate_surgery, unit_surgery


def found(table, **where):
    return table.filter(**where).row(0, named=True)


def test_held_gates_are_the_cells_without_them():
    """With its forget gate open an LSTM is the one without; with its output gate open too."""
    layer, x = gatewise.LSTM(3, 4).double(), torch.randn(6, 2, 3).double()

    def loss():
        return layer(x)[0].square().mean()

    table = gate_surgery(layer, loss)
    for gate, without in (("f", "NoForgetGateLSTM"), ("i", "NoInputGateLSTM"), ("o", "NoOutputGateLSTM")):
        blocks = [one for one in "ifgo" if one != gate]
        other = gatewise.Recurrent(cells.find_cell(without), 3, 4).double()
        with torch.no_grad():
            for name, value in other.named_parameters():
                if "peephole" in name or name.startswith("p"):
                    value.zero_()
                    continue
                whole = dict(zip("ifgo", getattr(layer, name).chunk(4), strict=True))
                value.copy_(torch.cat([whole[one] for one in blocks]))
        expected = other(x)[0].square().mean().item()
        assert found(table, gate=gate, held="open")["loss"] == pytest.approx(expected)
    shut = found(table, gate="o", held="shut")
    assert shut["loss"] == 0
    assert shut["change"] == pytest.approx(-loss().item())


def test_a_gate_held_at_its_own_value_changes_nothing():
    layer = gatewise.LSTM(3, 4, num_layers=2).double()
    with torch.no_grad():
        layer.weight_ih_l1[4:8] = 0  # the upper forget gate sees nothing
        layer.weight_hh_l1[4:8] = 0
    x = torch.randn(6, 2, 3).double()
    table = gate_surgery(layer, lambda: layer(x)[0].square().mean())
    assert found(table, layer="layer 1", gate="f", held="mean")["change"] == pytest.approx(0, abs=1e-15)
    assert abs(found(table, layer="layer 0", gate="f", held="mean")["change"]) > 1e-6
    assert table["change"].is_sorted(descending=True)


def test_padding_does_not_count_in_the_mean():
    layer, x = gatewise.GRU(3, 4).double(), torch.randn(6, 2, 3).double()
    cut = x.clone()
    cut[3:, 1] = 7.0
    tables = [
        gate_surgery(layer, lambda given=given: layer(given, lengths=[6, 3])[0].square().mean())
        for given in (x, cut)
    ]
    assert tables[0].equals(tables[1])


def test_a_unit_nobody_reads_can_be_silenced():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.reader, self.out = nn.LSTM(3, 4), nn.Linear(4, 1)

        def forward(self, x):
            return self.out(self.reader(x)[0][-1])

    model, x = Model().double(), torch.randn(6, 2, 3).double()
    with torch.no_grad():
        model.out.weight[0, 2] = 0
        model.reader.weight_hh_l0[:, 2] = 0
    table = unit_surgery(model, lambda: model(x).square().mean())
    assert table.height == 4
    assert found(table, unit=2)["change"] == pytest.approx(0, abs=1e-15)
    assert (table.filter(unit=0)["change"].abs() > 1e-9).all()


def test_lattices_and_a_word_on_how_far_it_is():
    layer, images, told = gatewise.MDLSTM(3, 4, axes=2), torch.randn(2, 4, 3, 3), []
    table = gate_surgery(
        layer, lambda: layer(images, sizes=[[4, 3], [2, 2]])[0].square().mean(),
        lambda share, what: told.append((share, what)),
    )  # fmt: skip
    assert set(table["gate"]) == {"i", "f_1", "f_2", "o"}
    assert told[0] == (0, "layer 0, from ++, i open")
    assert len(told) == 12


def test_a_model_without_memory():
    with pytest.raises(GatewiseError, match="nothing in Linear is a recurrent layer"):
        gate_surgery(nn.Linear(1, 1), lambda: torch.zeros(()))


def test_what_can_not_be_operated_on():
    rnn, x = gatewise.RNN(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(GatewiseError, match="RNN has no gates to hold; silence its units instead"):
        gate_surgery(rnn, lambda: rnn(x)[0].square().mean())
    assert unit_surgery(rnn, lambda: rnn(x)[0].square().mean()).height == 4
    projected = torch.nn.LSTM(3, 8, proj_size=2)
    with pytest.raises(GatewiseError, match="layer 0 is projected"):
        unit_surgery(projected, lambda: projected(x)[0].square().mean())
    assert gate_surgery(projected, lambda: projected(x)[0].square().mean()).height == 9
