"""Labelled steps from text and from tables: how they are split, and read again for a model."""

import re
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from pydantic import TypeAdapter

from gatewise.data.labels.labelled_table import TablePreprocessing, read_labelled_table
from gatewise.data.labels.labelled_text import TextPreprocessing, read_labelled_text
from gatewise.data.sequences.long_table import LongColumns
from gatewise.data.splits import Fractions
from gatewise.data.tables.table import read_table
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task
from tests.sentences import conll, sentences
from tests.signals import motifs


def of_text(path, **options):
    given = {"token": 1, "label": 0, "max_length": 0, "fractions": Fractions(0.2, 0.2), **options}
    return read_labelled_text(path, **given)


def of_table(path):
    return read_labelled_table(path, LongColumns(), fill=None, max_length=0, fractions=Fractions(0.2, 0.2))


def content(data, part):
    """The content of each segment of a set: its tokens and the names of their labels."""
    return [
        list(zip(part.tokens[part.slice_of(number)], data.names([data.truth(part)[number]])[0], strict=True))
        for number in range(len(part))
    ]


def as_saved(form):
    """A form as a model's file brings it back."""
    return TypeAdapter(type(form)).validate_json(TypeAdapter(type(form)).dump_json(form))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "names.conll"
    path.write_text(conll(sentences(40)))
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "motifs.csv"
    motifs().write_csv(path)
    return path


def test_every_sentence_is_in_one_set(text):
    data = of_text(text)
    parts = [content(data, part) for part in (data.train, data.validation, data.test)]
    assert [len(one) for one in parts] == [24, 8, 8]
    assert sorted(parts[0] + parts[1] + parts[2]) == sorted(sentences(40))
    assert data.labels == ("B-ORG", "B-PER", "I-ORG", "I-PER", "O")
    assert data.has_span_tags
    assert "drawn at random" in data.notes[-1]


def test_words_are_learned_from_the_training_set(text):
    data = of_text(text)
    trained = [token.lower() for sentence in content(data, data.train) for token, _ in sentence]
    assert set(data.preprocessing.tokenizer.words) == {token for token in trained if trained.count(token) > 1}


def test_a_model_reads_the_same_test_set_again(text):
    data = of_text(text)
    form = as_saved(data.preprocessing)
    assert form == data.preprocessing
    again = form.read(text, trained=True)
    assert content(again, again.test) == content(data, data.test)
    other = form.read(text, trained=False)
    assert content(other, other.test) == sentences(40)
    assert len(other.train) == 0
    assert len(other.validation) == 0


def test_a_folder_with_a_file_for_each_set(tmp_path):
    for number, name in enumerate(("train.txt", "dev.txt", "test.txt")):
        (tmp_path / name).write_text(conll(sentences(5, seed=number)))
    data = of_text(tmp_path)
    for number, part in enumerate((data.train, data.validation, data.test)):
        assert content(data, part) == sentences(5, seed=number)
    assert "drawn" not in data.notes[-1]
    assert content(data, data.preprocessing.read(tmp_path, trained=False).test) == sentences(5, seed=2)
    (tmp_path / "dev.txt").unlink()
    data = of_text(tmp_path, fractions=Fractions(0.4, 0.2))
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 2, 5)
    (tmp_path / "test.txt").write_text("one\n")
    with pytest.raises(GatewiseError, match=r"test.txt, line 1: expected a label in column 2"):
        of_text(tmp_path)


def test_files_that_name_no_set_are_counted(tmp_path):
    for name in ("train.txt", "test.txt", "README", ".train.swp"):
        (tmp_path / name).write_text("a X\nb Y\n\n" * 20)
    task = find_task("label")
    notes = task.read(tmp_path, task.options()).notes
    assert notes[0] == "files that name no set, left out: 2 (.train.swp, README)"
    assert "left out" not in "".join(task.read(tmp_path / "train.txt", task.options()).notes)


def test_a_text_without_empty_lines_is_split_in_time_and_cut(tmp_path):
    (tmp_path / "long.txt").write_text("".join(f"w{n % 7} {'AB'[n % 3 > 1]}\n" for n in range(1500)))
    data = of_text(tmp_path / "long.txt")
    assert data.preprocessing.max_length == 500
    assert data.train.sizes.tolist() == [450, 450]
    assert data.test.segments.starts.tolist() == [1200]
    assert [len(one) for one in data.truth(data.validation)] == [300]


def test_new_text_and_its_labels(tmp_path, text):
    form = of_text(text).preprocessing
    (tmp_path / "new.txt").write_text("Zoe\tx\n\nsaw\tx\nit\tx\n")
    new = form.read_unlabelled(tmp_path / "new.txt")
    assert new.steps.sizes.tolist() == [1, 2]
    frame = new.with_labels(["O", "B-PER", "O"], [0.5, 0.25, 1.0])
    assert frame.columns == ["line", "sentence", "token", "predicted", "probability", "text"]
    assert frame["text"].to_list() == ["Zoe\tx\tO\n", "saw\tx\tB-PER", "it\tx\tO\n"]
    assert frame["sentence"].to_list() == [1, 2, 2]
    assert frame["line"].to_list() == [1, 3, 4]
    assert "".join(f"{line}\n" for line in frame["text"]) == "Zoe\tx\tO\n\nsaw\tx\tB-PER\nit\tx\tO\n\n"


def test_rows_of_a_table_are_found_again(table):
    data = of_table(table)
    frame = motifs()
    assert data.labels == ("fall", "rest", "rise", "wave")
    assert not data.has_span_tags
    assert sum(int(part.sizes.sum()) for part in (data.train, data.validation, data.test)) == frame.height
    batch = data.test.__getitems__([0, 1])
    for row in range(2):
        lines = [int(data.test.place(step).split()[1]) - 2 for step in range(frame.height)][
            data.test.slice_of(row)
        ]
        own = frame[lines]
        length = int(batch.lengths[row])
        assert [data.labels[one] for one in batch.labels[row, :length]] == own["label"].to_list()
        for channel, name in enumerate("ab"):
            scaled = data.preprocessing.scales[channel].apply(own[name].to_numpy())
            np.testing.assert_allclose(batch.values[row, :length, channel], scaled, atol=1e-5)


def test_scales_are_learned_from_the_training_set(table):
    data = of_table(table)
    rows = np.concatenate(
        [data.train.table.values[data.train.slice_of(number)] for number in range(len(data.train))]
    )
    for channel, scale in enumerate(data.preprocessing.scales):
        assert scale.mean == pytest.approx(rows[:, channel].mean(), rel=1e-5)
        assert scale.deviation == pytest.approx(rows[:, channel].std(), rel=1e-5)


def test_predictions_have_the_order_of_the_table(tmp_path, table):
    data = of_table(table)
    form = as_saved(data.preprocessing)
    assert form == data.preprocessing
    assert asdict(form) == asdict(data.preprocessing)
    again = form.read(table, trained=True)
    assert [one.tolist() for one in again.truth(again.test)] == [
        one.tolist() for one in data.truth(data.test)
    ]
    shuffled = motifs().sample(fraction=1.0, shuffle=True, seed=1).drop("label")
    shuffled.write_csv(tmp_path / "new.csv")
    new = form.read_unlabelled(tmp_path / "new.csv")
    names = np.array(new.table.ids)[np.repeat(np.arange(30), new.table.sizes)]
    labels = [f"{name}/{step}" for name, step in zip(names, _steps(new.table.sizes), strict=True)]
    frame = new.with_labels(labels, [0.5] * len(names))
    assert frame.columns == ["id", "time", "a", "b", "predicted", "probability"]
    assert frame["predicted"].to_list() == [f"{row['id']}/{row['time']}" for row in shuffled.to_dicts()]
    assert frame["a"].cast(pl.Float64).to_list() == shuffled["a"].to_list()


def test_empty_rows_of_a_table_get_no_label(tmp_path, table):
    rows = table.read_text().split("\n")
    (tmp_path / "new.csv").write_text("\n".join([*rows[:3], "", "," * rows[0].count(","), *rows[3:]]))
    new = of_table(table).preprocessing.read_unlabelled(tmp_path / "new.csv")
    output = new.with_labels([str(line) for line in new.table.lines], [0.5] * len(new.table.lines))
    assert output["predicted"].cast(pl.Int64).to_list() == [2, 3, *range(6, len(rows) + 2)]
    assert output["a"].to_list() == read_table(table).frame["a"].to_list()


def _steps(sizes):
    return [step for size in sizes for step in range(size)]


def test_one_long_recording_is_split_in_time_and_cut(tmp_path):
    long = motifs(sequences=1, least=250, most=250).with_columns(id=pl.lit("only"))
    long.write_csv(tmp_path / "long.csv")
    data = of_table(tmp_path / "long.csv")
    assert data.preprocessing.max_length == 500
    assert data.train.sizes.max() <= 500
    assert "split in time" in data.notes[-1]
    steps = sum(int(part.sizes.sum()) for part in (data.train, data.validation, data.test))
    assert steps == long.height
    assert data.test.segments.starts.min() > data.train.segments.starts.max()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a X\nb X\n\n" * 5, "text.txt has only one label, 'X'; expected two or more"),
        (
            "a X\nb Y\n\nc X\nd Y\n",
            "got 2; put an empty line between sentences, or give more",
        ),
    ],
)
def test_text_without_enough_labels_or_sentences(tmp_path, content, message):
    (tmp_path / "text.txt").write_text(content)
    with pytest.raises(GatewiseError, match=re.escape(message)):
        of_text(tmp_path / "text.txt")


def test_an_unknown_label_is_refused_with_its_line(tmp_path, text, table):
    (tmp_path / "other.txt").write_text("a O\nb B-LOC\n")
    with pytest.raises(GatewiseError, match=re.escape(
        "other.txt, line 2: the label 'B-LOC' is not among those of the model: B-ORG, B-PER, I-ORG"
    )):  # fmt: skip
        of_text(text).preprocessing.read(tmp_path / "other.txt", trained=False)
    frame = motifs(sequences=2)
    frame[7, "label"] = "jump"
    frame.write_csv(tmp_path / "other.csv")
    with pytest.raises(
        GatewiseError, match=re.escape("other.csv, line 9: the label 'jump' is not among those")
    ):
        of_table(table).preprocessing.read(tmp_path / "other.csv", trained=False)


def test_saved_preprocessings_are_distinguished(text, table):
    either = TypeAdapter(TextPreprocessing | TablePreprocessing)
    for form in (of_text(text).preprocessing, of_table(table).preprocessing):
        assert either.validate_python(asdict(form)) == form
