"""Random convolutions against loops over the steps, as the paper defines them."""

from itertools import combinations

import numpy as np
import pytest
import torch

from gatewise.data.sequences.sequences import Sequences, SequenceTable
from gatewise.data.series.scaling import Scale
from gatewise.modules import random_convolutions
from gatewise.modules.random_convolutions import RandomConvolutions


def sequences(lengths, channels, seed=0):
    values = np.random.default_rng(seed).normal(size=(sum(lengths), channels))
    names = tuple(map(str, range(len(lengths))))
    table = SequenceTable("", values, np.cumsum([0, *lengths]), names, tuple("abcdefghijkl"[:channels]))
    return Sequences(table, range(len(lengths)), [0] * len(lengths), (Scale(0.0, 1.0),) * channels)


def features_by_loops(convolutions, values):
    """The features of one sequence [T, C], in the order of the module."""
    found, first = [], 0
    for number, (dilation, count) in enumerate(convolutions.dilations):
        masks = convolutions.channel_masks[number].double()
        levels = convolutions.thresholds[first : first + 84 * count].view(84, count).double()
        first += 84 * count
        by_kernel = []
        for kernel, taps in enumerate(combinations(range(9), 3)):
            padded = (kernel + number) % 2 == 0
            weights = [2.0 if tap in taps else -1.0 for tap in range(9)]
            summed = values.double() @ masks[kernel]
            outputs = []
            for step in range(len(values)):
                places = [step + (tap - 4) * dilation for tap in range(9)]
                inside = [0 <= place < len(values) for place in places]
                if padded or all(inside):
                    terms = zip(weights, places, inside, strict=True)
                    outputs.append(sum(w * float(summed[place]) for w, place, is_in in terms if is_in))
            outputs = torch.tensor(outputs, dtype=torch.float64)
            by_kernel.append(
                [float((outputs > level).double().sum() / max(len(outputs), 1)) for level in levels[kernel]]
            )
        found += [fraction for half in (by_kernel[::2], by_kernel[1::2]) for row in half for fraction in row]
    return torch.tensor(found)


@pytest.mark.parametrize(("lengths", "channels"), [([40, 40, 40], 1), ([60, 9, 1, 33], 3)])
def test_features_are_those_of_loops(lengths, channels, monkeypatch):
    monkeypatch.setattr(random_convolutions, "CACHED_VALUES", 84 * 60 * 2)  # two sequences in a block
    data = sequences(lengths, channels)
    convolutions = RandomConvolutions(channels, max(lengths), features=84 * 5)
    convolutions.fit(sequences(lengths, channels, seed=1))
    batch = data.__getitems__(list(range(len(lengths))))
    features = convolutions(batch.values, batch.lengths)
    assert features.shape == (len(lengths), convolutions.features)
    for row, length in enumerate(lengths):
        expected = features_by_loops(convolutions, batch.values[row, :length])
        assert (features[row] - expected).abs().max() < 1e-6


def test_thresholds_are_outputs_of_the_training_set():
    """The middle of the features is near a half on the training set: thresholds are its quantiles."""
    data = sequences([50] * 30, 2)
    convolutions = RandomConvolutions(2, 50, features=84 * 20)
    convolutions.fit(data)
    batch = data.__getitems__(list(range(30)))
    features = convolutions(batch.values, batch.lengths)
    assert abs(float(features.mean()) - 0.5) < 0.05
    assert 0.2 < float(features.mean(0).std()) < 0.35  # of levels spread over 0 to 1


def test_the_seed_draws_channels_and_thresholds():
    data = sequences([20] * 6, 12)
    drawn = []
    for seed in (0, 0, 1):
        convolutions = RandomConvolutions(12, 20, features=168)
        convolutions.fit(data, seed)
        drawn.append(convolutions)
    assert torch.equal(drawn[0].thresholds, drawn[1].thresholds)
    assert not torch.equal(drawn[0].thresholds, drawn[2].thresholds)
    counts = drawn[0].channel_masks.sum(-1)
    assert counts.min() == 1
    assert counts.max() <= 9


def test_dilated_kernels_fit_into_the_longest_sequence():
    for length in (1, 9, 17, 100, 1000):
        convolutions = RandomConvolutions(1, length)
        assert convolutions.features == 9_996
        assert sum(count for _, count in convolutions.dilations) == 119
        dilations = [dilation for dilation, _ in convolutions.dilations]
        assert dilations == sorted(set(dilations))
        assert 8 * max(dilations) <= max(length - 1, 8)
