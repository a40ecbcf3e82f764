"""A notebook of a few lines: fit, compare, plot, predict and look inside, from pandas."""

import sys

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = [
    """
import numpy as np, pandas as pd, gatewise as gw
months = pd.date_range("2000-01-01", periods=160, freq="MS")
values = 10 + np.sin(np.arange(160) * np.pi / 6) + 0.1 * np.random.default_rng(0).normal(size=160)
sales = pd.DataFrame({"month": months, "sales": values})
""",
    'model = gw.Forecaster(horizon=6, hidden=8, epochs=2).fit(sales, time="month", target="sales")\nmodel',
    "model.plot()",
    "model.predict()",
    "model.inspect(0)",
    'gw.compare("forecast", sales, horizon=6, hidden=8, epochs=1, cells=["gru"], seeds=1)',
    "gw.cells.LSTM",
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell of the notebook shows."""
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.km = client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()
    return [[one.get("data", {}) for one in cell.outputs] for cell in notebook.cells]


def test_a_notebook_runs_and_shows_figures_tables_and_pages(outputs):
    shown = [{kind for data in one for kind in data} for one in outputs]
    assert "text/html" in shown[1]  # the estimator
    assert "MASE" in outputs[1][0]["text/html"]  # what progress leaves behind
    assert "image/png" in shown[2]  # its figure
    assert "text/html" in shown[3]  # the forecast, a table
    assert "<iframe" in outputs[4][-1]["text/html"]
    assert "<table>" in outputs[5][-1]["text/html"]
    assert "sigma" in outputs[6][-1]["text/latex"]
    assert outputs[6][-1]["text/html"].count("<math>") == 6  # i, f, g, c, o, h
