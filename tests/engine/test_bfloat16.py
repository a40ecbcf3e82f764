"""The native backend under autocast: factors of products in bfloat16, all else in float32."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

import gatewise
from gatewise.cells import GRU, LSTM, cells
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.layout import layout
from gatewise.compiler.program import PLAIN
from gatewise.compiler.stages import plan
from gatewise.engine import kernel as kernel_module
from gatewise.engine.build import BuildError, built
from gatewise.engine.kernel import kernel
from gatewise.engine.native import Native, in_kernel_form
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request
from tests.engine.test_native import V3, narrower

CELLS = [LSTM, *(cells()[name] for name in ("GRU", "ChoGRU", "LayerNormLSTM"))]
# T, B, I, H: odd depths leave the last pair half empty, and (6, 40, 64, 96) fills whole tiles
SIZES = [(4, 3, 2, 5), (1, 1, 1, 1), (7, 13, 9, 17), (3, 20, 5, 100), (6, 40, 64, 96)]
by_name = pytest.mark.parametrize("cell", CELLS, ids=lambda one: one.__name__)

# The oracle rounds as the kernel does, but sums in another order: where a value lies halfway between two
# numbers of bfloat16, the next product may see the other one, 2^-8 of it away. Few of many factors do that.
BY_HAND, ROUNDED = 1e-3, 5e-3
# Plain float32 rounds no factor, where bfloat16 is off by up to 2^-9 in each: over some products behind
# each other that is twenty of them. A normalizer may divide by next to nothing, for which no bound holds.
EXACT = 0.04


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "Bfloat16")
    except BuildError as error:
        pytest.skip(str(error))


def autocast(dtype=torch.bfloat16):
    return torch.autocast("cpu", dtype=dtype)


class Rounded(torch.autograd.Function):
    """A product whose factors are rounded to bfloat16, as are those of its gradient; sums are float32."""

    @staticmethod
    def forward(ctx, values, matrix):
        ctx.save_for_backward(values, matrix)
        return coarse(values) @ coarse(matrix).T

    @staticmethod
    def backward(ctx, gradient):
        values, matrix = ctx.saved_tensors
        by_matrix = coarse(gradient).flatten(0, -2).T @ coarse(values).flatten(0, -2)
        return coarse(gradient) @ coarse(matrix), by_matrix


def coarse(values):
    return values.bfloat16().float()


def rounding(monkeypatch):
    """Makes the reference multiply as `Rounded` does."""

    def linear(values, matrix, bias=None):
        product = Rounded.apply(values, matrix)
        return product if bias is None else product + bias

    monkeypatch.setattr(functional, "linear", linear)


def request_for(cell, sizes, projected=0, **more):
    steps, batch, inputs, hidden = sizes
    output = projected or hidden

    def draw(*shape):
        scale = 1.0 if len(shape) == 1 else shape[1] ** -0.5
        return (scale * torch.randn(*shape)).requires_grad_()

    parameters = {one.name: draw(*one.shape(inputs, hidden, output)) for one in layout(cell).parameters}
    if projected:
        parameters["projection"] = draw(projected, hidden)
    widths = {name: output if name == cell.state[0] else hidden for name in cell.state}
    state = {name: torch.randn(batch, width).requires_grad_() for name, width in widths.items()}
    return Request(cell, torch.randn(steps, batch, inputs).requires_grad_(), parameters, state, **more)


def results(backend, request):
    """Output and final states; the gradients of all that went in."""
    leaves = [request.inputs, *request.parameters.values(), *request.state.values()]
    result = backend.run(request)
    values = [result.output, *result.final.values()]
    if request.trace:
        values += [*result.trace.states.values(), *result.trace.gates.values()]
    loss = sum((one.float() * torch.linspace(-1, 1, one.numel()).view_as(one)).sum() for one in values)
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return values, gradients


def away(ours, theirs):
    """How far apart, as a part of the largest number, which is taken as a tenth where it is less."""
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=0.1)).item()


def assert_near(monkeypatch, request):
    """Results and gradients are those of rounded products, and gradients near those of float32."""
    with autocast():
        assert Native().refusal(request) is None
        values, gradients = results(Native(), request)
    _, exact = results(Reference(), request)
    with monkeypatch.context() as patch:
        rounding(patch)
        expected, rounded = results(Reference(), request)
    assert {one.dtype for one in (*values, *gradients)} == {torch.float32}
    assert max(map(away, values, expected)) < ROUNDED
    assert max(map(away, gradients, rounded)) < ROUNDED
    assert plan(request.cell).normalizers or max(map(away, gradients, exact)) < EXACT


@by_name
def test_heads(cell):
    """Each is multiplied by itself, with the results of the whole matrix, which has zeros elsewhere."""
    steps, batch, inputs, hidden = 9, 7, 5, 3 * kernel(cell, PLAIN, torch.bfloat16).group
    request = request_for(cell, (steps, batch, inputs, hidden), lengths=torch.randint(0, steps, (batch,)))
    blocks = {
        one.name: request.parameters[one.name].detach()[:, : hidden // 3].contiguous().requires_grad_()
        for one in layout(cell).parameters
        if one.multiplies_hidden
    }
    by_head = replace(request, parameters={**request.parameters, **blocks}, heads=3)
    assert in_kernel_form(by_head).heads == 3
    whole = by_head.dense()
    with autocast():
        ours = results(Native(), by_head)
        leaves = [by_head.inputs, *by_head.parameters.values(), *by_head.state.values()]
        result = Native().run(whole)
        values = [result.output, *result.final.values()]
        loss = sum((one * torch.linspace(-1, 1, one.numel()).view_as(one)).sum() for one in values)
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    assert max(map(away, ours[0], values)) < ROUNDED
    assert max(map(away, ours[1], gradients)) < ROUNDED


def lstm_by_hand(layer, inputs):
    h = c = inputs.new_zeros(inputs.shape[1], layer.hidden_size)
    for x in inputs:
        sums = coarse(x) @ coarse(layer.weight_ih_l0).T + coarse(h) @ coarse(layer.weight_hh_l0).T
        i, f, g, o = (sums + layer.bias_ih_l0 + layer.bias_hh_l0).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        yield h


def gru_by_hand(layer, inputs):
    h = inputs.new_zeros(inputs.shape[1], layer.hidden_size)
    for x in inputs:
        rx, zx, nx = (coarse(x) @ coarse(layer.weight_ih_l0).T + layer.bias_ih_l0).chunk(3, dim=1)
        rh, zh, nh = (coarse(h) @ coarse(layer.weight_hh_l0).T + layer.bias_hh_l0).chunk(3, dim=1)
        r, z = (rx + rh).sigmoid(), (zx + zh).sigmoid()
        h = (1 - z) * (nx + r * nh).tanh() + z * h
        yield h


@pytest.mark.parametrize(("name", "by_hand"), [("LSTM", lstm_by_hand), ("GRU", gru_by_hand)])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@torch.no_grad()
def test_the_equations_by_hand(name, by_hand, sizes):
    steps, batch, inputs, hidden = sizes
    layer, values = getattr(gatewise, name)(inputs, hidden), torch.randn(steps, batch, inputs)
    with autocast():
        ours = layer(values)[0]
    expected = torch.stack(list(by_hand(layer, values)))
    assert away(ours, expected) < BY_HAND
    if sizes != (1, 1, 1, 1):
        assert away(layer(values)[0], expected) > 5 * away(ours, expected)  # float32 is something else


@by_name
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outputs_states_and_every_gradient(monkeypatch, cell, sizes):
    steps, batch = sizes[:2]
    lengths, resets = torch.randint(0, steps + 1, (batch,)), torch.rand(steps, batch) < 0.3
    for more in ({}, {"lengths": lengths}, {"reverse": True, "lengths": lengths, "resets": resets}):
        for recompute in (False, True):
            assert_near(monkeypatch, request_for(cell, sizes, recompute=recompute, **more))


@by_name
@pytest.mark.parametrize("share_units", [False, True])
@pytest.mark.parametrize("ahead", [False, True])
def test_every_way_of_sharing_work_among_threads(monkeypatch, cell, share_units, ahead):
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: (3, share_units, ahead))
    for sizes in [(5, 7, 3, 90), (4, 1, 2, 200), (3, 20, 5, 17)]:
        lengths = torch.randint(0, sizes[0] + 1, (sizes[1],))
        for recompute in (False, True):
            assert_near(monkeypatch, request_for(cell, sizes, lengths=lengths, recompute=recompute))


def test_noise_traces_and_a_projection(monkeypatch):
    """All in one kernel, as each is equations of float32 around the products; float64 has them one by one."""
    for sizes in SIZES[2:]:
        steps, batch, _, hidden = sizes
        lengths = torch.randint(0, steps + 1, (batch,))
        noise = {
            "zoneout": {"c": (torch.rand(steps, batch, hidden) < 0.3).float()},
            "hidden_mask": 2.0 * (torch.rand(batch, 3) < 0.5),
        }
        for more in ({"trace": True}, {"lengths": lengths}):
            assert_near(monkeypatch, request_for(LSTM, sizes, projected=3, **more, **noise))


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_results_have_the_dtype_of_what_goes_in_as_those_of_the_reference(name, dtype):
    layer, values = getattr(gatewise, name)(3, 4), torch.randn(5, 2, 3).to(dtype).requires_grad_()
    with autocast():
        with gatewise.backend("reference"):
            theirs = flat(layer(values))
        ours = flat(layer(values))
    assert {one.dtype for one in (*ours, *theirs)} == {dtype}
    ours[0].float().sum().backward()
    assert values.grad.dtype == dtype
    assert {one.grad.dtype for one in layer.parameters()} == {torch.float32}
    for one, other in zip(ours, theirs, strict=True):  # the reference rounds far more than products
        torch.testing.assert_close(one.float(), other.float(), rtol=0, atol=0.02)


def flat(results):
    output, state = results
    return (output, *state) if isinstance(state, tuple) else (output, state)


def test_traces_too_have_the_dtype_of_the_states():
    request = request_for(LSTM, (5, 2, 3, 4), trace=True)
    state = {name: one.bfloat16() for name, one in request.state.items()}
    with autocast():
        trace = Native().run(replace(request, inputs=request.inputs.bfloat16(), state=state)).trace
    assert {one.dtype for one in (*trace.states.values(), *trace.gates.values())} == {torch.bfloat16}


def test_what_it_refuses():
    request = request_for(LSTM, (5, 2, 3, 4))
    coarse_inputs = replace(request, inputs=request.inputs.bfloat16())
    double = {name: one.double() for name, one in request.parameters.items()}
    assert Native().refusal(coarse_inputs) == "it supports float32 or float64, the same for all tensors"
    with autocast(torch.float16):
        assert Native().refusal(request) == "it supports autocast to bfloat16 only"
    with autocast():
        assert Native().refusal(coarse_inputs) is None
        assert "float32 weights" in Native().refusal(replace(request, parameters=double))


def test_one_layer_with_and_without_autocast():
    layer, values = gatewise.LSTM(3, 20), torch.randn(5, 2, 3)
    with torch.no_grad():
        exact = layer(values)[0]
        with autocast():
            rounded = layer(values)[0]
            layer.weight_hh_l0 += 1.0
            assert not torch.equal(layer(values)[0], rounded)
            layer.weight_hh_l0 -= 1.0
        assert 1e-5 < away(rounded, exact) < 1e-2
        assert away(layer(values)[0], exact) < 1e-5


def test_nan_stays_in_its_sequence():
    request = request_for(LSTM, (4, 3, 3, 5))
    spoilt = request.inputs.detach().clone()
    spoilt[1, 0, 2] = torch.nan
    with autocast():
        output = Native().run(replace(request, inputs=spoilt)).output
    assert output[1:, 0].isnan().all()
    assert not output[:, 1:].isnan().any()


def test_the_gradient_has_a_gradient():
    request = request_for(LSTM, (3, 2, 2, 3))
    with autocast():
        output = Native().run(request).output
    (first,) = torch.autograd.grad(output.square().sum(), request.inputs, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), request.inputs)
    assert second.isfinite().all()
    assert second.abs().sum() > 0


def test_without_instructions_for_it_values_are_rounded_alike(monkeypatch):
    narrower(monkeypatch, V3)  # narrower vectors differ in float32, too, where that is tested
    cell = from_data(to_data(GRU))  # a class of its own, which is loaded again
    assert kernel(cell, PLAIN, torch.bfloat16).lanes == 8
    for sizes in SIZES:
        assert_near(monkeypatch, request_for(cell, sizes, lengths=torch.arange(sizes[1]) % sizes[0]))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_sums_over_many_steps_and_units(monkeypatch, threads):
    """More rows than one block of the outer product has, of both factors."""
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: (threads, False, True))
    assert_near(monkeypatch, request_for(LSTM, (60, 40, 150, 130)))
