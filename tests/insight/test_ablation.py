"""Ablation: a clamped gate has that value, and nothing else changes."""

import pytest
import torch
from torch import nn

import gatewise
from gatewise import cells
from gatewise.errors import GatewiseError
from gatewise.insight.ablation import ablate_gates, ablate_units


def found(table, **where):
    return table.filter(**where).row(0, named=True)


def test_clamped_gates_are_the_cells_without_them():
    """With its forget gate clamped to 1, an LSTM is the cell without one; so for its other gates."""
    layer, x = gatewise.LSTM(3, 4).double(), torch.randn(6, 2, 3).double()

    def loss():
        return layer(x)[0].square().mean()

    table = ablate_gates(layer, loss)
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
        with gatewise.backend("reference"):  # no kernel is compiled for this test alone
            expected = other(x)[0].square().mean().item()
        assert found(table, gate=gate, value="1")["loss"] == pytest.approx(expected)
    closed = found(table, gate="o", value="0")
    assert closed["loss"] == 0
    assert closed["change"] == pytest.approx(-loss().item())


def test_a_gate_clamped_to_its_own_value_changes_nothing():
    layer = gatewise.LSTM(3, 4, num_layers=2).double()
    with torch.no_grad():
        layer.weight_ih_l1[4:8] = 0  # the upper forget gate sees nothing
        layer.weight_hh_l1[4:8] = 0
    x = torch.randn(6, 2, 3).double()
    table = ablate_gates(layer, lambda: layer(x)[0].square().mean())
    assert found(table, layer="layer 1", gate="f", value="mean")["change"] == pytest.approx(0, abs=1e-15)
    assert abs(found(table, layer="layer 0", gate="f", value="mean")["change"]) > 1e-6
    assert table["change"].is_sorted(descending=True)


def test_padding_does_not_count_in_the_mean():
    layer, x = gatewise.GRU(3, 4).double(), torch.randn(6, 2, 3).double()
    cut = x.clone()
    cut[3:, 1] = 7.0
    tables = [
        ablate_gates(layer, lambda given=given: layer(given, lengths=[6, 3])[0].square().mean())
        for given in (x, cut)
    ]
    assert tables[0].equals(tables[1])


def test_a_unit_that_nothing_reads_can_be_ablated():
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
    table = ablate_units(model, lambda: model(x).square().mean())
    assert table.height == 4
    assert found(table, unit=2)["change"] == pytest.approx(0, abs=1e-15)
    assert (table.filter(unit=0)["change"].abs() > 1e-9).all()


def test_lattices_and_the_progress():
    layer, images, shown = gatewise.MDLSTM(3, 4, axes=2), torch.randn(2, 4, 3, 3), []
    table = ablate_gates(
        layer, lambda: layer(images, sizes=[[4, 3], [2, 2]])[0].square().mean(),
        lambda fraction, message: shown.append((fraction, message)),
    )  # fmt: skip
    assert set(table["gate"]) == {"i", "f_1", "f_2", "o"}
    assert shown[0] == (0, "layer 0, from ++, i at 1")
    assert len(shown) == 12


def test_a_model_without_memory():
    with pytest.raises(GatewiseError, match="Linear has no recurrent layer"):
        ablate_gates(nn.Linear(1, 1), lambda: torch.zeros(()))


def test_models_that_can_not_be_ablated():
    rnn, x = gatewise.RNN(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(GatewiseError, match="RNN has no gates to clamp; ablate its units instead"):
        ablate_gates(rnn, lambda: rnn(x)[0].square().mean())
    assert ablate_units(rnn, lambda: rnn(x)[0].square().mean()).height == 4
    projected = torch.nn.LSTM(3, 8, proj_size=2)
    with pytest.raises(GatewiseError, match="layer 0 is projected"):
        ablate_units(projected, lambda: projected(x)[0].square().mean())
    assert ablate_gates(projected, lambda: projected(x)[0].square().mean()).height == 9
