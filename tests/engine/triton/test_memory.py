"""Matrix memories in Triton's interpreter are what they are in plain PyTorch, and in the reference."""

from dataclasses import replace

import pytest
import torch

from gatewise.cells import HGRN2, MLSTM
from gatewise.engine import matrix_memory
from gatewise.engine.choice import MEMORY, REFERENCE
from gatewise.engine.memories import by_steps, read_memories
from gatewise.engine.triton import backend, memory, memory_chunks
from tests.engine.test_matrix_memory import Decaying, request_for
from tests.engine.test_memories import NAMES, drawn, results

KINDS = {"by-unit": {"by_key": False}, "by-key": {"by_key": True}, "by-head": {"by_head": True}}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch):
    """The kernels run on the CPU, and memory that none has written is NaN."""

    def empty(like, *parts):
        return like.new_full((*parts, *like.shape), torch.nan)

    monkeypatch.setattr(memory, "DEVICE", "cpu")
    monkeypatch.setattr(memory, "empty", empty)
    monkeypatch.setattr(memory_chunks, "empty", empty)


@pytest.fixture
def in_chunks(monkeypatch):
    for name, value in {"LENGTH": 4, "TILE": 4, "FEWEST": 1}.items():
        monkeypatch.setattr(memory_chunks, name, value)


def assert_near(ours, theirs, tolerance):
    for own, one in zip(ours, theirs, strict=True):
        scale = 1 + one.abs().max()
        torch.testing.assert_close(own.double() / scale, one / scale, rtol=0, atol=tolerance)


@each_kind
@pytest.mark.parametrize(("steps", "batch", "heads", "keys", "units"), [(5, 2, 2, 3, 5), (2, 1, 1, 9, 140)])
def test_outputs_memories_and_every_gradient(steps, batch, heads, keys, units, kind):
    given = drawn(steps, batch, heads, keys, units=units, **kind)
    resets = torch.zeros(steps, batch, dtype=torch.bool)
    resets[[1, steps // 2], [0, batch - 1]] = True
    assert_near(*(results(one, given, heads, resets) for one in (read_memories, by_steps)), 1e-14)


def test_more_tiles_of_units_than_parts_of_a_gradient(monkeypatch):
    monkeypatch.setattr(memory, "MOST_PARTS", 2)
    monkeypatch.setattr(memory, "BACKWARD", 2)
    given = drawn(1, 1, 1, 2, units=5)
    assert_near(*(results(one, given, 1) for one in (read_memories, by_steps)), 1e-14)


def of_heads(steps, batch, heads, keys, units):
    """In float32 and in float64, with factors of heads in 0..1."""
    exact = drawn(steps, batch, heads, keys, units=units, by_head=True)
    with torch.no_grad():
        exact[1].copy_(exact[1].sigmoid())
    narrow = [None if one is None else one.detach().float().requires_grad_() for one in exact]
    return narrow, exact


@pytest.mark.parametrize(("steps", "batch", "heads", "keys", "units"), [(9, 1, 2, 5, 6), (4, 2, 1, 3, 1)])
def test_chunks_of_steps(in_chunks, steps, batch, heads, keys, units):
    narrow, exact = of_heads(steps, batch, heads, keys, units)
    with torch.no_grad():
        exact[1][2] = narrow[1][2] = 0.0
    resets = torch.zeros(steps, batch, dtype=torch.bool)
    resets[1, 0] = True
    pair = (read_memories, narrow), (by_steps, exact)
    assert_near(*(results(one, given, heads, resets) for one, given in pair), 2e-6)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 3.0])
@pytest.mark.parametrize("name", ["a", "u"])
def test_what_would_spread_in_a_chunk_is_computed_step_by_step(in_chunks, name, value):
    narrow, exact = of_heads(4, 1, 2, 2, 2)
    with torch.no_grad():
        for given in (narrow, exact):
            given[NAMES.index(name)][2, 0, 0] = value
    ours, theirs = results(read_memories, narrow, 2), results(by_steps, exact, 2)
    assert ours[0][:2].isfinite().all()
    for own, one in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own.double(), one, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_a_loss_that_reads_one_result_only():
    given = drawn(1, 1, 1, 1)
    for reads in ((True, False), (False, True)):
        ours, theirs = (results(one, given, 1, reads=reads) for one in (read_memories, by_steps))
        assert_near(ours, [torch.zeros_like(ours[0]) if one is None else one for one in theirs], 1e-15)


@each_kind
def test_nan_stays_in_its_row_and_after_its_step(kind):
    given = drawn(3, 2, 2, 3, **kind)
    with torch.no_grad():
        given[3][1, 0, 0] = torch.nan
        read, final = read_memories(given[0], tuple(given[1:]), 2)
    assert read[1:, 0, 0].isnan().all()
    assert not read[0].isnan().any()
    assert read.isnan().sum() == 2
    assert final.isnan().sum() == 3


VARIANTS = {
    "resets": {"resets": torch.tensor([[False] * 3, [True, False, False], [True] * 3])},
    "everything": {"lengths": torch.tensor([3, 0, 2]), "reverse": True, "trace": True},
}


@pytest.mark.parametrize("how", VARIANTS)
@pytest.mark.parametrize("cell", [MLSTM, HGRN2, Decaying], ids=lambda one: one.__name__)
def test_cells_in_float32(cell, how, monkeypatch, in_chunks):
    monkeypatch.setattr(matrix_memory, "Native", lambda: backend.Triton("cpu"))
    monkeypatch.setattr(backend, "FEWEST_STEPS", 1)
    exact = request_for(cell, steps=3, units=6, **VARIANTS[how])
    if how == "resets" and "m" in exact.state:  # numbers of heads, in each of the same value
        exact.state["m"] = torch.zeros_like(exact.state["m"])

    def narrow(given):
        return {name: one.detach().float().requires_grad_(one.requires_grad) for name, one in given.items()}

    inputs = narrow({"": exact.inputs})[""]
    request = replace(exact, inputs=inputs, parameters=narrow(exact.parameters), state=narrow(exact.state))
    assert_near(differentiated(MEMORY, request), differentiated(REFERENCE, exact), 2e-6)


def differentiated(backend, request):
    """Everything that is computed, and the gradients of all that has one."""
    result = backend.run(request)
    traced = [*result.trace.states.values(), *result.trace.gates.values()] if request.trace else []
    found = [result.output, *result.final.values(), *traced]
    loss = sum((place + 1) * one.sin().sum() for place, one in enumerate(found))
    given = [request.inputs, *request.parameters.values(), *request.state.values()]
    wanted = [one for one in given if one.requires_grad]
    return [*found, *torch.autograd.grad(loss, wanted, materialize_grads=True)]
