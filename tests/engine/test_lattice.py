"""Runs over lattices against a nested loop over positions: outputs, all states, every gradient."""

from itertools import product

import pytest
import torch

from gatewise.cells import GRU, LSTM, RNN, Cell, back, sigmoid, tanh
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import leaky_mdlstm, mdgru, mdlstm, mdrnn
from gatewise.cells.notation import R, W, matrices, normalize, x
from gatewise.compiler.layout import layout
from gatewise.compiler.stages import plan
from gatewise.engine import kernel as kernel_module
from gatewise.engine.build import BuildError, built
from gatewise.engine.native import Native
from gatewise.engine.reference import Reference
from gatewise.engine.request import LayerResult, Request, Trace
from gatewise.engine.step import CellStep

R2 = matrices("R2")


class Own(Cell):
    """A user's cell with a product of a new value, a norm, and a state that goes one way only."""

    state = ("h", "m")
    z = sigmoid(normalize.a(W.z @ x) + normalize.a(R.z @ back[1].h) + R2.z @ back[2].h)
    m = z * back[2].m + (1 - z) * tanh(W.m @ x)
    h = tanh(R.h @ (z * m) + back[1].h)


CELLS = {
    1: [mdrnn(1), mdlstm(1), mdgru(1), grid(1), grid(1, "gru")],
    2: [
        mdrnn(2), mdgru(2), mdlstm(2), mdlstm(2, peephole=True), leaky_mdlstm(2), Own,
        grid(2), grid(2, "gru"), grid(2, "rnn", activation="relu"), grid(2, show="tanh(o * c)"),
        grid(2, priority=(2,)), grid(2, without_memory=(2,)), grid(2, priority=(1,), without_memory=(1,)),
    ],
    3: [mdlstm(3), leaky_mdlstm(3), mdgru(3), grid(3, priority=(3,)), grid(3, without_memory=(1, 2))],
    4: [mdlstm(4, peephole=True), grid(4, "rnn")],
}  # fmt: skip
SIZES = {1: (5,), 2: (3, 5), 3: (3, 2, 4), 4: (2, 3, 1, 2)}
CASES = [
    pytest.param(cell, id=cell.__name__ + str(n)) for cells in CELLS.values() for n, cell in enumerate(cells)
]
# Each takes seconds to compile: those that differ in what a kernel has of products, stages, axes and borders.
# One with another number of gates, or with the same borders along another axis, is made of the same pieces.
COMPILED = [mdlstm(2), Own, grid(2), grid(2, priority=(1,), without_memory=(1,)), mdlstm(3, peephole=True)]
MORE = [pytest.param(one, marks=pytest.mark.thorough) for one in (mdlstm(1), grid(4, "rnn"))]


def request_for(cell, sizes, batch=3, inputs=2, hidden=5, dtype=torch.float64, **more):
    def draw(*shape):
        return torch.randn(*shape, dtype=dtype).requires_grad_()

    parameters = {one.name: draw(*one.shape(inputs, hidden, hidden)) for one in layout(cell).parameters}
    for one in parameters.values():
        one.data /= one.shape[-1] ** 0.5 if one.dim() > 1 else 1
    state = {}
    for name, one in cell.previous.items():
        side = [size for axis, size in enumerate(sizes) if axis != max(0, one.axis - 1)]
        state[name] = draw(*side, batch, hidden)
    return Request(cell, draw(*sizes, batch, inputs), parameters, state, **more)


def nested_loop(request):
    """Sample by sample and position by position, in the order of the run."""
    cell, axes = request.cell, request.cell.axes
    sizes, batch = request.inputs.shape[:axes], request.inputs.shape[axes]
    reverse = request.reverse if isinstance(request.reverse, tuple) else (request.reverse,) * axes
    step = CellStep(request)
    zero = torch.zeros_like(request.state[next(iter(request.state))].select(-2, 0).flatten(0, -2)[0]
                            if axes > 1 else request.state[next(iter(request.state))][0])  # fmt: skip
    names = [*cell.state, *cell.intermediates]
    lines = {name: {} for name in names}
    final = {name: {} for name in cell.previous}
    for b in range(batch):
        own = [int(one) for one in request.lengths[b]] if request.lengths is not None else list(sizes)
        for at in product(*map(range, own)):
            place = tuple(n - 1 - u if turned else u for n, u, turned in zip(own, at, reverse, strict=True))
            before = {}
            for name, one in cell.previous.items():
                axis = max(0, one.axis - 1)
                side = place[:axis] + place[axis + 1 :]
                back_place = list(place)
                back_place[axis] += 1 if reverse[axis] else -1
                inside = at[axis] > 0
                before[name] = (
                    lines[one.state][(*back_place, b)] if inside else request.state[name][(*side, b)]
                )[None]
            (seen,) = step.input_products(request.inputs[(*place, b)][None, None])
            made = step(seen, before)
            for name in names:
                lines[name][(*place, b)] = made[name][0]
            for name, one in cell.previous.items():
                axis = max(0, one.axis - 1)
                if at[axis] == own[axis] - 1:
                    final[name][(*place[:axis], *place[axis + 1 :], b)] = made[one.state][0]

    def whole(values, shape):
        rows = [values.get(place, zero) for place in product(*map(range, shape))]
        return torch.stack(rows).unflatten(0, tuple(shape))

    full = {name: whole(values, (*sizes, batch)) for name, values in lines.items()}
    trace = Trace(
        {name: full[name] for name in cell.state}, {name: full[name] for name in cell.intermediates}
    )
    ends = {name: whole(values, request.state[name].shape[:-1]) for name, values in final.items()}
    return LayerResult(full[cell.state[0]], ends, trace)


def results(run, request):
    """Everything that goes out, and the gradient of a loss over all of it by everything that went in."""
    leaves = [request.inputs, *request.parameters.values(), *request.state.values()]
    result = run(request)
    out = [result.output, *result.final.values()]
    if request.trace:
        out += [*result.trace.states.values(), *result.trace.gates.values()]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(one.shape, generator=generator, dtype=torch.float64).to(one.dtype) for one in out]
    loss = sum((one.sin() * weight).sum() for one, weight in zip(out, weights, strict=True))
    return [*out, *torch.autograd.grad(loss, leaves, materialize_grads=True)]


def directions(axes):
    return list(product((False, True), repeat=axes))


def lengths_for(sizes, batch):
    return torch.stack([torch.randint(1, size + 1, (batch,)) for size in sizes], dim=1)


@pytest.mark.parametrize("cell", CASES)
def test_the_reference_is_the_nested_loop(cell):
    sizes = SIZES[cell.axes]
    for reverse in directions(cell.axes)[:: 3 if cell.axes == 4 else 1]:
        lengths = lengths_for(sizes, 3) if any(reverse) or cell.axes > 2 else None
        if cell.axes == 1:
            lengths = None if lengths is None else lengths[:, 0]
        request = request_for(cell, sizes, reverse=reverse, lengths=lengths, trace=reverse[0])
        looped = request if cell.axes > 1 or lengths is None else request_like(request, lengths[:, None])
        for ours, theirs in zip(results(Reference().run, request), results(nested_loop, looped), strict=True):
            torch.testing.assert_close(ours, theirs)


def request_like(request, lengths):
    return Request(request.cell, request.inputs, request.parameters, request.state, lengths,
                   reverse=request.reverse, trace=request.trace)  # fmt: skip


@pytest.fixture
def compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("cell", [*COMPILED, *MORE], ids=lambda one: one.__name__)
def test_kernels_are_the_reference(cell, monkeypatch):
    """With one thread, with rows shared, with units shared."""
    sizes = SIZES[cell.axes]
    for way, reverse in product(
        [(1, False, False), (2, False, False), (2, True, False)], directions(cell.axes)[::3]
    ):
        monkeypatch.setattr(kernel_module, "plan_threads", lambda *given, way=way: way)
        for lengths, hidden in ((None, 5), (lengths_for(sizes, 4), 17)):
            lengths = lengths[:, 0] if lengths is not None and cell.axes == 1 else lengths
            request = request_for(
                cell, sizes, 4, 3, hidden, reverse=reverse, lengths=lengths, trace=reverse[0]
            )
            assert Native().refusal(request) is None
            for ours, theirs in zip(
                results(Native().run, request), results(Reference().run, request), strict=True
            ):
                torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_odd_sizes(dtype):
    for cell, sizes, batch, inputs, hidden in (
        (mdlstm(2), (1, 1), 1, 1, 1), (mdlstm(2), (1, 7), 2, 1, 33), (mdlstm(2), (9, 1), 5, 4, 16),
        (mdlstm(2), (20, 3), 1, 2, 100), (grid(2), (3, 30), 9, 0, 40),
        *([(mdlstm(3, peephole=True), (1, 2, 1), 1, 2, 3)] if dtype == torch.float64 else []),
    ):  # fmt: skip
        request = request_for(cell, sizes, batch, inputs, hidden, dtype)
        with torch.no_grad():
            torch.testing.assert_close(Native().run(request).output, Reference().run(request).output)
        tolerance = {"rtol": 1e-4, "atol": 2e-4} if dtype == torch.float32 else {}
        for ours, theirs in zip(
            results(Native().run, request), results(Reference().run, request), strict=True
        ):
            torch.testing.assert_close(ours, theirs, **tolerance)


@pytest.mark.parametrize(
    "pair", [(mdlstm(1), LSTM), (mdgru(1), GRU), (mdrnn(1), RNN)], ids=lambda one: one[1].__name__
)
def test_a_lattice_of_one_axis_is_a_sequence(pair):
    lattice, sequence = pair
    ours = request_for(lattice, (6,), lengths=torch.tensor([6, 2, 4]), reverse=(True,))
    named = {one.name: one for one in layout(lattice).parameters}
    parameters = {}
    for one in layout(sequence).parameters:
        own = {"weight_ih": "weight_ih", "bias_ih": "bias_ih", "weight_hh": "R1"}.get(one.name)
        if own is None:  # the cell of a lattice has one bias
            parameters[one.name] = torch.zeros(*one.shape(2, 5, 5), dtype=torch.float64)
            continue
        blocks = dict(zip((name.removesuffix("_1") for name in named[own].blocks),
                          ours.parameters[own].chunk(len(named[own].blocks)), strict=True))  # fmt: skip
        parameters[one.name] = torch.cat([blocks[name] for name in one.blocks])
    state = dict(zip(sequence.state, ours.state.values(), strict=True))
    theirs = Request(sequence, ours.inputs, parameters, state, ours.lengths, reverse=True)
    torch.testing.assert_close(Reference().run(ours).output, Reference().run(theirs).output)


def test_a_lattice_that_was_first_seen_in_inference_mode_can_be_trained():
    request = request_for(mdlstm(2), (7, 3))  # of sizes that no other test has
    with torch.inference_mode():
        seen = Reference().run(request).output
    output = Reference().run(request).output
    assert torch.equal(output, seen)
    (gradient,) = torch.autograd.grad(output.sum(), request.inputs)
    assert gradient.abs().sum() > 0


def test_second_derivatives_and_the_gradient():
    request = request_for(mdlstm(2), (2, 3), 2, 2, 3)

    def output(inputs):
        return Native().run(Request(request.cell, inputs, request.parameters, request.state)).output

    assert torch.autograd.gradgradcheck(output, (request.inputs,))
