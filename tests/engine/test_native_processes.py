"""The native backend in rough surroundings: forked processes, several threads, spoilt memory, hard values."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import gatewise
from gatewise.cells import LSTM, cells
from gatewise.compiler.stages import plan
from gatewise.engine import kernel as kernel_module
from gatewise.engine import workspace
from gatewise.engine.build import BuildError, built
from gatewise.engine.native import Native
from gatewise.engine.reference import Reference
from tests.engine.test_native import TOLERANCE, assert_same, request_for, results

CELLS = [cells()[name] for name in ("LSTM", "GRU", "LayerNormLSTM", "ChoGRU")]
WAYS = [(1, False, True), (2, False, False), (2, True, False)]  # threads, share units, ahead
SIZES = (8, 24, 8, 64)  # enough work for several threads
PATIENCE = 5.0  # seconds, for what takes a fraction of one

every_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda one: one.__name__)
every_way = pytest.mark.parametrize("way", WAYS, ids=str)
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def run_through(layer, values):
    """Output and a gradient of a layer, with as many threads as there are for its work."""
    output = layer(values)[0]
    return output.detach(), *torch.autograd.grad(output.sum(), list(layer.parameters()))


def layer_and_values():
    steps, batch, inputs, hidden = SIZES
    return gatewise.LSTM(inputs, hidden), torch.randn(steps, batch, inputs)


def assert_equal(ours, theirs, tolerance=0.0):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


class Worked(Dataset):
    """Examples that a layer makes."""

    def __init__(self, layer, values):
        self.layer, self.values = layer, values

    def __len__(self):
        return 4

    def __getitem__(self, place):
        return run_through(self.layer, self.values)


@forks
def test_workers_of_a_data_loader(two_threads):
    layer, values = layer_and_values()
    expected = run_through(layer, values)
    dataset = Worked(layer, values)
    loader = DataLoader(
        dataset, None, num_workers=2, timeout=6 * PATIENCE, multiprocessing_context="fork"
    )  # a worker has one thread
    for found in loader:
        assert_equal(found, expected, 1e-4)


@forks
def test_a_forked_child_that_had_several_threads(two_threads):
    layer, values = layer_and_values()
    expected = run_through(layer, values)
    child = os.fork()
    if child == 0:
        try:
            assert_equal(run_through(layer, values), expected, 1e-4)
            os._exit(0)
        finally:
            os._exit(1)
    end, (done, status) = time.monotonic() + PATIENCE, (0, 0)
    try:
        while not done and time.monotonic() < end:
            time.sleep(0.01)
            done, status = os.waitpid(child, os.WNOHANG)
    finally:
        if not done:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert done, "the child hangs"
    assert status == 0


@every_cell
def test_as_many_threads_backward_as_one_likes(monkeypatch, cell):
    request = request_for(cell, (5, 7, 3, 40), lengths=torch.tensor([5, 0, 3, 5, 1, 2, 4]))
    for recompute in (False, True):
        request = replace(request, recompute=recompute)
        expected = results(Reference(), request)
        for forward, backward in product(WAYS, repeat=2):
            ways = iter([forward, backward])
            monkeypatch.setattr(kernel_module, "plan_threads", lambda *given, ways=ways: next(ways))
            assert_equal(results(Native(), request), expected, 1e-11)


@pytest.mark.parametrize("threads", [2, 3])
def test_units_that_do_not_divide_evenly_among_threads(monkeypatch, threads):
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: (threads, True, True))
    for hidden in range(96, 240, 8):  # of a GRU, whose gradient by the state is added to in two places
        assert_same(request_for(cells()["GRU"], (2, 2, 3, hidden)), 1e-11)


def test_the_number_of_threads_changes_between_calls(two_threads):
    request = request_for(LSTM, SIZES)
    for threads in (2, 1, 3, 2):
        torch.set_num_threads(threads)
        assert (
            kernel_module.plan_threads(SIZES[:1], SIZES[1], 4 * SIZES[3] * (SIZES[2] + SIZES[3]))[0]
            == threads
        )
        assert_same(request, 1e-11)


def test_calls_of_different_shapes_from_several_threads_at_once(two_threads):
    sizes = [SIZES, (3, 50, 5, 65), (30, 2, 9, 90), (2, 1, 3, 4)]
    requests = [request_for(cell, size) for cell in (LSTM, CELLS[2]) for size in sizes]
    expected = [results(Native(), one) for one in requests]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda one: results(Native(), one), 4 * requests))
    for ours, theirs in zip(found, 4 * expected, strict=True):
        assert_equal(ours, theirs, 1e-11)


@pytest.fixture
def _memory_full_of_nan(monkeypatch):
    """Memory that nobody has written yet holds NaN, new as well as used."""
    take = workspace.take
    monkeypatch.setattr(workspace, "take", lambda size: take(size).fill_(255))  # all bits set: NaN
    workspace.release()
    torch.use_deterministic_algorithms(True)  # PyTorch then fills its own so, too
    assert torch.empty(100).isnan().all()
    assert workspace.take(800).view(torch.float64).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)
    workspace.release()


@pytest.mark.usefixtures("_memory_full_of_nan")
@every_cell
@every_way
def test_memory_full_of_nan_makes_no_difference(monkeypatch, cell, way):
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: way)
    for sizes in [(1, 1, 1, 1), (5, 7, 3, 17), (4, 2, 5, 90), (9, 40, 3, 100)]:
        steps, batch = sizes[:2]
        lengths, resets = torch.arange(batch) % (steps + 1), torch.rand(steps, batch) < 0.3
        for more in (
            {},
            {"lengths": lengths, "trace": True},
            {"lengths": lengths.flip(0), "resets": resets, "reverse": True, "recompute": True},
        ):
            request = request_for(cell, sizes, **more)
            assert_same(request, 1e-11)
            by_batch = request.inputs.detach().transpose(0, 1).contiguous().transpose(0, 1)
            assert_same(replace(request, inputs=by_batch.requires_grad_()), 1e-11)
            with torch.no_grad():
                ours, theirs = (backend.run(request) for backend in (Native(), Reference()))
            assert_equal([ours.output, *ours.final.values()], [theirs.output, *theirs.final.values()], 1e-11)


@every_cell
@every_way
def test_nan_stays_in_its_sequence_backward_too(monkeypatch, cell, way):
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: way)
    request = request_for(cell, (4, 9, 3, 17), lengths=torch.tensor([4, 4, 0, 3, 4, 1, 4, 2, 4]))
    spoilt = request.inputs.detach().clone()
    spoilt[1, 4] = torch.nan
    spoilt = replace(request, inputs=spoilt.requires_grad_())
    others, states = torch.arange(9) != 4, len(cell.state)
    clean, found = results(Reference(), request), results(Native(), spoilt)
    for ours, theirs in zip(found[: 2 + states], clean[: 2 + states], strict=True):  # and by the inputs
        rows = (..., others, slice(None))
        torch.testing.assert_close(ours[rows], theirs[rows])
    assert_equal([one[others] for one in found[-states:]], [one[others] for one in clean[-states:]], 1e-9)
    assert found[1 + states][0, 4].isnan().any()  # the NaN goes back to earlier steps of its own sequence


@every_cell
@every_way
def test_whatever_lies_beyond_a_length(monkeypatch, cell, way):
    monkeypatch.setattr(kernel_module, "plan_threads", lambda *given: way)
    lengths = torch.tensor([4, 0, 3, 1, 2])
    request = request_for(cell, (4, 5, 3, 17), lengths=lengths)
    inputs = request.inputs.detach().clone()
    inputs[torch.arange(4)[:, None] >= lengths] = torch.nan
    for reverse in (False, True):
        assert_same(replace(request, inputs=inputs.requires_grad_(), reverse=reverse), 1e-11)


@every_cell
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("size", [1e4, 1e-40])
def test_gradients_of_huge_and_of_denormal_values(cell, dtype, size):
    request = request_for(cell, (4, 5, 3, 17), dtype)
    signs = torch.randn(4, 5, 3).sign().to(dtype)
    state = {name: (size * one.sign()).detach().requires_grad_() for name, one in request.state.items()}
    request = replace(request, inputs=(size * signs).requires_grad_(), state=state)
    assert all(one.isfinite().all() for one in results(Native(), request))
    assert_same(request, TOLERANCE[dtype])
