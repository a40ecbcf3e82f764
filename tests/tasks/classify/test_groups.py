"""Groups of sequences, which are never split, and weights that balance the classes."""

import numpy as np
import pytest

import gatewise
from gatewise.data.sequences.weights import balancing_weights
from gatewise.errors import GatewiseError
from gatewise.tasks.classify.data import read_data, read_test_data
from gatewise.tasks.classify.options import ClassifyOptions
from gatewise.tasks.classify.task import TASK
from gatewise.tasks.serialization import SavedModel


@pytest.fixture
def table(tmp_path):
    """Writes a file of sequences of two steps, four of each person; groups: replaced, by line."""

    def write(groups=(), persons=12, labels="aab"):
        rows = [
            f"{number},{step},{number % 3 + 0.1 * step},{labels[number % len(labels)]},p{number // 4}"
            for number in range(4 * persons)
            for step in (0, 1)
        ]
        for line, group in dict(groups).items():
            rows[line - 2] = f"{rows[line - 2].rpartition(',')[0]},{group}"
        path = tmp_path / "data.csv"
        path.write_text("\n".join(["id,time,x,label,person", *rows]) + "\n")
        return path

    return write


def persons(split):
    return {split.table.groups[number] for number in split.numbers}


def test_a_person_is_in_one_set_and_the_test_set_is_found_again(table):
    data = read_data(table(), ClassifyOptions(group="person"))
    train, validation, test = (persons(one) for one in (data.train, data.validation, data.test))
    assert (len(train), len(validation), len(test)) == (8, 2, 2)
    assert len(train | validation | test) == 12
    assert data.train.table.channels == ("x",)
    assert "none of 12 groups in two sets" in "; ".join(data.notes)
    again = read_test_data(table(), data.preprocessing)
    assert again.test.numbers.tolist() == data.test.numbers.tolist()


def test_new_data_need_no_groups(table, tmp_path):
    data = read_data(table(), ClassifyOptions(group="person"))
    other = tmp_path / "other.csv"
    other.write_text("id,time,x,label\n1,0,0.5,a\n1,1,0.7,a\n2,0,1.5,b\n")
    assert len(read_test_data(other, data.preprocessing).test) == 2
    other.write_text("id,time,x\n1,0,0.5\n1,1,0.7\n")
    assert len(data.preprocessing.unlabelled(other)) == 1


@pytest.mark.parametrize(
    ("line", "group", "message"),
    [
        (3, "q", "line 3, column 'person': expected the group 'p0' of the same sequence in line 2, got 'q'"),
        (5, "", "line 5, column 'person' is empty: give the group"),
    ],
)
def test_a_wrong_group_is_found_by_its_line(table, line, group, message):
    with pytest.raises(GatewiseError, match=message):
        read_data(table({line: group}), ClassifyOptions(group="person"))


def test_too_few_groups(table):
    with pytest.raises(GatewiseError, match="expected at least 3 groups, one for each set, got 2"):
        read_data(table(persons=2), ClassifyOptions(group="person"))


def test_balanced_weights_give_each_class_the_same_total(table):
    data = read_data(table(), ClassifyOptions(class_weights="balanced", group="person"))
    totals = np.bincount(data.train.labels, weights=data.train.weights)
    np.testing.assert_allclose(totals, totals[0], rtol=1e-6)
    for split in (data.train, data.validation):
        per_class = [set(split.weights[split.labels == one].tolist()) for one in (0, 1)]
        assert [len(one) for one in per_class] == [1, 1]
        assert per_class[0] < per_class[1] or max(per_class[0]) < min(per_class[1])
    assert data.test.weights is None
    given = np.array([1.0, 3.0, 2.0, 2.0])
    found = balancing_weights(np.array([0, 0, 1, 2]), np.array([0, 1, 2]), given)
    np.testing.assert_allclose(found, [0.25, 0.75, 1.0, 2.0])


def test_arrays_have_groups_too():
    random = np.random.default_rng(0)
    labels, groups = np.arange(36) % 2, np.arange(36) // 6
    sequences = random.normal(size=(36, 5, 1)) + labels[:, None, None]
    model = gatewise.Classifier(
        cell="rnn", hidden=2, epochs=1, min_steps_per_epoch=1, network="stack", progress=False
    )
    model.fit(sequences, labels, groups=groups, class_weights="balanced")
    assert any("none of 6 groups in two sets" in note for note in model.notes_)
    assert isinstance(model.model_, SavedModel)
    assert TASK.name == model.model_.task
