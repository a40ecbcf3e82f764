"""The additional methods of forecasters: sample paths, scenarios and backtests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.utils.metadata_routing import UNUSED

from gatewise.data.memory.arrays import Layout
from gatewise.errors import GatewiseError
from gatewise.estimators.backtests import Backtest, require_backtest_folder, write_backtest
from gatewise.estimators.base import Estimator
from gatewise.tasks.prediction import Prediction
from gatewise.training.lightning import Lightning
from gatewise.training.retraining import Retraining
from gatewise.training.runner import ProgressCallback


class ForecasterMethods(Estimator):
    """Predicts quantiles or sample paths, also in scenarios, and is tested on the end of the data."""

    __metadata_request__predict = {  # noqa: RUF012 as scikit-learn has it
        "data": UNUSED,
        "layout": UNUSED,
        "samples": UNUSED,
        "seed": UNUSED,
        "known_from": UNUSED,
    }

    def predict(
        self,
        data: object = None,
        *,
        samples: int | None = None,
        seed: int = 0,
        known_from: object = None,
        layout: Layout = "NTC",
    ) -> Any:
        """Forecasts beyond the end of each series of new data, or of those the model was fitted on.

        Args:
            data: a table or a path; None for the data of `fit`
            samples: the number of sample paths of each series, numbered in a column "sample"; None for the
                median and the quantiles
            seed: of the sample paths
            known_from: a table or a path with the known covariates of the steps to forecast, in place of
                those that the data have
            layout: has no effect on tables

        Returns: a table of the same library as the data, with ids and times of the same types; polars for a
            path.

        >>> import gatewise, numpy as np, polars as pl
        >>> values = np.random.default_rng(0).normal(size=60)
        >>> table = pl.DataFrame({"year": range(1900, 1960), "value": values})
        >>> model = gatewise.Forecaster(horizon=2, hidden=2, max_steps=1, progress=False).fit(table)
        >>> model.predict(samples=100).shape
        (200, 4)
        """
        with self._scenario(known_from, layout) as future:
            predict = partial(self._task.predict_future, samples=samples, seed=seed, known_from=future)
            return self._predict(data, layout, predict)

    def prediction(
        self,
        data: object = None,
        *,
        samples: int | None = None,
        seed: int = 0,
        known_from: object = None,
        layout: Layout = "NTC",
    ) -> Prediction:
        """The prediction as a value: its table in polars, and how to write it to a file.

        data, samples, seed, known_from, layout: as in `predict`
        """
        with self._scenario(known_from, layout) as future, self._written(data, None, layout) as path:
            return self._task.predict_future(self.model_, path, samples, seed, future)

    @contextmanager
    def _scenario(self, known_from: object, layout: Layout) -> Iterator[Path | None]:
        """The path of the known covariates of the future; None if they are in the data."""
        if known_from is None:
            yield None
            return
        with self._written(known_from, None, layout) as path:
            yield path

    def backtest(
        self,
        data: object = None,
        *,
        windows: int = 5,
        step: int | None = None,
        refit: bool = False,
        out: Path | str | None = None,
        layout: Layout = "NTC",
    ) -> Backtest:
        """Forecasts the end of each series from rolling origins, each with the values before it alone.

        Args:
            data: a table or a path; None for the data of `fit`
            windows: the number of origins; the last window ends with the series
            step: from one origin to the next, in steps of the series; None for the horizon
            refit: train again at each origin; else the model, as it is, forecasts from all of them
            out: a folder for the forecasts and scores as CSV, and the figures; None for no files
            layout: has no effect on tables

        Returns: the forecasts (`table`), their `scores` beside those of the baselines, a `verdict`, `plot()`.

        Raises: `GatewiseError` if no series is long enough.

        >>> import gatewise, numpy as np, polars as pl
        >>> values = np.random.default_rng(0).normal(size=60)
        >>> table = pl.DataFrame({"year": range(1900, 1960), "value": values})
        >>> model = gatewise.Forecaster(horizon=2, hidden=2, max_steps=1, progress=False).fit(table)
        >>> model.backtest(table, windows=2, refit=True).table["time"].to_list()
        [1956, 1957, 1958, 1959]
        """
        for name, value in (("windows", windows), ("step", step)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise GatewiseError(f"expected {name} as a whole number from 1, got {value!r}")
        if out is not None:
            require_backtest_folder(Path(out), data=Path(data) if isinstance(data, str | Path) else None)
        with self._written(data, None, layout) as path, self._reported() as callback:
            callback.begin("backtest")
            train = self._retraining(callback, windows) if refit else None
            backtest: Backtest = self._task.backtest(self.model_, path, windows, step, train)
            callback.begin("backtest")  # again, after the trainings, for the warnings
            callback.notes(backtest.remarks)
            for warning in backtest.warnings:
                callback.warn(warning)
        if out is not None:
            write_backtest(backtest, Path(out))
        return backtest

    def _retraining(self, callback: ProgressCallback, count: int) -> Retraining:
        """Trains the model again. Raises: `GatewiseError` if the options of its training are unknown."""
        if self._trained_with is None:
            raise GatewiseError(
                "the model was saved without the options of its training, config.yaml, which a refit needs"
            )
        lightning = Lightning(self.trainer or {}, self.callbacks or (), self.logger)
        return Retraining(self._task, self.model_, self._trained_with, lightning, callback, count)
