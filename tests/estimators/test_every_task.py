"""Every estimator, on every form of data in memory that it takes: fit, predict, score, plot, save, load."""

from copy import copy
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import polars as pl
import pytest
import torch
from matplotlib.figure import Figure
from polars.testing import assert_frame_equal
from sklearn.exceptions import NotFittedError

import gatewise
from gatewise.data.memory.frames import is_frame
from gatewise.estimators import find_estimator
from gatewise.tasks import estimator_names, find_task
from tests.bars import KINDS, bar
from tests.moving import DOT, moving
from tests.pens import strokes
from tests.sentences import sentences
from tests.series import frame
from tests.signals import blurred, motifs
from tests.tasks.anomaly.anomalous import seasonal
from tests.texts import words

SMALL = {"hidden": 4, "epochs": 1, "batch_size": 8, "progress": False}
ONLY_SAMPLED = "generate"  # continues texts; there is nothing to predict for given ones


@dataclass(frozen=True)
class Case:
    """Tiny data for an estimator: how it is made, what it is fitted with, and data that it can't read."""

    estimator: str
    task: str
    data: object
    y: object = None
    options: dict = field(default_factory=dict)
    columns: dict = field(default_factory=dict)
    wrong: object = 3.5


def bars(count=40):
    random = np.random.default_rng(0)
    kinds = [KINDS[number % 2] for number in range(count)]
    return np.stack([bar(kind, random) for kind in kinds]), kinds


def clips(count=24):
    made = list(moving([DOT], count, 10, 4, 5, ways=("left", "right")))
    return [frames for frames, _ in made], [way for _, way in made]


def waves(count=36):
    slopes = np.where(np.arange(count) % 2, 1.0, -1.0)[:, None, None]
    values = slopes * np.linspace(-1, 1, 10)[None, :, None]
    return values + 0.1 * np.random.default_rng(0).normal(size=(count, 10, 2)), np.arange(count) % 2


def slopes(count=36):
    values, _ = waves(count)
    return values, values[:, -1].mean(1) - values[:, 0].mean(1)


def arrays(table, *columns):
    """The sequences of a long table as a list of arrays, and one of its columns likewise."""
    parts = table.partition_by("id", maintain_order=True)
    return [one.select(columns).to_numpy() for one in parts]


def tagged():
    made = sentences(40)
    return [[token for token, _ in one] for one in made], [[label for _, label in one] for one in made]


def letters():
    signals, texts = blurred(40)
    return arrays(signals, "c0", "c1", "c2"), texts["text"].to_list()


def pairs():
    lines = [line.rstrip(".") for line in words(1600).splitlines()]
    return [(line, line.upper()) for line in lines]


MOTIFS = motifs()
CASES = {
    "anomalies": Case("AnomalyDetector", "anomaly", seasonal(200), options={"context": 12}),
    "forecast": Case("Forecaster", "forecast", frame(), options={"horizon": 3, "context": 12}),
    "sequences": Case("Classifier", "classify", *waves(), wrong=["some", "texts"]),
    "label sets": Case("Classifier", "classify-multilabel", waves()[0],
                       [{"up", "all"} if one else {"all"} if number % 3 else () for number, one in
                        enumerate(waves()[1])], wrong=["some", "texts"]),
    "long table": Case("Classifier", "classify", MOTIFS.with_columns(
        label=pl.col("id").str.slice(1).cast(int) % 2), columns={"id": "id"}),
    "numbers": Case("Regressor", "regress", *slopes(), wrong=["some", "texts"]),
    "images": Case("Classifier", "classify-images", *bars()),
    "clips": Case("Classifier", "frames", *clips(), options={"filters": (4,), "features": 4}),
    "arrays": Case("Labeler", "label", arrays(MOTIFS, "a", "b"),
                   [one["label"].to_list() for one in MOTIFS.partition_by("id", maintain_order=True)]),
    "tokens": Case("Labeler", "label", *tagged(), options={"embedding": 4}),
    "signals": Case("Transcriber", "transcribe", *letters(), options={"beam": 2}),
    "strips": Case("Transcriber", "transcribe", *bars(), options={"beam": 2}),
    "text": Case("TextGenerator", "generate", words(3000), options={"embedding": 4, "steps": 16}),
    "texts": Case("TextGenerator", "generate", [words(1500), words(1500, seed=1)],
                  options={"embedding": 4, "steps": 16}),
    "vectors": Case("VectorGenerator", "generate-vectors", arrays(strokes(), "x", "y"),
                    options={"components": 2}),
    "pairs": Case("Translator", "translate", pairs(), options={"embedding": 4, "beam": 2}),
    "captions": Case("Captioner", "caption", *bars(), options={"filters": (4,), "embedding": 4, "beam": 2}),
}  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids=lambda name: name.replace(" ", "-"))
def fitted(request):
    """A case and its fitted estimator; its layers run on the reference backend, which compiles nothing."""
    case = CASES[request.param]
    with gatewise.backend("reference"):
        yield case, construct(case).fit(case.data, case.y, **case.columns)


def construct(case):
    return find_estimator(case.estimator)(**{**SMALL, **case.options})


def inputs(data):
    """What `predict` takes of the data that `fit` took: of pairs the sources."""
    return [source for source, _ in data] if isinstance(data, list) and isinstance(data[0], tuple) else data


def same(one, other):
    if isinstance(one, pl.DataFrame):
        assert_frame_equal(one, other)
    elif isinstance(one, list):
        assert one == other
    else:
        np.testing.assert_array_equal(one, other)


def test_every_estimator_is_here():
    assert {case.estimator for case in CASES.values()} == set(estimator_names())
    tasks = {name for names in estimator_names().values() for name in names}
    assert {case.task for case in CASES.values()} == tasks


def test_data_in_memory_choose_their_task(fitted):
    case, model = fitted
    assert model.model_.task == case.task
    assert getattr(gatewise, case.estimator) is type(model)


LISTS = {"arrays": list, "tokens": list, "signals": str, "strips": str, "pairs": str, "captions": str}


def test_a_list_is_predicted_for_texts_images_and_arrays(fitted):
    case, model = fitted
    kind = next((LISTS[name] for name in LISTS if CASES[name] is case), None)
    if kind is None:
        pytest.skip("it predicts an array or a table, or nothing")
    predicted = model.predict(inputs(case.data))
    assert isinstance(predicted, list)
    assert len(predicted) == len(case.data)
    assert all(isinstance(one, kind) for one in predicted)
    if kind is list:
        assert [len(one) for one in predicted] == [len(one) for one in case.data]
        assert set().union(*predicted) <= set().union(*case.y)


def test_a_fitted_estimator_predicts_and_scores(fitted):
    case, model = fitted
    if case.task != ONLY_SAMPLED:
        assert len(model.predict(inputs(case.data))) > 0
    else:
        with pytest.raises(gatewise.GatewiseError, match="sample"):
            model.predict(inputs(case.data))
    comparison = model.evaluate()
    assert comparison.verdict in repr(comparison)
    assert len(repr(comparison)) < 4000
    metric = comparison.metrics[0]
    value = next(one.scores[metric.name] for one in comparison.results if not one.baseline)
    assert model.score() == (value if metric.higher_is_better else -value)
    again = model.evaluate(case.data, case.y)  # the test set of the same data, found by their content
    found = next(one.scores[metric.name] for one in again.results if not one.baseline)
    assert found == pytest.approx(value, rel=1e-6)
    assert comparison.best.name in comparison.verdict
    assert {one.name for one in comparison.metrics} < set(comparison.table.columns)


def test_figures_are_values(fitted):
    _, model = fitted
    assert all(isinstance(one, Figure) and one.axes for one in model.figures().values())


def test_a_report_shows_inline(fitted):
    _, model = fitted
    assert "<iframe" in model.inspect(0)._repr_html_()


def test_a_saved_model_predicts_the_same(fitted, tmp_path):
    case, model = fitted
    model.save(tmp_path / "model")
    loaded = gatewise.load(tmp_path / "model")
    assert type(loaded) is type(model)
    assert loaded.get_params() == {**model.get_params(), **case.columns, "progress": True}
    if case.task != ONLY_SAMPLED:
        same(loaded.predict(inputs(case.data)), model.predict(inputs(case.data)))
    if find_task(case.task).sampling is not None:
        same(drawn(loaded), drawn(model))


def parameters(network):
    """Those without the outputs of a classifier, whose temperature is found after training."""
    named = network.named_parameters()
    return torch.cat([one.detach().flatten() for name, one in named if "classes" not in name])


def test_a_model_is_trained_further(fitted):
    """At a learning rate of almost zero, it stays what it was."""
    case, model = fitted
    further = copy(model).set_params(warm_start=True)
    further.fit(case.data, case.y, **case.columns, learning_rate=1e-9)
    assert further.network_ is not model.network_
    assert torch.allclose(parameters(further.network_), parameters(model.network_), atol=1e-6)
    name = model.model_.name
    assert {name, f"{name} before"} <= {one.name for one in further.comparison_.results}
    assert further.network_.options() == model.network_.options()


UNKNOWN = {
    "classify-images": "other is not among the classes of the model: ",
    "frames": "the class 'other' was not in training; it had left, right",
    "transcribe": "the model does not know '[ot]' in the text 'other' of ",
}


def test_an_unknown_class_or_symbol_is_refused_in_further_training(fitted):
    case, model = fitted
    if case.task not in UNKNOWN:
        return
    changed = [*case.y[:-1], "other"]
    with pytest.raises(gatewise.GatewiseError, match=UNKNOWN[case.task]):
        copy(model).set_params(warm_start=True).fit(case.data, changed, **case.columns)


def drawn(model):
    found = model.sample(length=12, seed=3)
    return found if is_frame(found) else list(islice(found, 5))


def test_wrong_data_and_options_are_one_clear_line(fitted):
    case, _ = fitted
    new = construct(case)
    for call in (new.predict, new.evaluate, new.figures, new.inspect, new.ablate):
        with pytest.raises(NotFittedError, match="not fitted"):
            call()
    with pytest.raises(NotFittedError, match="not fitted"):
        new.save("nowhere")
    with pytest.raises(gatewise.GatewiseError, match=f"^{case.estimator} can't read data of type .*; give "):
        new.fit(case.wrong)
    with pytest.raises(gatewise.GatewiseError, match="has no option 'wrong' for this data"):
        new.fit(case.data, case.y, wrong=3)
    with pytest.raises(TypeError, match=f"{case.estimator} has no option 'wrong'"):
        type(new)(wrong=1, **case.options)
