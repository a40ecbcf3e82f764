"""Weights of sequences: in the loss, its gradient, the logistic baseline and the file."""

import numpy as np
import pytest
import torch

from gatewise.baselines.logistic import PENALTIES, fit_logistic
from gatewise.cells import LSTM
from gatewise.data.sequences.sequences import SequenceBatch
from gatewise.errors import GatewiseError
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.weighted import weighted_cross_entropy
from gatewise.tasks.classify.data import read_data, read_further_data, read_test_data
from gatewise.tasks.classify.options import ClassifyOptions
from gatewise.training.ablation import mean_loss


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SequenceClassifier(cell=LSTM, channels=2, classes=3, hidden=4, dropout=0.0).double()


def batch(rows, weights=None):
    """Some of eight random sequences."""
    random = torch.Generator().manual_seed(1)
    values = torch.randn(8, 5, 2, generator=random, dtype=torch.float64)
    lengths = torch.tensor([5, 3, 4, 1, 2, 5, 5, 3])
    values = values * (torch.arange(5) < lengths[:, None]).unsqueeze(-1)
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    return SequenceBatch(values[rows], lengths[rows], torch.arange(8)[rows] % 3, weights)


def loss_and_gradient(network, one):
    network.zero_grad()
    loss = network.loss(one)
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in network.parameters()]


def require_same(network, one, other):
    for found, expected in zip(
        loss_and_gradient(network, one), loss_and_gradient(network, other), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert network.weight(one) == network.weight(other)


def test_a_weight_of_zero_leaves_the_example_out(network):
    require_same(network, batch([0, 1, 2, 3], [1.0, 0.0, 1.0, 0.0]), batch([0, 2]))


def test_a_whole_number_repeats_the_example(network):
    require_same(network, batch([0, 1, 2], [3.0, 1.0, 2.0]), batch([0, 0, 0, 1, 2, 2]))


def test_weights_count_over_several_batches(network):
    split = [batch([0, 1, 2], [1.0, 2.0, 0.5]), batch([3, 4], [0.25, 4.0])]
    whole = batch([0, 1, 2, 3, 4], [1.0, 2.0, 0.5, 0.25, 4.0])
    torch.testing.assert_close(mean_loss(network, split), network.loss(whole))


def test_a_batch_without_weight_has_no_gradient(network):
    loss, gradient = loss_and_gradient(network, batch([0, 1], [0.0, 0.0]))
    assert float(loss) == 0
    assert all(not one.any() for one in gradient)
    assert network.weight(batch([0, 1], [0.0, 0.0])) == 0


def test_the_logistic_baseline_minimizes_the_weighted_loss():
    random = torch.Generator().manual_seed(0)
    features, labels = torch.randn(40, 3, generator=random), torch.arange(40) % 3
    weights = torch.rand(40, generator=random)
    mean, std = features.mean(0), features.std(0, unbiased=False)
    found = fit_logistic(features, labels, features, labels, 3, weights, weights)
    weight, bias = ((found[0] * std).requires_grad_(), (found[1] + found[0] @ mean).requires_grad_())
    loss = weighted_cross_entropy((features - mean) / std @ weight.T + bias, labels, weights)
    (loss + 0.5 * PENALTIES[-1] * weight.square().sum()).backward()
    torch.testing.assert_close(weight.grad, torch.zeros(3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(bias.grad, torch.zeros(3), atol=1e-5, rtol=0)
    plain = fit_logistic(features, labels, features, labels, 3)
    assert not torch.allclose(found[0], plain[0], atol=1e-2)


@pytest.fixture
def table(tmp_path):
    """Writes a file of twelve sequences of two steps; changes: of the weight, by line."""

    def write(changes=()):
        rows = [
            f"{number},{step},{number % 2 + 0.1 * step},{'ab'[number % 2]},{number % 3 + 0.5}"
            for number in range(12)
            for step in (0, 1)
        ]
        for line, weight in dict(changes).items():
            rows[line - 2] = f"{rows[line - 2].rpartition(',')[0]},{weight}"
        path = tmp_path / "data.csv"
        path.write_text("\n".join(["id,time,x,label,w", *rows]) + "\n")
        return path

    return write


def test_a_column_has_the_weights(table):
    data = read_data(table(), ClassifyOptions(weight="w"))
    assert data.train.table.channels == ("x",)
    for split in (data.train, data.validation):
        np.testing.assert_allclose(split.weights, (split.numbers % 3 + 0.5) / 2.5)
    assert data.test.weights is None
    again = read_test_data(table(), data.preprocessing)
    assert again.test.numbers.tolist() == data.test.numbers.tolist()
    assert read_data(table(), ClassifyOptions()).train.table.channels == ("x", "w")


def test_weights_count_in_further_training_too(table):
    options = ClassifyOptions(weight="w")
    data = read_further_data(table(), read_data(table(), options).preprocessing, options)
    np.testing.assert_allclose(data.train.weights, (data.train.numbers % 3 + 0.5) / 2.5)
    assert data.test.weights is None


@pytest.mark.parametrize(
    ("line", "weight", "message"),
    [
        (
            3,
            7,
            "line 3, column 'w': expected the weight 0.5 of the same sequence in line 2, got 7",
        ),
        (5, -1, "line 5, column 'w': expected a weight of 0 or more, got -1"),
        (5, "", "line 5, column 'w': expected a weight of 0 or more, got nothing"),
        (5, "inf", "line 5, column 'w': expected a"),
        (5, "much", "line 5, column 'w': expected a number, got 'much'"),
    ],
)
def test_a_wrong_weight_is_found_by_its_line(table, line, weight, message):
    with pytest.raises(GatewiseError, match=message):
        read_data(table({line: weight}), ClassifyOptions(weight="w"))


def test_a_set_needs_some_weight(table):
    data = read_data(table(), ClassifyOptions())
    lines = {2 * number + 2 + step: 0 for number in data.validation.numbers.tolist() for step in (0, 1)}
    with pytest.raises(GatewiseError, match="all weights in the validation set are zero"):
        read_data(table(lines), ClassifyOptions(weight="w"))


def test_an_archive_has_no_column_of_weights(tmp_path):
    path = tmp_path / "data.ts"
    path.write_text("@data\n1,2:a\n2,1:b\n")
    with pytest.raises(GatewiseError, match="an archive without column names; leave --weight out"):
        read_data(path, ClassifyOptions(weight="w"))
