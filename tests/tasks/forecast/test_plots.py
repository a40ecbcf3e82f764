"""The picture of a forecast: what it draws is what was forecast."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from gatewise.plots.saving import save_picture
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.forecast.baselines import WindowMLP
from gatewise.tasks.forecast.plots import draw_forecast
from gatewise.tasks.forecast.task import TASK, shape_of
from gatewise.training.runner import Runner
from tests.series import Quiet, data


def drawn(comparison, path, monkeypatch):
    """The axes of the picture, caught as it is saved."""
    caught = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **more: (caught.append(self), save(self, *args, **more))
    )
    save_picture(draw_forecast(comparison), path)
    return caught[0].axes[0]


def test_truth_forecasts_and_a_legend(tmp_path, monkeypatch):
    prepared = data()
    runner = Runner(TASK, prepared, Quiet(), {})
    network = runner.evaluated("net", WindowMLP(shape_of(prepared)))
    comparison = Comparison(TASK, prepared, (network, *runner.baselines(TASK.baselines(prepared))))
    axes = drawn(comparison, tmp_path / "picture.png", monkeypatch)
    assert (tmp_path / "picture.png").read_bytes()[:4] == b"\x89PNG"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["truth", "ridge (baseline)", "net, 80% interval", "net, median"]
    above = {line.get_label(): line.get_zorder() for line in axes.lines}
    assert above["ridge (baseline)"] > above["net, median"]  # seen where both predict the same
    truth = prepared.source.series[0].target
    line = next(one for one in axes.lines if one.get_label() == "truth")
    assert line.get_ydata()[-1] == truth[-1]
    forecasts = [one for one in axes.lines if len(one.get_xdata()) == 5]
    assert len(forecasts) == 8
    times = prepared.source.series[0].times.to_numpy()
    for line in forecasts:
        place = int(np.flatnonzero(times == line.get_xdata()[0])[0])
        assert (line.get_xdata() == times[place : place + 5]).all()
        assert line.get_ydata()[0] == truth[place]


@pytest.mark.parametrize(
    ("levels", "interval"), [((0.025, 0.1, 0.5, 0.975), ["net, 95% interval"]), ((0.5, 0.9), [])]
)
def test_the_widest_interval_is_drawn(levels, interval):
    prepared = data(levels=levels)
    network = Runner(TASK, prepared, Quiet(), {}).evaluated(
        "net", WindowMLP(shape_of(prepared), levels=levels)
    )
    axes = draw_forecast(Comparison(TASK, prepared, (network,))).axes[0]
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["truth", *interval, "net, median"]


def test_baselines_alone(tmp_path, monkeypatch):
    prepared = data()
    results = Runner(TASK, prepared, Quiet(), {}).baselines(TASK.baselines(prepared))
    axes = drawn(Comparison(TASK, prepared, tuple(results)), tmp_path / "p.png", monkeypatch)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["truth", "ridge (baseline)"]
