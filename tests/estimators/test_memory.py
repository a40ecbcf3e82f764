"""Data in memory through the tasks: each form is read as its file would be; predictions take its types."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image

import gatewise
from gatewise.errors import GatewiseError
from gatewise.tasks import find_task
from gatewise.tasks.config import resolve
from gatewise.tasks.options import verb_options

DRAW = np.random.default_rng(0)
SMALL = {
    "cell": "gru",
    "hidden": 4,
    "epochs": 1,
    "min_steps_per_epoch": 1,
    "progress": False,
    "baselines": False,
}
MONTHS = pd.date_range("2000-01-01", periods=60, freq="MS")


def read(name, data, y, folder, **options):
    """The data of a task, written and read again."""
    task = find_task(name)
    assert task.accepts(data)
    path, found = task.write(data, y, folder, "NTC")
    return task.read(path, resolve(verb_options("train", task.options), None, {**found, **options}))


def test_a_classifier_reads_arrays(tmp_path):
    values = DRAW.normal(size=(12, 5, 2)).astype(np.float32)
    data = read("classify", torch.from_numpy(values), torch.arange(12) % 2, tmp_path)
    assert data.classes == ("0", "1")
    table = data.train.table
    np.testing.assert_array_equal(table.values.reshape(12, 5, 2), values)
    classes = [data.classes[one] for one in data.train.labels]
    assert classes == [str(number % 2) for number in data.train.numbers]


def test_a_labeler_reads_arrays_and_sentences(tmp_path):
    labels = DRAW.integers(0, 3, (12, 6))
    data = read("label", DRAW.normal(size=(12, 6, 1)), labels, tmp_path)
    assert data.labels == ("0", "1", "2")
    sentences = [["a", "b"], ["c"]] * 6
    text = read("label", sentences, [["X", "Y"], ["X"]] * 6, tmp_path)
    assert text.labels == ("X", "Y")


def test_a_transcriber_reads_arrays_and_images(tmp_path):
    texts = ["ab", "ba", "b"] * 4
    data = read("transcribe", list(DRAW.normal(size=(12, 30, 2))), texts, tmp_path)
    assert sum(len(one.numbers) for one in (data.train, data.validation, data.test)) == 12
    images = [Image.fromarray(DRAW.integers(0, 256, (8, 40), dtype=np.uint8)) for _ in texts]
    (tmp_path / "strips").mkdir()
    data = read("transcribe", images, pd.Series(texts), tmp_path / "strips")
    assert sum(len(one.numbers) for one in (data.train, data.validation, data.test)) == 12


def test_a_generator_reads_texts_and_vectors(tmp_path):
    text = read("generate", ["abc " * 300, "abd " * 300], None, tmp_path, steps=8, batch_size=2)
    assert text.train is not None
    values = DRAW.normal(size=(12, 5, 2))
    data = read("generate-vectors", values, None, tmp_path)
    assert sum(len(one) for one in (data.train, data.validation, data.test)) == 12


def test_a_translator_reads_pairs(tmp_path):
    pairs = [(f"a {number}", f"b {number}") for number in range(30)]
    data = read("translate", pairs, None, tmp_path)
    assert sum(len(one) for one in (data.train, data.validation, data.test)) == 30


@pytest.mark.parametrize("form", ["array", "images", "list"])
def test_a_classifier_reads_images(form, tmp_path):
    pixels = DRAW.integers(0, 256, (12, 6, 5, 3), dtype=np.uint8)
    given = {"array": pixels, "images": [Image.fromarray(one) for one in pixels], "list": list(pixels)}[form]
    data = read("classify-images", given, np.arange(12) % 2, tmp_path)
    assert data.classes == ("0", "1")


def test_a_classifier_reads_clips(tmp_path):
    clips = [DRAW.random((3 + number % 2, 6, 5)) for number in range(12)]
    assert read("frames", clips, ["a", "b"] * 6, tmp_path).classes == ("a", "b")


def test_a_captioner_reads_images(tmp_path):
    images = [Image.fromarray(DRAW.integers(0, 256, (8, 8), dtype=np.uint8)) for _ in range(12)]
    data = read("caption", images, [["one bar", "a bar"], "two bars"] * 6, tmp_path)
    assert sum(len(one.numbers) for one in (data.train, data.validation, data.test)) == 12


@pytest.mark.parametrize(
    "series",
    [
        np.arange(60.0),
        torch.arange(60.0),
        pl.Series("value", np.arange(60.0)),
        pd.Series(np.arange(60.0)),
        pd.Series(np.arange(60.0), index=pd.Index(range(5, 65), name="step")),
        pd.Series(np.arange(60.0), index=MONTHS),
        pd.Series(np.arange(60.0), index=MONTHS.to_period("M")),
    ],
)
def test_a_forecaster_reads_one_series(series, tmp_path):
    data = read("forecast", series, None, tmp_path, horizon=4, context=8)
    assert data.source.series[0].target.tolist() == list(range(60))


def table(kind):
    """Two series with ids that are whole numbers, and times of some kind."""
    times = {
        "datetime": MONTHS,
        "seconds": MONTHS.as_unit("s"),
        "zone": MONTHS.tz_localize("Europe/Berlin"),
        "offset": MONTHS.tz_localize("+05:30"),
        "period": MONTHS.to_period("M"),
        "text": MONTHS.strftime("%Y-%m"),
        "whole": pd.RangeIndex(60),
    }[kind]
    values = np.sin(np.arange(60)) + 2
    frames = [pd.DataFrame({"id": np.int32(own), "time": times, "target": values}) for own in (7, 10)]
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("kind", ["datetime", "seconds", "zone", "offset", "period", "text", "whole"])
def test_a_forecast_has_the_ids_and_times_of_the_table(kind):
    given = table(kind)
    found = gatewise.Forecaster(horizon=3, context=8, **SMALL).fit(given).predict()
    assert found["id"].dtype == np.int32
    assert found["time"].dtype == given["time"].dtype
    assert found["id"].tolist() == [7, 7, 7, 10, 10, 10]
    if kind in ("text", "whole"):
        following = {"text": ["2005-01", "2005-02", "2005-03"], "whole": [60, 61, 62]}[kind]
    else:
        step = pd.offsets.MonthEnd() if kind == "period" else pd.offsets.MonthBegin()
        following = [given["time"].iloc[-1] + step * months for months in (1, 2, 3)]
    assert found["time"].tolist()[:3] == following


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "lazy"])
def test_labels_come_back_in_their_type_and_library(library):
    steps = pl.DataFrame(
        {
            "id": np.repeat(np.arange(30), 4),
            "x": np.tile(np.linspace(-1, 1, 4), 30) * np.repeat(np.where(np.arange(30) % 2, 1, -1), 4),
            "label": np.repeat(np.arange(30) % 2 * 3, 4),
        }
    )
    convert = {
        "pandas": lambda frame: pd.DataFrame(frame.to_dict(as_series=False)),
        "polars": lambda frame: frame,
        "pyarrow": pl.DataFrame.to_arrow,
        "lazy": pl.DataFrame.lazy,
    }[library]
    model = gatewise.Classifier(**SMALL).fit(convert(steps))
    new = convert(steps.drop("label"))
    found = model.predict(new)
    assert type(found) is type(new)
    columns = gatewise_columns(found)
    assert columns["id"] == list(range(30))
    assert set(columns["label"]) <= {0, 3}


def gatewise_columns(data):
    """The columns of a table of any library, as lists."""
    frame = data.collect() if isinstance(data, pl.LazyFrame) else pl.DataFrame(data)
    return frame.to_dict(as_series=False)


def test_labels_of_arrays_are_the_classes_in_their_type():
    X = DRAW.normal(size=(20, 4, 1))
    for y in (np.arange(20) % 2 * 3, np.arange(20) % 2 == 0, [1.0, 2.0] * 10, torch.arange(20) % 2):
        model = gatewise.Classifier(**SMALL).fit(X, y)
        assert set(model.predict(X).tolist()) <= set(np.asarray(y).tolist())
        assert model.classes_.tolist() == sorted(set(np.asarray(y).tolist()))
    with pytest.raises(GatewiseError, match="Unknown label type: continuous"):  # as scikit-learn has it
        gatewise.Classifier(**SMALL).fit(X, [1.5, 2.5] * 10)


def test_a_message_names_what_was_given():
    model = gatewise.Forecaster(horizon=3, context=8, **SMALL)
    with pytest.raises(
        GatewiseError, match=r"^the DataFrame, row 3, column 'target': expected a number, got 'x'"
    ):
        model.fit(table("text").assign(target=[1, 2, "x"] * 40), time="time", target="target", id="id")
    with pytest.raises(
        GatewiseError, match=r"^sequence 1 has 2 channels and sequence 0 has 1; all need the same$"
    ):
        gatewise.Classifier(**SMALL).fit([np.zeros((3, 1)), np.zeros((3, 2))], [0, 1])
