"""Every cell in C, beside the layer that it is exported from."""

import pytest
import torch
from torch import nn

import gatewise
from gatewise.cells import (
    Cell,
    P,
    R,
    W,
    b,
    cells,
    dot,
    exp,
    key_scale,
    keys,
    log,
    maximum,
    normalize,
    outer,
    p,
    prev,
    relu,
    sigmoid,
    softplus,
    sqrt,
    tanh,
    w,
    x,
)  # fmt: skip
from tests.shipping.c.compiled import Compiled, expected

INPUTS, UNITS, STEPS = 3, 6, 20


class Several(nn.Module):
    """A step of several layers beside each other, all of the same input."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def states(self, dtype=torch.float32):
        shapes = [shape for layer in self.layers for shape in layer.step_states.values()]
        return {f"s{place}": torch.zeros(1, *shape, dtype=dtype) for place, shape in enumerate(shapes)}

    def forward(self, x, *states):
        outputs, finals = [], []
        for layer in self.layers:
            own = states[len(finals) : len(finals) + len(layer.step_states)]
            output, last = layer.step(x, own)
            outputs.append(output)
            finals += last
        return (torch.cat(outputs, dim=1), *finals)


def randomized(layer):
    """A layer with parameters of a size at which all functions bend."""
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -0.8, 0.8)
    return layer


def check(layers, tmp_path, tolerance=1e-5):
    module = Several([randomized(one) for one in layers]).eval()
    inputs = torch.randn(STEPS, 1, INPUTS)
    compiled = Compiled(module, tmp_path, inputs[0], module.states())
    found = torch.stack([compiled.step(one) for one in inputs])
    precise = expected(module.double(), inputs.double(), module.states(torch.float64))
    assert not precise.std(0).eq(0).any()
    torch.testing.assert_close(found.double(), precise, rtol=tolerance, atol=tolerance)
    return compiled


def test_every_cell(tmp_path):
    layers = [gatewise.Recurrent(one, INPUTS, UNITS) for one in cells().values()]
    check(layers, tmp_path, tolerance=2e-5)  # of the matrix memories, which divide by small numbers


@pytest.mark.thorough
def test_heads_without_biases(tmp_path):
    named = ("LSTM", "GRU", "LayerNormLSTM", "MogrifierLSTM", "SLSTM", "MLSTM", "HGRN2", "PeepholeLSTM")
    layers = [gatewise.Recurrent(cells()[one], INPUTS, UNITS, heads=2, bias=False) for one in named]
    check(layers, tmp_path, tolerance=2e-5)


def test_stacks_with_zoneout_projection_residuals_and_skips(tmp_path):
    layers = [
        gatewise.LSTM(INPUTS, UNITS, num_layers=3, proj_size=4, zoneout={"h": 0.2, "c": 0.4}),
        gatewise.Recurrent(cells()["GRU"], INPUTS, [5, 5, 5], residual=True, skip=True, zoneout=0.1),
        gatewise.Recurrent(cells()["SRU"], INPUTS, [7, 4]),
        gatewise.LSTM(INPUTS, UNITS, dropout=0.5, num_layers=2, variational_dropout=0.3, weight_dropout=0.3),
    ]
    check(layers, tmp_path)


class Windows(nn.Module):
    """A step that runs layers over a window of its last inputs, both ways, and up to lengths."""

    def __init__(self):
        super().__init__()
        self.both = gatewise.LSTM(INPUTS, 4, bidirectional=True, num_layers=2)
        self.timed = gatewise.Recurrent(cells()["PhasedLSTM"], INPUTS, 4, bidirectional=True)
        self.memory = gatewise.Recurrent(cells()["MLSTM"], INPUTS, 4, batch_first=True)

    def forward(self, x, window, count):
        window = torch.cat([window[1:], x.unsqueeze(0)])
        rows = torch.cat([window, window.flip(0)], dim=1)
        count = (count + 1).clamp(max=6)
        lengths = torch.cat([count, count // 2])
        elapsed = rows[:, :, 0].abs()
        found = [
            self.both(rows, lengths=lengths)[0],
            self.both(rows)[0],
            self.timed(rows, elapsed=elapsed)[0],
            self.timed(rows, lengths=lengths, elapsed=elapsed)[0],
            self.memory(rows.transpose(0, 1), lengths=lengths)[0].transpose(0, 1),
        ]
        return torch.cat(found, dim=2).reshape(1, -1), window, count


@pytest.mark.thorough
def test_windows_both_ways_with_lengths_and_elapsed_times(tmp_path):
    module = randomized(Windows()).eval()
    inputs, states = (
        torch.randn(9, 1, INPUTS),
        {"window": torch.zeros(6, 1, INPUTS), "count": torch.zeros(1).long()},
    )
    compiled = Compiled(module, tmp_path, inputs[0], states)
    found = torch.stack([compiled.step(one) for one in inputs])
    states["window"] = states["window"].double()
    precise = expected(module.double(), inputs.double(), states)
    torch.testing.assert_close(found.double(), precise, rtol=1e-5, atol=1e-5)


class Late(Cell):
    """Each state reads the last values of the others, in all orders, and after they are known."""

    state = ("h", "unit", "C", "float_")
    gates = ("exp",)
    product_0 = W.a @ x + R.a @ prev.h
    exp = sigmoid(product_0 + prev.unit)
    unit = tanh(exp * prev.h + b.key * prev.float_)
    C = 0.5 * prev.C + outer(unit, tanh(R.k @ unit)) - keys(prev.h) * prev.C * 0.1
    float_ = prev.C @ prev.h + R.late @ prev.unit * 0.3 + dot(prev.h, unit) * key_scale
    memory = normalize.r(float_ * prev.h) + p.memory * prev.unit
    h = tanh(C @ prev.float_ + memory + R.again @ prev.unit + (C + prev.C) @ (prev.h + 1))


class Delta(Cell):
    """What the memory already has for a key is subtracted before the key is written."""

    state = ("h", "C")
    k = key_scale * tanh(W.k @ x)
    g = sigmoid(w.g @ x)
    C = prev.C + g * outer(W.v @ x - prev.C @ k, k)
    h = C @ (W.q @ x)


class Functions(Cell):
    """All functions, of products of products."""

    state = ("h", "s")
    a = P.a @ relu(W.a @ x)
    s = maximum(sqrt(softplus(a)), log(1 + exp(-tanh(prev.s)))) / (2 - tanh(a)) - abs(-a - -2.5)
    h = R.out @ (R.mid @ (s / (1 + s * s))) - (1 - prev.h * 0.5 - (a - s)) * 0.1


class Alone(Cell):
    """It reads no input, and needs no memory."""

    state = ("h",)
    h = tanh(p.h * prev.h + b.h)


@pytest.mark.parametrize("heads", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_cells_of_users(tmp_path, heads):
    check(
        [gatewise.Recurrent(one, INPUTS, UNITS, heads=heads) for one in (Late, Delta, Functions, Alone)],
        tmp_path,
    )


def test_int8_layers_have_the_numbers_of_quantized_ones(tmp_path):
    named = cells()
    layers = [
        gatewise.Recurrent(named["LSTM"], INPUTS, 12, num_layers=2),
        gatewise.Recurrent(named["GRU"], INPUTS, 12, heads=3),
        gatewise.LSTM(INPUTS, 12, proj_size=5, bias=False),
        gatewise.Recurrent(named["LayerNormLSTM"], INPUTS, 12),
        gatewise.Recurrent(named["RGLRU"], INPUTS, 12),
        gatewise.Recurrent(named["MogrifierLSTM"], INPUTS, 12),
    ]
    module = Several([randomized(one) for one in layers]).eval()
    inputs, states = torch.randn(STEPS, 1, INPUTS), module.states()
    compiled = Compiled(module, tmp_path, inputs[0], states, quantize=True)
    found = torch.stack([compiled.step(one) for one in inputs])
    with gatewise.backend("reference"):
        ours = expected(gatewise.quantize(module), inputs, states)
    torch.testing.assert_close(found, ours, rtol=1e-5, atol=1e-5)
    error = (found - expected(module, inputs, states)).norm() / found.norm()
    assert 1e-4 < error < 0.03
