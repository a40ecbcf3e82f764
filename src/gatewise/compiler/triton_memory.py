"""The operation of matrix memories as Triton kernels: `C = (a b^T) * C + u k^T`, `y = C q`, for each head.

A program has one head of one row and some of its units, for all steps: that part of C stays in registers.
Backward, it first computes the memories at the start of each chunk of steps, which it writes to memory, then
from the last chunk to the first those of the chunk's steps, and the gradients. Gradients of keys and queries
are sums over units: each program writes its own part of them, for one tile of units after the other.
"""

from __future__ import annotations

MEMORY_STEPS = '''import triton
import triton.language as tl


@triton.jit
def numbers(array, at, index, size):
    """Some numbers of a head's vector."""
    return tl.load(array + at * size + index, mask=index < size, other=0.0)


@triton.jit
def kept(a, b, at, i, j, units, keys, BY_HEAD: tl.constexpr, BY_KEY: tl.constexpr):
    """The factors of the last memory."""
    if BY_HEAD:
        factor = tl.load(a + at)
    else:
        factor = numbers(a, at, i, units)[:, None]
    if BY_KEY:
        factor = factor * numbers(b, at, j, keys)[None, :]
    return factor


@triton.jit
def after_reset(memory, resets, t, batch, row, RESETS: tl.constexpr):
    """A memory, or zeros."""
    if RESETS:
        memory = tl.where(tl.load(resets + t * batch + row) != 0, 0.0, memory)
    return memory


@triton.jit
def forward(
    fits, initial, a, b, u, k, q, resets, y, final, steps, batch, heads, units, keys,
    BY_HEAD: tl.constexpr, BY_KEY: tl.constexpr, RESETS: tl.constexpr, CHUNKS: tl.constexpr,
    UNITS: tl.constexpr, KEYS: tl.constexpr,
):
    if CHUNKS:
        if tl.load(fits) != 0:
            return
    head = tl.program_id(0).to(tl.int64)
    i, j = tl.program_id(1) * UNITS + tl.arange(0, UNITS), tl.arange(0, KEYS)
    inside = (i < units)[:, None] & (j < keys)[None, :]
    place = (head * units + i[:, None]) * keys + j[None, :]
    memory = tl.load(initial + place, mask=inside, other=0.0)
    for t in tl.range(0, steps, num_stages=3):
        at = head + t * batch * heads
        memory = after_reset(memory, resets, t, batch, head // heads, RESETS)
        written = numbers(u, at, i, units)[:, None] * numbers(k, at, j, keys)[None, :]
        memory = kept(a, b, at, i, j, units, keys, BY_HEAD, BY_KEY) * memory + written
        read = tl.sum(memory * numbers(q, at, j, keys)[None, :], 1)
        tl.store(y + at * units + i, read, mask=i < units)
    tl.store(final + place, memory, mask=inside)


@triton.jit
def advance(
    memory, saved, first, last, a, b, u, k, resets, batch, heads, units, keys, head, i, j, place, inside,
    BY_HEAD: tl.constexpr, BY_KEY: tl.constexpr, RESETS: tl.constexpr, SAVE: tl.constexpr,
):
    """The memory after some steps. SAVE: whether to write the memory before each of them"""
    for t in range(first, last):
        at = head + t * batch * heads
        if SAVE:
            step = tl.cast(t - first, tl.int64) * batch * heads * units * keys
            tl.store(saved + step + place, memory, mask=inside)
        memory = after_reset(memory, resets, t, batch, head // heads, RESETS)
        written = numbers(u, at, i, units)[:, None] * numbers(k, at, j, keys)[None, :]
        memory = kept(a, b, at, i, j, units, keys, BY_HEAD, BY_KEY) * memory + written
    return memory


@triton.jit
def add(array, index, values, known, more):
    """Stores numbers, or adds them to those there."""
    if more:
        values += tl.load(array + index, mask=known, other=0.0)
    tl.store(array + index, values, mask=known)


@triton.jit(do_not_specialize=["steps", "length"])
def backward(
    fits, initial, a, b, u, k, q, resets, by_y, by_final, by_a, by_b, by_u, by_k, by_q, by_initial, starts,
    between, steps, length, batch, heads, units, keys,
    BY_HEAD: tl.constexpr, BY_KEY: tl.constexpr, RESETS: tl.constexpr, CHUNKS: tl.constexpr,
    UNITS: tl.constexpr, KEYS: tl.constexpr,
):
    if CHUNKS:
        if tl.load(fits) != 0:
            return
    head = tl.program_id(0).to(tl.int64)
    part = tl.program_id(1).to(tl.int64) * steps * batch * heads
    chunks = (steps + length - 1) // length
    j = tl.arange(0, KEYS)
    for tile in range(tl.program_id(1), (units + UNITS - 1) // UNITS, tl.num_programs(1)):
        more = tile >= tl.num_programs(1)
        i = tile * UNITS + tl.arange(0, UNITS)
        inside = (i < units)[:, None] & (j < keys)[None, :]
        place = (head * units + i[:, None]) * keys + j[None, :]
        tl.debug_barrier()
        memory = tl.load(initial + place, mask=inside, other=0.0)
        for c in range(0, chunks):
            start = tl.cast(c, tl.int64) * batch * heads * units * keys
            tl.store(starts + start + place, memory, mask=inside)
            memory = advance(
                memory, between, c * length, tl.minimum(steps, (c + 1) * length), a, b, u, k, resets, batch,
                heads, units, keys, head, i, j, place, inside, BY_HEAD, BY_KEY, RESETS, False,
            )
        gradient = tl.load(by_final + place, mask=inside, other=0.0)
        for back in range(0, chunks):
            c = chunks - 1 - back
            first, last = c * length, tl.minimum(steps, (c + 1) * length)
            start = tl.cast(c, tl.int64) * batch * heads * units * keys
            tl.debug_barrier()
            memory = tl.load(starts + start + place, mask=inside, other=0.0)
            advance(
                memory, between, first, last, a, b, u, k, resets, batch, heads, units, keys, head, i, j,
                place, inside, BY_HEAD, BY_KEY, RESETS, True,
            )
            tl.debug_barrier()
            for step in range(0, last - first):
                t = last - 1 - step
                at = head + t * batch * heads
                saved = tl.cast(t - first, tl.int64) * batch * heads * units * keys
                before = tl.load(between + saved + place, mask=inside, other=0.0)
                before = after_reset(before, resets, t, batch, head // heads, RESETS)
                unit, key = numbers(u, at, i, units)[:, None], numbers(k, at, j, keys)[None, :]
                query, by_read = numbers(q, at, j, keys)[None, :], numbers(by_y, at, i, units)[:, None]
                factor = kept(a, b, at, i, j, units, keys, BY_HEAD, BY_KEY)
                after = factor * before + unit * key
                gradient += by_read * query
                add(by_q, (part + at) * keys + j, tl.sum(by_read * after, 0), j < keys, more)
                add(by_k, (part + at) * keys + j, tl.sum(gradient * unit, 0), j < keys, more)
                tl.store(by_u + at * units + i, tl.sum(gradient * key, 1), mask=i < units)
                by_kept = gradient * before
                if BY_KEY:
                    by_key = by_kept * numbers(a, at, i, units)[:, None]
                    add(by_b, (part + at) * keys + j, tl.sum(by_key, 0), j < keys, more)
                    by_kept = by_kept * numbers(b, at, j, keys)[None, :]
                by_unit = tl.sum(by_kept, 1)
                if BY_HEAD:
                    add(by_a, part + at, tl.sum(by_unit, 0), at >= 0, more)
                else:
                    tl.store(by_a + at * units + i, by_unit, mask=i < units)
                gradient = after_reset(gradient * factor, resets, t, batch, head // heads, RESETS)
        tl.store(by_initial + place, gradient, mask=inside)
'''
