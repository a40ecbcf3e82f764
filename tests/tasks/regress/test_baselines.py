"""Baselines of numbers against numpy, brute force and scikit-learn; the losses by their equations."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from gatewise.baselines import ridge, sequence_features
from gatewise.baselines.sequence_features import summaries
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetBatch, TargetSequences
from gatewise.data.series.scaling import Scale
from gatewise.tasks.regress.baselines import Mean, Nearest, RocketRidge, SummaryRidge
from gatewise.tasks.regress.metrics import TargetPredictions, score
from gatewise.tasks.regress.regressor import Regressor, predict_scaled
from gatewise.tasks.serialization import SavedModel, load_model, save_model

LENGTHS = [5, 1, 9, 3, 7, 2, 12, 4, 6, 8]
UNIT = Scale(0.0, 1.0)


def sequences(weights=None, seed=0):
    """Ten sequences of two channels, whose two targets are a linear function of their summaries."""
    random = np.random.default_rng(seed)
    values, offsets = random.normal(size=(sum(LENGTHS), 2)), np.cumsum([0, *LENGTHS])
    means = [values[first:last].mean(0) for first, last in pairwise(offsets)]
    targets = np.array([[3 * a - b + 1, 2 * b] for a, b in means])
    names = tuple(map(str, range(len(LENGTHS))))
    table = SequenceTable("", values, offsets, names, ("x", "y"), targets=targets, target_names=("p", "q"))
    return TargetSequences(table, range(len(LENGTHS)), (UNIT, UNIT), (UNIT, UNIT), weights)


class FirstValues(Regressor):
    """Predicts the first two values of a sequence."""

    def outputs(self, batch):
        return batch.values[:, 0, :2]

    def options(self):
        return {}


def test_losses_by_their_equations():
    batch = TargetBatch(
        torch.tensor([[[0.5, 3.0]], [[1.0, 1.0]]]), torch.ones(2), torch.zeros(2, 2), torch.tensor([3.0, 1.0])
    )
    network = FirstValues()
    expected = {"squared": [(0.25 + 9) / 2, 1.0], "absolute": [1.75, 1.0], "huber": [(0.125 + 2.5) / 2, 0.5]}
    for kind, (first, second) in expected.items():
        network.loss_kind = kind
        assert float(network.loss(batch)) == pytest.approx((3 * first + second) / 4)
        assert float(network.loss(batch._replace(weights=None))) == pytest.approx((first + second) / 2)
    assert network.weight(batch) == 4.0
    assert network.weight(batch._replace(weights=None)) == 2


def test_the_mean_is_weighted():
    data = sequences(np.arange(10))
    network = Mean(2)
    network.fit(data, data)
    np.testing.assert_allclose(
        network.mean, np.average(data.table.targets, axis=0, weights=np.arange(10)), rtol=1e-5
    )
    assert predict_scaled(network, data).shape == (10, 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_ridge_on_summaries_is_that_of_scikit_learn(monkeypatch, tmp_path, weighted):
    monkeypatch.setattr(ridge, "PENALTIES", np.array([0.5]))
    weights = np.arange(1.0, 11) if weighted else None
    data = sequences(weights)
    network = SummaryRidge(channels=2, targets=2)
    network.fit(data, data)
    batches = [data.__getitems__([number]) for number in range(10)]
    features = np.concatenate([summaries(one.values, one.lengths) for one in batches]).astype(float)
    scaled = (features - features.mean(0)) / features.std(0)
    expected = Ridge(0.5).fit(scaled, data.table.targets, weights).predict(scaled)
    np.testing.assert_allclose(predict_scaled(network, data), expected, atol=1e-4)
    save_model(tmp_path, SavedModel("regress", "ridge", network, {}))
    loaded = load_model(tmp_path).network
    np.testing.assert_array_equal(predict_scaled(loaded, data), predict_scaled(network, data))


def test_what_has_a_closed_form_is_fitted_to_both_sets_at_the_end():
    data = sequences()
    half = TargetSequences(data.table, range(5), (UNIT, UNIT), (UNIT, UNIT))
    rest = TargetSequences(data.table, range(5, 10), (UNIT, UNIT), (UNIT, UNIT))
    for make in (lambda: SummaryRidge(2, 2), lambda: RocketRidge(2, 2, length=12, features=84)):
        network, whole = make(), make()
        network.fit(half, rest)
        network.refit(half, rest)
        whole.fit(data, data)
        np.testing.assert_allclose(predict_scaled(network, data), predict_scaled(whole, data), atol=1e-4)


def test_the_nearest_sequence_by_brute_force(monkeypatch, tmp_path):
    monkeypatch.setattr(sequence_features, "MAX_FEATURE_VALUES", 2 * 64 * 6)
    train, held = sequences(), sequences(seed=1)
    network = Nearest(channels=2, targets=2)
    network.fit(train, train)
    assert len(network.kept) == 6
    known = {tuple(one) for one in train.targets.tolist()}
    assert all(tuple(one) in known for one in network.known.tolist())

    def rows(number):
        values = held.padded([number])[0].double().numpy()
        times = np.linspace(0, len(values) - 1, 64)
        return np.stack([np.interp(times, range(len(values)), one) for one in values.T], axis=1).ravel()

    kept = network.kept.double().numpy()
    expected = [network.known[((kept - rows(number)) ** 2).sum(1).argmin()].tolist() for number in range(10)]
    np.testing.assert_allclose(predict_scaled(network, held), expected, rtol=1e-6)
    save_model(tmp_path, SavedModel("regress", "nearest", network, {}))
    np.testing.assert_allclose(predict_scaled(load_model(tmp_path).network, held), expected, rtol=1e-6)


def test_scores_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    truth, predicted = random.normal(size=(2, 20, 3)) * [1.0, 1e-150, 1e100] + [5.0, 0.0, 0.0]
    found = score(TargetPredictions(None, None, predicted, truth), np.array([1.0, 1e-150, 1e100]))
    scaled = truth / [1.0, 1e-150, 1e100], predicted / [1.0, 1e-150, 1e100]
    assert found["r2"] == pytest.approx(r2_score(*scaled))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(*scaled))
    assert found["mae"] == pytest.approx(mean_absolute_error(*scaled))
    constant = np.ones((4, 1))
    assert np.isnan(score(TargetPredictions(None, None, constant, constant), np.ones(1))["r2"])
