"""Parts by class: each class by its share in each part, always the same, nothing twice."""

import numpy as np
import pytest

from gatewise.data.sequences.splits import split_by_class
from gatewise.errors import GatewiseError


@pytest.mark.parametrize("counts", [[100, 40, 20], [10, 10], [7, 3], [3, 3, 3], [1000, 3, 1, 2]])
@pytest.mark.parametrize(("validation", "test"), [(0.15, 0.15), (0.2, 0.1), (0.3, 0.3), (0.05, 0.4)])
def test_every_class_is_in_every_part_by_its_share(counts, validation, test):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)) * 3, counts))
    parts = split_by_class(labels, validation, test)
    assert sorted([*parts[0], *parts[1], *parts[2]]) == list(range(len(labels)))
    assert all(part == sorted(part) for part in parts)
    for number, count in enumerate(counts):
        found = [int((labels[part] == number * 3).sum()) for part in parts]
        if count < 3:
            assert found == [count, 0, 0]
            continue
        for own, share in zip(found[1:], (validation, test), strict=True):
            assert own == min(max(round(share * count), 1), count // 3)
        assert found[0] >= max(found[1:])


def test_without_a_test_part():
    train, validation, test = split_by_class([0] * 10 + [1] * 10, 0.2, 0.0)
    assert (len(train), len(validation), test) == (16, 4, [])


def test_always_the_same_and_drawn_at_random():
    labels = np.arange(200) % 3
    first, again, other = (split_by_class(labels, 0.15, 0.15, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    of_class = [one for one in first[2] if labels[one] == 0]
    assert of_class != list(range(200))[: 3 * len(of_class) : 3]
    assert of_class != list(range(0, 200, 3))[-len(of_class) :]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 1, 1, 1], "all examples are of one class: there is nothing to tell apart"),
        ([], "all examples are of one class|there are no examples"),
        ([0, 1], "2 examples of 2 classes leave none to validate; give more examples"),
        ([0, 1, 2, 2], "4 examples of 3 classes leave none to validate"),
    ],
)
def test_too_few(labels, message):
    with pytest.raises(GatewiseError, match=message):
        split_by_class(labels, 0.15, 0.15)
