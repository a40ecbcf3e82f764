"""Augmentation: random changes of the values, in the sequence and of the right size; mixtures of two."""

import numpy as np
import pytest
import torch

import gatewise
from gatewise.cells import GRU
from gatewise.data.sequences import augmentation
from gatewise.data.sequences.augmentation import (
    AugmentedSequences,
    draw_partners,
    jitter,
    mix,
    mixup,
    scale,
    warp,
)
from gatewise.data.sequences.sequences import SequenceBatch, Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.modules.sequence_ensemble import SequenceEnsemble
from gatewise.tasks.classify.baselines import SummaryMLP


def ramps(lengths, channels=1):
    """Sequences whose value is the number of the step."""
    values = torch.arange(max(lengths)).float()[None, :, None].repeat(len(lengths), 1, channels)
    valid = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    values = torch.where(valid.unsqueeze(-1), values, 0.0)
    return SequenceBatch(values, torch.tensor(lengths), torch.zeros(len(lengths)))


def table(lengths):
    values = np.concatenate([np.arange(length, dtype=np.float32) for length in lengths])[:, None]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return SequenceTable("", values, offsets, tuple(map(str, range(len(lengths)))), ("x",))


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_a_warped_window_has_another_speed_and_all_else_one(monkeypatch, speed):
    monkeypatch.setattr(augmentation, "SPEEDS", (speed, speed))
    torch.manual_seed(0)
    batch = ramps([201] * 20)
    warped = warp(batch)[..., 0]
    torch.testing.assert_close(warped[:, [0, -1]], batch.values[:, [0, -1], 0])
    steps = warped.diff(dim=1)
    usual = steps.median()
    assert usual == pytest.approx((200 + 20.1 * (speed - 1)) / 200, rel=1e-4)
    inside = (steps - usual / speed).abs() < 1e-3
    assert ((steps - usual).abs() < 1e-3).logical_or(inside).sum(1).min() >= 198  # but for the two ends
    expected = 20.1 * speed / usual
    assert inside.sum(1).float().mean() == pytest.approx(float(expected), abs=1.5)
    assert len({row.tolist().index(True) for row in inside}) > 10  # at random places


def test_warping_stays_inside_each_sequence():
    torch.manual_seed(0)
    lengths = [1, 2, 3, 30, 7]
    warped = warp(ramps(lengths, channels=2))
    for row, length in enumerate(lengths):
        own = warped[row, :length]
        assert (own.diff(dim=0) >= -1e-5).all()
        assert own[0, 0] == 0
        torch.testing.assert_close(own[-1], torch.full((2,), length - 1.0))


def test_jitter_and_scaling_have_their_standard_deviations():
    torch.manual_seed(0)
    batch = SequenceBatch(torch.ones(500, 40, 3), torch.full((500,), 40), torch.zeros(500))
    noise = jitter(batch) - 1
    assert float(noise.std()) == pytest.approx(0.05, rel=0.02)
    factors = scale(batch)
    assert float(factors.std(dim=1).max()) < 1e-6
    assert float(factors[:, 0].std()) == pytest.approx(0.1, rel=0.1)


def test_padding_stays_zero_and_the_sequences_themselves_unchanged():
    torch.manual_seed(0)
    plain = Sequences(table([3, 8, 5]), [0, 1, 2], [0, 1, 0], (Scale(0.0, 1.0),))
    changed = AugmentedSequences(plain, ("jitter", "scaling", "warping"))
    first, again = changed.__getitems__([0, 1, 2]), changed.__getitems__([0, 1, 2])
    original = plain.__getitems__([0, 1, 2])
    assert len(changed) == 3
    assert torch.equal(first.labels, original.labels)
    assert not torch.equal(first.values, again.values)
    assert not first.values[0, 3:].any()
    assert not first.values[2, 5:].any()
    assert torch.equal(original.values, plain.__getitems__([0, 1, 2]).values)


def test_a_classifier_learns_from_changed_sequences():
    random, labels = np.random.default_rng(0), np.arange(24) % 2
    data = random.normal(size=(24, 6, 1)), labels
    options = {
        "cell": "rnn",
        "hidden": 3,
        "epochs": 2,
        "min_steps_per_epoch": 1,
        "network": "stack",
        "progress": False,
    }
    plain = gatewise.Classifier(**options).fit(*data)
    changed = gatewise.Classifier(**options, augmentation="jitter,warping").fit(*data)
    mixed = gatewise.Classifier(**options, augmentation="jitter,mixup").fit(*data)
    probabilities = [one.predict_proba(data[0]) for one in (plain, changed, mixed)]
    assert not np.allclose(probabilities[0], probabilities[1])
    assert not np.allclose(probabilities[0], probabilities[2])
    with pytest.raises(
        GatewiseError, match=r"augmentation.*'jitter', 'scaling', 'warping' or 'mixup', got 'flip'"
    ):
        gatewise.Classifier(**options, augmentation="flip").fit(*data)
    with pytest.raises(GatewiseError, match="augmentation has mixup twice; a sequence is mixed with one"):
        gatewise.Classifier(**options, augmentation="mixup,mixup").fit(*data)


LENGTHS = [5, 2, 4, 1]
PARTNERS, KEPT = torch.tensor([1, 2, 0, 3]), torch.tensor([0.7, 0.1, 0.4, 0.5], dtype=torch.float64)


def labelled(weights=None):
    """Four random sequences of three classes, in float64."""
    random = torch.Generator().manual_seed(3)
    values = torch.randn(4, 5, 2, generator=random, dtype=torch.float64)
    values *= (torch.arange(5) < torch.tensor(LENGTHS)[:, None]).unsqueeze(-1)
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    return SequenceBatch(values, torch.tensor(LENGTHS), torch.tensor([0, 1, 2, 1]), weights)


def classifier(kind=SequenceClassifier, **options):
    torch.manual_seed(0)
    return kind(cell=GRU, channels=2, classes=3, hidden=4, dropout=0.0, **options).double()


def test_a_mixture_has_the_values_of_both_where_both_have_steps():
    batch = labelled()
    mixed = mix(batch, PARTNERS, KEPT)
    for row, (length, partner, kept) in enumerate(
        zip(LENGTHS, PARTNERS.tolist(), KEPT.tolist(), strict=True)
    ):
        for step in range(5):
            expected = batch.values[row, step] if step < length else torch.zeros(2, dtype=torch.float64)
            if step < min(length, LENGTHS[partner]):
                expected = kept * expected + (1 - kept) * batch.values[partner, step]
            torch.testing.assert_close(mixed.values[row, step], expected, rtol=1e-13, atol=0)
    assert torch.equal(mixed.lengths, batch.lengths)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 0.0, 0.25]])
def test_the_loss_of_a_mixture_is_that_of_both_labels_with_their_weights(weights, smoothing):
    batch, network = labelled(weights), classifier(label_smoothing=smoothing)
    mixed = mix(batch, PARTNERS, KEPT)
    logs = network.logits(mixed).log_softmax(-1)
    given = weights or [1.0] * 4

    def cross_entropy(row, label):
        return -(1 - smoothing) * logs[row, label] - smoothing * logs[row].mean()

    loss = total = 0.0
    for row, (partner, kept) in enumerate(zip(PARTNERS.tolist(), KEPT.tolist(), strict=True)):
        own, other = kept * given[row], (1 - kept) * given[partner]
        loss += own * cross_entropy(row, batch.labels[row])
        loss += other * cross_entropy(row, batch.labels[partner])
        total += own + other
    torch.testing.assert_close(network.loss(mixed), loss / total, rtol=1e-12, atol=0)
    assert network.weight(mixed) == pytest.approx(total, rel=1e-12)


def test_other_trained_networks_have_the_loss_of_both_labels():
    mixed = mix(labelled(), PARTNERS, KEPT)
    swapped = mixed._replace(
        labels=mixed.mixture.labels,
        mixture=mixed.mixture._replace(labels=mixed.labels, fractions=1 - mixed.mixture.fractions),
    )
    for network in (SummaryMLP(2, 3).double(), classifier(SequenceEnsemble, members=2)):
        torch.testing.assert_close(network.loss(mixed), network.loss(swapped))
        assert not torch.isclose(network.loss(mixed), network.loss(mixed._replace(mixture=None)))


def test_without_any_weight_a_mixture_has_no_loss():
    mixed, network = mix(labelled([0.0] * 4), PARTNERS, KEPT), classifier()
    assert float(network.loss(mixed).detach()) == network.weight(mixed) == 0.0


def test_a_member_of_an_ensemble_learns_nothing_of_its_own_fold():
    batch = labelled()._replace(folds=torch.tensor([0, 1, 0, 1]))
    partners = [draw_partners(batch) for _ in range(20)]
    assert all(torch.equal(batch.folds[one], batch.folds) for one in partners)
    assert len({tuple(one.tolist()) for one in partners}) == 4  # each permutation within the two folds
    network = classifier(SequenceEnsemble, members=2).train()
    mixed = mix(batch, torch.tensor([2, 1, 0, 3]), KEPT)
    network.members[0].loss(mixed.rows(torch.tensor([1, 3]))).backward()
    expected = [one.grad / 2 for one in network.members[0].parameters()]
    network.zero_grad()
    network.loss(mixed).backward()
    for found, own in zip(network.members[0].parameters(), expected, strict=True):
        torch.testing.assert_close(found.grad, own)


def test_partners_and_fractions_are_random():
    torch.manual_seed(0)
    batch = ramps([3] * 4000)._replace(labels=torch.arange(4000))
    mixed = mixup(batch)
    assert sorted(mixed.mixture.labels.tolist()) == list(range(4000))
    fractions = mixed.mixture.fractions
    assert float(fractions.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(fractions.var()) == pytest.approx(0.25 / 1.4, rel=0.05)  # of Beta(0.2, 0.2)
