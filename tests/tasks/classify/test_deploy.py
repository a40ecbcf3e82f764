"""Classifiers as modules of raw values: the probabilities of `predict`, scaled and without padding."""

import numpy as np
import pytest
import torch

import gatewise
from gatewise.errors import GatewiseError
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


def test_missing_values_are_refused_with_the_reason():
    arrays, y = sequences()
    arrays[0][3, 0] = np.nan
    model = gatewise.Classifier(cell="gru", hidden=4, epochs=1, network="stack", fill="mask", progress=False)
    model.fit(arrays, y)
    with pytest.raises(GatewiseError, match="it reads missing values or irregular times"):
        TASK.deployed(model.model_)
