"""Models of the next vector: beside loops, blind to padding and to what is yet to come, and their draws."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from gatewise.cells import GRU, LSTM
from gatewise.data.sequences.sequences import SequenceBatch, Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.tasks.generate_vectors.baselines import BASELINES, Autoregression, Marginal, Markov, history
from gatewise.tasks.generate_vectors.network import SequenceModel
from gatewise.tasks.serialization import SavedModel, load_model, save_model


def pens(count=4, seed=0, longest=9):
    """Sequences of dx, dy and whether the pen is lifted, of several lengths."""
    random = np.random.default_rng(seed)
    return [
        np.column_stack([random.normal(size=(length, 2)), random.integers(0, 2, length)])
        for length in random.integers(3, longest, count)
    ]


def vectors(sequences):
    """Such sequences as a data set, at their own scale."""
    width = sequences[0].shape[1]
    offsets = np.cumsum([0, *map(len, sequences)])
    names = tuple(map(str, range(len(sequences)))), tuple(map(str, range(width)))
    table = SequenceTable("", np.concatenate(sequences).astype(np.float32), offsets, *names)
    numbers = range(len(sequences))
    return Sequences(table, numbers, [0] * len(numbers), (Scale(0.0, 1.0),) * width)


def whole(sequences):
    return vectors(sequences).__getitems__(list(range(len(sequences))))


def batch_of(values, lengths):
    return SequenceBatch(values, torch.as_tensor(lengths), torch.zeros(len(values)))


def test_the_loss_is_that_of_a_loop_over_single_vectors():
    network = SequenceModel(LSTM, channels=3, binary=[2], hidden=5, layers=2, components=3).double()
    batch = whole(pens())
    batch = batch_of(batch.values.double(), batch.lengths)
    total = 0.0
    for values, length in zip(batch.values, batch.lengths, strict=True):
        state, seen = None, torch.zeros(1, 1, 3).double()
        for vector in values[:length]:
            output, state = network.recurrent(seen, state)
            total += network.head.nats(network.head(output[0, 0]), vector).item()
            seen = vector.view(1, 1, 3)
    assert network.weight(batch) == sum(map(len, pens()))
    assert network.loss(batch).item() == pytest.approx(total / network.weight(batch), rel=1e-12)


def test_inputs_may_be_scaled_and_outputs_are_not():
    options = {"cell": LSTM, "channels": 3, "binary": [2], "hidden": 5, "components": 3}
    plain, scaled = SequenceModel(**options).double(), SequenceModel(**options, input_scale=4.0).double()
    scaled.load_state_dict(plain.state_dict())
    with torch.no_grad():
        plain.recurrent.weight_ih_l0 *= 4
    batch = whole(pens())
    batch = batch_of(batch.values.double(), batch.lengths)
    torch.testing.assert_close(scaled.nats(batch), plain.nats(batch))
    torch.testing.assert_close(scaled.expected(batch), plain.expected(batch))
    torch.manual_seed(2)
    drawn = scaled.sample(4)
    torch.manual_seed(2)
    torch.testing.assert_close(drawn, plain.sample(4))


def test_every_cell_ignores_padding_and_later_steps(cell):
    network = SequenceModel(cell, channels=3, binary=[0], hidden=4, components=2).double().eval()
    values, lengths = torch.randint(2, (2, 7, 3)).double(), torch.tensor([7, 4])
    nats = network.nats(batch_of(values, lengths))
    assert (nats[1, 4:] == 0).all()
    for change, untouched in [((0, 5), (0, slice(0, 5))), ((1, 5), (1, slice(None)))]:
        other = values.clone()
        other[change] = 1 - other[change]
        torch.testing.assert_close(network.nats(batch_of(other, lengths))[untouched], nats[untouched])
    other = values.clone()
    other[0, 2] += 1
    assert (network.nats(batch_of(other, lengths))[0, 3:] != nats[0, 3:]).any()


def test_all_weights_learn():
    network = SequenceModel(GRU, channels=3, binary=[2], hidden=5, layers=2, dropout=0.2, components=3)
    network.loss(whole(pens())).backward()
    assert all((one.grad != 0).any() for one in network.parameters())


def test_samples_follow_the_predicted_density():
    """Of two keys over three steps, each of the 64 rolls is drawn as often as its nats predict."""
    network = SequenceModel(LSTM, channels=2, binary=[0, 1], hidden=4).eval()
    with torch.no_grad():
        for one in network.parameters():
            one.mul_(4)  # so that what came before matters
    key = torch.tensor([0.0, 1.0])
    rolls = torch.cartesian_prod(*[key] * 6).view(64, 3, 2)
    with torch.no_grad():
        expected = (-network.nats(batch_of(rolls, torch.full((64,), 3))).sum(1)).exp()
    assert expected.sum().item() == pytest.approx(1, abs=1e-5)
    drawn = network.sample(3, count=20_000)
    numbers = (drawn.flatten(1) @ (2.0 ** torch.arange(5, -1, -1))).long()
    often = torch.bincount(numbers, minlength=64) / 20_000
    assert (often - expected).abs().max() < 4 * (0.25 / 20_000) ** 0.5
    assert (expected.max() / expected.min()) > 3


def test_a_sample_continues_a_given_start():
    network = SequenceModel(LSTM, channels=1, hidden=8, components=2).eval()
    with torch.no_grad():
        network.head.parts[0].linear.weight.mul_(20)
    beginnings = [torch.full((6, 1), value) for value in (-3.0, 3.0)]
    low, high = (network.sample(1, count=500, start=one).mean() for one in beginnings)
    raw = [
        network.head.mean(network(torch.cat([torch.zeros(1, 1), one])[None])[0][0, -1]) for one in beginnings
    ]
    assert abs(low - raw[0]) < 0.3
    assert abs(high - raw[1]) < 0.3
    assert abs(raw[0] - raw[1]) > 1


def test_a_bias_steadies_a_draw():
    network = SequenceModel(LSTM, channels=2, hidden=8, components=1).eval()
    free, steady = (network.sample(20, count=50, bias=bias) for bias in (0.0, 5.0))
    assert steady.std(0).mean() < 0.1 * free.std(0).mean()


@pytest.mark.parametrize("make", [
    lambda: SequenceModel(GRU, channels=3, binary=[2], hidden=5, layers=2, dropout=0.3, skip=True),
    lambda: Marginal(3, [2]), lambda: Markov(3, [2]), lambda: Autoregression(3, [2]),
])  # fmt: skip
def test_a_saved_model_is_the_same(make, tmp_path):
    model = make()
    if not isinstance(model, SequenceModel):
        model.fit(vectors(pens(20)), vectors(pens(5, seed=1)))
    save_model(tmp_path, SavedModel("generate", "it", model, {}))
    again = load_model(tmp_path).network
    batch = whole(pens())
    assert torch.equal(again.nats(batch), model.eval().nats(batch))


def test_the_history_is_that_of_a_loop():
    values = torch.randn(2, 6, 3)
    found = history(values, 4)
    for row, step, back in np.ndindex(2, 6, 4):
        expected = values[row, step - back - 1] if step > back else torch.zeros(3)
        assert torch.equal(found[row, step, 3 * back : 3 * back + 3], expected)


def test_the_marginal_counts_and_has_one_gaussian():
    sequences = pens(30)
    model = Marginal(3, [2])
    model.fit(vectors(sequences), None)
    rows = np.concatenate(sequences).astype(np.float32).astype(float)
    share = (rows[:, 2].sum() + 0.5) / (len(rows) + 1)
    covariance = np.cov(rows[:, :2].T, bias=True) + 1e-6 * np.eye(2)
    expected = np.where(rows[:, 2] == 1, np.log(share), np.log(1 - share)).mean()
    expected += multivariate_normal.logpdf(rows[:, :2], rows[:, :2].mean(0), covariance).mean()
    assert model.loss(whole(sequences)).item() == pytest.approx(-expected, rel=1e-5)


def test_markov_counts_what_follows_what():
    model = Markov(2, [0])
    one = np.array([[1, 0.0], [1, 1.0], [0, 2.0], [1, 3.0], [1, 4.0]])
    model.fit(vectors([one]), None)
    zero, after = (model.weights[0, 0] * before + model.bias[0] for before in (0, 1))
    assert zero.sigmoid().item() == pytest.approx(
        (2 + 0.5) / 3
    )  # after the zeros before it, and a zero: 1, 1
    assert after.sigmoid().item() == pytest.approx((2 + 0.5) / 4)  # after three ones: 1, 0, 1
    expected = np.polyfit([0, 0, 1, 2, 3], one[:, 1], 1)
    np.testing.assert_allclose([model.weights[1, 1], model.bias[1]], expected, rtol=1e-5)
    assert model.weights[0, 1] == model.weights[1, 0] == 0


def autoregressive(count, seed):
    """Two real channels, `x_t = A x_{t-1} + B x_{t-2} + noise`, and a key that is pressed after high ones."""
    random = np.random.default_rng(seed)
    before, further = np.array([[0.5, 0.4], [-0.4, 0.5]]), np.array([[0.2, 0.0], [0.0, -0.3]])
    sequences = []
    for _ in range(count):
        rows = [np.zeros(2), np.zeros(2)]
        for _ in range(40):
            rows.append(before @ rows[-1] + further @ rows[-2] + 0.3 * random.normal(size=2))
        values = np.array(rows[1:])
        chance = 1 / (1 + np.exp(1 - 6 * values[:-1, 0]))
        sequences.append(np.column_stack([values[1:], random.random(40) < chance]))
    return vectors(sequences)


def test_an_autoregression_finds_the_rule():
    train = autoregressive(100, 0)
    model = Autoregression(3, [2], order=2)
    model.fit(train, autoregressive(20, 1))
    found = model.weights[:2][:, [0, 1, 3, 4]]
    expected = torch.tensor([[0.5, 0.4, 0.2, 0.0], [-0.4, 0.5, 0.0, -0.3]])
    torch.testing.assert_close(found, expected, atol=0.06, rtol=0)
    torch.testing.assert_close(model.noise, 0.3 * torch.eye(2), atol=0.02, rtol=0)
    assert abs(model.weights[2, 0] - 6) < 1
    assert model.weights[2, 1:].abs().max() < 0.6


def test_each_baseline_sees_more_than_the_last():
    train, validation, test = (autoregressive(60, seed) for seed in range(3))
    losses = []
    for make in BASELINES.values():
        model = make(3, [2])
        model.fit(train, validation)
        losses.append(model.loss(test.__getitems__(list(range(60)))).item())
    assert losses[0] > losses[1] + 0.1 > losses[2] + 0.2


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_survives_channels_that_never_change(name):
    model = BASELINES[name](3, [2])
    still = vectors([np.tile([5.0, 0.0, 0.0], (20, 1))])
    model.fit(still, still)
    batch = still.__getitems__([0])
    assert model.loss(batch).isfinite()
    assert model.loss(batch_of(torch.ones_like(batch.values), batch.lengths)).isfinite()


def test_counts_on_chorales_are_as_published(real_data):
    """Note by note, from its own last value: 10.49 nats a frame, from the second frame on."""
    from scipy.io import loadmat

    rolls = loadmat(real_data / "music" / "JSB_Chorales.mat")
    model = Markov(88, range(88))
    model.fit(vectors(list(rolls["traindata"][0])), None)
    batch = whole(list(rolls["testdata"][0]))
    nats = model.nats(batch)[:, 1:].sum() / (batch.lengths - 1).sum()
    assert nats.item() == pytest.approx(10.49, abs=0.01)
