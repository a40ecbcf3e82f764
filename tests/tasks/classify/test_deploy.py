"""Classifiers as modules of raw values: the probabilities of `predict`, scaled and without padding."""

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

import gatewise
from gatewise.tasks.classify.data import Preprocessing
from gatewise.tasks.classify.task import TASK
from gatewise.tasks.preprocessing import load_preprocessing
from tests.tasks.sequence_rows import raw_sequences


def sequences(count=40):
    """Arrays of two channels and of different lengths, of two classes with different slopes."""
    random, y = np.random.default_rng(0), np.arange(count) % 2
    lengths = random.integers(6, 20, count)
    drawn = [1e4 + random.normal(size=(size, 2)) for size in lengths]
    for values, label in zip(drawn, y, strict=True):
        values[:, 0] += (1 + label) * np.arange(len(values))
    return drawn, np.array(["slow", "fast"])[y]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"network": "stack", "ensemble": 2, "pooling": "attention"},
        {"network": "lstm-fcn", "pooling": "last"},
        {"network": "lstm-fcn", "convolutions": "inception", "pooling": "mean", "bidirectional": False},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "hybrid",
)
def test_probabilities_are_those_of_predict(tmp_path, options):
    arrays, y = sequences()
    model = gatewise.Classifier(cell="gru", hidden=4, epochs=1, progress=False, **options).fit(arrays, y)
    path, _ = TASK.write(arrays, y, tmp_path, "NTC")
    deployed = TASK.deployed(model.model_)
    given = raw_sequences(load_preprocessing(Preprocessing, model.model_), path)
    with torch.no_grad():
        (found,) = deployed(**given)
    np.testing.assert_allclose(found, model.predict_proba(arrays), rtol=1e-5, atol=1e-6)
    assert deployed.description["classes"] == ["fast", "slow"]


@pytest.mark.parametrize(
    "options", [{"fill": "mask"}, {"irregular": True}, {"fill": "mask", "irregular": True, "cell": "grud"}]
)
def test_missing_values_and_irregular_times_are_read_as_by_predict(options):
    arrays, y = sequences()
    random, rows = np.random.default_rng(1), []
    for number, (values, label) in enumerate(zip(arrays, y, strict=True)):
        hours = np.cumsum(random.integers(1, 5, len(values)))
        moments = np.datetime64("2024-01-01", "us") + hours * np.timedelta64(1, "h")
        if "fill" in options:
            values[random.random(values.shape) < 0.3] = np.nan
        rows.append(
            pl.DataFrame(
                {"id": f"s{number:02}", "time": moments, "label": label, "x": values[:, 0], "y": values[:, 1]}
            )
        )
    table = pl.concat(rows).fill_nan(None)
    given = {"cell": "gru", "hidden": 4, "epochs": 1, "network": "stack", "progress": False, **options}
    model = gatewise.Classifier(**given).fit(table)
    deployed = TASK.deployed(model.model_)
    lengths = torch.tensor([len(values) for values in arrays])
    padded = {
        "values": pad_sequence(
            [torch.from_numpy(values) for values in arrays], batch_first=True, padding_value=7e9
        ),
        "times": pad_sequence(
            [torch.from_numpy(one["time"].to_physical().to_numpy().copy()) for one in rows], batch_first=True
        ),
        "lengths": lengths,
    }
    with torch.no_grad():
        (found,) = deployed(**{field.name: padded[field.name] for field in deployed.inputs})
    expected = model.predict(table).select("p(fast)", "p(slow)").to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
