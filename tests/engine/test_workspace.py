import gc

import pytest
import torch

from gatewise.engine import workspace


@pytest.fixture(autouse=True)
def _nothing_kept():
    workspace.release()
    yield
    workspace.release()


def test_a_buffer_is_used_again_where_it_is_large_enough():
    first = workspace.take(80_000)
    workspace.give_back(first)
    assert workspace.take(40_000).data_ptr() == first.data_ptr()
    workspace.give_back(first)
    assert workspace.take(1 << 20).data_ptr() != first.data_ptr()


def test_a_buffer_that_is_far_too_large_waits_for_a_larger_call():
    workspace.give_back(workspace.take(64 << 20))
    assert len(workspace.take(100_000)) == 100_000


def test_a_buffer_may_be_returned_at_any_moment(monkeypatch):
    """As from the garbage collector, which may run in the middle of every function."""
    size, buffers = workspace._size, [workspace.take(size) for size in (20_000, 40_000, 80_000)]
    small = [buffers[0]]

    def interrupted(buffer):
        if small:
            workspace.give_back(small.pop())
        return size(buffer)

    monkeypatch.setattr(workspace, "_size", interrupted)
    workspace.give_back(buffers[2])
    workspace.give_back(buffers[1])
    assert workspace.take(70_000).nbytes == 80_000
    assert workspace.release() == 60_000


def test_small_buffers_are_left_to_the_system():
    workspace.give_back(workspace.take(workspace.MIN_BYTES - 1))
    assert workspace.release() == 0


def test_a_large_result_gives_its_memory_to_the_next_once_nobody_holds_it():
    size = workspace.MIN_BYTES // 4
    first = workspace.empty((2, size), torch.float32)
    part, place = first[1], first.data_ptr()
    del first
    gc.collect()
    other = workspace.empty((2, size), torch.float32)
    assert other.data_ptr() != place  # a part is still held
    del part
    gc.collect()
    again = workspace.empty((2, size), torch.float32)
    assert again.data_ptr() == place
    assert again.shape == (2, size)


def test_what_is_kept_is_bounded_and_can_be_released(monkeypatch):
    monkeypatch.setattr(workspace, "MAX_BYTES", 100_000)
    for buffer in [workspace.take(size) for size in (30_000, 40_000, 50_000)]:
        workspace.give_back(buffer)
    assert workspace.release() == 90_000
    assert workspace.release() == 0
