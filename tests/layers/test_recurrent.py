"""The general layer: lengths, resets, traces, sizes, connections, for every cell and stack."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gatewise
from gatewise import Recurrent
from gatewise.cells import (
    GRU,
    LSTM,
    MGU,
    RNN,
    Cell,
    CoupledLSTM,
    LayerNormLSTM,
    R,
    W,
    b,
    cells,
    p,
    prev,
    sigmoid,
    softplus,
    tanh,
    x,
)
from tests.thorough import RARE

CLOSE = {"rtol": 1e-11, "atol": 1e-12}


@st.composite
def stacks(draw):
    cell = cells()[draw(st.sampled_from(sorted(cells().keys() - RARE)))]
    layers = draw(st.integers(1, 2))
    options = {"bidirectional": draw(st.booleans()), "skip": draw(st.booleans())}
    sizes = [draw(st.integers(1, 4)) for _ in range(layers)]
    inputs, steps = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    lengths = draw(st.lists(st.integers(0, steps), min_size=1, max_size=4))
    return Recurrent(cell, inputs, sizes, dtype=torch.float64, **options), steps, lengths


def states_of(layer, last):
    """All states as a flat list of [B, H], layer by layer."""
    values = last if len(layer.cell.state) > 1 else (last,)
    return [row for value in values for row in value]


@settings(max_examples=80, deadline=None)
@given(stacks(), st.integers(0, 99))
def test_lengths_equal_each_sequence_run_alone(problem, seed):
    layer, steps, lengths = problem
    torch.manual_seed(seed)
    values = torch.randn(steps, len(lengths), layer.input_size, dtype=torch.float64)
    output, last, traces = layer(values, lengths=lengths, trace=True)
    for row, length in enumerate(lengths):
        assert not output[length:, row].any()
        if length == 0:
            assert not any(state[row].any() for state in states_of(layer, last))
            continue
        alone, alone_last, alone_traces = layer(values[:length, row : row + 1], trace=True)
        torch.testing.assert_close(output[:length, row], alone[:, 0], **CLOSE)
        for together, own in zip(states_of(layer, last), states_of(layer, alone_last), strict=True):
            torch.testing.assert_close(together[row], own[0], **CLOSE)
        for together, own in zip(traces, alone_traces, strict=True):
            for name, value in own.gates.items():
                torch.testing.assert_close(together.gates[name][:length, row], value[:, 0], **CLOSE)


@settings(max_examples=40, deadline=None)
@given(stacks(), st.data())
def test_resets_equal_the_pieces_run_alone(problem, data):
    layer, steps, _ = problem
    borders = data.draw(st.lists(st.booleans(), min_size=steps, max_size=steps))
    values = torch.randn(steps, 1, layer.input_size, dtype=torch.float64)
    output, _ = layer(values, resets=torch.tensor(borders)[:, None])
    starts = [0, *(step for step, border in enumerate(borders) if border and step), steps]
    pieces = [layer(values[a:b])[0] for a, b in pairwise(starts)]
    torch.testing.assert_close(output, torch.cat(pieces), **CLOSE)


@pytest.mark.parametrize("cell", [LSTM, GRU, LayerNormLSTM], ids=lambda one: one.__name__)
def test_trace_agrees_with_outputs_and_equations(cell):
    layer = Recurrent(cell, 3, 4, num_layers=2, bidirectional=True, batch_first=True)
    output, last, traces = layer(torch.randn(2, 5, 3), trace=True)
    assert len(traces) == 4
    both = torch.cat([traces[2].states["h"], traces[3].states["h"]], dim=-1)
    assert torch.equal(both, output)
    h = last[0] if isinstance(last, tuple) else last
    assert torch.equal(traces[2].states["h"][:, -1], h[2])
    assert torch.equal(traces[3].states["h"][:, 0], h[3])
    for trace in traces:
        assert set(trace.gates) == set(cell.intermediates)
        for gate in cell.gates:
            assert ((trace.gates[gate] >= 0) & (trace.gates[gate] <= 1)).all()
    if "c" in cell.state:
        gates, memory = traces[0].gates, traces[0].states["c"]
        expected = gates["f"][:, 1:] * memory[:, :-1] + (gates["i"] * gates["g"])[:, 1:]
        torch.testing.assert_close(memory[:, 1:], expected)


def test_a_state_for_each_layer_of_its_own_size():
    layer = Recurrent(LSTM, 3, [5, 2])
    output, (h, c) = layer(torch.randn(4, 2, 3))
    assert [tuple(one.shape) for one in (*h, *c)] == [(2, 5), (2, 2)] * 2
    again, _ = layer(torch.randn(4, 2, 3), (h, c))
    assert again.shape == output.shape == (4, 2, 2)


def test_carried_state_equals_one_long_run(cell):
    layer = Recurrent(cell, 3, 4, num_layers=2, dtype=torch.float64)
    values = torch.randn(6, 2, 3, dtype=torch.float64)
    whole, _ = layer(values)
    first, state = layer(values[:4])
    second, _ = layer(values[4:], gatewise.detach(state))
    torch.testing.assert_close(torch.cat([first, second]), whole)


def test_a_detached_state_ends_the_gradient():
    layer = gatewise.LSTM(3, 4)
    early = torch.randn(2, 1, 3, requires_grad=True)
    _, state = layer(early)
    layer(torch.randn(2, 1, 3), gatewise.detach(state))[0].sum().backward()
    assert early.grad is None


def test_residual_adds_the_input_of_each_upper_layer():
    torch.manual_seed(1)
    plain = Recurrent(GRU, 3, 4, num_layers=2)
    with_residual = Recurrent(GRU, 3, 4, num_layers=2, residual=True)
    with_residual.load_state_dict(plain.state_dict())
    values = torch.randn(5, 2, 3)
    output, _, traces = plain(values, trace=True)
    torch.testing.assert_close(with_residual(values)[0], output + traces[0].states["h"])


def test_skip_shows_the_input_to_every_layer():
    layer = Recurrent(RNN, 3, 4, num_layers=2, skip=True, bidirectional=True)
    assert layer.weight_ih_l0.shape[1] == 3
    assert layer.weight_ih_l1.shape[1] == 2 * 4 + 3


@pytest.mark.parametrize("name", ["PeepholeLSTM", "LayerNormLSTM", "UseGateLSTM", "RNN"])
def test_projection_for_other_cells(name):
    layer = Recurrent(cells()[name], 3, 6, num_layers=2, proj_size=2, dtype=torch.float64)
    with gatewise.backend("reference"):  # which no kernel need be compiled for
        output, _ = layer(torch.randn(5, 2, 3, dtype=torch.float64))
    output.sum().backward()
    assert output.shape == (5, 2, 2)
    assert layer.weight_hr_l0.grad.any()


def test_a_cell_of_ones_own():
    class Own(Cell):
        state = ("h", "sum")
        h = tanh(W.h @ x + R.h @ prev.h)
        sum = prev.sum + h * h

    layer = Recurrent(Own, 3, 4, num_layers=2, bidirectional=True)
    with gatewise.backend("reference"):
        output, (_, total), traces = layer(torch.randn(5, 2, 3), trace=True)
    assert output.shape == (5, 2, 8)
    torch.testing.assert_close(total[0], traces[0].states["h"].square().sum(0))


def test_forget_bias():
    assert Recurrent(LSTM, 2, 3, forget_bias=2.5).bias_ih_l0[3:6].tolist() == [2.5] * 3
    assert Recurrent(MGU, 2, 3, forget_bias=-1.0).bias_ih_l0[:3].tolist() == [-1.0] * 3
    assert Recurrent(CoupledLSTM, 2, 3).bias_ih_l0[:3].tolist() == [1.0] * 3
    normalized = Recurrent(LayerNormLSTM, 2, 3, forget_bias=3.0)
    assert (normalized.shift_input_l0 + normalized.shift_hidden_l0)[3:6].tolist() == [3.0] * 3


def test_reset_parameters_starts_anew():
    layer = Recurrent(LayerNormLSTM, 2, 3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(7.0)
    layer.reset_parameters()
    assert layer.gain_input_l0.tolist() == [1.0] * 12
    assert not (layer.weight_hh_l0 == 7).any()


def test_repr_shows_what_differs_from_the_defaults():
    layer = Recurrent(LSTM, 3, [4, 5], skip=True, zoneout=0.1)
    assert repr(layer) == "Recurrent(LSTM, 3, [4, 5], num_layers=2, zoneout={'h': 0.1, 'c': 0.1}, skip=True)"


@settings(max_examples=40, deadline=None)
@given(stacks(), st.integers(0, 99))
def test_resets_beyond_a_sequence_s_end_do_nothing(problem, seed):
    layer, steps, lengths = problem
    torch.manual_seed(seed)
    values = torch.randn(steps, len(lengths), layer.input_size, dtype=torch.float64)
    resets = torch.rand(steps, len(lengths)) < 0.4
    start = layer._state_form().write(
        [
            {name: torch.randn(len(lengths), *shape, dtype=torch.float64) for name, shape in shapes.items()}
            for shapes in layer._state_form().shapes
        ],
        batched=True,
    )
    inside = torch.arange(steps)[:, None] < torch.tensor(lengths)
    everywhere, inner = (
        states_of(layer, layer(values, start, lengths=lengths, resets=one)[1])
        for one in (resets, resets & inside)
    )
    for ours, theirs in zip(everywhere, inner, strict=True):
        assert torch.equal(ours, theirs)
    for row, length in enumerate(lengths):
        if length == 0:
            for state, own in zip(everywhere, states_of(layer, start), strict=True):
                assert torch.equal(state[row], own[row])


def test_a_learned_constant_is_a_gate_for_every_row():
    class Leak(Cell):
        state = ("h", "s")
        a = sigmoid(p.a + b.a)
        s = softplus(p.s + 0 * prev.s)
        h = a * prev.h + (1 - a) * tanh(W.h @ x) * s

    for bias in (True, False):
        layer = Recurrent(Leak, 3, 4, bias=bias)
        with gatewise.backend("reference"):
            _, (_, s), (trace,) = layer(torch.randn(5, 2, 3), lengths=[5, 2], trace=True)
        assert trace.gates["a"].shape == (5, 2, 4)
        assert s.shape == (1, 2, 4)


def test_forget_bias_finds_the_gate_s_own_biases():
    class Renamed(Cell):
        state = ("h",)
        f = sigmoid(W.k @ x + R.k @ prev.h)
        h = f * prev.h + (1 - f) * tanh(W.g @ x)

    layer = Recurrent(Renamed, 2, 3, forget_bias=4.0)
    assert layer.bias_ih_l0[:3].tolist() == [4.0] * 3
    assert layer.bias_hh_l0.tolist() == [0.0] * 3


def test_dropout_may_be_changed_later():
    layer = Recurrent(LSTM, 3, 4, num_layers=2, dropout=0.5)
    layer.dropout = 0.0
    values = torch.randn(5, 2, 3)
    assert torch.equal(layer(values)[0], layer(values)[0])


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_autocast_takes_its_own_states(name):
    layer = getattr(gatewise, name)(3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(torch.randn(5, 2, 3))
        output, _ = layer(torch.randn(5, 2, 3).bfloat16(), state)
    assert output.isfinite().all()


def test_all_weights_are_grouped_as_in_torch():
    ours, theirs = gatewise.LSTM(3, 4, 2, proj_size=2), torch.nn.LSTM(3, 4, 2, proj_size=2)
    shapes = [[[one.shape for one in group] for group in layer.all_weights] for layer in (ours, theirs)]
    assert shapes[0] == shapes[1]


def test_a_stack_compiles_without_a_break():
    layer = Recurrent(LSTM, 3, 4, bidirectional=True)
    values = torch.randn(4, 2, 3)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(values)[0], layer(values)[0])
