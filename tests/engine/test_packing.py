"""Packed weights: every change of any bit is found, and threads share only what is complete."""

import ctypes
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, product

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import GRU, LSTM, RNN
from gatewise.compiler.program import PLAIN, Extras
from gatewise.compiler.stages import plan
from gatewise.engine import kernel as kernel_module
from gatewise.engine import workspace
from gatewise.engine.build import BuildError, built
from gatewise.engine.kernel import kernel
from gatewise.engine.packing import MAX_ENTRIES, WeightCache, Weights
from gatewise.errors import GatewiseError
from tests.engine.test_native import BY_TYPE, request_for

DTYPES = [torch.float32, torch.float64]
every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@pytest.fixture(autouse=True)
def _compiler():
    try:
        built(plan(LSTM), "float")
    except BuildError as error:
        pytest.skip(str(error))


class Packed:
    """A cell's parameters, packed once; `numbers` are theirs to be changed, and their bits."""

    def __init__(self, cell, dtype, inputs, hidden):
        self.kernel = kernel(cell, PLAIN, dtype)
        self.run = self.kernel.prepare(request_for(cell, (1, 1, inputs, hidden), dtype))
        self.numbers = {name: one.detach().numpy() for name, one in self.run.parameters.items()}
        whole = np.uint32 if dtype == torch.float32 else np.uint64
        self.bits = {name: one.reshape(-1).view(whole) for name, one in self.numbers.items()}
        self.problem = self.kernel.problem(
            self.run, self.kernel.addresses(self.run.parameters), (1, False, True)
        )
        self.memory = workspace.empty((self.kernel.sizes(self.problem)[0],), torch.uint8)
        self.arguments = self.problem.buffer_info()[0], self.memory.data_ptr()
        self.pack()

    def pack(self):
        assert self.kernel.library.pack(*self.arguments)

    def same(self):
        return bool(self.kernel.library.same(*self.arguments))

    def missed(self, name, changes):
        """The changes of a parameter, functions of its numbers by label, that are not found."""
        numbers = self.numbers[name]
        before, missed = numbers.copy(), []
        for label, change in changes:
            numbers[...] = change(before.copy())
            changed = numbers.tobytes() != before.tobytes()
            if self.same() == changed:
                missed.append(label)
        numbers[...] = before
        assert self.same()
        return missed


def structured(blocks):
    """Changes that leave much as it was: signs, scales, orders; of all numbers, a gate, some rows."""
    scales = (-1.0, 0.5, 2.0, 4.0, 1 / 16, -2.0, 2.0**-20)
    for scale in scales:
        yield f"all by {scale}", lambda one, scale=scale: one * one.dtype.type(scale)

    def part(one, rows, scale):
        one[rows] *= one.dtype.type(scale)
        return one

    for scale, block in product(scales, range(blocks)):

        def gate(one, scale=scale, block=block):
            units = len(one) // blocks
            return part(one, slice(block * units, (block + 1) * units), scale)

        yield f"gate {block} by {scale}", gate
    for scale in scales:
        yield f"rows 0, 1 by {scale}", lambda one, scale=scale: part(one, slice(2), scale)
        yield f"every second row by {scale}", lambda one, scale=scale: part(one, slice(None, None, 2), scale)
    for first, second in combinations(range(0, 8 * blocks, 3), 2):

        def swapped(one, first=first, second=second):
            one[[first, second]] = one[[second, first]]
            return one

        yield f"rows {first}, {second} swapped", swapped
    for first, second in combinations(range(blocks), 2):

        def gates(one, first=first, second=second):
            apart = one.reshape(blocks, -1).copy()
            apart[[first, second]] = apart[[second, first]]
            return apart.reshape(one.shape)

        yield f"gates {first}, {second} swapped", gates
    yield "rows rolled", lambda one: np.roll(one, 1, 0)
    yield "rows reversed", lambda one: one[::-1]
    yield "numbers rolled", lambda one: np.roll(one.reshape(-1), 1).reshape(one.shape)
    yield "numbers reversed", lambda one: one.reshape(-1)[::-1].reshape(one.shape)


@pytest.mark.parametrize(("dtype", "cell"), BY_TYPE)
def test_signs_scales_and_orders_of_every_parameter(dtype, cell):
    packed = Packed(cell, dtype, 8, 8)
    for name, numbers in packed.numbers.items():
        assert not packed.missed(name, structured(len(numbers) // 8)), name


@every_dtype
def test_weights_that_are_alike(dtype):
    for hidden in (16, 64):
        packed = Packed(LSTM, dtype, hidden, hidden)
        for value in (0.0, 1.0, -0.5):
            for numbers in packed.numbers.values():
                numbers[...] = value
            packed.pack()
            for name in packed.numbers:
                assert not packed.missed(name, structured(4)), (hidden, value, name)


@every_dtype
def test_every_single_bit(dtype):
    packed = Packed(GRU, dtype, 3, 7)
    for bits in packed.bits.values():
        for place, shift in product(range(len(bits)), range(8 * bits.itemsize)):
            bits[place] ^= bits.dtype.type(1 << shift)
            assert not packed.same(), (place, shift)
            bits[place] ^= bits.dtype.type(1 << shift)
    assert packed.same()


@every_dtype
def test_every_pair_of_bits_in_one_lane_and_swaps(dtype):
    packed = Packed(RNN, dtype, 1, 40)  # 1600 recurrent weights: several blocks of the fingerprint
    bits = packed.bits["weight_hh"]
    lane = 64 // bits.itemsize  # numbers after which a lane returns
    width = 8 * bits.itemsize
    for distance in (1, lane // 8, lane, 2 * lane, 16 * lane):
        for first, second in product(range(0, width, 2), range(width)):
            for place, shift in ((5, first), (5 + distance, second)):
                bits[place] ^= bits.dtype.type(1 << shift)
            assert not packed.same(), (distance, first, second)
            for place, shift in ((5, first), (5 + distance, second)):
                bits[place] ^= bits.dtype.type(1 << shift)
    chance = np.random.default_rng(0)
    for _ in range(2000):
        one, other = chance.choice(len(bits), 2, replace=False)
        for change in ("swap", "signs"):
            before = bits[[one, other]]
            bits[[one, other]] = (
                before[::-1] if change == "swap" else before ^ bits.dtype.type(1 << (width - 1))
            )
            assert not packed.same(), (change, one, other)
            bits[[one, other]] = before
    assert packed.same()


CHANGES = {
    "negated": lambda one: one.neg_(),
    "halved": lambda one: one.mul_(0.5),
    "doubled, behind PyTorch's back": lambda one: one.data.mul_(2),
    "negated copy": lambda one: one.copy_(-one),
    "rows swapped": lambda one: one[:2].copy_(one[:2].flip(0)),
    "two signs": lambda one: one.view(-1)[0:65:64].neg_(),
}


@every_dtype
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize("layer", [gatewise.LSTM, gatewise.GRU, gatewise.RNN])
def test_a_layer_follows_every_change(layer, steps, training, dtype):
    layer = layer(16, 16, dtype=dtype)
    values = torch.randn(steps, 3, 16, dtype=dtype)

    def results():
        with torch.set_grad_enabled(training):
            output = layer(values)[0]
            return [
                output,
                *(torch.autograd.grad(output.sum(), list(layer.parameters())) if training else ()),
            ]

    for name, change in product(dict(layer.named_parameters()), CHANGES):
        results()
        with torch.no_grad():
            CHANGES[change](getattr(layer, name))
        with gatewise.backend("reference"):
            expected = results()
        torch.testing.assert_close(results(), expected, msg=f"{name}, {change}")


@pytest.mark.parametrize("steps", [1, 6])
def test_calls_of_equal_shapes_follow_storage_threads_modes_and_dtypes(steps):
    """Calls share what depends on shapes and options alone."""
    layer, values = gatewise.LSTM(16, 16), torch.randn(steps, 2, 16)

    def compare():
        with gatewise.backend("reference"):
            expected = layer(values)
        found = layer(values)
        torch.testing.assert_close(found, expected)
        return found[0].requires_grad

    assert compare()
    layer.weight_hh_l0.data = torch.randn(16, 64).T  # another storage, other strides
    assert compare()
    layer.requires_grad_(False)
    assert not compare()
    layer.weight_ih_l0.requires_grad_()
    assert compare()
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert compare()
    finally:
        torch.set_num_threads(threads)
    layer.double()
    values = values.double()
    assert compare()
    layer.weight_hh_l0.data = torch.randn(64, 15, dtype=torch.float64)
    with pytest.raises(GatewiseError, match="weight_hh"):
        layer(values)


def test_threads_meet_new_weights_while_others_train():
    """Eight threads call two layers whose weights are new in each round; two of them also train."""
    layers, values = [gatewise.LSTM(256, 256), gatewise.GRU(256, 200)], torch.randn(3, 2, 256)
    alone, barrier = [trained(number) for number in range(2)], threading.Barrier(8)

    def work(number):
        barrier.wait()
        own = trained(number) if number < 2 else None
        order = layers if number % 2 else layers[::-1]
        with torch.no_grad():
            return own, {layer: layer(values)[0] for layer in order}

    with ThreadPoolExecutor(8) as pool:
        for _ in range(12):
            with torch.no_grad():
                for one in (one for layer in layers for one in layer.parameters()):
                    one.copy_(torch.randn_like(one) / 16)
            found = list(pool.map(work, range(8)))
            with torch.no_grad():
                expected = {layer: layer(values)[0] for layer in layers}
            for own, outputs in found:
                assert all(torch.equal(outputs[layer], expected[layer]) for layer in layers)
                assert own is None or any(torch.equal(own, one) for one in alone)


def trained(number):
    """The output of a layer after some steps of a training of its own."""
    chance = torch.Generator().manual_seed(number)
    layer, values = gatewise.LSTM(16, 48), torch.randn(5, 3, 16, generator=chance)
    with torch.no_grad():
        for one in layer.parameters():
            one.copy_(torch.randn(one.shape, generator=chance) / 4)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    for _ in range(5):
        optimizer.zero_grad()
        layer(values)[0].square().mean().backward()
        optimizer.step()
    return layer(values)[0].detach()


class Library:
    """Takes the place of a compiled cell: the packed memory begins with the version of the weights."""

    def __init__(self):
        self.version, self.packings, self.written_meanwhile = 1, 0, False

    def same(self, problem, address):
        return ctypes.c_uint8.from_address(address).value == self.version

    def pack(self, problem, address):
        self.packings += 1
        ctypes.c_uint8.from_address(address).value = self.version
        return not self.written_meanwhile


def test_what_changed_while_it_was_packed_is_used_once_and_not_kept():
    library, weights = Library(), Weights([])
    library.written_meanwhile = True
    assert weights.ready(library, 0, 8)[0] == 1
    assert weights.packed is None
    library.written_meanwhile = False
    kept = weights.ready(library, 0, 8)
    assert weights.ready(library, 0, 8) is kept
    assert library.packings == 2


def test_packed_memory_is_never_written_again():
    library, weights = Library(), Weights([])
    old = weights.ready(library, 0, 1 << 16)
    library.version = 2
    new = weights.ready(library, 0, 1 << 16)
    assert (old[0], new[0]) == (1, 2)
    assert old.data_ptr() != new.data_ptr()


def test_threads_that_ask_for_a_kernel_at_once_get_the_same(monkeypatch):
    made, barrier = [], threading.Barrier(4)

    class Slow:
        def __init__(self, *key):
            time.sleep(0.1)
            made.append(key)

    def ask(_):
        barrier.wait()
        return kernel(LSTM, Extras(True, ("h",), True), torch.float64)

    monkeypatch.setattr(kernel_module, "Kernel", Slow)
    monkeypatch.setattr(kernel_module, "_kernels", {})
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == len(made) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_that_is_forked_while_a_thread_packs():
    layer, values = gatewise.LSTM(3, 4), torch.randn(5, 2, 3)
    with torch.no_grad():
        expected = layer(values)[0]
        weights = list(kernel(LSTM, PLAIN, torch.float32).weights._known.values())
        for lock in (workspace._lock, *(one.lock for one in weights)):
            lock.acquire()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that waits for ever is killed
            layer.bias_ih_l0 += 1
            found = layer(values)[0]
            os._exit(int(torch.equal(found, expected)))
        for lock in (workspace._lock, *(one.lock for one in weights)):
            lock.release()
    assert os.waitpid(child, 0)[1] == 0


def test_the_least_recently_used_weights_are_dropped():
    shelf = WeightCache()
    first = shelf.find(0, list)
    for key in range(1, MAX_ENTRIES):
        shelf.find(key, list)
    assert shelf.find(0, list) is first
    shelf.find(MAX_ENTRIES, list)  # in the place of 1
    assert shelf.find(0, list) is first
