"""The networks, weights, folds and thresholds of sequences with any number of labels."""

from math import exp, log

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

import gatewise
from gatewise.cells import GRU
from gatewise.data.batching import computed_in_batches
from gatewise.data.multilabel_split import multilabel_folds
from gatewise.data.sequences.augmentation import mix
from gatewise.data.sequences.sequences import SequenceTable
from gatewise.data.sequences.targets import TargetSequences
from gatewise.data.sequences.weights import balancing_target_weights
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.tasks.classify_multilabel.baselines import LabelFrequencies, MultilabelRocket
from gatewise.tasks.classify_multilabel.classifier import predict_probabilities
from gatewise.tasks.classify_multilabel.data import read_data
from gatewise.tasks.classify_multilabel.network import (
    HybridMultilabelClassifier,
    MultilabelEnsemble,
    SequenceMultilabelClassifier,
    calibrate,
)
from gatewise.tasks.classify_multilabel.options import MultilabelOptions
from gatewise.tasks.classify_multilabel.task import TASK
from gatewise.tasks.classify_multilabel.thresholds import f1_thresholds
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from tests.tasks.classify_multilabel.test_task import NAMES, QUICK, arrays, frame

UNSCALED = (Scale(0.0, 1.0),)
HYBRID = {**QUICK, "network": "hybrid"}


@pytest.fixture(scope="module", autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield


def sequences(count=40, **others):
    """The arrays as sequences of one table."""
    values, labels = arrays(count)
    table = SequenceTable(
        "", values.reshape(-1, 2), np.arange(count + 1) * 12, tuple(map(str, range(count))), ("x", "y"),
        targets=labels.astype(float),
    )  # fmt: skip
    return TargetSequences(table, range(count), UNSCALED * 2, UNSCALED * 3, **others)


def network_of(kind, **options):
    torch.manual_seed(0)
    return kind(cell=GRU, channels=2, labels=3, hidden=4, **options)


def cross_entropy(logit, target):
    """The binary cross-entropy of a label."""
    return log(1 + exp(-logit)) if target else log(1 + exp(logit))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 0.0, 0.25]])
@pytest.mark.parametrize("target_weights", [None, torch.arange(12.0).view(4, 3)])
def test_the_loss_of_a_mixture_is_that_of_both_sets_of_labels(weights, target_weights, smoothing):
    chosen = sequences(4, weights=weights, target_weights=target_weights)
    batch, network = (
        chosen.__getitems__([0, 1, 2, 3]),
        network_of(SequenceMultilabelClassifier, label_smoothing=smoothing, dropout=0.0),
    )
    partners, kept = torch.tensor([1, 2, 0, 3]), torch.tensor([0.7, 0.1, 0.4, 0.5])
    mixed = mix(batch, partners, kept)
    torch.testing.assert_close(mixed.values[1], 0.1 * batch.values[1] + 0.9 * batch.values[2])
    logits, loss, total = network.logits(mixed).tolist(), 0.0, 0.0
    for row, (partner, fraction) in enumerate(zip(partners.tolist(), kept.tolist(), strict=True)):
        for one, part in ((row, fraction), (partner, 1 - fraction)):
            for label in range(3):
                weight = part * (weights or [1] * 4)[one]
                weight *= 1 if target_weights is None else float(target_weights[one, label])
                true = batch.targets[one, label]
                sides = [cross_entropy(logits[row][label], side) for side in (true, 1 - true)]
                loss += weight * ((1 - smoothing / 2) * sides[0] + smoothing / 2 * sides[1])
                total += weight
    assert network.loss(mixed).item() == pytest.approx(loss / total, rel=1e-5)
    assert network.weight(mixed) == pytest.approx(total / 3, rel=1e-5)
    assert network.eval().loss(batch).equal(network_of(SequenceMultilabelClassifier).eval().loss(batch))


def test_labels_are_learned_from_changed_sequences():
    plain = gatewise.Classifier(**QUICK).fit(*arrays(24))
    for changed in ({"augmentation": "jitter,warping,mixup"}, {"label_smoothing": 0.3, "ensemble": 2}):
        model = gatewise.Classifier(**{**QUICK, **changed}).fit(*arrays(24))
        assert not np.allclose(model.predict_proba(arrays(24)[0]), plain.predict_proba(arrays(24)[0]))
    with pytest.raises(GatewiseError, match="augmentation has mixup twice"):
        gatewise.Classifier(**QUICK, augmentation=("mixup", "mixup")).fit(*arrays(24))


def sigmoid(value):
    return 1 / (1 + exp(-value))


def test_an_ensemble_averages_probabilities(tmp_path):
    network, data = network_of(MultilabelEnsemble, members=3).eval(), sequences(5)
    batch = data.__getitems__([0, 3])
    logits, members = network.logits(batch).detach(), [one.logits(batch).detach() for one in network.members]
    for row in range(2):
        for label in range(3):
            expected = sum(sigmoid(float(one[row, label])) for one in members) / 3
            assert float(logits[row, label].sigmoid()) == pytest.approx(expected, abs=1e-6)
    save_model(tmp_path, SavedModel("classify-multilabel", "gru", network, {}))
    assert torch.equal(load_model(tmp_path).network.logits(batch), logits)


def test_each_member_leaves_out_its_fold():
    folds = np.arange(12) % 3
    network, data = network_of(MultilabelEnsemble, members=3, dropout=0.0), sequences(12, folds=folds)
    batch = data.__getitems__(list(range(12)))
    own = [one.loss(batch.rows(batch.folds != number)) for number, one in enumerate(network.members)]
    torch.testing.assert_close(network.train().loss(batch), torch.stack(own).mean())
    logits = network.eval().logits(batch)
    for row, fold in enumerate(folds):
        torch.testing.assert_close(logits[row], network.members[fold].logits(batch)[row])


def test_the_hybrid_averages_logits(tmp_path):
    network, train, validation = (
        network_of(HybridMultilabelClassifier, length=12), sequences(), sequences(20)
    )  # fmt: skip
    network.complete(train, validation)
    alone = MultilabelRocket(2, 3, 12)
    alone.fit(train, validation, int(network.seed))
    batch, w = validation.__getitems__([0, 7]), float(network.fraction)
    assert 0 < w < 1
    recurrent, rocket = network.stack.logits(batch), alone.logits(batch)
    torch.testing.assert_close(network.logits(batch), w * recurrent + (1 - w) * rocket)
    assert network.differentiable is network.stack
    save_model(tmp_path, SavedModel("classify-multilabel", "hybrid-gru", network, {}))
    assert torch.equal(load_model(tmp_path).network.logits(batch), network.logits(batch))


def test_convolutions_are_read_beside_the_layers():
    network = network_of(SequenceMultilabelClassifier, filters=8, dropout=0.0).eval()
    batch = sequences(5).__getitems__([0, 1])
    output, _ = network.recurrent(batch.values.transpose(0, 1), lengths=batch.lengths)
    pooled = network.pooling(output.transpose(0, 1), batch.lengths)
    beside = network.convolutions(batch.values, batch.lengths)
    expected = network.labels(torch.cat([pooled, beside], 1))
    assert beside.shape == (2, 8)
    torch.testing.assert_close(network.logits(batch), expected)


def test_the_loss_weighs_sequences_and_labels():
    weights = torch.tensor([1.0, 0.5, 0.0, 2.0, 1.0])
    own = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
    data = sequences(5, weights=weights, target_weights=own)
    network = network_of(SequenceMultilabelClassifier, dropout=0.0)
    batch = data.__getitems__([0, 1, 2, 3, 4])
    total = losses = 0.0
    for row, logits in enumerate(network.logits(batch).tolist()):
        for label, logit in enumerate(logits):
            weight, is_true = float(weights[row] * own[row, label]), bool(data.targets[row, label])
            losses -= weight * log(sigmoid(logit if is_true else -logit))
            total += weight
    assert float(network.loss(batch).detach()) == pytest.approx(losses / total, rel=1e-5)
    assert network.weight(batch) == pytest.approx(total / 3)


def test_balanced_labels_count_as_much_present_as_absent():
    random = np.random.default_rng(0)
    targets, weights = (random.random((50, 3)) < [0.1, 0.5, 1.0]).astype(float), random.random(50)
    train = np.arange(40)
    found = balancing_target_weights(targets, train, weights)
    for label in range(2):
        is_present = targets[train, label] == 1
        totals = [(found[train, label] * weights[train])[one].sum() for one in (is_present, ~is_present)]
        assert totals[0] == pytest.approx(totals[1])
        assert sum(totals) == pytest.approx(weights[train].sum())


def test_balanced_ridge_has_the_odds_of_balanced_labels():
    """Its probabilities are those of the unbalanced one at odds divided by the label's odds in training."""
    plain, weighted = MultilabelRocket(2, 3, 12), MultilabelRocket(2, 3, 12)
    data = sequences()
    plain.fit(data, data)
    own = balancing_target_weights(data.targets.numpy(), np.arange(40), None)
    weighted.fit(sequences(target_weights=torch.from_numpy(own).float()), data)
    frequencies = data.targets.mean(0)
    shift = plain.linear.bias - weighted.linear.bias
    torch.testing.assert_close(shift, frequencies.logit())
    torch.testing.assert_close(plain.linear.weight, weighted.linear.weight)


def test_thresholds_have_the_highest_f1():
    random = np.random.default_rng(0)
    truth = (random.random((60, 2)) < [0.1, 0.4]).astype(float)
    probabilities = np.clip(0.3 * truth + 0.5 * random.random((60, 2)), 0, 1)
    probabilities[:, 1] = probabilities[:, 1].round(1)  # many are equal
    weights = random.random(60)
    for own in (None, weights):
        found = f1_thresholds(
            torch.tensor(probabilities), torch.tensor(truth), None if own is None else torch.tensor(own)
        ).numpy()
        for label in range(2):

            def score(threshold, label=label, own=own):
                return f1_score(truth[:, label], probabilities[:, label] >= threshold, sample_weight=own)

            best = max(score(one) for one in np.unique(probabilities))
            assert score(found[label]) == pytest.approx(best)
    assert f1_thresholds(torch.rand(9, 1), torch.zeros(9, 1)).tolist() == [0.5]  # nothing to choose by


@pytest.mark.parametrize("kind", ["stack", "hybrid", "ensemble", "frequencies", "rocket"])
def test_thresholds_are_chosen_on_sequences_a_network_has_not_seen(kind, tmp_path):
    train, validation = sequences(), sequences(20)
    if kind == "stack":
        network = network_of(SequenceMultilabelClassifier, thresholds="f1")
        calibrate(network, validation)
    elif kind == "ensemble":
        network = network_of(MultilabelEnsemble, members=2, thresholds="f1")
        calibrate(network, validation)
    elif kind == "hybrid":
        network = network_of(HybridMultilabelClassifier, length=12, thresholds="f1")
        network.complete(train, validation)
    else:
        network = {
            "frequencies": LabelFrequencies(3, "f1"), "rocket": MultilabelRocket(2, 3, 12, thresholds="f1")
        }[kind]  # fmt: skip
        network.fit(train, validation)
    probabilities = predict_probabilities(network, validation)
    if kind == "rocket":
        left_out = MultilabelRocket(2, 3, 12).fit_left_out(train).sigmoid()
        torch.testing.assert_close(network.thresholds, f1_thresholds(left_out, train.targets))
    else:
        torch.testing.assert_close(network.thresholds, f1_thresholds(probabilities, validation.targets))
    save_model(tmp_path, SavedModel("classify-multilabel", "net", network, {}))
    assert torch.equal(load_model(tmp_path).network.thresholds, network.thresholds)


def test_thresholds_decide_what_is_predicted(tmp_path):
    X, y = arrays(60)
    model = gatewise.Classifier(**{**HYBRID, "baselines": True}, thresholds="f1").fit(X, y)
    thresholds = model.network_.thresholds.numpy()
    assert (thresholds != 0.5).any()
    predicted, probabilities = model.predict(X), model.predict_proba(X)
    np.testing.assert_array_equal(predicted, probabilities >= thresholds)
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(gatewise.load(tmp_path / "model").predict(X), predicted)
    details = TASK.details(model.comparison_.chosen_network.predictions, model.comparison_.data)[0]
    assert [row[-1] for row in details.rows] == [f"{one:.3f}" for one in thresholds]
    scores = {one.name: one.scores for one in model.comparison_.results}
    assert scores["frequencies"]["f1"] > 0.4  # every label for every sequence has the highest F1


def test_folds_have_every_label_and_predict_by_networks_without_them():
    _, labels = arrays(60)
    folds = multilabel_folds(labels, 3)
    counts = np.array([labels[folds == number].sum(0) for number in range(3)])
    assert np.ptp(counts, axis=0).max() <= 1
    groups = np.arange(60) // 5
    grouped = multilabel_folds(labels, 3, groups.tolist())
    assert all(len(set(grouped[groups == group])) == 1 for group in range(12))
    with pytest.raises(GatewiseError, match="2 examples leave none for one of 3 folds"):
        multilabel_folds(labels[:2], 3)


@pytest.mark.parametrize("network", ["stack", "hybrid"])
def test_folds_from_data_to_scores(network):
    X, y = arrays(60)
    options = {**QUICK, "network": network}
    model = gatewise.Classifier(**options, folds=3, class_weights="balanced", thresholds="f1").fit(X, y)
    data = model.comparison_.data
    assert len(data.folded) == len(data.train) + len(data.validation)
    assert any("3 folds of the training and validation sets" in note for note in model.notes_)
    stack = model.network_.stack if network == "hybrid" else model.network_
    assert len(stack.members) == 3
    if network == "hybrid":
        rocket = MultilabelRocket(2, 3, 12)
        left_out = rocket.fit_left_out(data.folded, int(model.network_.seed))
        recurrent = computed_in_batches(data.folded, stack.logits)
        logits = torch.lerp(left_out, recurrent, model.network_.fraction)
        expected = f1_thresholds(logits.sigmoid(), data.folded.targets)
        torch.testing.assert_close(model.network_.thresholds, expected)
    with pytest.raises(GatewiseError, match="a model with folds=3 can't be trained further"):
        model.set_params(warm_start=True).fit(X, y)


def test_networks_by_their_options(tmp_path):
    path = tmp_path / "flags.csv"
    frame().drop("label").write_csv(path)
    names = {}
    for network in ("hybrid", "lstm-fcn", "stack"):
        options = MultilabelOptions(label=NAMES, network=network)
        names[TASK.display_name(options, "gru")] = type(TASK.network(read_data(path, options), options, GRU))
    assert names == {
        "hybrid-gru": HybridMultilabelClassifier,
        "gru-fcn": SequenceMultilabelClassifier,
        "gru": SequenceMultilabelClassifier,
    }
    with pytest.raises(GatewiseError, match="--convolutions inception is for --network lstm-fcn"):
        TASK.check(MultilabelOptions(convolutions="inception"), GRU)
    with pytest.raises(GatewiseError, match="--folds 3 is an ensemble of 3 networks; leave --ensemble out"):
        TASK.check(MultilabelOptions(folds=3, ensemble=2), GRU)
    with pytest.raises(GatewiseError, match="examples leave none for one of 100 folds; give fewer --folds"):
        read_data(path, MultilabelOptions(label=NAMES, folds=100))


def test_further_training_balances_the_labels_of_the_new_data():
    X, y = arrays(60)
    model = gatewise.Classifier(**QUICK, class_weights="balanced").fit(X, y)
    model.set_params(warm_start=True).fit(X[:40], y[:40])
    train = model.comparison_.data.train
    expected = balancing_target_weights(y[:40], train.numbers, None)[train.numbers]
    np.testing.assert_allclose(train.target_weights, expected, rtol=1e-6)
