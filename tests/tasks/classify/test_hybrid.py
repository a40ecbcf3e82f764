"""The hybrid of recurrent layers and random convolutions, and the weight of its halves."""

import pytest
import torch
from torch.nn import functional

from gatewise.cells import GRU
from gatewise.modules.hybrid import choose_fraction
from gatewise.modules.weighted import weighted_cross_entropy
from gatewise.tasks.classify.minirocket import MiniRocket
from gatewise.tasks.classify.network import HybridClassifier
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from tests.tasks.classify.test_network import sequences


@pytest.fixture
def data():
    lengths = [9, 12, 5, 7, 11, 6] * 4
    return sequences(lengths, classes=3, apart=2.0), sequences(lengths, classes=3, seed=1, apart=2.0)


def network_of(data):
    torch.manual_seed(0)
    network = HybridClassifier(GRU, channels=2, classes=3, length=12, hidden=4)
    network.complete(*data)
    return network.eval()


def test_logits_average_log_probabilities(data, tmp_path):
    network = network_of(data)
    batch = data[1].__getitems__([0, 3, 5])
    alone = MiniRocket(2, 3, 12)
    alone.fit(*data, seed=int(network.seed))
    fraction = float(network.fraction)
    assert 0 < fraction < 1
    expected = fraction * network.stack.logits(batch).log_softmax(-1)
    expected = expected + (1 - fraction) * alone.logits(batch).log_softmax(-1)
    assert (network.logits(batch) - expected).abs().max() < 1e-5
    save_model(tmp_path, SavedModel("classify", "hybrid-gru", network, {}))
    assert torch.equal(load_model(tmp_path).network.logits(batch), network.logits(batch))


def test_gradient_descent_trains_the_stack_alone(data):
    network = network_of(data).train()
    network.stack.dropout.p = 0.0
    batch = data[0].__getitems__([0, 1, 2, 3])
    loss, logits = network.loss(batch), network.stack.logits(batch)
    smoothed = functional.cross_entropy(logits, batch.labels, label_smoothing=0.1)
    assert torch.equal(loss, smoothed)
    plain = functional.cross_entropy(logits, batch.labels)
    assert torch.equal(network.eval().loss(batch), plain)  # without smoothing in evaluation
    loss.backward()
    assert all(one.grad is not None for one in network.stack.parameters())
    assert all(one.grad is None for one in network.rocket.parameters())


def test_the_last_fit_uses_both_sets(data):
    network, (train, validation) = network_of(data), data
    joined = MiniRocket(2, 3, 12)
    both = train.joined(train)  # of one table
    joined.fit(both, validation, int(network.seed))
    network.refit(train, train)
    assert torch.equal(network.rocket.linear.weight, joined.linear.weight)


def fraction_of(first, second, labels, prior=0.25, weights=None):
    """The fraction of the first of two log-probabilities of classes."""
    return choose_fraction(
        first, second, lambda mixed: float(weighted_cross_entropy(mixed, labels, weights)), prior
    )


def test_a_few_examples_do_not_decide():
    """Three examples move the fraction a little, a hundred times as many move it far."""
    right, wrong = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.3, 0.7]]).log()
    labels = torch.zeros(300, dtype=torch.long)
    few = fraction_of(right.expand(3, -1), wrong.expand(3, -1), labels[:3])
    many = fraction_of(right.expand(300, -1), wrong.expand(300, -1), labels)
    assert 0.25 < few < 0.5 < 0.8 < many
    assert fraction_of(right[[0, 0]], right[[0, 0]], labels[:2]) == pytest.approx(0.25)


def test_weights_of_examples_count():
    right, wrong = torch.tensor([[0.9, 0.1]]).log(), torch.tensor([[0.3, 0.7]]).log()
    first, second = torch.cat([right, wrong]).repeat(200, 1), torch.cat([wrong, right]).repeat(200, 1)
    labels = torch.zeros(400, dtype=torch.long)
    chosen = [
        fraction_of(first, second, labels, weights=torch.tensor(pair).repeat(200))
        for pair in ([1.0, 0.1], [0.1, 1.0])
    ]
    assert chosen[0] > 0.7 > 0.3 > chosen[1]


def test_the_prior_grows_with_the_training_set():
    """Without evidence, few training sequences leave most of the weight to ridge regression."""
    fractions = []
    for count in (24, 600):
        lengths = [6] * count
        train = sequences(lengths, classes=3)
        torch.manual_seed(0)
        network = HybridClassifier(GRU, channels=2, classes=3, length=6, hidden=2)
        network.complete(train, sequences([6] * 3, classes=3, seed=1))
        fractions.append(float(network.fraction))
    assert fractions[0] < 0.15 < fractions[1] < 0.5
