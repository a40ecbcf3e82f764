"""The recurrent forecasters: every cell, every head, all they may see."""

import numpy as np
import pytest
import torch

from gatewise.cells import GRU, LSTM, RNN, Cell, R, W, mdlstm, prev, tanh, x
from gatewise.cells.catalogue import is_decaying
from gatewise.cells.serialization import from_data, to_data
from gatewise.cells.transforms import transform_of
from gatewise.errors import GatewiseError
from gatewise.modules.causal_convolution import CausalConvolution
from gatewise.tasks.forecast.baselines import Ridge
from gatewise.tasks.forecast.decoder import EncoderDecoderForecastNetwork
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork, GridForecastNetwork, require_fit
from gatewise.tasks.forecast.normalization import MIN_SCALE
from tests.series import data

SHAPE = ForecastShape(context=6, horizon=3, period=2, known=2, observed=1)


@pytest.mark.parametrize("kind", [ForecastNetwork, EncoderDecoderForecastNetwork])
@pytest.mark.parametrize("head", ["quantiles", "student-t"])
def test_every_cell_learns_from_all_that_it_sees(cell, head, kind):
    network = kind(SHAPE, cell, hidden=4, layers=2, dropout=0.1, head=head).double()
    past, future = (torch.randn(3, *size).double().requires_grad_() for size in ((6, 4), (3, 2)))
    raw = network(past, future)
    assert network.quantiles(raw).shape == (3, 3, 9)
    network.head.loss(raw, torch.randn(3, 3).double()).backward()
    assert (past.grad != 0).any(0).all()
    assert (future.grad != 0).any(0).all()
    unread = {f"encoder.{name}_l1" for name in "CD"}  # of a last output that only decoders read
    learning = {name for name, one in network.named_parameters() if one.grad is not None}
    assert {name for name, _ in network.named_parameters()} - learning <= unread


@pytest.mark.parametrize("head", ["quantiles", "student-t"])
def test_a_decoder_walks_from_where_the_encoder_ended(head):
    shape = ForecastShape(context=6, horizon=4, known=2, observed=1)
    network = EncoderDecoderForecastNetwork(
        shape, LSTM, hidden=5, layers=2, head=head, normalization="series", skip="none"
    )
    past, future = torch.randn(3, 6, 4), torch.randn(3, 4, 2)
    raw = network(past, future)
    state = None
    for step in past.unbind(1):
        seen = torch.cat([step[:, :1] - past[:, -1, :1], step], dim=-1)
        _, state = network.encoder(seen.unsqueeze(1), state)
    for ahead in range(4):
        seen = torch.cat([torch.full((3, 1), (ahead + 1) / 4), future[:, ahead]], dim=-1)
        output, state = network.decoder(seen.unsqueeze(1), state)
        expected = network.head(torch.cat([output[:, 0], seen], dim=-1), past[:, -1, :1])
        torch.testing.assert_close(raw[:, ahead], expected[:, 0])


def test_a_decoder_sees_nothing_of_later_steps():
    network = EncoderDecoderForecastNetwork(SHAPE, GRU, hidden=4)
    past, future = torch.randn(2, 6, 4), torch.randn(2, 3, 2, requires_grad=True)
    network(past, future)[:, 1].sum().backward()
    assert (future.grad[:, :2] != 0).all()
    assert (future.grad[:, 2] == 0).all()


def test_patterns_of_steps_are_those_of_a_loop():
    front = CausalConvolution(3, filters=5, width=4)
    steps = torch.randn(2, 7, 3)
    found = front(steps)
    assert found.shape == (2, 7, front.outputs)
    assert torch.equal(found[..., :3], steps)
    weight, bias = front.convolution.weight, front.convolution.bias
    for step in range(7):
        seen = [steps[:, max(step - back, 0)] for back in (3, 2, 1, 0)]
        expected = bias + sum(one @ weight[:, :, place].T for place, one in enumerate(seen))
        torch.testing.assert_close(found[:, step, 3:], expected.relu())


@pytest.mark.parametrize(
    "make",
    [
        lambda front: ForecastNetwork(SHAPE, LSTM, hidden=4, front=front),
        lambda front: EncoderDecoderForecastNetwork(SHAPE, LSTM, hidden=4, front=front),
        lambda front: GridForecastNetwork(SHAPE, hidden=4, front=front),
    ],
    ids=["stack", "encoder-decoder", "grid"],
)
def test_every_network_takes_a_front_end(make):
    network = make("convolution")
    past, future = torch.randn(3, 6, 4, requires_grad=True), torch.randn(3, 3, 2)
    network.head.loss(network(past, future), torch.randn(3, 3)).backward()
    assert (past.grad != 0).any(0).all()
    assert all((one.grad != 0).any() for one in network.parameters())
    assert "front.convolution.weight" in network.state_dict()
    assert not any(name.startswith("front") for name in make("none").state_dict())


@pytest.mark.parametrize("transform", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize(("layers", "tied", "head"), [(1, True, "quantiles"), (3, True, "student-t"),
                                                      (3, False, "quantiles")])  # fmt: skip
def test_a_grid_learns_from_all_that_it_sees(transform, layers, tied, head):
    network = GridForecastNetwork(SHAPE, transform, hidden=4, layers=layers, tied=tied, head=head)
    past, future = torch.randn(3, 6, 4, requires_grad=True), torch.randn(3, 3, 2, requires_grad=True)
    raw = network(past, future)
    assert network.quantiles(raw).shape == (3, 3, 9)
    network.head.loss(raw, torch.randn(3, 3).double()).backward()
    assert (past.grad != 0).any(0).all()
    assert (future.grad != 0).any(0).all()
    assert all((one.grad != 0).any() for one in network.parameters())


def test_a_grid_reads_the_past_step_by_step_whatever_the_level():
    network = GridForecastNetwork(SHAPE, hidden=4, layers=2)
    seen = []
    network.recurrent.register_forward_hook(lambda layer, given, found: seen.append((given[0], found[0])))
    past = torch.randn(3, 6, 4)
    level, scale = past[:, :, 0].mean(1), (past[:, :, 0].var(1, unbiased=False) + MIN_SCALE**2).sqrt()
    given = past.clone()
    given[:, :, 0] = (given[:, :, 0] - level[:, None]) / scale[:, None]
    summary = network.summary(torch.cat([given[:, :, :1] - given[:, -1:, :1], given], dim=-1))
    network(past, torch.randn(3, 3, 2))
    (inputs, _), (again, output) = seen
    torch.testing.assert_close(inputs, again)
    assert inputs.shape == (3, 6, 5)
    torch.testing.assert_close(summary, output[:, -1])


def test_tied_layers_of_a_grid_share_their_weights():
    def weights(**options):
        return sum(one.numel() for one in GridForecastNetwork(SHAPE, hidden=4, **options).parameters())

    once = sum(
        one.numel()
        for name, one in GridForecastNetwork(SHAPE, hidden=4).recurrent.named_parameters()
        if name != "projection"
    )
    assert weights(layers=3) == weights(layers=1)
    assert weights(layers=3, tied=False) == weights(layers=1) + 2 * once


def test_the_cells_that_fit_a_grid_are_known_by_their_equations():
    for cell, transform in ((LSTM, "lstm"), (GRU, "gru"), (RNN, "rnn")):
        assert transform_of(from_data(to_data(cell))) == transform  # as a run's folder brings them

    class LSTMOfMine(Cell):
        state = ("h",)
        h = tanh(W.h @ x + R.h @ prev.h)

    assert transform_of(LSTMOfMine) == "rnn"
    LSTMOfMine.__name__ = "LSTM"
    assert transform_of(LSTMOfMine) == "rnn"


def test_another_cell_is_refused_with_the_cells_that_fit(cell):
    if is_decaying(cell):
        for network, is_dilated in (("encoder-decoder", False), ("stack", True)):
            with pytest.raises(GatewiseError, match=f"{cell.__name__} decays from each step of the past"):
                require_fit(cell, network, is_dilated)
    require_fit(cell, "stack")
    if cell not in (LSTM, GRU, RNN):
        with pytest.raises(
            GatewiseError, match=f"{cell.__name__} does not fit a grid; give lstm, gru or rnn"
        ):
            require_fit(cell, "grid")


def test_a_lattice_cell_is_refused_with_advice():
    with pytest.raises(
        GatewiseError, match="MDLSTM2 is a cell of a lattice; for a series give --network grid"
    ):
        require_fit(mdlstm(2), "stack")


SEASONAL = ForecastShape(12, 4, 12, data().train.known)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ForecastNetwork(SEASONAL, GRU, hidden=16),
        lambda: EncoderDecoderForecastNetwork(SEASONAL, GRU, hidden=16, front="convolution"),
        lambda: GridForecastNetwork(SEASONAL, "lstm", hidden=16, layers=2),
    ],
    ids=["stack", "encoder-decoder", "grid"],
)
def test_a_few_steps_beat_the_start(make):
    prepared = data()
    network = make()
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


@pytest.mark.parametrize(
    "network",
    [
        ForecastNetwork(SHAPE, LSTM, hidden=5, layers=2, dropout=0.3, head="student-t"),
        ForecastNetwork(SHAPE, GRU, hidden=5, dilations=(1, 3)),
        EncoderDecoderForecastNetwork(SHAPE, GRU, hidden=5, layers=2, dropout=0.3, front="convolution"),
        GridForecastNetwork(
            SHAPE, "rnn", hidden=5, layers=2, tied=False, head="student-t", levels=(0.1, 0.5)
        ),
    ],
    ids=["stack", "dilated", "encoder-decoder", "grid"],
)
def test_options_rebuild_the_network(network):
    options = network.options()
    again = type(network)(**{**options, "shape": ForecastShape(**options["shape"])})
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
    for low, high, fraction in [(0, 8, 0.8), (1, 7, 0.6), (3, 5, 0.2)]:
        inside = (stretched[..., low] <= truth[2000:]) & (truth[2000:] <= stretched[..., high])
        assert abs(inside.double().mean() - fraction) < 0.03
    torch.testing.assert_close(stretched[..., 4], quantiles[2000:, :, 4])
    assert (stretched.diff(dim=-1) >= 0).all()
    assert "stretch" in network.state_dict()


def test_a_level_without_a_partner_is_calibrated_by_itself():
    network = ForecastNetwork(SHAPE, LSTM, hidden=4, levels=(0.2, 0.5, 0.9, 0.95)).eval()
    past, future = torch.randn(4000, 6, 4), torch.randn(4000, 3, 2)
    with torch.no_grad():
        quantiles = network.quantiles(network(past, future))
        truth = quantiles[..., 1] + torch.randn(4000, 3).exp() - 1  # the median of the error is zero
        network.calibrate(quantiles[:2000], truth[:2000])
        calibrated = network.quantiles(network(past[2000:], future[2000:]))
    for place, level in enumerate(network.quantile_levels):
        below = (truth[2000:] <= calibrated[..., place]).double().mean()
        assert abs(below - level) < 0.03


NETWORKS = {
    "stack": lambda **more: ForecastNetwork(SHAPE, LSTM, hidden=4, **more),
    "encoder-decoder": lambda **more: EncoderDecoderForecastNetwork(SHAPE, GRU, hidden=4, **more),
    "grid": lambda **more: GridForecastNetwork(SHAPE, hidden=4, layers=2, **more),
}


@pytest.mark.parametrize("head", ["quantiles", "student-t"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_forecast_follows_the_level_and_the_scale_of_its_window(kind, head):
    network = NETWORKS[kind](head=head).double().eval()
    past, future = torch.randn(5, 6, 4).double() * 50, torch.randn(5, 3, 2).double()
    moved = past.clone()
    moved[:, :, 0] = 7 * past[:, :, 0] + 1000
    expected = 7 * network.quantiles(network(past, future)) + 1000
    found = network.quantiles(network(moved, future))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-3)  # scales are at least MIN_SCALE


@pytest.mark.parametrize("head", ["quantiles", "student-t"])
def test_window_units_are_undone_exactly(head):
    network = NETWORKS["stack"](head=head).double().eval()
    past, future = torch.randn(5, 6, 4).double(), torch.randn(5, 3, 2).double()
    target = past[:, :, 0].numpy()
    level = target.mean(1)[:, None, None]
    scale = (target.var(1)[:, None, None] + MIN_SCALE**2) ** 0.5
    given = past.clone()
    given[:, :, :1] = torch.from_numpy((target[:, :, None] - level) / scale)
    plain = NETWORKS["stack"](head=head, normalization="series").double().eval()
    plain.load_state_dict(network.state_dict())
    expected = plain.quantiles(plain(given, future)).detach().numpy() * scale + level
    np.testing.assert_allclose(network.quantiles(network(past, future)).detach(), expected, rtol=1e-9)


def test_a_constant_window_has_a_forecast():
    for make in NETWORKS.values():
        network = make()
        past = torch.full((2, 6, 4), 3.0, requires_grad=True)
        network.quantiles(network(past, torch.zeros(2, 3, 2))).sum().backward()
        assert past.grad.isfinite().all()


def test_layers_start_from_the_linear_forecast():
    prepared = data()
    network = ForecastNetwork(SEASONAL, GRU, hidden=8)
    network.initialize(prepared.train, prepared.validation)
    ridge = Ridge(SEASONAL)
    ridge.fit(prepared.train, prepared.validation)
    torch.nn.init.zeros_(network.head.linear.weight)
    torch.nn.init.zeros_(network.head.linear.bias)
    batch = prepared.test.all()
    with torch.no_grad():
        median = network(batch.past, batch.future)[..., 4]
    torch.testing.assert_close(median, ridge.point(batch.past, batch.future), rtol=1e-4, atol=1e-4)
