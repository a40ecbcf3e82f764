"""Clips through a convolution and a recurrent layer: padding changes nothing, and order counts."""

import pytest
import torch

from gatewise.cells import GRU, LSTM
from gatewise.data.images.clips import ClipBatch
from gatewise.tasks.frames.network import FrameClassifier, FrameEncoder, FrameMean
from tests.moving import DOT, moving

LENGTHS = torch.tensor([4, 1, 3])
SMALL = {"channels": 2, "height": 6, "width": 5, "classes": 3, "filters": (3, 4), "features": 5}


def batch():
    frames = torch.randn(3, 4, 6, 5, 2)
    frames[torch.arange(4) >= LENGTHS[:, None]] = 0
    return ClipBatch(frames, LENGTHS, torch.tensor([0, 2, 1]))


@pytest.fixture(params=["frame mean", "last", "mean", "attention", "last both", "attention both"])
def network(request):
    """The baseline, and networks of every summary."""
    pooling, *both = request.param.split()
    if pooling == "frame":
        return FrameMean(**SMALL)
    return FrameClassifier(LSTM, **SMALL, hidden=4, layers=2, bidirectional=bool(both), pooling=pooling)


def test_padding_changes_nothing(network):
    network.eval()
    given = batch()
    together = network.logits(given)
    for row, length in enumerate(LENGTHS):
        alone = ClipBatch(
            given.frames[row : row + 1, :length], LENGTHS[row : row + 1], given.labels[row : row + 1]
        )
        torch.testing.assert_close(network.logits(alone), together[row : row + 1], rtol=1e-5, atol=1e-6)


def test_every_frame_and_every_weight_counts(network):
    given = batch()
    frames = given.frames.requires_grad_()
    network.loss(given).backward()
    seen = (frames.grad != 0).flatten(2).any(2)
    assert torch.equal(seen, torch.arange(4) < LENGTHS[:, None])
    assert all(one.grad is not None and (one.grad != 0).any() for one in network.parameters())


def test_each_frame_is_seen_by_itself():
    encoder = FrameEncoder(2, 6, 5, (3, 4), 7)
    given = batch()
    found = encoder(given.frames, LENGTHS)
    for row, length in enumerate(LENGTHS):
        for step in range(4):
            if step >= length:
                assert (found[row, step] == 0).all()
                continue
            alone = encoder(given.frames[row : row + 1, step : step + 1], torch.tensor([1]))
            torch.testing.assert_close(found[row, step], alone[0, 0], rtol=1e-5, atol=1e-6)


def test_options_rebuild_the_network(network):
    again = type(network).from_options(network.options())
    again.load_state_dict(network.state_dict())
    given = batch()
    assert torch.equal(again.eval().logits(given), network.eval().logits(given))


def learned(network, clips, ways, steps):
    """Trains on clips of equal length, and returns the fraction that is then correct."""
    frames = torch.tensor([frames.tolist() for frames, _ in clips]).unsqueeze(-1) / 255
    labels = torch.tensor([ways.index(way) for _, way in clips])
    given = ClipBatch(frames, torch.full((len(clips),), frames.shape[1]), labels)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        network.loss(given).backward()
        optimizer.step()
    return float((network.logits(given).argmax(1) == labels).float().mean())


def test_where_a_dot_moves_is_learned_where_order_counts_and_not_from_the_mean():
    """Both directions show the same frames in another order, so that the mean is right for half."""
    ways = ("right", "left")
    clips = list(moving([DOT], 60, side=9, shortest=4, longest=4, ways=ways))
    size = {"channels": 1, "height": 9, "width": 9, "classes": 2, "filters": (4,), "features": 8}
    assert learned(FrameClassifier(GRU, **size, hidden=8), clips, ways, 40) > 0.95
    assert learned(FrameMean(**size), clips, ways, 40) < 0.7
