"""Anomaly detection from end to end, on made series whose anomalies are known."""

import numpy as np
import polars as pl
import pytest

import gatewise
from gatewise.errors import GatewiseError
from tests.tasks.anomaly.anomalous import seasonal

SMALL = {
    "cell": "gru",
    "hidden": 12,
    "learning_rate": 0.01,
    "context": 12,
    "batch_size": 32,
    "progress": False,
}


@pytest.fixture(scope="module")
def fitted():
    with gatewise.backend("reference"):
        yield gatewise.AnomalyDetector(epochs=12, patience=12, **SMALL).fit(seasonal())


def quick(**options):
    return gatewise.AnomalyDetector(**{**SMALL, "hidden": 2, "epochs": 1, **options})


@pytest.fixture(scope="module", autouse=True)
def _reference():
    with gatewise.backend("reference"):
        yield


def test_gru_d_reads_the_mask(tmp_path):
    table = seasonal().with_columns(value=pl.when(pl.int_range(pl.len()) % 7 != 3).then("value"))
    model = quick(cell="grud", fill="mask").fit(table)
    assert [one.name for one in model.comparison_.results if not one.baseline] == ["grud"]
    model.save(tmp_path / "model")
    assert gatewise.load(tmp_path / "model").predict(table).equals(model.predict(table))
    with pytest.raises(GatewiseError, match='give fill="mask", or'):
        quick(cell="grud").fit(seasonal())


@pytest.mark.parametrize("cell", ["gru", "phased"])
def test_irregular_times_are_read(tmp_path, cell):
    table = seasonal().with_columns(day=pl.col("day") * 3 + pl.col("day") % 7 % 3)
    with pytest.raises(GatewiseError, match="give irregular=True for irregular times"):
        quick().fit(table)
    model = quick(irregular=True, cell=cell).fit(table)
    assert model.network_.shape.irregular
    assert model.network_.shape.known == 1
    model.save(tmp_path / "model")
    assert gatewise.load(tmp_path / "model").predict(table).equals(model.predict(table))


def test_a_network_detects_what_simple_residuals_miss_in_a_season(fitted):
    f1 = {one.name: one.scores["f1"] for one in fitted.comparison_.results}
    assert set(f1) == {"gru", "naive", "seasonal-naive", "rolling-z-score"}
    assert f1["gru"] > f1["rolling-z-score"] + 0.3
    assert f1["gru"] >= 0.8
    assert fitted.comparison_.metrics[0].name == "f1"
    assert fitted.score() == f1["gru"]


def test_predictions_have_score_and_flag(fitted):
    table = seasonal()
    found = fitted.predict(table.drop("anomaly"))
    assert found.columns == ["series", "day", "value", "expected", "score", "anomaly"]
    assert found["day"].to_list() == table["day"][12:].to_list()  # the first steps are context
    assert found["value"].to_list() == pytest.approx(table["value"][12:].to_list(), rel=1e-6)
    threshold = float(fitted.network_.threshold)
    assert (found["anomaly"] == (found["score"] > threshold)).all()
    test = found.filter(pl.col("day") >= 480)
    labels = table.filter(pl.col("day") >= 480)["anomaly"]
    normal = test.filter(labels == 0)["anomaly"]
    rate = next(one for one in fitted.comparison_.results if not one.baseline).scores["false_alarm_rate"]
    assert normal.mean() == pytest.approx(rate)


def test_evaluation_scores_the_steps_that_were_not_seen(fitted):
    score = fitted.score(seasonal())
    assert score == fitted.score()
    with pytest.raises(
        gatewise.GatewiseError, match=r"'value' has no step to score: .* give a file with later"
    ):
        fitted.evaluate(seasonal(steps=400))


def test_the_plot_shows_band_scores_flags_and_labels(fitted):
    above, below = fitted.plot().axes
    legend = [one.get_text() for one in below.get_legend().get_texts()]
    assert "gru, expected" in legend
    assert {"value", "flagged", "labelled as an anomaly"} < set(legend)
    assert above.get_ylabel() == "value"
    assert below.get_yscale() == "log"


def test_details_list_each_event(fitted):
    (table,) = fitted.comparison_.details
    assert table.title == "labelled events of the test set"
    assert len(table.rows) == 3
    assert {row[-1] for row in table.rows} <= {"yes", "no"}


def test_without_labels_the_likelihood_ranks():
    found = quick().fit(seasonal(300, anomalies=False)).comparison_
    assert [one.name for one in found.metrics] == ["nll", "residual", "false_alarm_rate"]
    assert found.best.scores["nll"] == min(one.scores["nll"] for one in found.results)
    assert found.plot().axes


def test_labels_are_found_named_or_given_beside_the_table():
    table = seasonal(300)
    found = quick().fit(table).comparison_.data
    named = quick().fit(table.rename({"anomaly": "odd"}), label="odd", target="value").comparison_.data
    beside = quick().fit(table.drop("anomaly"), table["anomaly"].to_numpy()).comparison_.data
    for one in (named, beside):
        np.testing.assert_array_equal(one.test.labels, found.test.labels)
    assert found.test.labels.sum() > 0
    assert not found.train.labels.any()  # labelled steps are no targets of the training


def test_several_series_have_scales_of_their_own():
    one = seasonal(200, seed=0).with_columns(id=pl.lit("a"))
    other = seasonal(200, seed=1).with_columns(id=pl.lit("b"), value=1000 * pl.col("value"))
    model = quick().fit(pl.concat([one, other]))
    found = model.predict()
    assert found["id"].unique().sort().to_list() == ["a", "b"]
    expected = found.group_by("id").agg(pl.col("expected").mean()).sort("id")["expected"]
    assert expected[1] == pytest.approx(1000 * expected[0], rel=0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: (table.with_columns(anomaly=pl.lit(2)), {"label": "anomaly", "target": "value"}),
         "column 'anomaly': expected the labels 0 and 1, got 2 in series 'value'"),
        (lambda table: (table, {"label": "flag", "target": "value"}), "has no column 'flag'"),
        (lambda table: (table.head(20), {}), "a context of 12 needs 13: give more data or a"),
        (lambda table: (table.with_columns(value=pl.lit(1.0)), {}), "the target is constant in the training"),
        (lambda table: (table.with_columns(anomaly=pl.lit(1)), {}),
         "every step of the training set is labelled as an anomaly"),
    ],
)  # fmt: skip
def test_mistakes_are_one_clear_line(change, message):
    table, columns = change(seasonal(300))
    with pytest.raises(gatewise.GatewiseError, match=message):
        quick().fit(table, **columns)


def test_a_rate_that_the_validation_set_cannot_show_is_noted():
    notes = quick(false_alarm_rate=0.001).fit(seasonal(300, anomalies=False)).notes_
    assert any(
        "too few for a false-alarm rate of 0.001: the threshold is their largest score" in one
        for one in notes
    )


def test_series_that_are_too_short_are_left_out():
    short = seasonal()[:14].with_columns(pl.lit("b").alias("id"))
    table = pl.concat([seasonal().with_columns(pl.lit("a").alias("id")), short])
    model = quick().fit(table)
    assert "1 of 2 series are left out, too short for a context of 12: 'b'" in model.notes_
    assert set(model.predict(table)["id"]) == {"a", "b"}  # two steps of b have a context
    with pytest.warns(
        UserWarning, match="1 of 2 series are left out, not longer than the context of 12 st.*: 'b'"
    ):
        found = model.predict(table.filter((pl.col("id") == "a") | (pl.col("day") < 12)))
    assert set(found["id"]) == {"a"}
    with pytest.raises(gatewise.GatewiseError, match="'b' has 12 steps; the model has a context of 12"):
        model.predict(short[:12])


def test_masked_steps_have_no_score():
    gap = pl.int_range(pl.len()).is_in([100, 101, 450, 550])
    table = seasonal().with_columns(value=pl.when(~gap).then("value"))
    model = quick(fill="mask").fit(table)
    assert len(model.comparison_.data.test) == 120 - 1
    found = model.predict(table)
    assert found["day"].to_list() == table.filter(~gap)["day"][12:].to_list()
    assert model.network_.shape.observed == 2
