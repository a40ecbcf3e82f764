"""Matrix memories as Triton kernels in chunks of steps, for heads that have one factor each.

D(t, s) is the product of the factors after step s, up to step t; p(t) that of all factors of the chunk up to
t; `last` the last step of the chunk; C the memory before the chunk, and G the gradient of that after it. Then

    y = (D * Q K^T) U + p * (Q C^T),    C <- p(last) C + U^T (D(last) * K),    G <- p(last) G + Y^T (p * Q)

where the rows of Q, K, U and Y, the gradient of y, are steps. Only C and G are computed from chunk to chunk.
Nothing is divided by a factor: it may be zero, as it is at a reset.
"""

from __future__ import annotations

MEMORY_CHUNKS = '''import triton
import triton.language as tl


@triton.jit
def rows(array, at, known, index, size):
    """The vectors of some steps, [steps, index]."""
    mask = known[:, None] & (index < size)[None, :]
    return tl.load(array + at[:, None] * size + index[None, :], mask=mask, other=0.0)


@triton.jit
def columns(array, at, known, index, size):
    """The vectors of some steps, [index, steps]."""
    mask = (index < size)[:, None] & known[None, :]
    return tl.load(array + at[None, :] * size + index[:, None], mask=mask, other=0.0)


@triton.jit
def factors(a, resets, t, first, last, head, batch, heads, RESETS: tl.constexpr):
    """The factors of some steps, zero at resets, and one outside of the chunk."""
    known = (t >= first) & (t < last)
    found = tl.load(a + head + t * batch * heads, mask=known, other=1.0)
    if RESETS:
        reset = tl.load(resets + t * batch + head // heads, mask=known, other=0) != 0
        found = tl.where(reset, 0.0, found)
    return found


@triton.jit
def to_end(a, resets, t, first, last, head, batch, heads, RESETS: tl.constexpr):
    """D(last, t), the product of the factors after each step of the chunk."""
    return tl.cumprod(factors(a, resets, t + 1, first, last, head, batch, heads, RESETS), 0, reverse=True)


@triton.jit
def products(factor, of, to):
    """The products of the factors of steps `of` after step s, up to that of row t, [t, s]."""
    return tl.cumprod(tl.where(of[:, None] > to[None, :], factor[:, None], 1.0), 0)


@triton.jit
def first_of(values, LENGTH: tl.constexpr):
    """The first number of a vector."""
    return tl.sum(tl.where(tl.arange(0, LENGTH) == 0, values, 0.0), 0)


@triton.jit
def carry(
    fits, initial, a, wide, deep, resets, saved, final, steps, batch, heads, units, keys,
    BACK: tl.constexpr, RESETS: tl.constexpr, LENGTH: tl.constexpr, TILE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Memories before each chunk, from U and K; BACK: gradients after each, from Y and Q, in turn."""
    if tl.load(fits) == 0:
        return
    head, own = tl.program_id(0).to(tl.int64), tl.arange(0, LENGTH)
    i, j = tl.program_id(1) * TILE + tl.arange(0, TILE), tl.program_id(2) * TILE + tl.arange(0, TILE)
    inside = (i < units)[:, None] & (j < keys)[None, :]
    place = (head * units + i[:, None]) * keys + j[None, :]
    memory = tl.load(initial + place, mask=inside, other=0.0)
    chunks = (steps + LENGTH - 1) // LENGTH
    for number in range(0, chunks):
        c = chunks - 1 - number if BACK else number
        first, last = c * LENGTH, tl.minimum(steps, (c + 1) * LENGTH)
        t = first + own
        at, known = head + t * batch * heads, t < steps
        tl.store(saved + tl.cast(c, tl.int64) * batch * heads * units * keys + place, memory, mask=inside)
        left = to_end(a, resets, t, first, last, head, batch, heads, RESETS)
        here = factors(a, resets, t, first, last, head, batch, heads, RESETS)
        weights = tl.cumprod(here, 0) if BACK else left
        whole = first_of(left * here, LENGTH)
        vectors = rows(deep, at, known, j, keys) * weights[:, None]
        added = tl.dot(columns(wide, at, known, i, units), vectors, input_precision=PRECISION)
        memory = tl.where(whole == 0.0, 0.0, whole * memory) + added
    tl.store(final + place, memory, mask=inside)


@triton.jit
def decays(a, resets, t, first, last, head, batch, heads, RESETS: tl.constexpr, LENGTH: tl.constexpr):
    """D(t, s), zero where t is before s."""
    own = tl.arange(0, LENGTH)
    factor = factors(a, resets, t, first, last, head, batch, heads, RESETS)
    return tl.where(own[:, None] >= own[None, :], products(factor, own, own), 0.0)


@triton.jit
def read(
    fits, a, u, k, q, resets, saved, y, steps, batch, heads, units, keys,
    RESETS: tl.constexpr, LENGTH: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):
    """What the queries of a chunk read."""
    if tl.load(fits) == 0:
        return
    head, c = tl.program_id(0).to(tl.int64), tl.program_id(1)
    first, last = c * LENGTH, tl.minimum(steps, (c + 1) * LENGTH)
    i, t = tl.program_id(2) * TILE + tl.arange(0, TILE), first + tl.arange(0, LENGTH)
    at, known = head + t * batch * heads, t < steps
    memory = saved + (tl.cast(c, tl.int64) * batch * heads + head) * units * keys
    weights = tl.zeros([LENGTH, LENGTH], tl.float32)
    found = tl.zeros([LENGTH, TILE], tl.float32)
    for start in range(0, keys, TILE):
        j = start + tl.arange(0, TILE)
        queries = rows(q, at, known, j, keys)
        weights += tl.dot(queries, columns(k, at, known, j, keys), input_precision=PRECISION)
        mask = (j < keys)[:, None] & (i < units)[None, :]
        turned = tl.load(memory + i[None, :] * keys + j[:, None], mask=mask, other=0.0)
        found += tl.dot(queries, turned, input_precision=PRECISION)
    factor = factors(a, resets, t, first, last, head, batch, heads, RESETS)
    weights = weights * decays(a, resets, t, first, last, head, batch, heads, RESETS, LENGTH)
    found = found * tl.cumprod(factor, 0)[:, None]
    found += tl.dot(weights, rows(u, at, known, i, units), input_precision=PRECISION)
    tl.store(y + at[:, None] * units + i[None, :], found, mask=known[:, None] & (i < units)[None, :])


@triton.jit
def scores(
    one, other, at, known, size, LENGTH: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr
):
    """The products of the vectors of two steps, [t, s]."""
    found = tl.zeros([LENGTH, LENGTH], tl.float32)
    for start in range(0, size, TILE):
        index = start + tl.arange(0, TILE)
        columns_of_other = columns(other, at, known, index, size)
        found += tl.dot(rows(one, at, known, index, size), columns_of_other, input_precision=PRECISION)
    return found


@triton.jit
def by_units(
    fits, a, u, k, q, resets, saved, by_saved, by_y, by_u, at_end, end, steps, batch, heads, units, keys,
    RESETS: tl.constexpr, LENGTH: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):
    """The gradients of what a chunk writes; at_end, end: u (G k) at each step, the product of C and G."""
    if tl.load(fits) == 0:
        return
    head, c = tl.program_id(0).to(tl.int64), tl.program_id(1)
    first, last = c * LENGTH, tl.minimum(steps, (c + 1) * LENGTH)
    t = first + tl.arange(0, LENGTH)
    at, known = head + t * batch * heads, t < steps
    chunk = tl.cast(c, tl.int64) * batch * heads + head
    left = to_end(a, resets, t, first, last, head, batch, heads, RESETS)
    weights = scores(q, k, at, known, keys, LENGTH, TILE, PRECISION)
    weights = tl.trans(weights * decays(a, resets, t, first, last, head, batch, heads, RESETS, LENGTH))
    of_steps, whole = tl.zeros([LENGTH], tl.float32), tl.zeros([TILE], tl.float32)
    for start in range(0, units, TILE):
        i = start + tl.arange(0, TILE)
        found = tl.zeros([LENGTH, TILE], tl.float32)
        for other in range(0, keys, TILE):
            j = other + tl.arange(0, TILE)
            place = chunk * units * keys + i[None, :] * keys + j[:, None]
            mask = (j < keys)[:, None] & (i < units)[None, :]
            turned = tl.load(by_saved + place, mask=mask, other=0.0)
            found += tl.dot(rows(k, at, known, j, keys), turned, input_precision=PRECISION)
            whole += tl.sum(turned * tl.load(saved + place, mask=mask, other=0.0), 1)
        of_steps += tl.sum(found * rows(u, at, known, i, units), 1)
        found = found * left[:, None]
        found += tl.dot(weights, rows(by_y, at, known, i, units), input_precision=PRECISION)
        tl.store(by_u + at[:, None] * units + i[None, :], found, mask=known[:, None] & (i < units)[None, :])
    tl.store(at_end + at, of_steps, mask=known)
    tl.store(end + chunk, tl.sum(whole, 0))


@triton.jit
def by_keys(
    fits, a, u, k, q, resets, saved, by_saved, by_y, by_k, by_q, at_start, steps, batch, heads, units, keys,
    RESETS: tl.constexpr, LENGTH: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):
    """The gradients of a chunk's keys and queries; at_start: the gradient of y times C q at each step."""
    if tl.load(fits) == 0:
        return
    head, c = tl.program_id(0).to(tl.int64), tl.program_id(1)
    first, last = c * LENGTH, tl.minimum(steps, (c + 1) * LENGTH)
    t = first + tl.arange(0, LENGTH)
    at, known = head + t * batch * heads, t < steps
    chunk = tl.cast(c, tl.int64) * batch * heads + head
    left = to_end(a, resets, t, first, last, head, batch, heads, RESETS)
    from_start = tl.cumprod(factors(a, resets, t, first, last, head, batch, heads, RESETS), 0)
    weights = scores(by_y, u, at, known, units, LENGTH, TILE, PRECISION)
    weights = weights * decays(a, resets, t, first, last, head, batch, heads, RESETS, LENGTH)
    of_steps = tl.zeros([LENGTH], tl.float32)
    for start in range(0, keys, TILE):
        j = start + tl.arange(0, TILE)
        of_query, of_key = tl.zeros([LENGTH, TILE], tl.float32), tl.zeros([LENGTH, TILE], tl.float32)
        for other in range(0, units, TILE):
            i = other + tl.arange(0, TILE)
            place = chunk * units * keys + i[:, None] * keys + j[None, :]
            mask = (i < units)[:, None] & (j < keys)[None, :]
            whole = tl.load(saved + place, mask=mask, other=0.0)
            of_query += tl.dot(rows(by_y, at, known, i, units), whole, input_precision=PRECISION)
            whole = tl.load(by_saved + place, mask=mask, other=0.0)
            of_key += tl.dot(rows(u, at, known, i, units), whole, input_precision=PRECISION)
        queries = rows(q, at, known, j, keys)
        of_steps += tl.sum(of_query * queries, 1)
        of_query = of_query * from_start[:, None]
        of_query += tl.dot(weights, rows(k, at, known, j, keys), input_precision=PRECISION)
        of_key = of_key * left[:, None]
        of_key += tl.dot(tl.trans(weights), queries, input_precision=PRECISION)
        mask = known[:, None] & (j < keys)[None, :]
        tl.store(by_q + at[:, None] * keys + j[None, :], of_query, mask=mask)
        tl.store(by_k + at[:, None] * keys + j[None, :], of_key, mask=mask)
    tl.store(at_start + at, of_steps, mask=known)


@triton.jit
def by_factors(
    fits, a, u, k, q, resets, by_y, at_start, at_end, end, by_a, steps, batch, heads, units, keys,
    RESETS: tl.constexpr, LENGTH: tl.constexpr, TILE: tl.constexpr, PRECISION: tl.constexpr,
):
    """The gradients of a chunk's factors.

    That of factor t is the sum over r from t on, up to the end, and s before t, down to the start, of D(r, t)
    times the product of both gradients of the pair r, s (or of the end with s, r with the start), times
    D(t - 1, s).
    """
    if tl.load(fits) == 0:
        return
    head, c, own = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.arange(0, LENGTH)
    first, last = c * LENGTH, tl.minimum(steps, (c + 1) * LENGTH)
    t = first + own
    at, known = head + t * batch * heads, t < steps
    decay = decays(a, resets, t, first, last, head, batch, heads, RESETS, LENGTH)
    before = factors(a, resets, t - 1, first, last, head, batch, heads, RESETS)
    left = to_end(a, resets, t, first, last, head, batch, heads, RESETS)
    pairs = scores(q, k, at, known, keys, LENGTH, TILE, PRECISION)
    pairs = pairs * scores(by_y, u, at, known, units, LENGTH, TILE, PRECISION)
    pairs = tl.where(own[:, None] >= own[None, :], pairs, 0.0)
    pairs = tl.dot(tl.trans(decay), pairs, input_precision=PRECISION)
    pairs += left[:, None] * tl.load(at_end + at, mask=known, other=0.0)[None, :]
    shorter = tl.where(own[:, None] > own[None, :], products(before, own - 1, own), 0.0)
    whole = tl.load(end + tl.cast(c, tl.int64) * batch * heads + head)
    from_start = tl.load(at_start + at, mask=known, other=0.0)
    both = tl.sum(decay * from_start[:, None], 0) + left * whole
    found = tl.sum(pairs * shorter, 1) + both * tl.cumprod(before, 0)
    if RESETS:
        reset = tl.load(resets + t * batch + head // heads, mask=known, other=0) != 0
        found = tl.where(reset, 0.0, found)
    tl.store(by_a + at, found, mask=known)
'''
