"""Forecasts from raw values: scales, calendar, covariates and calibration inside one module."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gatewise.errors import GatewiseError
from gatewise.shipping.deployed import Deployed, Field
from gatewise.tasks.deployed_series import WindowReader, described_series
from gatewise.tasks.forecast.data import Preprocessing
from gatewise.tasks.forecast.forecaster import HeadedForecaster
from gatewise.tasks.forecast.graph_quantiles import graph_quantiles
from gatewise.tasks.preprocessing import load_preprocessing
from gatewise.tasks.serialization import SavedModel


class DeployedForecast(Deployed):
    """The quantiles of each step of the horizon, in the units of the data.

    network: as it was trained; preprocessing: of its data
    """

    quantiles: Callable[[Tensor], Tensor]
    network: HeadedForecaster
    reader: WindowReader

    def __init__(self, network: HeadedForecaster, preprocessing: Preprocessing) -> None:
        plan, target = preprocessing.plan, preprocessing.columns.target
        reader, levels = WindowReader(preprocessing, plan.context, plan.horizon), network.quantile_levels
        about = (
            f"the last {plan.context} values of {target!r}, the latest last; a shorter history is preceded "
            "by copies of its first value, and so are its times and covariates"
        )
        quantiles = f"quantiles of {target!r} at each step of the horizon, in the order of `levels`"
        super().__init__(
            reader.fields(Field("target", "float64", ("batch", plan.context), about)),
            [Field("quantiles", "float64", ("batch", plan.horizon, len(levels)), quantiles)],
            {
                "task": "forecast",
                "context": plan.context,
                "horizon": plan.horizon,
                "levels": list(levels),
                **described_series(preprocessing),
            },
        )
        self.network, self.reader = network.eval(), reader
        self.quantiles = graph_quantiles(network.head)

    def forward(
        self,
        target: Tensor,
        last: Tensor | None = None,
        since: Tensor | None = None,
        series: Tensor | None = None,
        times: Tensor | None = None,
        known: Tensor | None = None,
        known_categories: Tensor | None = None,
        observed: Tensor | None = None,
        observed_categories: Tensor | None = None,
        static: Tensor | None = None,
        static_categories: Tensor | None = None,
    ) -> tuple[Tensor]:
        """The quantiles [B, Q, n]."""
        window = self.reader(
            target, last, since, series, times, known, known_categories, observed, observed_categories,
            static, static_categories,
        )  # fmt: skip
        raw = self.network(window.past, window.future, window.static)
        return (window.scale.undo(self.network.calibrated(self.quantiles(raw))),)

    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        return self.reader.example(self.inputs, sizes["batch"], random)


def deployed(model: SavedModel) -> DeployedForecast:
    """The deployed form of a model, or of the one that was trained on all data.

    Raises: `GatewiseError` if it has a part that can't be exported.
    """
    model = model.for_use
    preprocessing, network = load_preprocessing(Preprocessing, model), model.network
    reason = _obstacle(network, preprocessing)
    if reason:
        raise GatewiseError(f"this forecaster can't be exported: {reason}")
    assert isinstance(network, HeadedForecaster)
    return DeployedForecast(network, preprocessing)


def _obstacle(network: object, preprocessing: Preprocessing) -> str | None:
    if not isinstance(network, HeadedForecaster):
        return "it is a baseline; give a network"
    if preprocessing.columns.hierarchy:
        return (
            "the weights that reconcile a hierarchy are learned from the whole history at each prediction; "
            "train it without --hierarchy, or use predict"
        )
    return None
