"""Sample paths: each step has the distribution of the forecast; steps depend on each other as errors do."""

import numpy as np
import polars as pl
import pytest
import torch
from scipy.special import ndtri

import gatewise
from gatewise.cells import GRU
from gatewise.errors import GatewiseError
from gatewise.modules.levels import LEVELS
from gatewise.tasks.forecast.forecaster import ForecastShape
from gatewise.tasks.forecast.network import ForecastNetwork
from gatewise.tasks.forecast.paths import TEMPLATES, draw_paths, rank_errors
from tests.series import frame, intermittent

NORMAL = ndtri(LEVELS)
SMALL = {"horizon": 3, "hidden": 2, "cell": "gru", "max_steps": 2, "baselines": False, "progress": False}


def walks(count, steps=6, keep=0.9, seed=0):
    """Errors of which each continues the last one."""
    random = np.random.default_rng(seed)
    errors = random.normal(size=(count, steps))
    for step in range(1, steps):
        errors[:, step] = keep * errors[:, step - 1] + np.sqrt(1 - keep**2) * errors[:, step]
    return errors


def test_steps_depend_on_each_other_as_the_errors_do():
    errors = walks(2000)
    templates = rank_errors(np.broadcast_to(NORMAL, (2000, 6, 9)), errors, LEVELS)
    assert templates.shape == (TEMPLATES, 6)
    centers = np.arange(6)[:, None]
    paths = draw_paths((centers + 3 * NORMAL)[None], LEVELS, templates, 1000)[0]
    np.testing.assert_allclose(np.corrcoef(paths.T), np.corrcoef(errors.T), atol=0.1)
    changes = np.diff(paths, axis=1).std(0)
    np.testing.assert_allclose(changes, 3 * np.sqrt(2 - 2 * 0.9), rtol=0.2)  # independent steps: 3 sqrt(2)


def test_each_step_has_the_quantiles_of_the_forecast():
    quantiles = np.sort(np.random.default_rng(0).normal(size=(3, 6, 9)), axis=-1)
    templates = rank_errors(np.broadcast_to(NORMAL, (50, 6, 9)), walks(50), LEVELS)
    paths = draw_paths(quantiles, LEVELS, templates, 1000)
    assert paths.shape == (3, 1000, 6)
    below = (paths[..., None] <= quantiles[:, None]).mean(1)
    np.testing.assert_allclose(below, np.broadcast_to(LEVELS, below.shape), atol=0.002)


def test_the_rank_of_an_error_is_its_probability_whatever_the_forecast():
    """Wide and narrow forecasts, each with errors of its own size."""
    errors = walks(4000, seed=1)
    size = np.where(np.arange(4000) % 2, 1.0, 50.0)[:, None]
    plain = rank_errors(np.broadcast_to(NORMAL, (4000, 6, 9)), errors, LEVELS)
    scaled = rank_errors(7 + size[..., None] * NORMAL + np.zeros((4000, 6, 1)), 7 + size * errors, LEVELS)
    np.testing.assert_allclose(scaled, plain, atol=1e-9)


def test_equal_counts_are_ordered_at_random():
    """Else windows that are all zero would seem to depend on each other."""
    templates = rank_errors(np.zeros((500, 6, 9)), np.zeros((500, 6)), LEVELS)
    assert abs(np.corrcoef(templates.T)[0, 1:]).max() < 0.25


def test_paths_of_counts_are_counts():
    quantiles = np.array([0, 0, 0, 0, 1, 1, 2, 3, 5.0])[None, None].repeat(4, axis=1)
    paths, again, other = (
        draw_paths(quantiles, LEVELS, np.zeros((TEMPLATES, 4)), 500, seed, "counts") for seed in (0, 0, 1)
    )
    assert (paths >= 0).all()
    assert (paths == paths.round()).all()
    assert abs((paths == 0).mean() - 0.45) < 0.06
    assert np.array_equal(paths, again)
    assert not np.array_equal(paths, other)


def test_the_median_alone_has_no_paths():
    templates = rank_errors(np.zeros((20, 3, 1)), walks(20, 3), (0.5,))
    with pytest.raises(
        GatewiseError, match="the median alone, which has no samples; train one with more --l"
    ):
        draw_paths(np.zeros((1, 3, 1)), (0.5,), templates, 10)


def test_a_network_learns_the_dependence_when_it_is_calibrated():
    network = ForecastNetwork(ForecastShape(5, 6), GRU, hidden=3, dependence=True)
    truth = torch.from_numpy(walks(900)).float()
    network.calibrate(torch.from_numpy(NORMAL).float().expand(900, 6, 9), truth)
    found = np.corrcoef(network.templates.numpy().T)[0, 1]
    assert found == pytest.approx(0.9, abs=0.08)


@pytest.mark.parametrize(
    ("table", "head"),
    [(frame(steps=120).to_pandas(), "quantiles"), (intermittent(120).to_pandas(), "negative-binomial")],
    ids=["real", "counts"],
)
def test_paths_in_python_and_from_a_saved_model(table, head, tmp_path):
    model = gatewise.Forecaster(**SMALL, head=head).fit(table)
    forecast, paths = model.predict(), model.predict(samples=20)
    time, target = table.columns
    assert list(paths.columns) == ["series", time, "sample", target]
    assert len(paths) == 20 * 3
    assert paths[target].dtype == forecast[target].dtype
    middle = paths.groupby(time)[target].median().to_numpy()
    assert (abs(middle - forecast[target]) <= (forecast["q0.6"] - forecast["q0.4"]).clip(lower=1e-6)).all()
    model.save(tmp_path / "model")
    assert gatewise.load(tmp_path / "model").predict(table, samples=20).equals(paths)
    assert not model.predict(samples=20, seed=1).equals(paths)


def test_a_model_without_dependence_is_refused():
    assert "templates" not in ForecastNetwork(ForecastShape(5, 6), GRU, hidden=3).state_dict()
    model = gatewise.Forecaster(**SMALL).fit(frame(steps=120))
    model.network_.templates = None
    with pytest.raises(GatewiseError, match="how the errors of different steps depend on each other"):
        model.predict(samples=3)


def test_a_column_that_is_called_sample():
    table = pl.DataFrame({"when": range(80), "sample": np.random.default_rng(0).normal(size=80)})
    model = gatewise.Forecaster(**SMALL, time="when", target="sample").fit(table)
    assert model.predict(samples=3).columns == ["series", "when", "path", "sample"]
