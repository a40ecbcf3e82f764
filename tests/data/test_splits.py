"""Splits: reproducible, disjoint, complete, and with the sizes of their fractions."""

import numpy as np
import pytest

from gatewise.data.splits import (
    Fractions,
    complete_split,
    group_split,
    named_split,
    random_split,
    set_named,
    time_ranges,
    time_split,
)
from gatewise.data.stratified import stratified_folds, stratified_group_split, stratified_split
from gatewise.errors import GatewiseError


@pytest.mark.parametrize("counts", [[100, 40, 20], [10, 10], [7, 3], [3, 3, 3], [1000, 3, 1, 2]])
@pytest.mark.parametrize(("validation", "test"), [(0.15, 0.15), (0.2, 0.1), (0.3, 0.3), (0.05, 0.4)])
def test_every_class_is_in_every_set_by_its_fraction(counts, validation, test):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)) * 3, counts))
    parts = stratified_split(labels, Fractions(validation, test))
    assert sorted([*parts[0], *parts[1], *parts[2]]) == list(range(len(labels)))
    assert all(part == sorted(part) for part in parts)
    for number, count in enumerate(counts):
        found = [int((labels[part] == number * 3).sum()) for part in parts]
        if count < 3:
            assert found == [count, 0, 0]
            continue
        for own, fraction in zip(found[1:], (validation, test), strict=True):
            assert own == min(max(round(fraction * count), 1), count // 3)
        assert found[0] >= max(found[1:])


def test_without_a_test_set():
    train, validation, test = stratified_split([0] * 10 + [1] * 10, Fractions(0.2, 0.0))
    assert (len(train), len(validation), test) == (16, 4, [])


def test_always_the_same_and_drawn_at_random():
    labels = np.arange(200) % 3
    first, again, other = (stratified_split(labels, Fractions(0.15, 0.15), seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    of_class = [one for one in first[2] if labels[one] == 0]
    assert of_class != list(range(200))[: 3 * len(of_class) : 3]
    assert of_class != list(range(0, 200, 3))[-len(of_class) :]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 1, 1, 1], "all examples are of one class; expected two or more classes"),
        ([], "all examples are of one class"),
        ([0, 1], "2 examples of 2 classes leave none for the validation set; give more examples"),
        ([0, 1, 2, 2], "4 examples of 3 classes leave none for the validation set"),
    ],
)
def test_too_few(labels, message):
    with pytest.raises(GatewiseError, match=message):
        stratified_split(labels, Fractions(0.15, 0.15))


@pytest.mark.parametrize(("groups", "per_group"), [(40, 5), (12, 30), (3, 4), (200, 1)])
@pytest.mark.parametrize("test", [0.0, 0.2])
def test_no_group_is_in_two_sets_and_each_set_has_its_fraction_of_every_class(groups, per_group, test):
    random = np.random.default_rng(groups)
    members = random.permutation(np.repeat(np.arange(groups), per_group))
    labels = random.choice(3, len(members), p=[0.6, 0.3, 0.1])
    split = stratified_group_split(labels, members.tolist(), Fractions(0.2, test))
    assert sorted([*split.train, *split.validation, *split.test]) == list(range(len(members)))
    own = [set(members[numbers].tolist()) for numbers in split]
    assert len(own[0] | own[1] | own[2]) == sum(map(len, own)) == groups
    assert [bool(one) for one in own] == [True, True, test > 0]
    if groups >= 40:
        for numbers, fraction in zip(split, (0.8 - test, 0.2, test), strict=True):
            for one in range(3):
                assert (labels[numbers] == one).sum() == pytest.approx(
                    fraction * (labels == one).sum(), abs=max(per_group, 2)
                )


def test_a_split_by_groups_is_reproducible_and_needs_a_group_for_each_set():
    labels, groups = [0, 1] * 30, [number // 2 for number in range(60)]
    fractions = Fractions(0.15, 0.15)
    first, again, other = (stratified_group_split(labels, groups, fractions, seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    with pytest.raises(GatewiseError, match="expected at least 3 groups, one for each set, got 2"):
        stratified_group_split([0, 1, 0, 1], ["a", "a", "b", "b"], fractions)
    with pytest.raises(GatewiseError, match="all examples are of one class"):
        stratified_group_split([0, 0, 0], ["a", "b", "c"], fractions)


@pytest.mark.parametrize(("examples", "folds"), [(270, 5), (36, 10), (7, 7)])
def test_folds_have_the_same_number_of_every_class(examples, folds):
    labels = np.random.default_rng(0).choice(3, examples, p=[0.6, 0.3, 0.1])
    numbers = stratified_folds(labels, folds)
    assert set(numbers.tolist()) == set(range(folds))
    assert np.ptp(np.bincount(numbers)) <= 1
    for one in range(3):
        assert np.ptp(np.bincount(numbers[labels == one], minlength=folds)) <= 1
    assert stratified_folds(labels, folds, seed=1).tolist() != numbers.tolist()


def test_no_group_is_in_two_folds():
    random = np.random.default_rng(0)
    labels, groups = random.choice(2, 120), random.choice(20, 120)
    numbers = stratified_folds(labels, 4, groups.tolist())
    assert all(len(set(numbers[groups == one].tolist())) == 1 for one in range(20))
    assert np.bincount(numbers).min() >= 20
    with pytest.raises(GatewiseError, match="expected at least 3 groups, one for each fold, got 2"):
        stratified_folds([0, 1, 0], 3, ["a", "a", "b"])
    with pytest.raises(GatewiseError, match="expected at least 4 examples, one for each fold, got 3"):
        stratified_folds([0, 1, 0], 4)


SPLITTERS = {
    "random": lambda count, fractions: random_split(count, fractions, "x.csv", "sequences"),
    "held out first": lambda count, fractions: random_split(
        count, fractions, "x.csv", "images", held_out_first=True
    ),
    "groups": lambda count, fractions: group_split(list(range(count)), fractions, "x.csv", "sources"),
}


@pytest.mark.parametrize("kind", SPLITTERS)
@pytest.mark.parametrize("count", [3, 4, 7, 40])
@pytest.mark.parametrize("fractions", [Fractions(0.15, 0.15), Fractions(0.3, 0.1), Fractions(0.49, 0.49)])
def test_every_example_is_in_one_set(kind, count, fractions):
    split = SPLITTERS[kind](count, fractions)
    assert sorted([*split.train, *split.validation, *split.test]) == list(range(count))
    assert all(numbers == sorted(numbers) for numbers in split)
    assert all(split)
    assert split == SPLITTERS[kind](count, fractions)
    sizes = [max(round(one * count), 1) for one in (fractions.validation, fractions.test)]
    if sum(sizes) < count:
        assert [len(one) for one in split[1:]] == sizes
    if count == 40:
        assert split.train != list(range(len(split.train)))


def test_a_fraction_of_zero_draws_no_set():
    assert random_split(1, Fractions(0.0, 0.0), "x.csv", "pairs") == ([0], [], [])
    train, validation, test = random_split(10, Fractions(0.0, 0.3), "x.csv", "pairs")
    assert (len(train), validation, len(test)) == (7, [], 3)


def test_too_few_for_all_sets():
    message = "x.csv: expected at least 3 images to split into a training, a validation and a test set, got 2"
    with pytest.raises(GatewiseError, match=message):
        random_split(2, Fractions(0.1, 0.1), "x.csv", "images")
    with pytest.raises(GatewiseError, match=r"expected at least 5 different sources .* got 2"):
        group_split(["a", "a", "b"], Fractions(0.1, 0.1), "x.csv", "different sources", minimum=5)


def test_equal_keys_are_in_one_set_and_no_set_exceeds_its_limit():
    keys = [number % 10 for number in range(200)]
    split = group_split(keys, Fractions(0.2, 0.3), "x.csv", "sources")
    sets = [{keys[number] for number in numbers} for numbers in split]
    assert [len(one) for one in sets] == [5, 2, 3]
    assert len(set.union(*sets)) == 10
    limited = group_split(keys, Fractions(0.2, 0.3), "x.csv", "sources", limit=1)
    assert [len(numbers) for numbers in limited] == [160, 20, 20]


def test_named_sets_stay_and_others_are_drawn_from_the_training_set():
    names = ["test", "", "train", "", "train", "", "test"]
    given = named_split(names)
    assert given == ([1, 2, 3, 4, 5], [], [0, 6])

    def draw(train, fractions):
        assert fractions == Fractions(0.4, 0.0)
        return random_split(len(train), fractions, "x.csv", "images")

    train, validation, test = complete_split(given, Fractions(0.4, 0.3), draw)
    assert sorted([*train, *validation]) == given.train
    assert (len(validation), test) == (2, given.test)


def test_sets_of_a_series_follow_each_other():
    assert time_split(100, Fractions(0.15, 0.2)) == (65, 80)
    assert time_split(3, Fractions(0.01, 0.01)) == (1, 2)
    ranges = time_ranges(np.array([200, 400]), Fractions(0.1, 0.2))
    assert [first.tolist() for first, _ in ranges] == [[0, 0], [140, 280], [160, 320]]
    assert [end.tolist() for _, end in ranges] == [[140, 280], [160, 320], [200, 400]]


@pytest.mark.parametrize(("cell", "name"), [("dev", "validation"), (" Test ", "test"), ("TRAIN", "train")])
def test_names_of_sets_in_cells(cell, name):
    assert set_named(cell, "line 2") == name


@pytest.mark.parametrize("cell", ["spare", "", None])
def test_other_words_are_not_names_of_sets(cell):
    with pytest.raises(GatewiseError, match="line 2: expected train, validation or test as the name"):
        set_named(cell, "line 2")
