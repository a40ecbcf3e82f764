"""The native backend against the reference: outputs, all states, every gradient, odd sizes, hard values."""

import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import gatewise
from gatewise.cells import (
    GRU,
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
    tanh,
    x,
)
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.layout import layout, projection_obstacle
from gatewise.compiler.program import PLAIN
from gatewise.compiler.stages import plan
from gatewise.engine import build, processor
from gatewise.engine import kernel as kernel_module
from gatewise.engine.build import BuildError, built
from gatewise.engine.kernel import Kernel, kernel
from gatewise.engine.native import Native, in_kernel_form
from gatewise.engine.reference import Reference
from gatewise.engine.request import Request
from tests.thorough import every_cell

NOISY = [LSTM, GRU, *(cells()[name] for name in ("ChoGRU", "LayerNormLSTM"))]
_, V3, V1 = processor.INSTRUCTION_SETS["x86_64"]
SIZES = [(4, 3, 2, 5), (1, 1, 1, 1), (7, 13, 9, 17), (3, 20, 5, 100), (1, 2, 9, 37)]
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-4}  # float32 sums in another order than the reference


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


class Everything(Cell):
    """Every function of the notation, and sums that the gradient reads."""

    state = ("h", "s", "t")
    a = W.a @ x + R.a @ prev.h
    q = log(2 + abs(a - 1)) * log_sigmoid(R.q @ prev.h) + sqrt(1 + a * a)
    t = sin(2 * a) * cos(prev.t) - minimum(q, prev.t) + minimum(0.3, a)
    m = maximum(a, 0.5) * maximum(-0.5, R.m @ prev.h) - maximum(a, prev.s)
    s = relu(a) + softplus(a) * exp(-a * a) / (2 + m * m)
    h = tanh(s) - (1 - a) * 0.1 + prev.s / (3 + exp(prev.h)) + 0.1 * t


# The type of numbers changes the functions and the width of vectors only, and `Everything` has each function.
# Every cell runs in float64; in float32 run the most used ones and those with peepholes, stages and norms.
MAIN = ("RNN", "LSTM", "PeepholeLSTM", "GRU", "ChoGRU", "LayerNormLSTM")
SINGLE = [*(cells()[name] for name in MAIN), Everything]
BOUNDED = [cells()[name] for name in MAIN]
BY_TYPE = [
    *(
        pytest.param(torch.float64, *one.values, id=f"float64-{one.id}", marks=one.marks)
        for one in every_cell(matrices=False)
    ),
    pytest.param(torch.float64, Everything, id="float64-Everything"),
    *(pytest.param(torch.float32, one, id=f"float32-{one.__name__}") for one in SINGLE),
]


def request_for(cell, sizes, dtype=torch.float64, scale=1.0, projected=0, heads=1, **more):
    steps, batch, inputs, hidden = sizes
    output = projected or hidden

    def draw(*shape):
        return (scale * torch.randn(*shape, dtype=dtype)).requires_grad_()

    def weights(*shape):  # no larger than keeps the steps from being chaotic
        return draw(*shape) if len(shape) == 1 else (draw(*shape).detach() / shape[1] ** 0.5).requires_grad_()

    parameters = {
        one.name: weights(*one.shape(inputs, hidden, output, heads)) for one in layout(cell).parameters
    }
    if projected:
        parameters["projection"] = weights(projected, hidden)
    state = {name: draw(batch, output if name == cell.state[0] else hidden) for name in cell.state}
    if cell is SLSTM:  # whose normalizer is a sum of weights
        state["n"] = state["n"].detach().abs().requires_grad_()
    return Request(cell, draw(steps, batch, inputs), parameters, state, heads=heads, **more)


def results(backend, request):
    """Output, final states and the gradients of all that went in."""
    leaves = _leaves(request)
    result = backend.run(request)
    weight = torch.linspace(-1, 1, result.output.numel(), dtype=result.output.dtype)
    loss = (result.output * weight.view_as(result.output)).sum()
    loss = loss + sum(one.square().sum() for one in result.final.values())
    traced = [*result.trace.states.values(), *result.trace.gates.values()] if request.trace else []
    loss = loss + sum((place + 1) * one.sin().sum() for place, one in enumerate(traced))
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    zeros = [
        torch.zeros_like(leaf) if one is None else one for leaf, one in zip(leaves, gradients, strict=True)
    ]
    return [result.output, *result.final.values(), *traced, *zeros]


def assert_same(request, tolerance):
    assert Native().refusal(request) is None
    for ours, theirs in zip(results(Native(), request), results(Reference(), request), strict=True):
        scale = 1 + theirs.abs().max() if theirs.numel() else 1
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "cell"), BY_TYPE)
def test_outputs_states_and_every_gradient(dtype, cell):
    for sizes in SIZES:
        steps, batch = sizes[:2]
        lengths = torch.randint(0, steps + 1, (batch,))
        resets = torch.rand(steps, batch) < 0.3
        for more in ({}, {"lengths": lengths}, {"reverse": True, "lengths": lengths, "resets": resets}):
            scale = 0.3 if cell is Everything else 1.0
            assert_same(request_for(cell, sizes, dtype, scale, **more), TOLERANCE[dtype])


@pytest.mark.parametrize("cell", [*NOISY, SLSTM], ids=lambda one: one.__name__)
@pytest.mark.parametrize("share_units", [None, False, True])
def test_heads(monkeypatch, cell, share_units):
    """Each is multiplied by itself where what a kernel computes together is of one head, in any division."""
    if share_units is not None:
        monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: (3, share_units, True))
    wide = 2 * kernel(cell, PLAIN, torch.float64).group
    for sizes, heads in [((5, 7, 3, 3 * wide), 3), ((40, 29, 4, 4 * wide), 4), ((1, 2, 9, 2 * wide), 2)]:
        lengths = torch.randint(0, sizes[0] + 1, (sizes[1],))
        for more in ({}, {"lengths": lengths, "reverse": True, "recompute": True}):
            request = request_for(cell, sizes, heads=heads, **more)
            assert in_kernel_form(request).heads == heads
            assert_same(request, 1e-11)
    request = request_for(cell, (4, 3, 2, wide + 2), heads=2)
    assert in_kernel_form(request).heads == 1
    assert_same(request, 1e-11)


def test_heads_of_single_steps_without_a_gradient(cell):
    wide = kernel(cell, PLAIN, torch.float64).group
    for batch in (1, 2, 5):
        request = request_for(cell, (1, batch, 9, 3 * wide), heads=3)
        with torch.no_grad():
            torch.testing.assert_close(Native().run(request).output, Reference().run(request).output)


def test_single_steps_without_a_gradient(cell):
    """Then a state is not stored besides the final one, and the weights of few rows are not packed."""
    for batch in (1, 2, 5):
        for lengths, resets in ((None, None), (torch.arange(batch) % 2, torch.arange(batch)[None] > 1)):
            request = request_for(cell, (1, batch, 9, 21), lengths=lengths, resets=resets)
            with torch.no_grad():
                ours, theirs = Native().run(request), Reference().run(request)
            torch.testing.assert_close(ours.output, theirs.output)
            torch.testing.assert_close(ours.final, theirs.final)


def test_traces_and_their_gradients(cell):
    lengths = torch.tensor([5, 0, 2])
    request = request_for(cell, (5, 3, 2, 7), lengths=lengths, reverse=True, trace=True)
    assert_same(request, 1e-11)
    with torch.no_grad():
        ours, theirs = Native().run(request).trace, Reference().run(request).trace
    assert list(ours.gates) == list(theirs.gates)
    for name, values in {**theirs.states, **theirs.gates}.items():
        torch.testing.assert_close({**ours.states, **ours.gates}[name], values)


def test_gates_computed_again_give_the_same_gradient(cell):
    for sizes in SIZES:
        lengths = torch.randint(0, sizes[0] + 1, (sizes[1],))
        assert_same(request_for(cell, sizes, lengths=lengths, recompute=True), 1e-11)


def noises(cell, steps, batch, hidden):
    """Every kind of noise and projection that a layer may add to a cell's equations.

    Each makes another kernel. Those of the LSTM have one kind each and all together; of other cells, whose
    lines it is added to by the same code, all together and with values of both kinds for the same kernel.
    """
    mask, output, last = 2.0 * (torch.rand(batch, hidden) < 0.5), cell.state[0], cell.state[-1]
    stays = (torch.rand(steps, batch, hidden) < 0.3).double()
    if cell is LSTM:
        yield {"zoneout": {last: stays}}
        yield {"hidden_mask": mask}
        yield {"projected": 3}
    if projection_obstacle(cell) is None:
        mask = torch.rand(batch, 3)
        yield {"projected": 3, "hidden_mask": mask, "zoneout": {output: 0.25, last: stays}}
        yield {"projected": 3, "hidden_mask": mask, "zoneout": dict.fromkeys(cell.state, 0.25)}
    else:
        yield {"hidden_mask": mask, "zoneout": {output: stays}}
        yield {"hidden_mask": mask, "zoneout": dict.fromkeys(cell.state, 0.25)}


@pytest.mark.parametrize(
    "cell",
    [pytest.param(one, marks=pytest.mark.thorough if one is GRU else ()) for one in NOISY],
    ids=lambda one: one.__name__,
)
def test_zoneout_masks_and_projection(cell):
    for sizes in SIZES[2:]:
        steps, batch, _, hidden = sizes
        lengths = torch.randint(0, steps + 1, (batch,))
        for more in noises(cell, steps, batch, hidden):
            assert_same(request_for(cell, sizes, **more), 1e-11)
            assert_same(request_for(cell, sizes, lengths=lengths, reverse=True, trace=True, **more), 1e-11)


@pytest.mark.parametrize("cell", NOISY, ids=lambda one: one.__name__)
@pytest.mark.parametrize("share_units", [False, True])
@pytest.mark.parametrize("ahead", [False, True])
def test_every_way_of_sharing_work_among_threads(monkeypatch, cell, share_units, ahead):
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: (3, share_units, ahead))
    for sizes in [(5, 7, 3, 90), (4, 1, 2, 200), (3, 20, 5, 17), (2, 2, 3, 144), (1, 2, 3, 144)]:
        lengths = torch.randint(0, sizes[0] + 1, (sizes[1],))
        for recompute in (False, True):
            assert_same(request_for(cell, sizes, lengths=lengths, recompute=recompute), 1e-11)


def test_the_gradient_has_a_gradient(cell):
    request = request_for(cell, (3, 2, 2, 3), scale=0.5, lengths=torch.tensor([3, 1]))
    names = list(request.parameters)

    def run(inputs, *values):
        parameters = dict(zip(names, values, strict=True))
        result = Native().run(Request(cell, inputs, parameters, request.state, lengths=request.lengths))
        return (result.output, *result.final.values())

    inputs = (request.inputs, *request.parameters.values())
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_saturated_and_tiny_values(dtype):
    for scale in (1e4, 1e-30):
        for cell in BOUNDED:
            request = request_for(cell, (3, 5, 4, 17), dtype, scale)
            with torch.no_grad():
                ours, theirs = (backend.run(request).output for backend in (Native(), Reference()))
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_nan_stays_in_its_sequence():
    request = request_for(LSTM, (4, 3, 2, 5))
    spoilt = request.inputs.detach().clone()
    spoilt[1, 0] = torch.nan
    output = Native().run(Request(LSTM, spoilt, request.parameters, request.state)).output
    assert output[1:, 0].isnan().all()
    assert not output[:, 1:].isnan().any()
    assert not output[0].isnan().any()


def test_inputs_that_are_not_contiguous():
    layer = gatewise.GRU(3, 4, batch_first=True, dtype=torch.float64)
    values = torch.randn(3, 5, 2, dtype=torch.float64).permute(2, 1, 0)
    with gatewise.backend("reference"):
        expected = layer(values)[0]
    torch.testing.assert_close(layer(values)[0], expected)


def test_the_same_bits_from_call_to_call_and_right_with_any_number_of_threads():
    request = request_for(LSTM, (6, 23, 5, 33), torch.float32)
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            first, second = results(Native(), request), results(Native(), request)
            assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))
            assert_same(request, TOLERANCE[torch.float32])
    finally:
        torch.set_num_threads(before)


def test_calls_from_several_threads_at_once():
    request = request_for(LSTM, (6, 9, 5, 33))
    expected = results(Native(), request)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: results(Native(), request), range(8)):
            assert all(torch.equal(one, two) for one, two in zip(found, expected, strict=True))


def test_a_large_cell():
    body = {"state": ("h",)}
    previous = tanh(W.a0 @ x + R.a0 @ prev.h)
    for number in range(30):
        body[f"a{number}"] = previous
        gate = W[f"b{number}"] @ x + R[f"b{number}"] @ prev.h
        previous = tanh(previous + 0.1 * prev.h + (gate if number % 3 == 0 else 0.0))
    large = type(Cell)("Large", (Cell,), {**body, "h": previous})
    assert len(plan(large).stages) > 1
    assert_same(request_for(large, (4, 3, 2, 5)), 1e-11)


def test_changed_weights_are_packed_anew_however_they_were_changed():
    layer = gatewise.LSTM(3, 20)
    values = torch.randn(5, 2, 3)
    with torch.no_grad():
        before = layer(values)[0]
        torch.testing.assert_close(layer(values)[0], before, rtol=0, atol=0)
        layer.weight_hh_l0.data[7, 11] += 1.0  # which leaves PyTorch's own count of changes as it was
        after = layer(values)[0]
        with gatewise.backend("reference"):
            torch.testing.assert_close(after, layer(values)[0])
    assert not torch.equal(before, after)


def test_modes_that_it_leaves_to_the_reference():
    layer = gatewise.LSTM(3, 4)
    values = torch.randn(5, 2, 3)
    tangent = torch.func.jvp(lambda one: layer(one)[0], (values,), (torch.ones_like(values),))[1]
    assert tangent.shape == (5, 2, 4)
    many = torch.func.vmap(lambda one: layer(one)[0])(values.expand(3, 5, 2, 3))
    torch.testing.assert_close(many[1], layer(values)[0])


def test_without_a_compiler_the_reference_runs_and_the_reason_is_logged(monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("GATEWISE_CACHE", str(tmp_path))

    class Fresh(LSTM):
        h = LSTM.o * LSTM.c

    assert "can't be built" in Native().refusal(request_for(Fresh, (4, 3, 2, 5)))
    assert gatewise.Recurrent(Fresh, 3, 4)(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)


# `test_build.py` tests float32 on each instruction set, `test_native_math.py` each function: cells differ in
# nothing but equations, and one with many gates and vectors and one with few are enough here.
@pytest.mark.parametrize(
    ("instructions", "name", "lanes"),
    [pytest.param(V1, "GRU", 2, marks=pytest.mark.thorough), (V3, "PeepholeLSTM", 4)],
    ids=lambda one: getattr(one, "name", one),
)
def test_narrower_instruction_sets(monkeypatch, instructions, name, lanes):
    narrower(monkeypatch, instructions)
    cell = from_data(to_data(cells()[name]))  # a class of its own, which is loaded again
    assert kernel(cell, PLAIN, torch.float64).lanes == lanes
    for sizes in SIZES:
        assert_same(request_for(cell, sizes, lengths=torch.arange(sizes[1]) % sizes[0]), 1e-11)


def narrower(monkeypatch, instructions):
    """Compiles for an instruction set of an older processor, if this one has it."""
    if platform.machine() != "x86_64" or not instructions.needs <= processor.features():
        pytest.skip(f"the processor is no {instructions.name}")
    monkeypatch.setattr(build, "NATIVE", instructions)
    monkeypatch.setattr(build, "INSTALLED", Path(os.devnull))


def test_lines_may_be_called_as_they_like():
    class Awkward(Cell):
        state = ("h", "sum")
        step = tanh(W.step @ x + R.step @ prev.h)
        u = W.u @ x + R.u @ prev.h
        sum = prev.sum + u * step
        rows = sum * 0.5
        h = tanh(sum) * rows + 0.1 * u

    assert_same(request_for(Awkward, (4, 3, 2, 5)), 1e-11)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "LayerNormLSTM"])
@pytest.mark.parametrize("threads", [2, 4])
def test_requests_side_by_side(name, threads, monkeypatch):
    """Both directions at the same time give what each gives alone, gradients included."""
    calls = []
    call = Kernel.call
    monkeypatch.setattr(Kernel, "call", lambda own, function, runs, *rest: (
        calls.append(len(runs)), call(own, function, runs, *rest)))  # fmt: skip
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for sizes in ((1, 1, 1, 1), (9, 3, 5, 40), (30, 16, 9, 70)):
            lengths = torch.randint(0, sizes[0] + 1, sizes[1:2])
            pair = [request_for(cells()[name], sizes, lengths=lengths, reverse=one) for one in (False, True)]
            leaves = [one for request in pair for one in _leaves(request)]
            together = Native().run_together(pair)
            apart = [Reference().run(request) for request in pair]
            loss = [sum(one.output.sin().sum() + one.final["h"].sum() for one in both)
                    for both in (together, apart)]  # fmt: skip
            for ours, theirs in zip(together, apart, strict=True):
                torch.testing.assert_close(ours.output, theirs.output)
            found, wanted = (torch.autograd.grad(one, leaves, materialize_grads=True) for one in loss)
            torch.testing.assert_close(found, wanted)
    finally:
        torch.set_num_threads(before)
    assert calls == [2] * 6  # forward and backward of three pairs


def _leaves(request):
    return [request.inputs, *request.parameters.values(), *request.state.values()]
