"""Augmentation: random changes of the values, in the sequence and of the right size."""

import numpy as np
import pytest
import torch

import gatewise
from gatewise.data.sequences import augmentation
from gatewise.data.sequences.augmentation import AugmentedSequences, jitter, scale, warp
from gatewise.data.sequences.sequences import SequenceBatch, Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.errors import GatewiseError


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
    options = {"cell": "rnn", "hidden": 3, "epochs": 2, "network": "stack", "progress": False}
    plain = gatewise.Classifier(**options).fit(*data)
    changed = gatewise.Classifier(**options, augmentation="jitter,warping").fit(*data)
    assert not np.allclose(plain.predict_proba(data[0]), changed.predict_proba(data[0]))
    with pytest.raises(GatewiseError, match=r"augmentation.*'jitter', 'scaling' or 'warping', got 'flip'"):
        gatewise.Classifier(**options, augmentation="flip").fit(*data)
