"""The additional methods of forecasters: sample paths."""

from __future__ import annotations

from functools import partial
from typing import Any

from sklearn.utils.metadata_routing import UNUSED

from gatewise.data.memory.arrays import Layout
from gatewise.estimators.base import Estimator
from gatewise.tasks.base import Prediction


class PathMethods(Estimator):
    """Predicts quantiles, or sample paths."""

    __metadata_request__predict = {  # noqa: RUF012 as scikit-learn has it
        "data": UNUSED,
        "layout": UNUSED,
        "samples": UNUSED,
        "seed": UNUSED,
    }

    def predict(
        self, data: Any = None, *, samples: int | None = None, seed: int = 0, layout: Layout = "NTC"
    ) -> Any:
        """Forecasts beyond the end of each series of new data, or of those the model was fitted on.

        Args:
            data: a table or a path; None for the data of `fit`
            samples: the number of sample paths of each series, numbered in a column "sample"; None for the
                median and the quantiles
            seed: of the sample paths
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
        if samples is None:
            return super().predict(data, layout=layout)
        return self._predict(data, layout, partial(self._task.predict_paths, samples=samples, seed=seed))

    def prediction(
        self, data: Any = None, *, samples: int | None = None, seed: int = 0, layout: Layout = "NTC"
    ) -> Prediction:
        """The prediction as a value: its table in polars, and how to write it to a file.

        The arguments are those of `predict`.
        """
        if samples is None:
            return super().prediction(data, layout=layout)
        with self._written(data, None, layout) as path:
            return self._task.predict_paths(self.model_, path, samples, seed)
