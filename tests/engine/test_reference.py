"""The reference: its gradients, and the interface to choose a backend."""

from dataclasses import replace

import pytest
import torch

import gatewise
from gatewise.cells import (
    LSTM,
    SLSTM,
    Cell,
    R,
    W,
    cells,
    cos,
    exp,
    log,
    log_sigmoid,
    maximum,
    minimum,
    prev,
    relu,
    sin,
    softplus,
    sqrt,
    x,
)
from gatewise.compiler.layout import layout
from gatewise.engine import choice
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request
from gatewise.layers.states import state_shapes


@pytest.fixture(params=cells().values(), ids=cells().keys())
def cell(request):
    """Every built-in cell in turn, as nothing is compiled here."""
    return request.param


def request_for(cell, *, steps=3, batch=2, inputs=2, hidden=3, **more):
    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    heads = 3 if cell.matrix_states else 1
    parameters = {
        one.name: draw(*one.shape(inputs, hidden, hidden, heads)) for one in layout(cell).parameters
    }
    shapes = state_shapes(cell, hidden, hidden, heads)
    state = {name: draw(batch, *shape) for name, shape in shapes.items()}
    if cell is SLSTM:  # whose normalizer is a sum of weights
        state["n"] = state["n"].detach().abs().requires_grad_()
    return Request(cell, draw(steps, batch, inputs), parameters, state, heads=heads, **more)


@pytest.mark.parametrize("how", ["plain", "uneven"])
def test_gradients_of_inputs_states_and_every_parameter(cell, how):
    more = {"lengths": torch.tensor([3, 1]), "reverse": True} if how == "uneven" else {}
    if how == "uneven":
        more["resets"] = torch.tensor([[0, 0], [0, 0], [1, 0]]).bool()
    request = request_for(cell, **more)
    names = list(request.parameters)

    def run(inputs, *values):
        parameters = dict(zip(names, values[: len(names)], strict=True))
        state = dict(zip(cell.state, values[len(names) :], strict=True))
        own = replace(request, inputs=inputs, parameters=parameters, state=state, trace=True)
        result = Reference().run(own)
        return (result.output, *result.final.values(), *result.trace.gates.values())

    values = [*request.parameters.values(), *request.state.values()]
    assert torch.autograd.gradcheck(run, (request.inputs, *values), fast_mode=True)


def test_the_gradient_has_a_gradient():
    request = request_for(LSTM)

    def run(inputs):
        return Reference().run(Request(LSTM, inputs, request.parameters, request.state)).output

    assert torch.autograd.gradgradcheck(run, (request.inputs,), fast_mode=True)


def test_all_functions_of_the_notation_have_values():
    class Everything(Cell):
        state = ("h",)
        a = W.a @ x
        m = maximum(a, 0.5) + maximum(-0.5, a) + maximum(a, prev.h)
        s = sin(a) * cos(m) - log_sigmoid(a) + minimum(a, 0.2) - log(sqrt(1 + abs(a)))
        h = relu(a) + softplus(a) * exp(-a) / (2 + m * m) - (1 - R.h @ prev.h) + s

    request = request_for(Everything, steps=1)
    result = Reference().run(request)
    w, h = request.parameters, request.state["h"]
    a = request.inputs[0] @ w["weight_ih"].T + w["bias_ih"]
    m = a.clamp(min=0.5) + a.clamp(min=-0.5) + torch.where(a > h, a, h)
    r = h @ w["weight_hh"].T + w["bias_hh"]
    expected = a.clamp(min=0) + torch.log1p(a.exp()) * (-a).exp() / (2 + m**2) - (1 - r)
    expected = expected + a.sin() * m.cos() + torch.log1p((-a).exp()) + a.clamp(max=0.2)
    torch.testing.assert_close(result.output[0], expected - torch.log(1 + a.abs()) / 2)


def test_nan_in_a_sequence_stays_in_that_sequence(cell):
    request = request_for(cell)
    spoilt = request.inputs.detach().clone()
    spoilt[1, 0, 0] = torch.nan
    output = Reference().run(replace(request, inputs=spoilt)).output
    assert output[1:, 0].isnan().any()
    assert not output[:, 1].isnan().any()


def test_nan_in_padding_reaches_neither_values_nor_gradients(cell):
    request = request_for(cell)
    lengths = torch.tensor([1, 3])
    spoilt = request.inputs.detach().clone()
    spoilt[1:, 0] = torch.nan
    result = Reference().run(replace(request, inputs=spoilt, lengths=lengths))
    result.output.sum().backward()
    assert not result.output.isnan().any()
    assert not any(one.grad.isnan().any() for one in request.parameters.values())


def test_the_first_backend_that_does_not_refuse_runs(monkeypatch):
    class Picky:
        name = "picky"

        def refusal(self, request):
            return "it runs GRUs only" if request.cell is LSTM else None

        def run(self, request):
            return "served"

    monkeypatch.setattr(choice, "BACKENDS", (Picky(), *choice.BACKENDS))
    request = request_for(LSTM)
    assert choice.refusals(request)["picky"] == "it runs GRUs only"
    assert choice.refusals(request)["reference"] is None
    assert choice.run(request).output.shape == (3, 2, 3)


def test_one_backend_alone_can_be_selected():
    values = torch.randn(4, 2, 3)
    layer = gatewise.LSTM(3, 5)
    with gatewise.backend("reference"):
        output = layer(values)[0]
    torch.testing.assert_close(output, layer(values)[0])
    unknown = gatewise.backend("abacus")
    with pytest.raises(
        gatewise.GatewiseError,
        match="no backend 'abacus'; there are native, cudnn, triton, memory, reference",
    ):
        unknown.__enter__()
