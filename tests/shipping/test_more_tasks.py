import numpy as np
import polars as pl
import pytest

import gatewise as gw
from tests.moving import DOT, moving, write_arrays
from tests.shipping.stepping import SMALL, walks
from tests.shipping.test_stream import DIGITS


def test_the_targets_so_far_are_those_of_the_steps_so_far():
    values, _ = walks()
    targets = 1e6 + values[:, -1]
    options = {"bidirectional": False, "pooling": "mean", "epochs": 1, **SMALL}
    model = gw.Regressor(**options).fit(values, targets)
    stream = model.stream()
    for number, row in enumerate(values[0]):
        answer = stream.step(row)
        expected = model.prediction([values[0][: number + 1]]).frame
        for name, value in answer.items():
            np.testing.assert_allclose(value, expected[name][0], rtol=DIGITS)


def test_the_labels_so_far_are_those_of_the_steps_so_far():
    values, _ = walks()
    labels = np.stack([values[:, -1, 0] > 1000, values[:, 0, 1] > 1000], axis=1).astype(int)
    options = {"network": "stack", "bidirectional": False, "epochs": 1, **SMALL}
    model = gw.Classifier(**options).fit(values, labels)
    stream = model.stream()
    for number, row in enumerate(values[0]):
        answer = stream.step(row)
        expected = model.prediction([values[0][: number + 1]]).frame
        each = expected.select(pl.col("^p\\(.*\\)$")).row(0)
        np.testing.assert_allclose(list(answer["probabilities"].values()), each, atol=3e-7)
        assert [float(name in answer["labels"]) for name in answer["probabilities"]] == [
            float(one >= threshold)
            for one, threshold in zip(each, model.network_.thresholds.expand(2).tolist(), strict=True)
        ]


def test_the_vector_expected_next_is_that_of_the_steps_so_far():
    values, _ = walks()
    values = np.concatenate([values, (values[:, :, :1] > 1000) * 1.0], axis=2)
    model = gw.VectorGenerator(epochs=1, **SMALL).fit(values)
    stream, nats = model.stream(), []
    for number, row in enumerate(values[0]):
        answer = stream.step(row)
        nats.append(answer.pop("nats"))
        expected = model.prediction([values[0][: number + 1]]).frame
        for name, value in answer.items():
            np.testing.assert_allclose(value, expected[name][0], rtol=DIGITS)
    test = model._task.load_for_evaluation(model.model_, model._data.path).test
    batch, stream = test.__getitems__([0]), model.stream()
    raw = batch.values[0].double().numpy() * test.deviation + test.mean
    found = [stream.step(row)["nats"] for row in raw]
    np.testing.assert_allclose(found, model.network_.nats(batch)[0].tolist(), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("fill", ["mask", pytest.param(None, marks=pytest.mark.thorough)])
def test_the_score_of_a_step_is_that_of_the_series_up_to_it(fill):
    time = np.arange(90)
    values = 100 + 10 * np.sin(time / 3) + np.random.default_rng(0).normal(size=90)
    values[70] = 200
    table = pl.DataFrame(
        {
            "id": ["a"] * 90 + ["b"] * 90,
            "time": pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 30), "1d", eager=True).append(
                pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 3, 30), "1d", eager=True)
            ),
            "value": np.concatenate([values, values * 3]),
        }
    )
    if fill is not None:
        table = table.with_columns(pl.when(pl.col("time").dt.day() != 13).then(pl.col("value")))
    model = gw.AnomalyDetector(context=12, epochs=1, false_alarm_rate=0.2, fill=fill, **SMALL).fit(table)
    expected, stream = model.predict(table), model.stream()
    answers = []
    for step in range(90):
        own = table.filter(pl.int_range(pl.len()).over("id") == step)
        answer = stream.step(own)
        assert answer.columns == ["id", "time", "expected", "score", "anomaly"]
        answers.append(answer)
    found = pl.concat(answers).sort("id", "time", maintain_order=True)
    begun = found.filter(pl.col("score").is_not_null())
    assert found.height - begun.height == 2 * (12 if fill is None else 12 + 3)
    expected = expected.sort("id", "time")
    assert begun["time"].to_list() == expected["time"].to_list()
    assert begun["anomaly"].to_list() == expected["anomaly"].to_list()
    assert begun["anomaly"].sum() > 0
    for name in ("expected", "score"):
        np.testing.assert_allclose(begun[name], expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", pytest.param("last", marks=pytest.mark.thorough)])
def test_the_class_of_a_clip_so_far_is_that_of_the_frames_so_far(tmp_path, pooling):
    clips = list(moving([DOT], 60, side=9, shortest=4, longest=6, ways=("right", "left")))
    options = {"features": 8, "filters": (4,), "epochs": 1, "pooling": pooling, **SMALL}
    write_arrays(tmp_path / "clips.npz", clips)
    model = gw.Classifier(kind="frames", **options).fit(tmp_path / "clips.npz")
    for frames, way in clips[:3]:
        stream = model.stream()
        for number, frame in enumerate(frames):
            answer = stream.step(frame)
            write_arrays(tmp_path / "part.npz", [(frames[: number + 1], way)])
            expected = model.predict(tmp_path / "part.npz")
            np.testing.assert_allclose(answer["probabilities"]["left"], expected["p(left)"][0], atol=3e-7)
    with pytest.raises(gw.GatewiseError, match=r"expected a frame of shape \[9, 9, 1\], got \[3, 9\]"):
        stream.step(frame[:3])
