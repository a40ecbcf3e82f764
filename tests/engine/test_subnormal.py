"""Subnormal numbers: flushed in kernels, in the reference and within a scope, and nowhere else."""

import shutil
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

import gatewise
from gatewise.cells import GRU, LSTM, RNN, mdlstm
from gatewise.compiler.program import PLAIN
from gatewise.engine import build, reference, subnormal
from gatewise.engine.compiling import BuildError, compiler
from gatewise.engine.diagonals import over_lattice
from gatewise.engine.kernel import Kernel
from gatewise.engine.native import Native, _along
from gatewise.engine.reference import Reference
from gatewise.errors import GatewiseError
from tests.engine import test_lattice, test_native

STEPS = 120
CALLS = {
    "float32": (LSTM, torch.float32, torch.float32),
    "float64": (LSTM, torch.float64, torch.float64),
    "bfloat16": (GRU, torch.float32, torch.bfloat16),
}


@pytest.fixture(autouse=True)
def _compiler():
    try:
        compiler()
    except BuildError as error:
        pytest.skip(str(error))


@pytest.fixture
def flushing():
    """The calling thread as a user may have left it: it flushes; PyTorch's other threads don't."""
    modes()  # so that all threads are there
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


def modes():
    """Where a product that all of PyTorch's threads share is flushed; all `False` in a new process."""
    return torch.full((1_000_000,), 1e-39).mul(1.0).view(torch.int32) == 0


def subnormal_count(tensors):
    """How many of the numbers are subnormal, by their bits."""
    count = 0
    for one in tensors:
        bits, fraction = (torch.int32, 23) if one.dtype == torch.float32 else (torch.int64, 52)
        magnitude = one.detach().contiguous().view(bits) & torch.iinfo(bits).max
        count += int(((magnitude > 0) & (magnitude < 1 << fraction)).sum())
    return count


def vanishing(cell, dtype, steps=STEPS, batch=3, hidden=20):
    """A request whose gradient vanishes on its way back, and whose memory decays from its initial state."""
    request = test_native.request_for(cell, (steps, batch, 2, hidden), dtype)
    for name, one in request.parameters.items():
        one.data.mul_(0.1) if "weight" in name else one.data.fill_(-1.0 if dtype == torch.float32 else -5.0)
    request.inputs.data.zero_()
    return request


def last_step(result):
    """A loss at the last step alone."""
    return result.output[-1].sum()


def gradients(run, request, loss=last_step):
    result = run(request)
    leaves = [request.inputs, *request.parameters.values(), *request.state.values()]
    return [result.output.detach(), *torch.autograd.grad(loss(result), leaves)]


def unflushed(request):
    return reference.along(request)[0]


@pytest.mark.parametrize("kind", CALLS)
def test_kernels_flush_results_and_operands(kind):
    cell, dtype, factors = CALLS[kind]
    request = vanishing(cell, dtype)
    plain = gradients(unflushed, request)
    assert subnormal_count(plain) > 0
    with torch.autocast("cpu", dtype=factors) if factors == torch.bfloat16 else nullcontext():
        found = gradients(Native().run, request)
    assert subnormal_count(found) == 0


def test_kernels_over_a_lattice_flush():
    request = test_lattice.request_for(mdlstm(2), (16, 16), batch=4, hidden=16, dtype=torch.float32)
    for name, one in request.parameters.items():
        one.data.mul_(0.1) if one.dim() > 1 else one.data.fill_(-4.0 if "bias" in name else 0.0)

    def loss(result):
        return result.output[-1, -1].sum()

    assert subnormal_count(gradients(over_lattice, request, loss)) > 0
    assert subnormal_count(gradients(Native().run, request, loss)) == 0


@pytest.mark.thorough
def test_a_kernel_that_flushes_differs_by_less_than_1e_30(monkeypatch, tmp_path):
    headers = shutil.copytree(build.HEADERS, tmp_path / "headers")
    header = headers / "flush.h"
    header.write_text(
        header.read_text().replace("bits = 0x8000 | 0x0040", "bits = 0").replace("1 << 24", "0")
    )
    with monkeypatch.context() as patch:
        patch.setattr(build, "HEADERS", headers)
        never = Kernel(RNN, PLAIN, torch.float32)
    request = vanishing(RNN, torch.float32)
    plain = gradients(lambda one: _along(never, [one])[0], request)
    assert subnormal_count(plain) > 0
    flushed = gradients(Native().run, request)
    assert subnormal_count(flushed) == 0
    for ours, theirs in zip(flushed, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-30)


@pytest.mark.parametrize("way", ["reference", "scope"])
def test_pytorch_within_a_scope_differs_by_less_than_1e_30(way):
    request = vanishing(LSTM, torch.float32)
    plain = gradients(unflushed, request)
    if way == "reference":
        flushed = gradients(Reference().run, request)
        assert subnormal_count(flushed[:1]) == 0
    else:
        with gatewise.flush_subnormals():
            flushed = gradients(unflushed, request)
        assert subnormal_count(flushed) == 0
    for ours, theirs in zip(flushed, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-30)


def users():
    """Calls of every kind that a user may make."""
    for layer, shape in (
        (gatewise.LSTM(4, 32, bidirectional=True), (20, 24, 4)),
        (gatewise.MDLSTM(2, 16), (4, 5, 6, 2)),
    ):
        layer(torch.randn(*shape))[0].sum().backward()
    with gatewise.backend("reference"):
        gatewise.GRU(4, 32)(torch.randn(3, 24, 4))[0].sum().backward()
    with gatewise.flush_subnormals(), gatewise.flush_subnormals():
        assert modes().all()
        torch.nn.Linear(300, 300)(torch.randn(300, 300)).sum().backward()


@pytest.mark.parametrize("before", ["ordinary", "flushing"])
def test_every_thread_has_its_mode_again(before, request):
    if before == "flushing":
        request.getfixturevalue("flushing")
    found = modes()
    assert found.any() == (before == "flushing")
    users()
    assert torch.equal(modes(), found)


@pytest.mark.parametrize("library", ["compiled", "none"])
def test_an_error_restores_the_mode_too(library, monkeypatch):
    if library == "none":
        monkeypatch.setattr(subnormal, "_library", lambda: None)
    found = modes()
    with pytest.raises(ZeroDivisionError), gatewise.flush_subnormals():
        print(1 / int(not modes().any()))
    request = vanishing(RNN, torch.float32)
    with pytest.raises(GatewiseError, match="expected resets of shape"):
        Reference().run(replace(request, resets=torch.zeros(1, 2, 3, dtype=torch.bool)))
    assert torch.equal(modes(), found)


def test_without_a_compiler_the_calling_thread_flushes(monkeypatch, flushing):
    monkeypatch.setattr(subnormal, "_library", lambda: None)
    found = modes()
    with gatewise.flush_subnormals():
        assert modes().any()
    assert torch.equal(modes(), found)  # it flushed before, and still does


def test_fewer_and_more_threads_within_a_scope():
    found, threads = modes(), torch.get_num_threads()
    try:
        for within in (1, threads + 1):
            with gatewise.flush_subnormals():
                torch.set_num_threads(within)
                assert modes().all()
            assert not modes().any()
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(modes(), found)
