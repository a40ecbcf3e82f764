"""The files of a backtest: forecasts, scores and figures."""

from __future__ import annotations

from pathlib import Path

from gatewise.errors import GatewiseError
from gatewise.estimators.outputs import MARK, require_output, write_table
from gatewise.tasks.forecast.backtest import FIGURES, Backtest

__all__ = ["BACKTEST_FILES", "Backtest", "require_backtest_folder", "write_backtest"]

BACKTEST_FILES = {  # the description of each
    "forecasts.csv": "every forecast",
    "scores.csv": "the scores, by step and by series",
    **{f"{name}.png": about for name, about in FIGURES.items()},
}
HEADERS = {"forecasts.csv": b"origin,series,time,step,", "scores.csv": b"model,step,series,"}


def require_backtest_folder(out: Path, data: Path | None, run: Path | None = None) -> None:
    """Refuses a folder that is a file, or whose files are an input or not those of a backtest.

    data, run: what is read

    Raises: `GatewiseError` that names the file.
    """
    if out.exists() and not out.is_dir():
        raise GatewiseError(f"expected --out as a folder, got the file {str(out)!r}")
    for name in BACKTEST_FILES:
        require_output(out / name, "a folder", HEADERS.get(name, MARK), run=run, data=data)


def write_backtest(backtest: Backtest, out: Path) -> None:
    """Writes `BACKTEST_FILES` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    write_table(backtest.table, out / "forecasts.csv", backtest.time_format)
    write_table(backtest.scores, out / "scores.csv")
    for plot in backtest.plots():
        plot.save(out)
