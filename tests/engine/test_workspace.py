"""Memory that is used again."""

import torch

from gatewise.engine import workspace


def test_a_buffer_is_used_again_where_it_is_large_enough():
    workspace.release()
    like = torch.empty(0, dtype=torch.float64)
    first = workspace.take(like, 1000)
    place = first.data_ptr()
    assert (first.dtype, len(first)) == (torch.float64, 1000)
    workspace.give_back(first)
    again = workspace.take(like.float(), 500)
    assert (again.data_ptr(), again.dtype, len(again)) == (place, torch.float32, 500)
    assert workspace.take(like, 1000).data_ptr() != place
    workspace.give_back(again)
    assert workspace.release() == 8000
    assert workspace.release() == 0


def test_what_is_kept_is_bounded(monkeypatch):
    workspace.release()
    monkeypatch.setattr(workspace, "MOST_BYTES", 1000)
    for size in (400, 500, 900):
        workspace.give_back(torch.empty(size, dtype=torch.uint8))
    assert workspace.release() <= 1000
