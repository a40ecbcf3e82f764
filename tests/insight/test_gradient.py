"""The gradient through time, against autograd on nets written out by hand."""

import math

import pytest
import torch
from torch import nn

import gatewise
from gatewise.errors import GatewiseError
from gatewise.insight.gradient import Flow, flow_table, gradient_flow, step_jacobian


def by_hand(layer, x):
    """Every h and c of a one-layer LSTM, as leaves of their own graph."""
    (w, r, bw, br), hidden = list(layer.parameters())[:4], layer.hidden_size
    h = c = torch.zeros(x.shape[1], hidden).to(x)
    states = []
    for step in x:
        i, f, g, o = (step @ w.T + bw + h @ r.T + br).split(hidden, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        states.append((h, c))
    return states


@pytest.mark.parametrize("kind", [nn.LSTM, gatewise.LSTM])
def test_norms_are_autograd_s(kind):
    layer, x = kind(3, 4).double(), torch.randn(7, 2, 3).double()
    (flow,) = gradient_flow(layer, lambda: layer(x)[0][-1].square().sum())
    states = by_hand(layer, x)
    loss = states[-1][0].square().sum()
    for place, name in enumerate("hc"):
        gradients = torch.autograd.grad(loss, [one[place] for one in states], retain_graph=True)
        expected = torch.stack([one.norm(dim=1).mean() for one in gradients]).flip(0)
        torch.testing.assert_close(flow.norms[name], expected)


def test_a_lower_layer_is_reached_through_the_one_above():
    layer, x = gatewise.GRU(3, 4, num_layers=2).double(), torch.randn(5, 2, 3).double()
    lower, upper = gradient_flow(layer, lambda: layer(x)[0][-1].sum())
    assert (lower.title, upper.title) == ("layer 0", "layer 1")
    torch.testing.assert_close(upper.norms["h"][0], torch.tensor(2.0).double())  # of ones, four units
    assert (lower.norms["h"] > 0).all()


def test_inside_a_user_s_module_and_its_own_gradients_are_left_alone():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.out = nn.RNN(3, 4, batch_first=True), nn.Linear(4, 1)

        def forward(self, x):
            return self.out(self.encoder(x)[0][:, -1])

    model, x = Model(), torch.randn(2, 6, 3)
    (flow,) = gradient_flow(model, lambda: model(x).sum())
    assert flow.norms["h"].shape == (6,)
    assert all(one.grad is None for one in model.parameters())
    assert flow_table([flow]).columns == ["layer", "cell", "state", "lag", "norm"]


def linear_rnn(factor):
    """One ReLU unit that multiplies itself by a factor: its gradient is a geometric series."""
    layer = gatewise.RNN(1, 1, nonlinearity="relu").double()
    with torch.no_grad():
        for value in layer.parameters():
            value.fill_(0.0)
        layer.weight_hh_l0.fill_(factor)
        layer.bias_ih_l0.fill_(1.0)
    return layer


@pytest.mark.parametrize(
    ("factor", "memory", "expected_text"),
    [
        (0.25, 1, "falls to 1/e within 1 step, to 3.6e-12 of it 19 steps back"),
        (0.5, 2, "falls to 1/e within 2 steps, to 1.9e-06 of it 19 steps back"),
        (0.9, 10, "falls to 1/e within 10 steps, to 0.14 of it 19 steps back"),
        (1.0, None, "reaches all steps, with 1 of it 19 steps back"),
        (1.1, None, "is largest 19 steps back, and reaches all steps, with 1 of it 19 steps back"),
        (1.5, None, "explodes, 2,217 times larger 19 steps back"),
    ],
)
def test_a_gradient_of_known_factor(factor, memory, expected_text):
    layer = linear_rnn(factor)
    (flow,) = gradient_flow(layer, lambda: layer(torch.zeros(20, 1, 1).double())[0][-1].sum())
    assert flow.growth == (pytest.approx(max(factor, 1) ** 19), 19 if factor > 1 else 0)
    assert flow.explodes == (factor == 1.5)
    assert flow.memory("h") == memory or factor > 1
    assert expected_text in flow.sentence("h")
    assert flow.norms["h"].tolist() == pytest.approx([factor**lag for lag in range(20)])


def test_the_jacobian_of_a_step():
    layer = gatewise.LSTM(3, 4).double()
    x, state = torch.randn(1, 2, 3).double(), [torch.randn(1, 2, 4).double() for _ in "hc"]
    found = step_jacobian(layer, x, tuple(state))
    one = found[1]
    for unit, moved in ((2, 0), (1, 1)):
        nudge, size = [value.clone() for value in state], 1e-6
        nudge[moved][0, 1, unit] += size
        after, before = layer(x, tuple(nudge))[1], layer(x, tuple(state))[1]
        change = torch.cat([(a - b)[0, 1] for a, b in zip(after, before, strict=True)]) / size
        torch.testing.assert_close(one[:, 4 * moved + unit], change, atol=1e-5, rtol=1e-4)  # of differences
    assert step_jacobian(linear_rnn(0.5), torch.zeros(1, 3, 1).double()).flatten().tolist() == [0.5] * 3


def test_what_can_not_be_followed():
    with pytest.raises(GatewiseError, match="Linear has no layer that runs along a sequence"):
        gradient_flow(nn.Linear(1, 1), lambda: torch.zeros(()))
    layer = gatewise.LSTM(3, 4)
    with pytest.raises(GatewiseError, match="the loss does not depend on the states"):
        gradient_flow(layer, lambda: (layer(torch.randn(3, 1, 3)), torch.ones((), requires_grad=True))[1])
    lattice = gatewise.MDLSTM(3, 4, axes=2)
    with pytest.raises(GatewiseError, match="runs over a lattice"):
        gradient_flow(lattice, lambda: lattice(torch.randn(1, 3, 3, 3))[0].sum())


@pytest.mark.parametrize(
    ("norms", "expected_text"),
    [
        ([0.0, 0, 0, 0, 2], "no gradient flows from step to step"),
        ([0.0, 0, 0, 0, 0], "the gradient is zero everywhere"),
        ([1.0, math.nan, 0, 0, 0], "the gradient is not finite"),
        ([1.0, 0.5, 0, 0, 0], "falls to 1/e within 2 steps, to nothing of it 4 steps back"),
    ],
)
def test_no_gradient_through_time(norms, expected_text):
    flow = Flow("layer 0", gatewise.cells.RNN, {"h": torch.tensor(norms)}, torch.ones(5))
    assert not flow.explodes
    assert expected_text in flow.sentence("h")


@pytest.mark.parametrize("bidirectional", [False, True])
def test_of_a_padded_batch_each_row_counts_from_its_own_end(bidirectional):
    layer = gatewise.GRU(3, 4, bidirectional=bidirectional).double()
    x = torch.randn(9, 3, 3).double()
    lengths = [9, 4, 0]
    flows = gradient_flow(layer, lambda: layer(x, lengths=lengths)[1].square().sum())
    alone = [
        gradient_flow(layer, lambda row=row: layer(x[: lengths[row], [row]])[1].square().sum())
        for row in (0, 1)
    ]
    for place, flow in enumerate(flows):
        long, short = (one[place] for one in alone)
        assert len(flow.propagated) == 9
        for found, first, second in (
            (flow.norms["h"], long.norms["h"], short.norms["h"]),
            (flow.propagated, long.propagated, short.propagated),
        ):
            torch.testing.assert_close(found[:4], (first[:4] + second) / 2)
            torch.testing.assert_close(found[4:], first[4:])


def test_layers_are_named_by_their_place():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.GRU(3, 4, bidirectional=True)
            self.decoder = gatewise.LSTM(8, 4, num_layers=2)

        def forward(self, x):
            return self.decoder(self.encoder(x)[0])[0]

    model = Model()
    flows = gradient_flow(model, lambda: model(torch.randn(5, 2, 3))[-1].sum())
    assert [one.title for one in flows] == [
        "encoder, layer 0, forward", "encoder, layer 0, backward", "decoder, layer 0, forward",
        "decoder, layer 1, forward",
    ]  # fmt: skip


def test_a_loss_that_looks_far_back_alone_explodes_nothing():
    layer = linear_rnn(0.5)
    (flow,) = gradient_flow(layer, lambda: 1e6 * layer(torch.zeros(20, 1, 1).double())[0][4].sum())
    assert flow.norms["h"].argmax() == 15
    assert flow.growth == (1.0, 0)
    assert "is largest 15 steps back, and falls to 1/e within 17 steps" in flow.sentence("h")


def test_what_is_carried_is_of_all_states_together():
    layer, x = gatewise.LSTM(3, 4).double(), torch.randn(7, 2, 3).double()
    (flow,) = gradient_flow(layer, lambda: layer(x)[0].sum())
    states = by_hand(layer, x)
    random = torch.Generator().manual_seed(0)
    drawn = [torch.randn(4, generator=random).double() for _ in "hc"]
    value = sum((one * along).sum() for one, along in zip(states[-1], drawn, strict=True))
    expected = []
    for pair in reversed(states):
        norms = [one.norm(dim=1).mean() for one in torch.autograd.grad(value, pair, retain_graph=True)]
        expected.append(torch.stack(norms).norm())
    torch.testing.assert_close(flow.propagated, torch.stack(expected))
