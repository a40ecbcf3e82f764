"""Ids of sequences in several columns: joined for the sequences, apart again in predictions."""

import polars as pl
import pytest

import gatewise
from gatewise.data.labels.word_table import WordColumns, find_word_columns, read_word_table
from gatewise.data.sequences.long_columns import LongColumns
from gatewise.data.sequences.long_table import read_long
from gatewise.data.sequences.reading import read_sequences
from gatewise.errors import GatewiseError

BOTH = LongColumns(id="person, trial", label="label")


def table(persons=4, trials=3, steps=4):
    """A row for each step of each trial of each person."""
    return pl.DataFrame(
        {"person": f"p{person}", "trial": trial, "x": float(person + step * trial), "label": "ab"[trial % 2]}
        for person in range(persons)
        for trial in range(trials)
        for step in range(steps)
    )


@pytest.fixture
def path(tmp_path):
    table().write_csv(tmp_path / "steps.csv")
    return tmp_path / "steps.csv"


def test_two_columns_identify_sequences(path):
    found, columns = read_long(path, BOTH)
    assert found.ids[:4] == ("p0 / 0", "p0 / 1", "p0 / 2", "p1 / 0")
    assert found.sizes.tolist() == [4] * 12
    assert columns.channels == ("x",)
    assert found.notes[0].startswith("sequences are identified by columns 'person' and 'trial', rows")
    assert read_long(path, columns)[0].ids == found.ids
    assert read_long(path, LongColumns(id="person", label="label"))[0].channels == ("trial", "x")


def test_a_column_of_the_id_may_be_the_group(path):
    found, _ = read_long(path, LongColumns(id="person,trial", label="label", group="person"))
    assert found.groups.tolist()[:4] == ["p0", "p0", "p0", "p1"]


def test_rows_of_whole_sequences_have_such_ids_too(tmp_path):
    wide = pl.DataFrame({"person": ["a", "a", "b"], "trial": [1, 2, 1], "label": ["u", "v", "u"]})
    wide = wide.with_columns(pl.lit(float(step)).alias(f"t{step}") for step in range(8))
    wide.write_csv(tmp_path / "wide.csv")
    found, columns = read_sequences(tmp_path / "wide.csv", LongColumns(id="person,trial"), None)
    assert found.ids == ("a / 1", "a / 2", "b / 1")
    assert columns.wide == "rows"
    assert "identified by columns 'person' and 'trial', labelled by column 'label'" in found.notes[0]


def test_a_table_of_words_has_such_ids_too(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("document,sentence,token,label\na,1,Rome,B\na,1,is,O\na,2,old,O\nb,1,Bonn,B\n")
    columns = find_word_columns(path, WordColumns(id="document,sentence"))
    assert read_word_table(path, columns).offsets.tolist() == [0, 2, 3, 4]
    assert columns.unused == ()


def test_predictions_have_both_columns(path):
    options = {"cell": "rnn", "hidden": 2, "epochs": 1, "min_steps_per_epoch": 1, "progress": False}
    model = gatewise.Regressor(**options, baselines=False)
    numbers = table().with_columns(target=pl.col("trial") * 1.5).drop("label")
    with gatewise.backend("reference"):
        model.fit(numbers, id=["person", "trial"], target="target")
        found = model.predict(numbers)
    assert found.columns == ["person", "trial", "target"]
    assert found.select("person", "trial").rows()[:4] == [("p0", 0), ("p0", 1), ("p0", 2), ("p1", 0)]


@pytest.mark.parametrize(
    ("change", "id", "message"),
    [
        (pl.lit("p / 1").alias("person"), "person,trial", "line 2, column 'person': 'p / 1' contains ' / '"),
        (pl.lit(None).alias("trial"), "person,trial", "line 2, column 'trial' is empty: give the id"),
        (pl.col("x"), "person,shop", "has no column 'shop' for the id; it has person, trial, x, label"),
    ],
)
def test_wrong_ids_are_one_clear_line(path, change, id, message):
    table().with_columns(change).write_csv(path)
    with pytest.raises(GatewiseError, match=message):
        read_long(path, LongColumns(id=id, label="label"))
