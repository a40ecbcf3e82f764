"""Lattices by diagonals in Triton's interpreter against the reference in float64."""

from dataclasses import replace

import pytest
import torch

import gatewise
from gatewise.cells.grid import grid
from gatewise.cells.multidimensional import mdgru, mdlstm
from gatewise.engine.reference import Reference
from gatewise.engine.triton import backend
from gatewise.engine.triton.backend import Triton
from tests.engine.test_lattice import Own, lengths_for, request_for, results
from tests.engine.triton import comparison

CELLS = [
    mdgru(2), Own, grid(2), grid(2, priority=(1,), without_memory=(1,)), mdlstm(3, peephole=True),
    grid(3, "rnn", priority=(3,)),
]  # fmt: skip
SIZES = {2: (3, 5), 3: (3, 2, 4)}


def given(cell, sizes, *more, **options):
    return request_for(cell, sizes, *more, dtype=torch.float32, **options)


def assert_same(request, tolerance=2e-6, chosen=None):
    comparison.assert_same(request, tolerance, chosen, lambda one, given: results(one.run, given))


@pytest.mark.parametrize("cell", CELLS, ids=lambda one: f"{one.__name__}{CELLS.index(one)}")
def test_own_sizes_reversed_axes_and_a_trace(cell):
    sizes = SIZES[cell.axes]
    reverse = (True, *[False] * (cell.axes - 1))
    assert_same(given(cell, sizes, reverse=reverse, lengths=lengths_for(sizes, 3), trace=True))


@pytest.mark.parametrize(
    ("sizes", "batch", "inputs", "hidden"),
    [((1, 1), 1, 1, 1), ((1, 6), 2, 3, 5), ((3, 1), 1, 2, 130), ((2, 3), 15, 2, 3), ((2, 1, 3), 2, 1, 4)],
)
def test_odd_sizes(sizes, batch, inputs, hidden):
    assert_same(given(mdlstm(len(sizes), peephole=True), sizes, batch, inputs, hidden))


def test_one_axis_and_no_inputs():
    assert_same(given(grid(1), (5,), 3, 0, lengths=torch.tensor([5, 1, 3])))
    assert_same(given(grid(2, without_memory=(2,)), (3, 4), 2, 0))


def test_a_result_without_gradients():
    request = given(Own, (3, 4))
    with torch.no_grad():
        torch.testing.assert_close(Triton("cpu").run(request).output, Reference().run(request).output)


def test_products_in_bfloat16():
    class Rounded(Triton):
        def run(self, request):
            with torch.autocast("cpu", torch.bfloat16):
                assert self.refusal(request) is None
                return super().run(request)

    assert_same(given(grid(2), (2, 3)), 0.05, Rounded("cpu"))


def test_recorded_diagonals_are_repeated(replays):
    assert_same(given(mdlstm(2), (9, 2), lengths=lengths_for((9, 2), 3)))
    assert replays == [2, 4, -2, -4]


def test_the_same_bits_from_call_to_call():
    request = given(mdlstm(2, peephole=True), (2, 3))
    first, second = (results(Triton("cpu").run, request) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


def test_nan_outside_and_inside_a_sample():
    request = given(mdlstm(2), (3, 3), lengths=torch.tensor([[3, 3], [2, 3], [1, 1]]))
    expected = results(Triton("cpu").run, request)
    request.inputs.data[2, :, 1] = torch.nan
    for name in request.state:
        request.state[name].data[2, 2] = torch.nan
    found = results(Triton("cpu").run, request)
    torch.testing.assert_close(found, expected)
    request.inputs.data[1, 1, 0] = torch.nan
    output = Triton("cpu").run(request).output
    assert output[1:, 1:, 0].isnan().all()
    assert not output[:, :, 1:].isnan().any()
    assert not output[0].isnan().any()


def test_it_compiles_as_one_operator(on_cpu):
    layer, values = gatewise.MDRNN(2, 3, axes=2), torch.randn(1, 2, 3, 2, requires_grad=True)
    comparison.assert_compiles(layer, values)


def test_the_gradient_has_a_gradient(on_cpu):
    layer, values = gatewise.MDLSTM(2, 3, axes=2), torch.randn(1, 2, 3, 2, requires_grad=True)
    found = []
    for name in ("triton", "reference"):
        with gatewise.backend(name):
            output, final, (trace,) = layer(values, trace=True)
            parts = [output, final["c.1"], trace.states["c"], trace.gates["f_2"]]
            (first,) = torch.autograd.grad(sum(one.sin().sum() for one in parts), values, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), [values, *layer.parameters()]))
    torch.testing.assert_close(*found)


def test_a_grid_of_slices(on_cpu):
    layer, values = gatewise.GridLSTM(2, 3, depth=2, tied=False), torch.randn(2, 3, 2)
    tensors = list(layer.parameters())
    found = []
    for name in ("triton", "reference"):
        with gatewise.backend(name):
            output, final = layer(values)
        total = output.sin().sum() + sum(one.sum() for one in final.values())
        found.append([output, *torch.autograd.grad(total, tensors)])
    torch.testing.assert_close(*found)


def test_pytorch_finds_nothing_wrong_with_the_operator(monkeypatch):
    calls = []
    operator = torch.ops.gatewise.diagonals.default
    request = given(mdlstm(2), (2, 2), 2, lengths=lengths_for((2, 2), 2), trace=True)
    with monkeypatch.context() as own:
        own.setattr(torch.ops.gatewise, "diagonals", lambda *given: calls.append(given) or operator(*given))
        Triton("cpu").run(request)
    torch.library.opcheck(operator, calls[0])


def test_it_refuses_what_lattices_do_not_have():
    request = replace(given(mdlstm(2), (3, 3)), zoneout={"h": 0.5})
    reason = "over lattices it supports no resets, zoneout, masks, projections and heads"
    assert Triton("cpu").refusal(request) == reason


def test_it_refuses_a_few_diagonals(monkeypatch):
    monkeypatch.setattr(backend, "FEWEST_STEPS", 4)
    reason = "fewer than 4 steps take less time on the reference"
    assert Triton("cpu").refusal(given(mdlstm(2), (2, 2))) == reason
