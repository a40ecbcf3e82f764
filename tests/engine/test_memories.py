"""The operation of matrix memories: its kernel computes what plain PyTorch does, step by step."""

import pytest
import torch

from gatewise.engine.memories import _library, by_steps, read_memories

if _library(torch.float64) is None:
    pytest.skip("no compiler: the operation runs step by step", allow_module_level=True)

NAMES = ("initial", "a", "b", "u", "k", "q")


@pytest.fixture(autouse=True)
def _restored_threads():
    """The number of threads is what it was after a test that changes it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def drawn(steps, batch, heads, keys, *, by_key=True, by_head=False, units=None, dtype=torch.float64, seed=0):
    """Random values of everything that the operation reads. units: of each head, as many as keys if None"""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=random, dtype=dtype).requires_grad_()

    units = keys if units is None else units
    widths = [1 if by_head else units, keys, units, keys, keys]
    vectors = [draw(steps, batch, heads * width) for width in widths]
    if by_head or not by_key:
        vectors[1] = None
    return [draw(batch, heads * units, keys), *vectors]


def results(operation, given, heads, resets=None, reads=(True, True)):
    """Outputs, and the gradients of all that was given. reads: whether a loss reads y, and the last memory"""
    initial, *vectors = given
    outputs = operation(initial, tuple(vectors), heads, resets)
    loss = sum(one.sin().sum() for one, read in zip(outputs, reads, strict=True) if read)
    wanted = [one for one in given if one is not None]
    return [*outputs, *torch.autograd.grad(loss, wanted, allow_unused=True)]


def assert_same(given, heads, resets=None, reads=(True, True)):
    ours = results(read_memories, given, heads, resets, reads)
    assert ours[0].grad_fn.name() == "_MemoriesBackward"
    names = ["y", "final", *(name for name, one in zip(NAMES, given, strict=True) if one is not None)]
    for name, own, one in zip(names, ours, results(by_steps, given, heads, resets, reads), strict=True):
        one = torch.zeros_like(own) if one is None else one  # of a query that no loss reads
        torch.testing.assert_close(own, one, rtol=1e-9, atol=1e-10, msg=lambda text, of=name: f"{of}: {text}")


@pytest.mark.parametrize("by_key", [False, True], ids=["by-unit", "by-key"])
@pytest.mark.parametrize("keys", [1, 7, 17, 70])
def test_sizes_that_fill_no_vector(keys, by_key):
    for steps, batch, heads in ((1, 1, 1), (9, 3, 2), (19, 2, 1)):
        assert_same(drawn(steps, batch, heads, keys, by_key=by_key), heads)


@pytest.mark.parametrize("steps", [7, 8, 15, 16, 17, 32, 33])
def test_steps_around_the_ends_of_pieces(steps):
    assert_same(drawn(steps, 2, 1, 3), 1)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_threads_divide_rows_and_heads(threads):
    torch.set_num_threads(threads)
    resets = torch.rand(19, 3, generator=torch.Generator().manual_seed(1)) < 0.2
    for batch, heads in ((1, 1), (1, 2), (3, 3)):
        assert_same(drawn(19, batch, heads, 5), heads, resets[:, :batch])


def test_more_memories_than_one_thread_computes_together():
    assert_same(drawn(9, 7, 3, 2), 3)


@pytest.mark.parametrize("by_key", [False, True], ids=["by-unit", "by-key"])
def test_resets(by_key):
    given = drawn(35, 3, 2, 5, by_key=by_key)
    resets = torch.zeros(35, 3, dtype=torch.bool)
    resets[[0, 1, 16, 17, 34], [0, 0, 1, 1, 0]] = True
    assert_same(given, 2, resets)
    assert_same(given, 2, torch.ones(35, 3, dtype=torch.bool))
    assert_same(given, 2, resets[:, :1].expand(35, 3))


def test_a_loss_that_reads_one_result_only():
    given = drawn(18, 2, 2, 3)
    assert_same(given, 2, reads=(True, False))
    assert_same(given, 2, reads=(False, True))


def test_values_that_are_not_contiguous():
    initial, a, b, u, k, q = drawn(9, 3, 2, 4)
    turned = [one.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_() for one in (a, u, k)]
    turned_initial = initial.detach().mT.contiguous().mT.requires_grad_()
    ones, strided = b[:1].detach().requires_grad_(), torch.stack([q.detach()] * 2, -1).requires_grad_()
    assert not any(one.is_contiguous() for one in (*turned, turned_initial, strided[..., 0]))

    def run(operation):
        vectors = (turned[0], ones.expand(9, 3, 8), turned[1], turned[2], strided[..., 0])
        read, final = operation(turned_initial, vectors, 2)
        loss = read.transpose(0, 1).cumsum(-1).sum() + final.sum()
        return [read, final, *torch.autograd.grad(loss, [turned_initial, *turned, ones, strided])]

    for ours, theirs in zip(run(read_memories), run(by_steps), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_in_its_row_and_its_head(name):
    given = drawn(18, 3, 2, 3)
    clean = results(read_memories, given, 2)
    place = given[NAMES.index(name)]
    with torch.no_grad():
        place[(1, 4) if name == "initial" else (2, 1, 4)] = torch.nan
    spoilt = results(read_memories, given, 2)
    for before, after in zip(clean, spoilt, strict=True):
        rows = 0 if before.shape[0] == 3 else 1  # memories [B, H, K], vectors [T, B, H]
        others = torch.tensor([0, 2])
        assert torch.equal(before.index_select(rows, others), after.index_select(rows, others))
        head = (before.select(rows, 1).narrow(rows, 0, 3), after.select(rows, 1).narrow(rows, 0, 3))
        assert torch.equal(*head)
    assert spoilt[0].isnan().any()


def test_nan_before_a_reset_is_forgotten():
    given = drawn(18, 2, 1, 3)
    resets = torch.zeros(18, 2, dtype=torch.bool)
    resets[5] = True
    with torch.no_grad():
        given[3][4] = torch.nan
    read, final = read_memories(given[0], tuple(given[1:]), 1, resets)
    assert read[4].isnan().all()
    assert not read[5:].isnan().any()
    assert not final.isnan().any()


@pytest.mark.parametrize("by_key", [False, True], ids=["by-unit", "by-key"])
def test_gradients_of_gradients(by_key):
    initial, *vectors = drawn(3, 2, 1, 2, by_key=by_key)
    resets = torch.tensor([[False, False], [False, True], [False, False]])
    given = [one for one in (initial, *vectors) if one is not None]

    def run(*values):
        state, first, *rest = values
        return read_memories(state, (first, rest.pop(0) if by_key else None, *rest), 1, resets)

    assert torch.autograd.gradcheck(run, given)
    assert torch.autograd.gradgradcheck(run, given)


def test_single_precision_and_numbers_that_vanish():
    given = drawn(60, 2, 2, 33, dtype=torch.float32)
    with torch.no_grad():
        given[1].copy_(given[1].sigmoid() * 0.2)  # a memory is subnormal after 60 steps of which none writes
        given[3][1:] = 0
    exact = [None if one is None else one.detach().double().requires_grad_() for one in given]
    for ours, theirs in zip(results(read_memories, given, 2), results(by_steps, exact, 2), strict=True):
        near = 1e-4 * theirs.detach().abs().max().item() + torch.finfo(torch.float32).tiny
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=near)


@pytest.mark.parametrize("keys", [1, 7, 17, 70])
@pytest.mark.parametrize("units", [1, 5, 33])
def test_a_factor_for_each_head(units, keys):
    for steps, batch, heads in ((1, 1, 1), (9, 3, 2), (37, 2, 3)):
        given = drawn(steps, batch, heads, keys, units=units, by_head=True)
        assert_same(given, heads)
        assert_same(given, heads, torch.rand(steps, batch, generator=torch.Generator().manual_seed(1)) < 0.2)


@pytest.mark.parametrize("steps", [2, 15, 16, 17, 31, 32, 33, 48])
def test_steps_around_the_ends_of_chunks(steps):
    given = drawn(steps, 2, 1, 3, by_head=True)
    assert_same(given, 1)
    assert_same(given, 1, reads=(True, False))
    assert_same(given, 1, reads=(False, True))


@pytest.mark.parametrize("factor", [0.0, 1e-200, -1e-30, 30.0])
def test_factors_of_heads_that_vanish_or_grow(factor):
    given = drawn(20, 2, 2, 5, by_head=True)
    with torch.no_grad():
        given[1][[0, 3, 4, 17], 0] = factor
    ours, exact = results(read_memories, given, 2), results(by_steps, given, 2)
    for own, one in zip(ours, exact, strict=True):
        for row in (0, 1):  # a row has numbers of its own magnitude
            rows = 0 if own.shape[0] == 2 else 1
            pair = own.select(rows, row), one.select(rows, row)
            torch.testing.assert_close(*pair, rtol=1e-7, atol=1e-12 * pair[1].abs().max().item())


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_divide_heads_of_chunks(threads):
    torch.set_num_threads(threads)
    for batch, heads in ((1, 1), (1, 3), (3, 3)):
        assert_same(drawn(19, batch, heads, 5, by_head=True), heads)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", ["a", "u", "k", "q"])
def test_what_is_not_finite_changes_no_step_before_it(name, value):
    given = drawn(20, 3, 2, 3, by_head=True)
    with torch.no_grad():
        given[NAMES.index(name)][5, 1, 0] = value
    read, _ = read_memories(given[0], tuple(given[1:]), 2)
    ours, exact = results(read_memories, given, 2), results(by_steps, given, 2)
    assert not torch.isfinite(read[5, 1]).all()
    assert read[:5].isfinite().all()
    for own, one in zip(ours, exact, strict=True):
        assert torch.equal(own.isfinite(), one.isfinite())
        known = one.isfinite()
        torch.testing.assert_close(own[known], one[known], rtol=1e-9, atol=1e-10)


def test_a_gradient_that_is_not_finite_changes_no_step_after_it():
    given = drawn(20, 2, 1, 3, by_head=True)
    initial, *vectors = given
    received = torch.ones(20, 2, 3, dtype=torch.float64)
    received[7, 1, 0] = torch.nan
    wanted = [one for one in given if one is not None]
    ours, exact = (
        torch.autograd.grad(run(initial, tuple(vectors), 1)[0], wanted, received)
        for run in (read_memories, by_steps)
    )
    for own, one in zip(ours, exact, strict=True):
        torch.testing.assert_close(own, one, rtol=1e-9, atol=1e-10, equal_nan=True)


def test_gradients_of_gradients_by_head():
    initial, a, _, u, k, q = drawn(3, 2, 1, 2, units=3, by_head=True)
    resets = torch.tensor([[False, False], [False, True], [False, False]])

    def run(initial, a, u, k, q):
        return read_memories(initial, (a, None, u, k, q), 1, resets)

    assert torch.autograd.gradcheck(run, (initial, a, u, k, q))
    assert torch.autograd.gradgradcheck(run, (initial, a, u, k, q))


def test_single_precision_by_head():
    given = drawn(200, 2, 2, 33, by_head=True, dtype=torch.float32)
    with torch.no_grad():
        given[1].copy_(given[1].sigmoid())
    exact = [None if one is None else one.detach().double().requires_grad_() for one in given]
    for ours, theirs in zip(results(read_memories, given, 2), results(by_steps, exact, 2), strict=True):
        near = 1e-4 * theirs.detach().abs().max().item()
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=near)
