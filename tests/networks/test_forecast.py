"""The recurrent forecaster: every cell, every head, all it may see."""

import pytest
import torch

from gatewise.cells import GRU, LSTM
from gatewise.networks.forecast import ForecastNetwork
from gatewise.networks.forecaster import ForecastShape
from tests.series import data

SHAPE = ForecastShape(context=6, horizon=3, period=2, known=2, observed=1)


@pytest.mark.parametrize("head", ["quantiles", "student-t"])
def test_every_cell_learns_from_all_that_it_sees(cell, head):
    network = ForecastNetwork(SHAPE, cell, hidden=4, layers=2, dropout=0.1, head=head)
    past, future = torch.randn(3, 6, 4, requires_grad=True), torch.randn(3, 3, 2, requires_grad=True)
    raw = network(past, future)
    assert network.quantiles(raw).shape == (3, 3, 9)
    network.head.loss(raw, torch.randn(3, 3)).backward()
    assert (past.grad != 0).any(0).all()
    assert (future.grad != 0).any(0).all()
    assert all(one.grad is not None for one in network.parameters())


def test_a_few_steps_beat_the_start():
    prepared = data()
    known = prepared.train.known
    network = ForecastNetwork(ForecastShape(12, 4, 12, known), GRU, hidden=16)
    batch = prepared.train.all()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = network.loss(batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_options_rebuild_the_network():
    network = ForecastNetwork(SHAPE, LSTM, hidden=5, layers=2, dropout=0.3, head="student-t")
    options = network.options()
    again = ForecastNetwork(**{**options, "shape": ForecastShape(**options["shape"])})
    again.load_state_dict(network.state_dict())
    past, future = torch.randn(3, 6, 4), torch.randn(3, 3, 2)
    assert torch.equal(again.eval()(past, future), network.eval()(past, future))


def test_calibrated_intervals_cover_what_they_name():
    network = ForecastNetwork(SHAPE, LSTM, hidden=4).eval()
    past, future = torch.randn(4000, 6, 4), torch.randn(4000, 3, 2)
    with torch.no_grad():
        quantiles = network.quantiles(network(past, future))
        truth = quantiles[..., 4] + 5 * torch.randn(4000, 3)
        network.calibrate(quantiles[:2000], truth[:2000])
        stretched = network.quantiles(network(past[2000:], future[2000:]))
    for low, high, share in [(0, 8, 0.8), (1, 7, 0.6), (3, 5, 0.2)]:
        inside = (stretched[..., low] <= truth[2000:]) & (truth[2000:] <= stretched[..., high])
        assert abs(inside.double().mean() - share) < 0.03
    torch.testing.assert_close(stretched[..., 4], quantiles[2000:, :, 4])
    assert (stretched.diff(dim=-1) >= 0).all()
    assert "stretch" in network.state_dict()
