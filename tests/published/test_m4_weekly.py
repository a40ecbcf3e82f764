"""The scores of the M4 competition, and the series that occur in others."""

import numpy as np
import pytest


def test_scores_equal_their_formulas(script):
    module = script("m4_weekly")
    random = np.random.default_rng(0)
    history = {name: random.uniform(1, 9, size) for name, size in (("a", 20), ("b", 40))}
    truth, forecast = ({name: random.uniform(1, 9, 13) for name in history} for _ in range(2))

    def smape_and_mase(forecasts):
        smape = [
            np.mean(
                [
                    200 * abs(t - f) / (abs(t) + abs(f))
                    for t, f in zip(truth[one], forecasts[one], strict=True)
                ]
            )
            for one in history
        ]
        mase = [
            np.mean(abs(truth[one] - forecasts[one])) / np.mean(abs(history[one][1:] - history[one][:-1]))
            for one in history
        ]
        return np.mean(smape), np.mean(mase)

    smape, mase = smape_and_mase(forecast)
    naive_smape, naive_mase = smape_and_mase({one: np.repeat(history[one][-1], 13) for one in history})
    found = module.scores(history, truth, forecast)
    assert found["sMAPE"] == pytest.approx(smape)
    assert found["MASE"] == pytest.approx(mase)
    assert found["OWA"] == pytest.approx((smape / naive_smape + mase / naive_mase) / 2)
    assert module.scores(history, truth, module.naive(history))["OWA"] == pytest.approx(1)


def test_series_that_occur_in_others_are_found(script):
    module = script("m4_weekly")
    history = {"a": np.arange(30.0), "b": np.arange(20.0) + 0.5}
    truth = {"a": np.arange(30.0, 43.0), "b": np.arange(7.0, 20.0)}
    assert module.repeated(history, truth) == {"b"}
    assert list(module.without({"b"}, truth)) == ["a"]
    assert module.table(history).rows()[29:31] == [("a", 29, 29.0), ("b", 0, 0.5)]
