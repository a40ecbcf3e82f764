"""Missing values and irregular times in the tasks of sequences: data, networks, prediction, saved models."""

import numpy as np
import polars as pl
import pytest

import gatewise as gw
from gatewise.errors import GatewiseError

SMALL = {"cell": "rnn", "hidden": 2, "epochs": 1, "progress": False, "baselines": False}
FAST = {"min_steps_per_epoch": 1}
LEARNING = {**SMALL, "hidden": 8, "learning_rate": 0.05, "network": "stack", "min_steps_per_epoch": 25}
STEPS = 6


def frame(count=24, seed=0):
    """A long table with empty cells and irregular dates; `late` is whether the last step comes late."""
    random = np.random.default_rng(seed)
    minutes = random.integers(1, 9, (count, STEPS)).cumsum(1)
    late = np.arange(count) % 2
    minutes[:, -1] += 100 * late
    table = pl.DataFrame({
        "id": np.repeat(np.arange(count), STEPS),
        "minutes": minutes.ravel(),
        "x": random.normal(size=count * STEPS),
        "late": np.repeat(late, STEPS),
    })  # fmt: skip
    empty = pl.Series(random.random(count * STEPS) < 0.3)
    return table.with_columns(
        time=pl.datetime(2024, 1, 1) + pl.duration(minutes="minutes"),
        x=pl.when(~empty).then("x"),
        label=pl.when(pl.col("late") == 1).then(pl.lit("late")).otherwise(pl.lit("soon")),
        target=pl.col("minutes").max().over("id").cast(pl.Float64),
    )


@pytest.mark.parametrize(
    ("kind", "options", "column", "baselines"),
    [
        pytest.param(gw.Classifier, {**FAST, "network": "stack"}, "label", None, id="classify"),
        pytest.param(gw.Regressor, {**FAST, "cell": "grud"}, "target", None, id="regress"),
        pytest.param(gw.Labeler, {}, "label", {"majority", "window"}, id="label"),
    ],
)
def test_a_saved_model_reads_gaps_and_times_as_it_was_trained(tmp_path, kind, options, column, baselines):
    given = frame().select("id", "time", "x", column)
    options = {**SMALL, **options, "baselines": baselines is not None}
    model = kind(**options, fill="mask", irregular=True).fit(given)
    assert baselines is None or {one.name for one in model.comparison_.results if one.baseline} == baselines
    missing = given["x"].null_count()
    assert f"empty cells that are masked: {missing} of 144 ({missing / 144:.1%})" in model.notes_
    assert any(note.startswith("elapsed times are in units of 0:0") for note in model.notes_)
    new = frame(5, seed=1).select("id", "time", "x")
    predicted = model.predict(new)
    model.save(tmp_path / "model")
    again = gw.load(tmp_path / "model")
    assert predicted.equals(again.predict(new))
    shown = (
        model.prediction(one).frame for one in (new, new.with_columns(pl.col("time").dt.offset_by("1y")))
    )
    earlier, later = (one.select(pl.selectors.float()).to_numpy() for one in shown)
    np.testing.assert_allclose(earlier, later, rtol=1e-4)  # only differences of times are read
    with pytest.raises(GatewiseError, match="the times are numbers; the model was trained on dates"):
        model.predict(new.with_columns(time=pl.int_range(pl.len())))
    with pytest.raises(GatewiseError, match="'time'"):
        model.predict(new.drop("time"))
    assert again.model_.network.options()["gaps"] == "both"


def test_what_is_missing_is_learned_from_with_a_mask_alone():
    random = np.random.default_rng(0)
    y = np.arange(120) % 2
    x = random.normal(size=(120, STEPS, 1))
    for own, late in zip(x, y, strict=True):
        own[-3:] = np.nan if late else own[-3:]  # always after a value
        own[random.integers(1, 3)] = np.nan
    train, test = (slice(0, 80), slice(80, 120))

    def accuracy(**options):
        model = gw.Classifier(**LEARNING, **options)
        return model.fit(x[train], y[train]).score(x[test], y[test])

    masked = accuracy(fill="mask")
    assert masked > 0.9
    assert masked >= accuracy(fill="forward")


def test_elapsed_times_are_learned_from():
    data, new = frame(80), frame(40, seed=1)
    data, new = (one.select("id", "minutes", "x", "label").with_columns(x=0.0) for one in (data, new))
    model = gw.Classifier(**LEARNING, irregular=True, time="minutes").fit(data)
    assert model.score(new) > 0.9


@pytest.mark.parametrize("options", [{"irregular": True}, {"fill": "mask", "cell": "grud"}])
def test_words_have_no_gaps(options):
    words, tags = [["a", "b"]] * 12, [["x", "y"]] * 12
    with pytest.raises(
        GatewiseError, match='words as steps, which fit neither fill="mask" nor irregular=True'
    ):
        gw.Labeler(**{**SMALL, **options}).fit(words, tags)


def test_a_channel_of_arrays_has_the_times():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(24, STEPS, 2)), np.arange(24) % 2
    x[..., 1] = random.random((24, STEPS)).cumsum(1)
    options = {**SMALL, **FAST, "network": "stack", "irregular": True}
    model = gw.Classifier(**options, time="channel_1").fit(x, y)
    assert len(model.model_.preprocessing["scales"]) == 1
    assert model.n_features_in_ == 2
    later = x + np.array([0.0, 5.0])
    np.testing.assert_allclose(model.predict_proba(x), model.predict_proba(later), rtol=1e-5)
    with pytest.raises(GatewiseError, match="expected sequences of 2 channels as in training"):
        model.predict(x[..., :1])
    with pytest.raises(GatewiseError, match="have the same channel_1 in sequence '0'"):
        model.predict(np.zeros_like(x))


def test_the_channel_of_times_may_be_named_in_a_file_of_options(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(24, STEPS, 2)), np.arange(24) % 2
    x[..., 1] = random.random((24, STEPS)).cumsum(1)
    path = tmp_path / "options.yaml"
    path.write_text("irregular: true\ntime: channel_1\nnetwork: stack\nhidden: 2\nepochs: 1\n")
    model = gw.Classifier(config=path, cell="rnn", baselines=False, progress=False).fit(x, y)
    compared = gw.compare("classify", x, y, config=path, cells=["rnn"], seeds=1, progress=False)
    for one in (model.model_, compared.model):
        assert len(one.preprocessing["scales"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"irregular": True}, "has no column of times, which irregular=True needs"),
        ({"cell": "grud"}, 'the cell GRUD reads the time since values were observed; give fill="mask", or'),
        ({"fill": "mask", "augmentation": ("mixup",)}, 'augmentation="mixup" moves values in time'),
        ({"fill": "linear"}, "input should be 'forward' or 'mask', got 'linear'"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    x, y = np.zeros((12, STEPS, 1)), np.arange(12) % 2
    with pytest.raises(GatewiseError, match=message):
        gw.Classifier(**{**SMALL, **options}).fit(x, y)
