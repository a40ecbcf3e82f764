"""Splits of examples with any number of labels."""

import numpy as np
import pytest

from gatewise.data.multilabel_split import multilabel_split
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError

FRACTIONS = Fractions(0.2, 0.2)


def indicators(count=200):
    """Labels in half, a tenth, three and one of the examples."""
    found = (np.random.default_rng(0).random((count, 4)) < [0.5, 0.1, 0, 0]).astype(float)
    found[[5, 50, 150], 2] = found[7, 3] = 1.0
    return found


def test_every_set_has_its_fraction_of_every_label():
    labels = indicators()
    split = multilabel_split(labels, FRACTIONS)
    assert sorted(number for numbers in split for number in numbers) == list(range(200))
    assert [len(one) for one in split] == [120, 40, 40]
    for numbers, fraction in zip(split, (0.6, 0.2, 0.2), strict=True):
        np.testing.assert_allclose(labels[numbers, :2].sum(0), fraction * labels[:, :2].sum(0), atol=1)
    train, validation, test = (labels[numbers].sum(0)[2:].tolist() for numbers in split)
    assert train == [2, 1]  # rare labels are learned
    assert np.add(validation, test).tolist() == [1, 0]
    assert multilabel_split(labels, FRACTIONS) == split


def test_no_group_is_in_two_sets():
    labels, groups = indicators(), np.arange(200) // 8
    split = multilabel_split(labels, FRACTIONS, groups.tolist())
    found = [set(groups[numbers].tolist()) for numbers in split]
    assert sum(map(len, found)) == len(set.union(*found)) == 25
    assert labels[split.train, 3].any()


def test_a_fraction_of_zero_leaves_a_set_empty():
    assert multilabel_split(indicators(), Fractions(0.2, 0.0)).test == []


def test_a_set_without_examples_is_refused():
    with pytest.raises(GatewiseError, match=r"2 examples leave none for the .* set; give more examples"):
        multilabel_split(np.ones((2, 2)), FRACTIONS)
    with pytest.raises(GatewiseError, match=r"2 groups leave none for the .* set; give more groups"):
        multilabel_split(np.ones((8, 2)), FRACTIONS, [0, 1] * 4)
