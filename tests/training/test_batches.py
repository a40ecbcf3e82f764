"""Batches: every example once, independent of the number of processes."""

import pytest
import torch

from gatewise.errors import GatewiseError
from gatewise.training.batches import GlobalBatches, loader


def of_all(world, epoch=0, **options):
    """The global batches, put together from every process's rows."""
    portions = [GlobalBatches(23, 5, rank, world, **options) for rank in range(world)]
    for one in portions:
        one.set_epoch(epoch)
    assert all(len(one) == len(list(one)) for one in portions)
    return [sorted(number for rows in batch for number in rows) for batch in zip(*portions, strict=True)]


@pytest.mark.parametrize("sizes", [None, [1 + number % 7 for number in range(23)]])
def test_processes_share_the_batches_of_one(sizes):
    alone = of_all(1, seed=3, sizes=sizes)
    assert sorted(number for batch in alone for number in batch) == list(range(23))
    for world in (2, 3):
        assert of_all(world, seed=3, sizes=sizes) == alone


def test_another_order_each_epoch_and_seed_and_the_same_one_again():
    orders = [of_all(1, epoch, seed=seed) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(one) for one in orders}) == 4
    assert of_all(1, 1, seed=1) == orders[3]


@pytest.mark.parametrize("sizes", [None, [1 + number % 7 for number in range(23)]])
def test_few_examples_are_repeated_in_a_new_order(sizes):
    alone = of_all(1, passes=3, sizes=sizes)
    first, second, third = (alone[place : place + 5] for place in (0, 5, 10))
    assert len(alone) == 15
    assert first == of_all(1, sizes=sizes)
    assert len({str(one) for one in (first, second, third)}) == 3
    for one in (first, second, third):
        assert sorted(number for batch in one for number in batch) == list(range(23))
    assert of_all(2, passes=3, sizes=sizes) == alone


@pytest.mark.parametrize("sizes", [None, [1 + number % 7 for number in range(23)]])
def test_an_epoch_of_limited_steps_draws_other_examples_each_time(sizes):
    epochs = [of_all(1, epoch, max_steps=3, sizes=sizes) for epoch in range(40)]
    for batches in epochs:
        assert [len(batch) for batch in batches] == [5, 5, 5]
        assert len({number for batch in batches for number in batch}) == 15
    assert {number for batches in epochs for batch in batches for number in batch} == set(range(23))
    assert of_all(3, 1, max_steps=3, sizes=sizes) == epochs[1] != epochs[0]
    assert of_all(1, max_steps=7, passes=3, sizes=sizes) == of_all(1, passes=3, sizes=sizes)[:7]


def test_examples_of_similar_size_share_a_batch():
    sizes = torch.randint(1, 100, (400,)).tolist()
    padded = [
        sum(max(sizes[one] for one in batch) * len(batch) for batch in list(GlobalBatches(400, 8, sizes=own)))
        for own in (sizes, None)
    ]
    assert padded[0] < 1.1 * sum(sizes) < padded[1]


def test_a_last_batch_too_small_for_all_processes_is_left_out_of_training_only():
    training = [list(GlobalBatches(7, 3, rank, 2)) for rank in (0, 1)]
    assert [len(one) for one in training] == [2, 2]
    validation = [list(GlobalBatches(7, 3, rank, 2, shuffle=False)) for rank in (0, 1)]
    assert [len(one) for one in validation] == [3, 2]
    with pytest.raises(GatewiseError, match="1 training examples can't be split among 2 processes"):
        GlobalBatches(1, 3, 0, 2)


class Counting:
    """Streams that record the requested rows."""

    def streams(self, rows, first, last):
        return [(rows, first, last, number) for number in range(3)]


def test_every_process_gets_its_own_streams_in_their_order():
    portions = [list(loader(Counting(), 5, rank, 2, shuffle=True, seed=0)) for rank in (0, 1)]
    assert [list(one) for one in portions[0]] == [[5, 0, 2, 0], [5, 0, 2, 1], [5, 0, 2, 2]]
    assert [list(one)[1:3] for one in portions[1]] == [[2, 5]] * 3
    with pytest.raises(GatewiseError, match="a batch of 1 streams can't be split among 2 processes"):
        loader(Counting(), 1, 0, 2, shuffle=True, seed=0)


class Large:
    """Examples of which few fit into memory at a time, where nothing is learned."""

    def __init__(self, at_once=None):
        if at_once is not None:
            self.max_batch_size = at_once

    def __len__(self):
        return 40

    def __getitems__(self, numbers):
        return len(numbers)


@pytest.mark.parametrize(("at_once", "validated"), [(None, 32), (100, 32), (10, 10), (1, 4)])
def test_a_dataset_limits_its_validation_batches(at_once, validated):
    training, validation = (loader(Large(at_once), 4, 0, 1, shuffle, seed=0) for shuffle in (True, False))
    assert max(training) == 4
    assert max(validation) == validated
