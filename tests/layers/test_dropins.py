"""Agreement with torch.nn: outputs, states, every gradient, state_dict, to float64 rounding."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence

import gatewise
from gatewise.errors import GatewiseError

KINDS = ("LSTM", "GRU", "RNN")


@st.composite
def problems(draw):
    kind = draw(st.sampled_from(KINDS))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "dtype": torch.float64,
    }
    hidden = draw(st.integers(2, 6))
    if kind == "LSTM":
        options["proj_size"] = draw(st.integers(0, hidden - 1))
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    sizes = (draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 4)), hidden)
    return kind, options, sizes, draw(st.booleans()), draw(st.sampled_from(["padded", "packed", "single"]))


def flat(values):
    return [one for value in values for one in flat(value)] if isinstance(values, tuple) else [values]


def run_both(kind, options, sizes, own_state, form):
    steps, batch, inputs, hidden = sizes
    theirs = getattr(torch.nn, kind)(inputs, hidden, **options)
    ours = getattr(gatewise, kind)(inputs, hidden, **options)
    ours.load_state_dict(theirs.state_dict())
    batch = 1 if form == "single" else batch
    x = torch.randn(steps, batch, inputs, dtype=torch.float64)
    x = x.squeeze(1) if form == "single" else x.transpose(0, 1) if options["batch_first"] else x
    places = options["num_layers"] * (1 + options["bidirectional"])
    widths = [options.get("proj_size") or hidden, hidden][: 2 if kind == "LSTM" else 1]
    shape = (places,) if form == "single" else (places, batch)
    state = tuple(torch.randn(*shape, width, dtype=torch.float64) for width in widths)
    results = []
    for layer in (ours, theirs):
        own = x.clone().requires_grad_()
        hx = tuple(one.clone().requires_grad_() for one in state)
        value = own
        if form == "packed":
            lengths = torch.randint(1, steps + 1, (batch,), generator=torch.Generator().manual_seed(1))
            value = pack_padded_sequence(own, lengths, options["batch_first"], enforce_sorted=False)
        output, last = layer(value, (hx if kind == "LSTM" else hx[0]) if own_state else None)
        data = output.data if form == "packed" else output
        weight = torch.linspace(-1, 1, data.numel(), dtype=data.dtype).reshape(data.shape)
        ((data * weight).sum() + sum(one.square().sum() for one in flat(last))).backward()
        gradients = [own.grad, *(one.grad for one in hx if own_state), *(p.grad for p in layer.parameters())]
        results.append((output, flat(last), gradients))
    return results


@settings(max_examples=80, deadline=None)
@given(problems())
def test_agreement_with_torch(problem):
    (output, last, gradients), (their_output, their_last, their_gradients) = run_both(*problem)
    if problem[-1] == "packed":
        for field in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            assert torch.equal(getattr(output, field), getattr(their_output, field))
        output, their_output = output.data, their_output.data
    torch.testing.assert_close(output, their_output, rtol=1e-12, atol=1e-13)
    for ours, theirs in zip([*last, *gradients], [*their_last, *their_gradients], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_state_dict_goes_both_ways(kind):
    options = {"num_layers": 2, "bidirectional": True}
    ours, theirs = getattr(gatewise, kind)(3, 4, **options), getattr(torch.nn, kind)(3, 4, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0])


def test_the_forget_gate_starts_open_and_all_else_as_in_torch():
    torch.manual_seed(5)
    ours = gatewise.LSTM(3, 4)
    torch.manual_seed(5)
    theirs = torch.nn.LSTM(3, 4)
    gate = slice(4, 8)
    assert ours.bias_ih_l0[gate].tolist() == [1.0] * 4
    assert ours.bias_hh_l0[gate].tolist() == [0.0] * 4
    for name, value in theirs.named_parameters():
        own = getattr(ours, name).detach().clone()
        if "bias" in name:
            own[gate] = value[gate]
        assert torch.equal(own, value)


def test_a_packed_batch_sorted_by_the_user():
    x = pack_padded_sequence(torch.randn(5, 3, 2), [5, 4, 1])
    layer = gatewise.GRU(2, 3)
    theirs = torch.nn.GRU(2, 3)
    theirs.load_state_dict(layer.state_dict())
    ours_output, _ = layer(x)
    assert ours_output.sorted_indices is None
    torch.testing.assert_close(ours_output.data, theirs(x)[0].data)


def test_models_made_for_torch_may_flatten_parameters():
    assert gatewise.LSTM(2, 3).flatten_parameters() is None


def test_an_unknown_nonlinearity():
    with pytest.raises(GatewiseError, match="expected nonlinearity 'tanh' or 'relu', got 'sin'"):
        gatewise.RNN(2, 3, nonlinearity="sin")


def test_dropout_acts_between_layers_in_training_only():
    layer = gatewise.LSTM(2, 8, num_layers=2, dropout=0.5)
    x = torch.randn(4, 3, 2)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])
    with pytest.warns(UserWarning, match="there is one layer only"):
        gatewise.LSTM(2, 8, dropout=0.5)
