from dataclasses import replace

import numpy as np
import pytest
import torch

import gatewise as gw
from gatewise.modules.sequence_classifier import SequenceClassifier
from gatewise.tasks.classify.network import HybridClassifier
from tests.shipping.stepping import SMALL, classifier, forecaster, generator, months, run, walks

ROUNDING = 2e-7  # of float32, relative to probabilities of at most 1


def stepwise(model):
    return model._task.stepwise(model.model_)


def assert_exportable(step, rows):
    """An exported step of one row returns what the module returns."""
    states = step.initial_states()
    with torch.no_grad():
        exported = torch.export.export(step, (step.example, *states)).module()
        for row in rows:
            expected = step(row.unsqueeze(0), *states)
            for one, other in zip(exported(row.unsqueeze(0), *states), expected, strict=True):
                torch.testing.assert_close(one, other)
            states = expected[1:]


@pytest.mark.parametrize(
    "pooling",
    ["max", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("last", "mean", "attention"))],
)
def test_the_class_so_far_is_that_of_the_steps_so_far(pooling):
    model, (values, _) = classifier(pooling=pooling), walks()
    step, rows = stepwise(model), torch.from_numpy(values[0])
    probabilities, _ = run(step, rows)
    expected = model.predict_proba([values[0][: number + 1] for number in range(len(rows))])
    np.testing.assert_allclose(probabilities, expected, atol=ROUNDING)
    assert_exportable(step, rows[:3])


def test_the_label_of_a_step_is_that_of_the_whole_sequence():
    values, _ = walks()
    model = gw.Labeler(bidirectional=False, epochs=2, **SMALL).fit(values, (values[:, :, 0] > 1000) * 1)
    step, rows = stepwise(model), torch.from_numpy(values[0]).float()
    probabilities, _ = run(step, rows)
    expected = model.prediction(values[:1]).frame
    names = [step.description["output"]["names"][one] for one in probabilities.argmax(1)]
    assert names == expected["predicted"].to_list()
    np.testing.assert_allclose(probabilities.max(1).values, expected["probability"], atol=6e-5)  # 4 digits
    assert_exportable(step, rows[:3])


@pytest.mark.parametrize(
    ("network", "tied"), [("stack", True), pytest.param("blocks", False, marks=pytest.mark.thorough)]
)
def test_the_next_symbol_is_that_after_the_whole_text(network, tied):
    model = generator(network=network, tied=tied, layers=2)
    step, symbols = stepwise(model), torch.tensor([1, 4, 5, 6, 2])
    probabilities, _ = run(step, symbols)
    with torch.inference_mode():
        for number in range(len(symbols)):
            expected, _ = model.network_.next(symbols[None, : number + 1])
            np.testing.assert_allclose(probabilities[number], expected[0].exp(), atol=ROUNDING)
    assert_exportable(step, symbols[:3])


def test_the_forecast_after_a_step_is_that_of_the_series_up_to_it():
    series = months(("a",)).with_row_index("step").select("step", "sales")
    model = forecaster(series, time="step", log="always", refit=False)
    step, rows = stepwise(model), torch.tensor(series["sales"].to_numpy()).unsqueeze(1)
    quantiles, _ = run(step, rows)
    for length in (2, 13, len(rows)):  # shorter than the context, and longer
        expected = model.predict(series.head(length)).drop("series", "step")
        given = [name.removeprefix("q") for name in expected.columns]
        levels = [float(one) if one != "sales" else 0.5 for one in given]
        places = [step.description["output"]["levels"].index(one) for one in levels]
        np.testing.assert_allclose(quantiles[length - 1][:, places], expected.to_numpy(), rtol=3e-7)
    assert_exportable(step, rows[:3])


def test_models_that_read_whole_sequences_are_refused():
    model = classifier()
    shape, form = {"cell": gw.cells.GRU, "channels": 2, "classes": 3}, model.model_
    networks = (
        SequenceClassifier(**shape),
        SequenceClassifier(**shape, bidirectional=False, filters=4),
        HybridClassifier(**shape, length=9),
    )
    for network in networks:
        with pytest.raises(gw.GatewiseError, match="bidirectional=False"):
            model._task.stepwise(replace(form, network=network))
