"""Affine recurrences in chunks of steps, in Triton's interpreter, against the reference in float64."""

from dataclasses import replace

import pytest
import torch

from gatewise.cells import Cell, R, W, b, cells, normalize, p, prev, sigmoid, tanh, x
from gatewise.compiler.stages import plan
from gatewise.engine.reference import Reference
from gatewise.engine.triton import scan
from gatewise.engine.triton.backend import Triton
from gatewise.engine.triton.choice import ONE_LAUNCH, SCAN, choose, schedules
from gatewise.engine.triton.costs import Call
from gatewise.engine.triton.weights import Sizes
from tests.engine.test_native import request_for, results
from tests.engine.triton.comparison import assert_same

CHUNK = 4
STEPS = 2 * CHUNK + 1


class Pair(Cell):
    """Two states that turn into each other, with vectors, and a third that reads both."""

    state = ("y", "h", "g")
    a = sigmoid(W.a @ x + b.a)
    c = tanh(W.c @ x)
    h = a * prev.h - (1 - a) * tanh(p.g) * prev.g + W.i @ x
    g = -prev.g * c / 2 + prev.h / (2 + a)
    y = tanh(h) * prev.y * tanh(g) + c


class Stages(Cell):
    """A normalized candidate, and products of new states, which no step after reads."""

    state = ("y", "h", "k")
    z = sigmoid(W.z @ x)
    o = sigmoid(W.o @ x)
    k = sigmoid(p.k) * prev.k + z
    h = (1 - z) * prev.h + z * normalize.n(W.n @ x)
    y = o * tanh(R.h @ h + R.z @ z) + h


class Later(Cell):
    """A state of a second stage, with a factor, that adds one of the first."""

    state = ("y", "h")
    h = sigmoid(W.a @ x) * prev.h + W.c @ x
    o = sigmoid(R.o @ h)
    y = o * prev.y + h


CELLS = [*(cells()[name] for name in ("MinGRU", "MinLSTM", "LRU", "RGLRU", "QRNN")), Pair, Stages, Later]
each_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda one: one.__name__)


@pytest.fixture
def chunks(monkeypatch):
    """All calls run in short chunks, and at least one does; the returned list has the numbers of chunks."""
    found, find = [], scan.Scan.find

    def counted(own, *given):
        found.append(own.chunks)
        return find(own, *given)

    monkeypatch.setattr(scan.Scan, "find", counted)
    monkeypatch.setattr(scan, "chunk_of", lambda plan, steps: CHUNK)
    with schedules(SCAN):
        yield found
    assert found, "no call ran in chunks"


in_chunks = pytest.mark.usefixtures("chunks")


@each_cell
def test_lengths_resets_and_zoneout(cell, chunks):
    """Resets are before the first step of a chunk, and before the second."""
    resets = torch.zeros(STEPS, 4, dtype=torch.bool)
    for step, row in ((CHUNK, 0), (1, 2), (2 * CHUNK, 2), (0, 3), (CHUNK + 1, 3)):
        resets[step, row] = True
    more = {"lengths": torch.tensor([STEPS, 0, STEPS, CHUNK + 2]), "resets": resets}
    zoneout = {cell.state[0]: 0.25}
    assert_same(request_for(cell, (STEPS, 4, 3, 5), torch.float32, zoneout=zoneout, trace=True, **more))
    assert {*chunks} == {3}


@in_chunks
@pytest.mark.parametrize("name", ["LRU", "QRNN"])
def test_whole_chunks_and_a_projection(name):
    assert_same(request_for(cells()[name], (2 * CHUNK, 2, 1, 2), torch.float32, projected=3, recompute=True))


@in_chunks
@pytest.mark.parametrize("cell", [cells()["LRU"], Stages], ids=lambda one: one.__name__)
def test_heads(cell):
    assert_same(request_for(cell, (CHUNK + 1, 2, 1, 4), torch.float32, heads=2))


def test_stages_without_chunks():
    lengths = torch.tensor([CHUNK, 1])
    with schedules(ONE_LAUNCH):
        assert_same(request_for(Stages, (CHUNK, 2, 3, 5), torch.float32, lengths=lengths, trace=True))


@in_chunks
def test_many_tiles():
    request = request_for(cells()["RGLRU"], (CHUNK + 1, 2, 3, 130), torch.float32)
    assert_same(replace(request, lengths=torch.tensor([CHUNK + 1, 2]), reverse=True))


@in_chunks
def test_nan_passes_to_later_steps_up_to_a_reset():
    """Even where factors between chunks are zero."""
    request = request_for(cells()["MinGRU"], (4 * CHUNK, 2, 1, 1), torch.float32)
    values = torch.zeros_like(request.inputs)
    values[0] = torch.nan
    resets = torch.zeros(4 * CHUNK, 2, dtype=torch.bool)
    resets[2 * CHUNK + 1, 1] = True
    saturated = {name: torch.full_like(one, 50.0) for name, one in request.parameters.items()}
    output = Triton("cpu").run(replace(request, inputs=values, parameters=saturated, resets=resets)).output
    assert output[:, 0].isnan().all()
    assert output[: 2 * CHUNK + 1, 1].isnan().all()
    assert not output[2 * CHUNK + 1 :, 1].isnan().any()


class Swap(Cell):
    """Two states, each of which every second step depends on."""

    state = ("h", "g")
    h = prev.g + W.c @ x
    g = -prev.h / 2


@in_chunks
@pytest.mark.parametrize("cell", [cells()["LRU"], Swap], ids=lambda one: one.__name__)
def test_nan_reaches_the_states_that_depend_on_it(cell):
    """And no others, in one step of a chunk and in none."""
    request = request_for(cell, (STEPS, 3, 2, 1), torch.float32, lengths=torch.tensor([STEPS, CHUNK + 1, 0]))
    state = {name: one.detach().clone() for name, one in request.state.items()}
    state[cell.state[-2]].fill_(torch.nan)
    request = replace(request, state=state)
    ours, theirs = (one.run(request) for one in (Triton("cpu"), Reference()))
    assert torch.equal(ours.output.isnan(), theirs.output.isnan())
    for name in state:
        assert torch.equal(ours.final[name].isnan(), theirs.final[name].isnan())


@in_chunks
def test_the_same_bits_from_call_to_call():
    request = request_for(cells()["LRU"], (CHUNK + 1, 2, 2, 3), torch.float32)
    first, second = (results(Triton("cpu"), request) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


def test_long_sequences_of_few_rows_are_divided():
    def name(cell, steps, batch):
        call = Call(plan(cells()[cell]), Sizes(steps, batch, 128, (128,), 1), "float32", saves=True)
        return choose(call).name

    assert name("MinGRU", 4096, 1) == "chunked scan"
    assert name("MinGRU", 4096, 4096) == "one launch"
    assert name("MinGRU", 16, 1) == "one launch"
    assert name("SRU", 4096, 1) == "one launch"
