"""Attribution: exact where it is known, complete, and the same whoever computes the model."""

import builtins

import pytest
import torch
from torch import nn

import gatewise
from gatewise.errors import GatewiseError
from gatewise.insight.attribution import attribute, attribute_through

pytest.importorskip("captum", reason="Captum is not installed: pip install 'gatewise[attribution]'")


def last(layer, readout=None):
    """The sum of the last hiddens, or a readout of them, of inputs [N, T, C]."""

    def forward(x):
        hidden = layer(x.transpose(0, 1))[0][-1]
        return hidden.sum(-1) if readout is None else readout(hidden).squeeze(-1)

    return forward


def test_of_a_linear_model_it_is_weight_times_difference():
    """A cell without a squash, read out linearly: the weight of a step is known in closed form.

    To eight digits, though all is float64: Captum keeps the weights of its points in float32.
    """
    from gatewise.cells import Cell, R, W, prev, x

    class Linear(Cell):
        """A sum of all that came."""

        state = ("h",)
        h = W.h @ x + R.h @ prev.h

    layer, readout = gatewise.Recurrent(Linear, 2, 3).double(), nn.Linear(3, 1).double()
    x, baseline = torch.randn(4, 5, 2).double(), torch.randn(4, 5, 2).double()
    with gatewise.backend("reference"):
        found = attribute(last(layer, readout), x, baseline)
    into, back = (dict(layer.named_parameters())[name] for name in ("weight_ih_l0", "weight_hh_l0"))
    for step in range(5):
        weight = readout.weight @ torch.linalg.matrix_power(back, 4 - step) @ into
        expected = weight * (x[:, step] - baseline[:, step])
        torch.testing.assert_close(found.values[:, step], expected, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(found.gap, torch.zeros(4).double(), rtol=0, atol=1e-8)


def test_it_is_complete():
    """To a thousandth: with 64 points what is left is what 30 steps of an LSTM bend, far from a line."""
    layer = gatewise.LSTM(3, 8, num_layers=2, bidirectional=True).double()
    with torch.no_grad():
        for one in layer.parameters():
            one.mul_(1.5)
    x = 2 * torch.randn(2, 30, 3).double()
    forward = last(layer)
    found, coarse = attribute(forward, x), attribute(forward, x, steps=4)
    torch.testing.assert_close(found.output, forward(x))
    torch.testing.assert_close(found.baseline_output, forward(torch.zeros_like(x)))
    difference = found.output - found.baseline_output
    assert (found.gap.abs() < 1e-3 * difference.abs()).all()
    assert (found.gap.abs() < coarse.gap.abs()).all()
    torch.testing.assert_close(found.values.sum((1, 2)) - difference, found.gap)


def test_it_is_the_mean_gradient_on_the_way():
    """Against a plain sum of very many gradients by autograd, of another midpoint rule."""
    layer, x = gatewise.GRU(2, 4).double(), torch.randn(1, 6, 2).double()
    forward, fractions = last(layer), (torch.arange(2000) + 0.5) / 2000
    points = (fractions[:, None, None] * x).requires_grad_()
    (gradients,) = torch.autograd.grad(forward(points).sum(), points)
    torch.testing.assert_close(
        attribute(forward, x).values, gradients.mean(0, keepdim=True) * x, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_kernels_and_reference_agree(name):
    """In float32: both round, so they agree to some of its last digits."""
    layer = gatewise.Recurrent(gatewise.cells.find_cell(name), 3, 8)
    x = torch.randn(2, 12, 3)
    found = []
    for backend in ("native", "reference"):
        with gatewise.backend(backend):
            found.append(attribute(last(layer), x).values)
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_first", [True, False])
def test_through_an_embedding(batch_first):
    """Symbols, each row and step by itself; time-first modules are recognized even if T equals N."""
    rows, layer = nn.Embedding(7, 3).double(), gatewise.LSTM(3, 4).double()
    symbols = torch.tensor([[3, 1, 4], [1, 5, 2], [6, 6, 0]])

    def onwards(vectors):
        return layer(vectors)[0][-1].sum(-1)

    def forward(symbols):
        return onwards(rows(symbols.T) if not batch_first else rows(symbols).transpose(0, 1))

    found = attribute_through(rows, forward, symbols, batch_first=batch_first)
    expected = attribute(lambda vectors: onwards(vectors.transpose(0, 1)), rows(symbols))
    torch.testing.assert_close(found.values, expected.values.sum(-1))
    torch.testing.assert_close(found.output, forward(symbols))
    other = torch.randn(3).double()
    moved = attribute_through(rows, forward, symbols, other, batch_first=batch_first)
    torch.testing.assert_close(moved.baseline_output, onwards(other.expand(3, 3, 3)))
    assert not list(rows._forward_hooks)


def test_what_can_not_be_attributed(monkeypatch):
    layer, x = gatewise.RNN(2, 3), torch.randn(2, 4, 2)
    with pytest.raises(GatewiseError, match=r"to return one number for each of 2 rows, got \(2, 3\)"):
        attribute(lambda x: layer(x.transpose(0, 1))[0][-1], x)
    rows = nn.Embedding(4, 2)
    with pytest.raises(GatewiseError, match="called once; Embedding was called 2 times"):
        attribute_through(
            rows, lambda one: rows(one).sum((1, 2)) + rows(one).sum((1, 2)), torch.ones(1, 2).long()
        )
    real = builtins.__import__

    def without(name, *arguments):
        if name.startswith("captum"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(GatewiseError, match=r"not installed: pip install 'gatewise\[attribution\]'"):
        attribute(last(layer), x)
