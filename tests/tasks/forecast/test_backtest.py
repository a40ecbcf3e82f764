"""Backtests: what each origin knows, where the windows lie, and what is reported."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.cells import GRU
from gatewise.data.series.series import read_series
from gatewise.data.tables.columns import Columns
from gatewise.errors import GatewiseError
from gatewise.metrics.diebold_mariano import diebold_mariano
from gatewise.metrics.ljung_box import autocorrelation, ljung_box
from gatewise.tasks.forecast.backtesting import is_ragged
from gatewise.tasks.forecast.baselines import Naive
from gatewise.tasks.forecast.task import TASK, shape_of
from gatewise.tasks.options import verb_options
from gatewise.tasks.serialization import SavedModel
from tests.series import frame

OPTIONS = verb_options("train", TASK.options)(
    horizon=4, context=12, hidden=2, known=("price",), target="value"
)


def table(steps=120, seed=0, name="a"):
    """A series with a known covariate that is given for four more months."""
    months = frame(steps=steps + 4, seed=seed).with_row_index("row").with_columns(
        price=pl.col("row") % 5 * 1.0, id=pl.lit(name)
    )  # fmt: skip
    return months.with_columns(value=pl.when(pl.col("row") < steps).then("value")).drop("row")


def written(path, *tables):
    pl.concat(tables).write_csv(path)
    return path


def untrained(path, options=OPTIONS):
    """A model of newly initialized layers, with the scales and the split of the series in a file."""
    data = TASK.read(path, options)
    network = TASK.network(data, options, GRU)
    return SavedModel("forecast", "gru", network, TASK.preprocessing(data, options))


def test_each_origin_predicts_as_if_the_data_ended_there(tmp_path):
    path = written(tmp_path / "series.csv", table())
    model = untrained(path)
    found = TASK.backtest(model, path, windows=3, step=3).table
    assert found["step"].to_list() == [1, 2, 3, 4] * 3
    for steps, own in zip((110, 113, 116), found.partition_by("origin"), strict=True):
        hidden = table().with_row_index("row").with_columns(
            value=pl.when(pl.col("row") < steps).then("value")
        )  # fmt: skip
        expected = TASK.predict(model, written(tmp_path / "past.csv", hidden.drop("row"))).frame
        assert own["time"].to_list() == expected["month"].to_list()
        assert own["origin"].unique().item() == table()["month"].str.to_datetime("%Y-%m")[steps - 1]
        np.testing.assert_allclose(own["actual"], table()["value"][steps : steps + 4], rtol=1e-12)
        for column, name in (("predicted", "value"), ("q0.1", "q0.1"), ("q0.9", "q0.9")):
            np.testing.assert_allclose(own[column], expected[name], rtol=2e-6)


def changed_after(months, steps):
    """The series with other values after some steps."""
    later = pl.int_range(pl.len()) >= steps
    return months.with_columns(value=pl.when(later).then(30 - 2 * pl.col("value")).otherwise("value"))


def require_same_past(before, after):
    """Fails unless all forecasts but those of the last origin are the same."""
    last = before["origin"] == before["origin"].max()
    assert before.filter(~last).drop("actual").equals(after.filter(~last).drop("actual"))
    assert (before.filter(last)["predicted"] != after.filter(last)["predicted"]).all()


def test_the_future_changes_no_forecast_before_it(tmp_path):
    path = written(tmp_path / "series.csv", table())
    model = untrained(path)
    changed = written(tmp_path / "changed.csv", changed_after(table(), 115))
    require_same_past(*(TASK.backtest(model, one, windows=3, step=3).table for one in (path, changed)))


def test_a_refit_knows_what_precedes_its_origin(tmp_path):
    short = OPTIONS.model_copy(update={"max_steps": 1, "context": 4, "horizon": 2, "cell": "rnn"})
    path, changed = (
        written(tmp_path / name, one)
        for name, one in (("a.csv", table(50)), ("b.csv", changed_after(table(50), 47)))
    )
    model = gatewise.Forecaster.from_saved(untrained(path, options=short), short, tmp_path)
    model.progress = False
    before, after = (model.backtest(one, windows=2, step=1, refit=True) for one in (path, changed))
    require_same_past(before.table, after.table)
    assert before.remarks[0].endswith("a horizon of 2 steps; the model is trained again at each")
    fixed = model.backtest(path, windows=2, step=1)
    assert (fixed.table["predicted"] != before.table["predicted"]).all()


def test_baselines_know_what_precedes_the_first_origin(tmp_path):
    path = written(tmp_path / "series.csv", table())
    model = untrained(path)
    found = TASK.backtest(model, path, windows=2)
    values = table()["value"].to_numpy()
    assert found.baselines == ("naive", "ridge", "seasonal-naive")
    np.testing.assert_allclose(found.table["naive"], np.repeat(values[[111, 115]], 4), rtol=1e-6)
    np.testing.assert_allclose(found.table["seasonal-naive"], values[100:108], rtol=1e-6)
    known = written(tmp_path / "past.csv", table(steps=112))
    data = TASK.load_for_evaluation(replace(model, preprocessing=without_seen(model)), known)
    ridge = TASK.baselines(data)["ridge"]()
    ridge.fit(data.train, data.validation)
    fitted = SavedModel("forecast", "ridge", ridge, model.preprocessing)
    expected = TASK.predict(fitted, known).frame["value"]
    np.testing.assert_allclose(found.table["ridge"][:4], expected, rtol=2e-6)


def without_seen(model):
    learned = {**model.preprocessing["learned"], "seen": {}}
    return {**model.preprocessing, "learned": learned}


def test_scores_by_step_and_by_series(tmp_path):
    path = written(tmp_path / "series.csv", table(), table(steps=100, seed=1, name="b"))
    found = TASK.backtest(untrained(path), path, windows=3)
    rows, scores = found.table, found.scores
    assert scores.filter(model="gru").height == 1 + 4 + 2
    error = (pl.col("actual") - pl.col("predicted")).abs()
    for column, keys in (("step", [1, 2, 3, 4]), ("series", ["a", "b"])):
        for key in keys:
            own = scores.filter(pl.col("model") == "gru", pl.col(column) == key)
            assert own["mae"].item() == pytest.approx(
                rows.filter(pl.col(column) == key).select(error.mean()).item()
            )
    unit = {}
    for name, steps in (("a", 108), ("b", 88)):
        past = rows_of(path, name)[:steps]
        unit[name] = np.abs(past[12:] - past[:-12]).mean()
    losses = rows.with_columns(loss=error / pl.col("series").replace_strict(unit))
    naive = (pl.col("actual") - pl.col("naive")).abs() / pl.col("series").replace_strict(unit)
    assert found.overall["gru"]["mase"] == pytest.approx(losses["loss"].mean())
    assert found.overall["naive"]["mase"] == pytest.approx(rows.select(naive.mean()).item())


def rows_of(path, name):
    return pl.read_csv(path).filter(id=name)["value"].drop_nulls().to_numpy()


def test_the_verdict_tests_the_difference_to_the_best_baseline(tmp_path):
    """A model that repeats the last value, beside ridge regression."""
    path = written(tmp_path / "series.csv", table())
    data = TASK.read(path, OPTIONS)
    naive = Naive(shape_of(data))
    naive.fit(data.train, data.validation)
    model = SavedModel("forecast", "own", naive, TASK.preprocessing(data, OPTIONS))
    found = TASK.backtest(model, path, windows=12)
    assert found.test.statistic > 0
    assert found.verdict.startswith("A baseline suffices here: ridge has a MASE of ")
    assert found.verdict.endswith(
        f"The difference is significant at the 5% level (Diebold-Mariano test, corrected for few origins: "
        f"{found.test.statistic:.2f}, p = {found.test.p_value:.2g}). But 8 of 12 windows overlap the "
        "training data: this does not show how the model forecasts new data."
    )
    one = TASK.backtest(model, path, windows=2, step=1)
    assert one.test is None
    assert one.verdict.endswith("The Diebold-Mariano test needs at least 5 origins: give more --windows.")


def test_windows_that_the_model_was_trained_on_are_named(tmp_path):
    path = written(tmp_path / "series.csv", table())
    assert TASK.backtest(untrained(path), path, windows=4).warnings == ()
    found = TASK.backtest(untrained(path), path, windows=6)
    assert found.verdict.endswith(
        "But 2 of 6 windows overlap the training data: this does not show how the model forecasts new data."
    )
    (warning,) = found.warnings
    assert warning == (
        "2 of 6 windows overlap the data that the model was trained on, up to 1998-06-01 in series 'a': "
        "errors there are lower than on new data; --refit trains a new model at each origin"
    )


@pytest.mark.parametrize(("name", "title"), [("rmse", "RMSE"), ("wql", "WQL")])
def test_the_verdict_is_by_the_metric_of_the_training(tmp_path, name, title):
    path = written(tmp_path / "series.csv", table())
    found = TASK.backtest(untrained(path, OPTIONS.model_copy(update={"metric": name})), path, windows=8)
    scores = {one: found.overall[one][name] for one in found.baselines}
    assert found.best_baseline == min(scores, key=scores.get)
    assert f" {title} of {found.metrics[0].format(min(scores.values()))} over 8 origins" in found.verdict
    if name == "rmse":
        loss = [(pl.col(one) - pl.col("actual")) ** 2 for one in ("predicted", found.best_baseline)]
        means = found.table.group_by("origin", maintain_order=True).agg((loss[0] - loss[1]).mean())
        expected = diebold_mariano(means["predicted"].to_numpy(), 0)
        assert found.test.statistic == pytest.approx(expected.statistic)


def test_an_undefined_metric_is_replaced_by_the_mase(tmp_path):
    whole = table()
    path = written(tmp_path / "series.csv", whole)
    model = untrained(path, OPTIONS.model_copy(update={"metric": "mape"}))
    zeros = whole.with_columns(
        value=pl.when(pl.int_range(pl.len()) >= 112).then(pl.col("value") * 0).otherwise("value")
    )
    found = TASK.backtest(model, written(tmp_path / "zeros.csv", zeros), windows=2)
    assert " MASE of " in found.verdict
    assert found.remarks[1] == "MAPE leaves out 8 of 8 steps whose true value is zero"


def test_short_series_are_left_out_or_refused(tmp_path):
    path = written(tmp_path / "series.csv", table(), table(steps=20, name="b"))
    found = TASK.backtest(untrained(written(tmp_path / "one.csv", table())), path, windows=2)
    assert found.warnings == ("1 of 2 series are left out, too short for a horizon of 4: 'b'",)
    assert set(found.table["series"]) == {"a"}
    with pytest.raises(GatewiseError) as refused:
        TASK.backtest(untrained(tmp_path / "one.csv"), path, windows=28)
    assert str(refused.value) == (
        "the longest series, 'a', has 120 steps, 8 of them before the first of 28 origins, 4 steps apart; a "
        "horizon of 4 needs more: give fewer --windows, a shorter --step, or more data"
    )


def test_a_failure_before_an_origin_names_it(tmp_path):
    late = pl.int_range(pl.len()) < 100
    changing = table().with_columns(value=pl.when(late & (pl.col("value") > 0)).then(3.0).otherwise("value"))
    model = untrained(written(tmp_path / "whole.csv", table()))
    with pytest.raises(GatewiseError) as refused:
        TASK.backtest(model, written(tmp_path / "series.csv", changing), windows=3)
    assert str(refused.value) == (
        "the target is constant in the training set: there is nothing to learn (before origin 1 of 3; fewer "
        "--windows leave more values)"
    )


def test_what_is_undefined_is_left_out_and_counted(tmp_path):
    whole = table().with_columns(value=pl.col("value").round() - 10)
    path = written(
        tmp_path / "series.csv", whole, table(name="b").with_columns(value=pl.col("value") * 0 + 3)
    )
    found = TASK.backtest(untrained(path), path, windows=3)
    zeros = int((whole["value"][108:120] == 0).sum())
    assert found.remarks[1:] == (
        f"MAPE leaves out {zeros} of 24 steps whose true value is zero",
        "MASE and RMSSE leave out 1 series, constant before the first origin",
    )
    assert found.scores.filter(model="gru", series="b")["mase"].to_list() == [None]


def test_figures_and_the_page_of_a_notebook(tmp_path):
    path = written(tmp_path / "series.csv", table())
    found = TASK.backtest(untrained(path), path, windows=3)
    forecasts, errors = (found.plot(name).axes[0] for name in ("forecasts", "errors"))
    medians = [line.get_ydata() for line in forecasts.lines[1::2]]
    np.testing.assert_allclose(np.concatenate([own[1:] for own in medians]), found.table["predicted"])
    own = next(line for line in errors.lines if line.get_label() == "gru")
    steps = found.scores.filter(pl.col("model") == "gru", pl.col("step").is_not_null())
    np.testing.assert_allclose(own.get_ydata(), steps["mase"])
    page = found._repr_html_()
    assert "<td>ridge *</td>" in page
    assert found.verdict.partition("'")[0] in page
    in_time, by_lag, by_step = found.plot("residuals").axes
    np.testing.assert_allclose(in_time.lines[1].get_ydata(), found.residuals["residual"])
    np.testing.assert_allclose(
        [bar.get_height() for bar in by_lag.patches], found.autocorrelation["autocorrelation"]
    )
    np.testing.assert_allclose(by_step.lines[1].get_ydata(), found.coverage.filter(level=0.1)["fraction"])
    with pytest.raises(GatewiseError, match="the figures are forecasts, errors, residuals"):
        found.plot("losses")


def test_gaps_are_filled_from_the_past_alone_and_not_scored(tmp_path):
    """Values are missing right before the first origin, and in its window."""
    gap = pl.int_range(pl.len()).is_in([111, 113])
    path = written(tmp_path / "series.csv", table().with_columns(value=pl.when(~gap).then("value")))
    model = untrained(written(tmp_path / "whole.csv", table()))
    model = replace(model, preprocessing={**model.preprocessing, "fill": "linear"})
    found = TASK.backtest(model, path, windows=2)
    np.testing.assert_allclose(found.table["naive"][:4], [table()["value"][110]] * 4, rtol=1e-6)
    assert found.table["actual"].is_null().arg_true().to_list() == [1]
    scored = found.table.drop_nulls()
    error = (scored["actual"] - scored["predicted"]).abs()
    assert found.overall["gru"]["mae"] == pytest.approx(error.mean())
    inside = scored["actual"].is_between(scored["q0.1"], scored["q0.9"])
    assert found.overall["gru"]["coverage"] == pytest.approx(inside.mean())
    assert found.warnings[-1] == "missing values are filled forward: linear filling would use later values"
    assert "steps without a value, which are not scored: 1" in found.remarks


def test_refits_of_series_that_end_at_different_times(tmp_path):
    parts = [table().drop_nulls(), table(steps=100, name="b").drop_nulls()]
    apart = read_series(pl.concat(parts), Columns(target="value"))
    assert is_ragged(apart)
    assert not is_ragged(replace(apart, series=apart.series[:1]))
    assert not is_ragged(replace(apart, columns=replace(apart.columns, time_source=())))


def test_a_refit_knows_no_times_of_other_series_that_are_later_than_an_origin(tmp_path):
    short = OPTIONS.model_copy(update={"max_steps": 1, "context": 4, "horizon": 2, "cell": "rnn"})
    other = table(steps=50, seed=1, name="b")
    path = written(tmp_path / "series.csv", table(60), other)
    later = written(tmp_path / "later.csv", changed_after(table(60), 48), other)
    model = gatewise.Forecaster.from_saved(untrained(path, options=short), short, tmp_path)
    model.progress = False
    before, after = (model.backtest(one, windows=1, refit=True) for one in (path, later))
    assert before.remarks[1] == (
        "series end at different times: each training ends with the earliest of their origins"
    )
    own, other = (one.table.filter(series="b")["predicted"] for one in (before, after))
    assert own.equals(other)
    assert not before.table["predicted"].equals(after.table["predicted"])


def test_residuals_are_those_of_every_step_between_the_origins(tmp_path):
    """The naive forecast of one step leaves the changes of the series."""
    path = written(tmp_path / "series.csv", table(), table(steps=100, seed=1, name="b"))
    data = TASK.read(path, OPTIONS)
    naive = Naive(shape_of(data))
    naive.fit(data.train, data.validation)
    model = SavedModel("forecast", "own", naive, TASK.preprocessing(data, OPTIONS))
    found = TASK.backtest(model, path, windows=9)
    own = found.residuals.filter(series="b")
    changes = np.diff(rows_of(path, "b"))[63:96]  # from the first origin, after 64 steps, to the last one
    np.testing.assert_allclose(own["residual"], changes, atol=1e-5)
    tested = found.ljung_box.filter(series="b").row(0, named=True)
    assert (tested["residuals"], tested["lags"]) == (33, 6)
    assert tested["mean"] == pytest.approx(changes.mean(), abs=1e-5)
    correlations = autocorrelation(changes, 6)
    np.testing.assert_allclose(
        found.autocorrelation.filter(series="b")["autocorrelation"], correlations, atol=1e-4
    )
    assert tested["p_value"] == pytest.approx(ljung_box(correlations, 33).p_value, rel=1e-3)
    assert found.diagnosis == (
        "The residuals of one step are autocorrelated in 2 of 2 series (Ljung-Box test, p below 0.05; 5% of "
        "them by chance)."
    )
    one = TASK.backtest(model, path, windows=1)
    assert one.diagnosis == "The residuals of one step are too few for a Ljung-Box test: give more --windows."


def test_the_coverage_of_every_level_by_step(tmp_path):
    path = written(tmp_path / "series.csv", table())
    found = TASK.backtest(untrained(path), path, windows=5)
    second = found.table.filter(step=2)
    for level, column in ((0.1, "q0.1"), (0.5, "predicted"), (0.9, "q0.9")):
        fraction = (second["actual"] <= second[column]).mean()
        assert found.coverage.filter(step=2, level=level)["fraction"].item() == pytest.approx(fraction)
    assert found.coverage.height == 4 * 9


@pytest.mark.parametrize("fill", ["forward", "linear", "mask"])
def test_origins_in_a_gap_are_counted(tmp_path, fill):
    gap = pl.int_range(pl.len()).is_in([110, 111, 113])
    path = written(tmp_path / "series.csv", table().with_columns(value=pl.when(~gap).then("value")))
    model = untrained(written(tmp_path / "whole.csv", table()))
    model = replace(model, preprocessing={**model.preprocessing, "fill": fill})
    warning = (
        "1 of 2 origins follow a missing value, which is filled: predict would cut it off, and forecast from "
        "the value before it"
    )
    assert warning in TASK.backtest(model, path, windows=2).warnings
    assert warning not in TASK.backtest(model, tmp_path / "whole.csv", windows=2).warnings
