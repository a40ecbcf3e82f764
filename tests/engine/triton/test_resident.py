"""All steps in one launch with matrices in the program, in Triton's interpreter, against the reference."""

import pytest
import torch

from gatewise.cells import GRU, LSTM, SLSTM, Cell, R, W, cells, normalize, prev, sigmoid, tanh, x
from gatewise.compiler.stages import plan
from gatewise.compiler.triton_kernel import runs_all_steps
from gatewise.engine.triton import operator, resident, weights
from gatewise.engine.triton.backend import Triton
from gatewise.engine.triton.choice import RESIDENT, schedules
from tests.engine.test_native import Everything, results
from tests.engine.triton.comparison import assert_same
from tests.engine.triton.test_backend import (
    CELLS,
    LENGTHS,
    SIZES,
    given,
    noisy,
    noisy_request,
    projected_request,
)

RECURRENT = [one for one in CELLS if not runs_all_steps(plan(one))]


@pytest.fixture(autouse=True)
def launches(monkeypatch):
    """All calls run by this schedule, and each test runs one. Returns: the names of the kernels launched"""
    found, launch = [], resident.Resident.launch_all

    def counted(own, kernel, values):
        found.append(kernel.name)
        launch(own, kernel, values)

    monkeypatch.setattr(resident.Resident, "launch_all", counted)
    with schedules(RESIDENT):
        yield found
    assert set(found) == {"resident_forward", "resident_backward"}


@pytest.mark.parametrize("cell", RECURRENT, ids=lambda one: one.__name__)
def test_lengths_resets_and_a_trace_backwards(cell, launches):
    resets = torch.rand(SIZES[:2]) < 0.4
    assert_same(given(cell, lengths=LENGTHS, resets=resets, reverse=True, trace=True))
    assert launches == ["resident_forward", "resident_backward"]


def test_every_function():
    assert_same(given(Everything, scale=0.3))


@noisy
def test_zoneout_and_masks(cell):
    assert_same(noisy_request(cell))


@pytest.mark.parametrize("name", ["LSTM", "LayerNormLSTM"])
@pytest.mark.parametrize("width", [4, 19])
def test_a_projection_narrower_and_wider(name, width):
    assert_same(projected_request(name, width))


@pytest.mark.parametrize("cell", [LSTM, GRU, cells()["ChoGRU"], SLSTM], ids=lambda one: one.__name__)
def test_heads(cell):
    assert_same(given(cell, lengths=LENGTHS, heads=2))


def test_gates_computed_again(launches):
    assert_same(given(LSTM, resets=torch.rand(4, 3) < 0.4, recompute=True))
    assert launches == ["resident_forward", "resident_forward", "resident_backward"]


@pytest.mark.parametrize("name", ["PeepholeLSTM", "LayerNormLSTM"])
def test_many_programs_and_units(name):
    lengths = torch.arange(35) % 3
    assert_same(given(cells()[name], (2, 35, 3, 40), lengths=lengths))


class NormalizedGate(Cell):
    state = ("h",)
    a = sigmoid(W.a @ x)
    h = normalize.q(a) + tanh(R.h @ prev.h)


class Divided(Cell):
    state = ("h",)
    c = W.c @ x
    d = sigmoid(W.d @ x)
    h = normalize.q(c) / d + tanh(R.h @ prev.h)


@pytest.mark.parametrize("units", [5, 17])
@pytest.mark.parametrize("cell", [NormalizedGate, Divided], ids=lambda one: one.__name__)
def test_lines_that_are_not_zero_outside_the_width(cell, units):
    """A program has 16 or 32 units; in the others a gate is 1/2, and its gradient divides by 0."""
    assert_same(given(cell, (3, 2, 2, units), 0.6))


def test_the_same_bits_from_call_to_call():
    request = given(cells()["PeepholeLSTM"], (3, 35, 2, 6))
    first, second = (results(Triton("cpu"), request) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


@pytest.mark.parametrize("name", ["LSTM", "ChoGRU"])
def test_rounded_products(name, launches, monkeypatch):
    """In float16 for bfloat16, which the interpreter multiplies incorrectly, and which is refused there."""
    chosen = []
    monkeypatch.setitem(weights.DTYPES, "bfloat16", torch.float16)
    monkeypatch.setattr(operator, "choose", lambda call: chosen.append(call) or RESIDENT)

    class Rounded(Triton):
        def run(self, request):
            with torch.autocast("cpu", torch.bfloat16):
                return super().run(request)

    assert_same(given(cells()[name], lengths=LENGTHS), 5e-3, Rounded("cpu"))
    assert launches == ["resident_forward", "resident_backward"]
    assert {RESIDENT.refusal(call) for call in chosen} == {
        "Triton's interpreter multiplies bfloat16 incorrectly"
    }
    monkeypatch.setattr(resident, "INTERPRETED", False)
    assert {RESIDENT.refusal(call) for call in chosen} == {None}
