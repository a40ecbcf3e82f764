"""Tracing: traced values are those of the equations, and tracing changes nothing."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise
from gatewise import cells
from gatewise.errors import GatewiseError
from gatewise.insight.trace import trace


def by_hand(layer, x):
    """The gates and memory of a one-layer `torch.nn.LSTM`, step by step: [B, T, H] each."""
    (w, r, bw, br), hidden = layer._flat_weights, layer.hidden_size
    h = c = torch.zeros(x.shape[1], hidden, dtype=x.dtype)
    steps = []
    for step in x:
        i, f, g, o = (step @ w.T + bw + h @ r.T + br).split(hidden, dim=1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        steps.append({"i": i, "f": f, "g": g, "o": o, "c": c, "h": h})
    return {name: torch.stack([one[name] for one in steps], dim=1) for name in steps[0]}


class Model(nn.Module):
    """A user's own, with a layer of `torch.nn` inside."""

    def __init__(self, **options):
        super().__init__()
        self.reader = nn.LSTM(3, 4, **options)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.reader(x)[0])


def test_every_gate_of_a_layer_of_torch_nn_inside_a_user_s_module():
    model, x = Model().double(), torch.randn(6, 2, 3).double()
    traced = trace(model, x)
    assert torch.equal(traced.output, model(x))
    (layer,) = traced.layers
    assert (layer.module, layer.call, layer.layer, layer.direction) == ("reader", 0, 0, "forward")
    assert set(layer.gates) == {"i", "f", "o"}
    for name, expected in by_hand(model.reader, x).items():
        torch.testing.assert_close({**layer.states, **layer.values}[name], expected)


def test_traces_of_our_and_torch_layers_agree():
    theirs = nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    ours = gatewise.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 6, 3)
    one, other = trace(ours, x), trace(theirs, x)
    assert [(layer.layer, layer.direction) for layer in one.layers] == [
        (0, "forward"), (0, "backward"), (1, "forward"), (1, "backward")
    ]  # fmt: skip
    for a, b in zip(one.layers, other.layers, strict=True):
        assert a.states["h"].shape == (2, 6, 4)
        for name in a.values:
            torch.testing.assert_close(a.values[name], b.values[name])


def test_packed_and_single_sequences():
    layer, x = nn.RNN(3, 4), torch.randn(6, 2, 3)
    packed = trace(layer, pack_padded_sequence(x, [4, 6], enforce_sorted=False)).layers[0]
    alone = trace(layer, x[:4, 0]).layers[0]
    torch.testing.assert_close(packed.states["h"][:1, :4], alone.states["h"])
    assert (packed.states["h"][0, 4:] == 0).all()


def test_looking_on_changes_nothing_and_leaves_nothing_behind():
    layer, x = gatewise.LSTM(3, 4), torch.randn(6, 2, 3)
    before = layer(x)
    traced = trace(layer, x)
    assert len(traced.output) == len(layer(x)) == 2
    assert torch.equal(traced.output[0], before[0])
    wanted = trace(layer, x, trace=True)
    assert len(wanted.output) == 3
    assert not layer._forward_hooks
    assert not layer._forward_pre_hooks
    with pytest.raises(GatewiseError):
        trace(layer, torch.randn(6, 2, 5))
    assert not layer._forward_hooks


def test_a_layer_that_is_called_step_by_step():
    layer, x = gatewise.LSTM(3, 4), torch.randn(6, 2, 3)

    class Stepwise(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            state = None
            for step in x:
                _, state = self.layer(step.unsqueeze(0), state)
            return state

    steps, whole = trace(Stepwise(), x).layers, trace(layer, x).layers[0]
    assert [one.call for one in steps] == list(range(6))
    together = torch.cat([one.states["c"] for one in steps], dim=1)
    torch.testing.assert_close(together, whole.states["c"])


def test_lattices_and_grids():
    images = torch.randn(2, 5, 4, 3)
    traced = trace(gatewise.MDLSTM(3, 4, axes=2, directions="all"), images)
    assert [one.direction for one in traced.layers] == ["++", "+-", "-+", "--"]
    assert traced.layers[3].gates["f_2"].shape == (2, 5, 4, 4)
    frame = traced.frame(1)
    assert frame.columns[:7] == ["module", "call", "layer", "direction", "step1", "step2", "kind"]
    grid = trace(gatewise.GridLSTM(3, 4, depth=2), torch.randn(2, 5, 3)).layers[0]
    assert grid.states["h_1"].shape == (2, 5, 2, 4)


def test_a_tidy_table():
    traced = trace(gatewise.Recurrent(cells.PeepholeLSTM, 3, 4), torch.randn(6, 2, 3))
    frame = traced.frame(example=1)
    assert frame.height == 6 * 4 * 6  # six steps, four units, i f g o c h
    row = frame.filter(name="f", step=5, unit=2).row(0, named=True)
    assert row["kind"] == "gate"
    assert row["value"] == pytest.approx(traced.layers[0].gates["f"][1, 5, 2].item())
    assert set(frame.filter(kind="state")["name"]) == {"h", "c"}


def test_a_model_without_memory():
    with pytest.raises(GatewiseError, match="Linear has no recurrent layer"):
        trace(nn.Linear(2, 2), torch.randn(1, 2))
