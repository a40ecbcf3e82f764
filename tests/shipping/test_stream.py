import datetime
import pickle

import numpy as np
import polars as pl
import pytest
import torch

import gatewise as gw
from tests.shipping.stepping import SMALL, classifier, forecaster, generator, months, walks

ROUNDING = 3e-7  # of float32, relative
DIGITS = 6e-7  # relative: predict rounds to 7 significant digits


@pytest.fixture(scope="module")
def gestures():
    return classifier()


@pytest.fixture(scope="module")
def sales():
    return forecaster(id="store", refit=False)


def assert_same(answers, expected, **tolerance):
    """Two tables with the same columns and rows."""
    assert answers.columns == expected.columns
    assert answers.schema == expected.schema
    for name in answers.columns:
        if answers[name].dtype.is_float():
            np.testing.assert_allclose(answers[name], expected[name], **(tolerance or {"rtol": DIGITS}))
        else:
            assert answers[name].to_list() == expected[name].to_list()


def test_one_sequence_has_the_class_so_far(gestures):
    values, _ = walks()
    stream = gestures.stream()
    for number, row in enumerate(values[0]):
        forms = (row, row.tolist(), dict(zip(("channel_0", "channel_1"), row, strict=True)))
        answer = stream.step(forms[number % 3])
        expected = gestures.predict_proba([values[0][: number + 1]])[0]
        assert list(answer["probabilities"]) == ["down", "flat", "up"]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=ROUNDING)
        assert answer["label"] == ["down", "flat", "up"][int(expected.argmax())]


@pytest.mark.parametrize(
    "options",
    [{"pooling": "max"}, pytest.param({"pooling": "last", "layers": 2}, marks=pytest.mark.thorough)],
)
def test_a_quantized_model_streams(options):
    model, (values, _) = classifier(**options).quantize(), walks()
    stream = model.stream()
    for row in values[0]:
        answer = stream.step(row)
    expected = model.predict_proba(values[:1])[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=ROUNDING)


def test_a_stream_leaves_the_model_alone():
    model, (values, _) = classifier(pooling="max"), walks()
    stream, trained = model.stream(), {name: one.clone() for name, one in model.network_.state_dict().items()}
    stream.step(values[0][0])
    assert all(one.requires_grad for one in model.network_.parameters())
    with torch.no_grad():
        for one in model.network_.parameters():
            one.zero_()
    answers = [one.step(values[0][1])["probabilities"]["up"] for one in (stream, model.stream())]
    model.network_.load_state_dict(trained)
    np.testing.assert_allclose(answers[0], model.predict_proba([values[0][:2]])[0, 2], atol=ROUNDING)
    np.testing.assert_allclose(answers[1], 1 / 3, atol=ROUNDING)


def test_many_sequences_join_and_leave(gestures):
    values, _ = walks()
    stream, alone = gestures.stream(), [gestures.stream() for _ in range(20)]
    for step in range(9):
        present = [number for number in range(20) if number <= 3 * step and number != step]
        answers = stream.step_many({str(number): values[number, step] for number in present})
        for number in present:
            own = alone[number].step(values[number, step])
            np.testing.assert_allclose(
                list(answers[str(number)]["probabilities"].values()),
                list(own["probabilities"].values()),
                atol=ROUNDING,
            )
        stream.end(str(step))  # it begins again, if it comes back
        alone[step] = gestures.stream()
    assert set(stream.ids) == {str(number) for number in range(20) if number != 8}


@pytest.mark.parametrize("steps", [1, 5])
def test_a_stream_moves_to_another_process_as_bytes(gestures, steps, tmp_path):
    values, _ = walks()
    stream = gestures.stream()
    for row in values[0][:steps]:
        stream.step(row)
    stream.step_many({"b": values[1, 0], "c": values[2, 0]})
    data = stream.save()
    assert len(data) < 4096
    gestures.save(tmp_path / "model")
    other = gw.load(tmp_path / "model").stream()
    other.load(data)
    assert other.ids == ["b", "c"]
    for one in (stream, other):
        answers = [one.step(values[0][steps]), one.step_many({"c": values[2, 1]})["c"]]
        one.end("b")
        assert one.ids == ["c"]
        answers = [list(answer["probabilities"].values()) for answer in answers]
        expected = gestures.predict_proba([values[0][: steps + 1], values[2][:2]])
        np.testing.assert_allclose(answers, expected, atol=ROUNDING)


def test_states_that_do_not_fit_are_refused(gestures):
    values, _ = walks()
    stream = gestures.stream()
    stream.step(values[0][0])
    data = stream.save()
    other = classifier(seed=1).stream()
    with pytest.raises(gw.GatewiseError, match="of another model"):
        other.load(data)
    fresh = gestures.stream()
    for cut in (0, 3, 8, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(gw.GatewiseError, match="can't be read"):
            fresh.load(data[:cut])
    for damaged in (pickle.dumps([1]), b"\xff" * 200, data.replace(b'"1"', b'"9"'), data + b"x"):
        with pytest.raises(gw.GatewiseError, match="can't be read"):
            fresh.load(damaged)
    assert fresh.ids == []
    with pytest.raises(gw.GatewiseError, match="no observation of a sequence 'x'"):
        fresh.save(["x"])


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        ([1.0], "expected an observation of 2 values, channel_0, channel_1, got 1 values"),
        ([1.0, "x"], "expected 'channel_1' as a number, got 'x'"),
        ([1.0, float("nan")], "the value of 'channel_1' is missing"),
        ([1.0, None], "the value of 'channel_1' is missing"),
        ([float("inf"), 1.0], "expected 'channel_0' as a finite number, got inf"),
        ({"channel_0": 1.0}, "the observation has no 'channel_1'; it has 'channel_0'"),
        (np.zeros((2, 2)), "expected 'channel_0' as a number"),
        ("text", "got str"),
        (None, "got NoneType"),
    ],
)
def test_a_refused_observation_changes_nothing(gestures, observation, message):
    values, _ = walks()
    stream = gestures.stream()
    for row in values[0][:3]:
        with pytest.raises(gw.GatewiseError, match=message):
            stream.step(observation)
        answer = stream.step(row)
    expected = gestures.predict_proba([values[0][:3]])[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=ROUNDING)


def test_a_table_of_several_series_is_forecast_as_by_predict(sales):
    table = months()
    stream = sales.stream()
    for length in (20, 21, 60):
        begun = 0 if length == 20 else {21: 20, 60: 21}[length]
        new = table.filter(pl.int_range(pl.len()).over("store").is_between(begun, length - 1))
        own = table.filter(pl.int_range(pl.len()).over("store") < length)
        assert_same(stream.step(new), sales.predict(own))
    texts = table.with_columns(pl.col("month").cast(pl.String))
    assert_same(sales.stream().step(texts), sales.predict(texts))
    moved = sales.stream()
    moved.load(stream.save())
    later = pl.DataFrame({"store": ["b", "a"], "month": [datetime.date(2020, 1, 1)] * 2, "sales": [90.0, 40]})
    assert_same(moved.step(later), stream.step(later))


def test_a_dict_of_one_series_is_forecast(sales):
    table = months().filter(pl.col("store") == "b")
    stream = sales.stream()
    for record in table.iter_rows(named=True):
        answer = stream.step(record)
    expected = sales.predict(table)
    for name in ("sales", "q0.1", "q0.9"):
        np.testing.assert_allclose(answer[name], expected[name], rtol=DIGITS)
    wrong = {"store": "b", "month": datetime.date(2020, 3, 1), "sales": 1.0}
    with pytest.raises(gw.GatewiseError, match="expected the time 2020-01-01 00:00:00, one month after"):
        stream.step(wrong)
    with pytest.raises(gw.GatewiseError, match="has no time; give 'month' too"):
        stream.step({"sales": 1.0})
    with pytest.raises(gw.GatewiseError, match="knows 2 series; give 'store' too"):
        sales.stream().step({"month": datetime.date(2020, 3, 1), "sales": 1.0})
    with pytest.raises(gw.GatewiseError, match="the value of 'sales' is missing"):
        stream.step({**wrong, "sales": None})


def test_a_new_series_is_scaled_by_its_past(sales):
    table = months(("z",)).with_columns(pl.col("sales") * 100)
    stream = sales.stream()
    with pytest.warns(UserWarning, match="scaled by their own values"):
        expected = sales.predict(table)
    assert_same(stream.step(table), expected)
    with pytest.raises(gw.GatewiseError, match="not in the training set: begin its stream with a list"):
        sales.stream().step(table.row(0, named=True))


def test_covariates_are_read_as_by_predict():
    rng = np.random.default_rng(3)
    table = months().with_columns(
        price=pl.Series(rng.normal(100, 5, 120)),
        promotion=pl.Series(rng.choice(["none", "flyer", "radio"], 120)),
        weather=pl.Series(rng.normal(size=120)),
        region=pl.col("store").replace_strict({"a": "north", "b": "south"}),
    )
    roles = {"id": "store", "known": ["price", "promotion"], "observed": ["weather"], "static": ["region"]}
    model = forecaster(table, categorical=["promotion"], refit=False, **roles)
    stream = model.stream()
    ahead = pl.int_range(pl.len()).over("store")
    for length in (20, 30):
        own = table.filter(ahead < length + 3).with_columns(
            pl.when(ahead < length).then(pl.col(name)) for name in ("sales", "weather")
        )
        assert_same(stream.step(own.filter(ahead >= (20 if length == 30 else 0))), model.predict(own))
    record = table.row(30, named=True)
    with pytest.raises(gw.GatewiseError, match="expected 'price' as 4 values"):
        stream.step_many({"a": record})
    lists = {name: table[name][30:34].to_list() for name in ("price", "promotion")}
    answer = stream.step_many({"a": {**record, **lists}})["a"]
    own = table.filter(pl.col("store") == "a").head(34).with_row_index("row")
    own = own.with_columns(pl.when(pl.col("row") < 31).then(pl.col("sales", "weather"))).drop("row")
    np.testing.assert_allclose(answer["sales"], model.predict(own)["sales"], rtol=DIGITS)


@pytest.mark.parametrize(
    "fill", ["mask", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("forward", "zero"))]
)
def test_missing_values_are_filled_as_by_predict(fill):
    table = (
        months(("a",))
        .with_columns(sales=pl.when(pl.int_range(60) % 5 != 3).then(pl.col("sales")), store=None)
        .drop("store")
    )
    model = forecaster(table, fill=fill, refit=False)
    stream = model.stream()
    answer = None
    for record in table.iter_rows(named=True):
        answer = stream.step(record)
    np.testing.assert_allclose(answer["sales"], model.predict(table)["sales"], rtol=DIGITS)


def test_irregular_times_are_read_as_by_predict():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.integers(1, 5, 80))
    table = pl.DataFrame({"minute": times, "value": np.sin(times / 4)})
    model = gw.Forecaster(horizon=2, context=10, cell="gru", max_steps=3, refit=False, **SMALL)
    model.fit(table, time="minute", irregular=True)
    stream = model.stream()
    for length in (12, 13):
        expected = model.predict(table.head(length))
        assert_same(stream.step(table.head(12) if length == 12 else table.slice(12, 1)), expected)


GAPS = ({"fill": "mask"}, {"irregular": True}, {"fill": "mask", "irregular": True})
EVERY_GAP = [
    (cell, options)
    for cell in ("gru", "grud", "phased")
    for options in GAPS
    if cell != "phased" or "irregular" in options  # whose times it reads
]


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("grud", GAPS[2]),
        *(pytest.param(*one, marks=pytest.mark.thorough) for one in EVERY_GAP if one != ("grud", GAPS[2])),
    ],
)
def test_labels_where_values_are_missing_or_times_irregular(options, cell):
    rng, count = np.random.default_rng(0), 6
    values = rng.normal(10, 3, size=(count * 30, 2))
    if "fill" in options:
        values[rng.random(values.shape) < 0.3] = np.nan
    table = pl.DataFrame(
        {
            "id": np.repeat([f"s{number}" for number in range(count)], 30),
            "time": np.tile(np.cumsum(rng.integers(1, 4, 30)), count),
            "x": values[:, 0],
            "y": values[:, 1],
            "label": np.where(np.nan_to_num(values[:, 0], nan=10) > 10, "high", "low"),
        }
    ).fill_nan(None)
    model = gw.Labeler(bidirectional=False, cell=cell, epochs=1, **options, **SMALL).fit(table)
    expected, stream = model.predict(table), model.stream()
    names = ["id", "time", "x", "y"]
    for step in range(30):
        rows = table.filter(pl.int_range(pl.len()).over("id") == step).select(names)
        answers = stream.step(rows)
        own = expected.filter(pl.int_range(pl.len()).over("id") == step)
        probability = answers.select(pl.max_horizontal("p(high)", "p(low)")).to_series()
        np.testing.assert_allclose(probability, own["probability"], atol=6e-5)  # predict rounds to 4 digits
        certain = (own["probability"] > 0.501).arg_true()
        assert answers["label"].gather(certain).to_list() == own["predicted"].gather(certain).to_list()


def test_a_text_is_read_symbol_by_symbol():
    model = generator()
    whole, parts = model.stream(), model.stream()
    for part in ("the ", "q", 3):
        answer = parts.step(part)
    symbol = whole.step_many({"a": "the q"})["a"]["symbol"]
    assert len(symbol) == 1
    letter = next(one for number, one in enumerate(answer["probabilities"]) if number == 3)
    np.testing.assert_allclose(
        list(whole.step_many({"a": letter})["a"]["probabilities"].values()),
        list(answer["probabilities"].values()),
        atol=ROUNDING,
    )
    with pytest.raises(gw.GatewiseError, match="has not seen 'Q'"):
        parts.step("Q")
    with pytest.raises(gw.GatewiseError, match=r"expected a symbol in 0\.\."):
        parts.step(1000)
