"""Several networks trained together: the mean of their probabilities, and folds that each leaves out."""

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import GRU
from gatewise.errors import GatewiseError
from gatewise.modules.classifier import predict_probabilities
from gatewise.modules.hybrid import choose_fraction
from gatewise.modules.sequence_ensemble import SequenceEnsemble
from gatewise.modules.weighted import weighted_cross_entropy
from gatewise.tasks.classify.minirocket import MiniRocket
from gatewise.tasks.classify.network import HybridClassifier, calibrate
from gatewise.tasks.serialization import SavedModel, load_model, save_model
from tests.tasks.classify.test_network import sequences

TINY = {"cell": "rnn", "hidden": 3, "epochs": 2, "min_steps_per_epoch": 1, "progress": False}


@pytest.fixture
def batch():
    return sequences([5, 1, 7, 3, 6, 2], classes=3).__getitems__([0, 1, 2, 3, 4, 5])


def ensemble(members=3):
    torch.manual_seed(0)
    return SequenceEnsemble(members, GRU, channels=2, classes=3, hidden=4, dropout=0.0)


def folded(batch, folds):
    return batch._replace(folds=torch.tensor(folds))


def test_the_probabilities_are_averaged(batch, tmp_path):
    network = ensemble().eval()
    alone = torch.stack([member.logits(batch).softmax(-1) for member in network.members])
    assert not torch.allclose(alone[0], alone[1], atol=1e-3)  # each starts from its own parameters
    torch.testing.assert_close(network.logits(batch).exp(), alone.mean(0))
    expected = weighted_cross_entropy(alone.mean(0).log(), batch.labels)
    torch.testing.assert_close(network.loss(batch), expected)
    save_model(tmp_path, SavedModel("classify", "gru", network, {}))
    assert torch.equal(load_model(tmp_path).network.logits(batch), network.logits(batch))


def test_each_member_learns_from_all_folds_but_its_own(batch):
    network = ensemble().train()
    network.loss(folded(batch, [0, 0, 1, 1, 2, 2])).backward()
    for number, member in enumerate(network.members):
        gradient = [one.grad.clone() for one in member.parameters()]
        member.zero_grad()
        kept = torch.tensor([2 * one + row for one in range(3) if one != number for row in (0, 1)])
        (member.loss(batch.rows(kept)) / 3).backward()
        for found, expected in zip(gradient, member.parameters(), strict=True):
            torch.testing.assert_close(found, expected.grad)


def test_a_batch_of_one_fold_is_left_out_by_its_member(batch):
    network = ensemble(2).train()
    network.loss(folded(batch, [1] * 6)).backward()
    left_out, other = ([one.grad for one in member.parameters()] for member in reversed(network.members))
    assert not any(one.any() for one in left_out)  # zero rather than missing, which other processes wait for
    assert all(one.any() for one in other)


@torch.no_grad()
def test_calibration_lowers_the_loss_and_changes_no_prediction():
    lengths = [5, 1, 7, 3, 6, 2] * 20
    validation = sequences(lengths, classes=3)
    network = ensemble().eval()
    batch = validation.__getitems__(list(range(120)))
    before, loss = [member.logits(batch) for member in network.members], network.loss(batch)
    calibrate(network, validation)
    assert network.loss(batch) < loss  # of random predictions that are too certain
    ratios = [(one.logits(batch) / old).mean() for one, old in zip(network.members, before, strict=True)]
    torch.testing.assert_close(torch.stack(ratios), torch.full((3,), float(ratios[0])))
    assert ratios[0] < 1
    single, scaled = network.members[0], network.members[0].logits(batch)
    calibrate(single, validation)
    assert torch.equal(single.logits(batch).argmax(-1), scaled.argmax(-1))


def test_an_example_is_predicted_by_the_member_that_did_not_learn_it(batch):
    network, folds = ensemble().eval(), [2, 0, 1, 2, 1, 1]
    found = network.logits(folded(batch, folds))
    for row, fold in enumerate(folds):
        expected = network.members[fold].logits(batch)[row].log_softmax(-1)
        torch.testing.assert_close(found[row], expected)


def waves(count):
    random, labels = np.random.default_rng(0), np.arange(count) % 2
    return random.normal(size=(count, 6, 1)) + labels[:, None, None], labels


@pytest.mark.parametrize(
    ("options", "members"),
    [
        ({"network": "stack", "ensemble": 2}, 2),
        ({"network": "stack", "folds": 3}, 3),
        ({"network": "lstm-fcn", "ensemble": 2}, 2),
        ({"network": "lstm-fcn", "convolutions": "inception"}, 1),
        ({"ensemble": 2}, 2),
        ({"folds": 2}, 2),
        ({}, 1),
    ],
)
def test_networks_of_every_kind_are_ensembles(options, members, tmp_path):
    data = waves(24)
    model = gatewise.Classifier(**TINY, **options).fit(*data)
    stack = model.network_.stack if isinstance(model.network_, HybridClassifier) else model.network_
    assert len(stack.members if isinstance(stack, SequenceEnsemble) else [stack]) == members
    model.save(tmp_path)
    again = gatewise.load(tmp_path).predict_proba(data[0])
    np.testing.assert_array_equal(again, model.predict_proba(data[0]))
    has_folds = "ensemble" not in options and members > 1
    note = f"networks: {members} folds of the training and validation sets, 20 sequences"
    assert has_folds == any(note in one for one in model.notes_)


def test_the_attention_of_every_member_is_shown():
    model = gatewise.Classifier(**TINY, pooling="attention", network="stack", ensemble=2).fit(*waves(24))
    html = model.inspect(0).html
    assert "network 1" in html
    assert "network 2" in html


def test_the_fraction_of_a_hybrid_is_chosen_on_all_examples():
    """By predictions of networks, and of a ridge regression, that have not seen them."""
    model = gatewise.Classifier(**TINY, folds=3).fit(*waves(60))
    data, network = model.comparison_.data, model.network_
    folded = data.folded
    assert len(folded) == len(data.train) + len(data.validation)
    assert sorted({*folded.folds.tolist()}) == [0, 1, 2]
    rocket = MiniRocket(channels=1, classes=2, length=6)
    left_out = rocket.fit_left_out(folded, int(network.seed)).log_softmax(-1)
    torch.testing.assert_close(rocket.linear.weight, network.rocket.linear.weight)
    recurrent = predict_probabilities(network.stack, folded).log()
    prior = 0.5 * len(folded) / (len(folded) + 200)
    expected = choose_fraction(
        recurrent, left_out, lambda mixed: float(weighted_cross_entropy(mixed, folded.labels)), prior
    )
    assert float(network.fraction) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 3, "ensemble": 2}, "folds=3 is an ensemble of 3 networks; leave ensemble out"),
        ({"folds": 30}, "expected at least 30 examples, one for each fold, got 20; give fewer folds"),
    ],
)
def test_impossible_folds_are_refused(options, message):
    with pytest.raises(GatewiseError, match=message):
        gatewise.Classifier(**TINY, **options).fit(*waves(24))
