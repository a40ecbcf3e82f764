"""The options of forecasting."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field

from gatewise.data.tables.columns import Columns
from gatewise.data.tables.names import join_names, split_names
from gatewise.modules.dilated_stack import MAX_DILATION
from gatewise.modules.levels import LEVELS, MEDIAN_LEVEL
from gatewise.tasks.forecast.errors import RankingMetric
from gatewise.tasks.forecast.reconciliation import Reconciliation
from gatewise.tasks.options import Count, CountOrAuto, Depth, Fraction, Joined, StackOptions, StepOptions
from gatewise.tasks.series_options import SeriesOptions

Dilation = Annotated[int, Field(ge=1, le=MAX_DILATION)]
MAX_DILATIONS = 100
Level = Annotated[float, Field(gt=0, lt=1)]
MAX_LEVELS = 99


class ForecastTableOptions(SeriesOptions):
    """The data"""

    static: tuple[str, ...] = Field(
        (),
        description="Columns that are constant within each series, such as a region; texts and Booleans are "
        "categories. Separated by commas in a shell.",
    )
    hierarchy: Annotated[str | None, BeforeValidator(Joined("/"))] = Field(
        None,
        description="Columns of the id from the largest groups down, such as country/region: the sums of "
        "each group are forecast, too, and the forecasts add up.",
    )
    period: CountOrAuto = Field(
        0, description="Number of steps after which the series repeats; 0 finds it in the data."
    )

    @property
    def columns(self) -> Columns:
        levels = split_names(self.hierarchy, "/") if self.hierarchy else ()
        given = replace(super().columns, static=self.static, hierarchy=levels)
        return replace(given, id=join_names(levels)) if levels and self.id is None else given


class ForecastDataOptions(ForecastTableOptions):
    """The data"""

    horizon: Count = Field(description="Steps to forecast.")
    reconciliation: Reconciliation = Field(
        "mint",
        description="Reconciliation of the forecasts of a hierarchy, so that they add up: minimum trace, or "
        "sums of those of the last column.",
    )
    context: CountOrAuto = Field(
        0, description="Number of past steps that the model reads; 0 chooses it from the data."
    )
    log: Literal["auto", "always", "never"] = Field(
        "auto",
        description="Take logarithms of positive series; auto does if they lower the error of ridge "
        "regression on the validation set.",
    )
    normalization: Literal["auto", "window", "series"] = Field(
        "auto",
        description="Scale each window by its own mean and standard deviation, or by those of its series; "
        "auto selects as for logarithms.",
    )
    validation_fraction: Fraction | None = Field(
        None, description="Fraction of each series in the validation set; 0.15 or less if not given."
    )
    test_fraction: Fraction | None = Field(
        None, description="Fraction at the end of each series in the test set; 0.15 or less if not given."
    )


class ForecastNetworkOptions(StackOptions):
    """The network"""

    network: Literal["stack", "encoder-decoder", "grid"] = Field(
        "stack",
        description="A stack of layers; an encoder over the past and a decoder over the horizon; or a "
        "Grid LSTM over time and depth.",
    )
    front: Literal["none", "convolution"] = Field(
        "none", description="Front end between the past and the layers."
    )
    depth_weights: Literal["tied", "untied"] = Field(
        "tied", description="For grids: the same parameters for all layers, or separate ones."
    )
    dilations: tuple[Dilation, ...] = Field(
        (),
        max_length=MAX_DILATIONS,
        description="For stacks: a layer for each of these numbers, which continues from its state that "
        "number of steps before; separated by commas in a shell.",
    )
    ensemble: Depth = Field(
        1,
        description="For stacks: number of networks that are trained together, each on windows of its own; "
        "their quantiles are averaged.",
    )
    skip: Literal["linear", "none"] = Field(
        "linear",
        description="Add a linear forecast, which is fitted before training, to the output of the layers.",
    )
    refit_linear: bool = Field(
        False,
        description="Fit the linear forecast again on the training and validation sets, after validation.",
    )
    head: Literal["quantiles", "student-t", "negative-binomial", "tweedie"] = Field(
        "quantiles",
        description="Predicted distribution: negative-binomial is for counts, tweedie for values that are "
        "not negative and often zero, the others for real values.",
    )
    metric: RankingMetric = Field(
        "mase", description="Metric that ranks the networks and baselines on the test set."
    )
    levels: tuple[Level, ...] = Field(
        LEVELS,
        min_length=1,
        max_length=MAX_LEVELS,
        description="Levels of the predicted quantiles, separated by commas in a shell; 0.5, the level of "
        "the point forecast, is always among them.",
    )


class ForecastOptions(StepOptions, ForecastNetworkOptions, ForecastDataOptions):
    """The training"""

    refit: bool = Field(
        True,
        description="Train the chosen network again on all data after it was scored, for predict.",
    )

    def batch_size_for(self, examples: int) -> int:
        """The windows of a step, of which each network of an ensemble has as many as one alone."""
        return self.ensemble * super().batch_size_for(examples)

    def passes_per_epoch(self, examples: int) -> int:
        """The passes of an epoch, of which each network of an ensemble has as many as one alone."""
        if self.ensemble == 1:
            return super().passes_per_epoch(examples)
        return self.ensemble * self.for_baselines().passes_per_epoch(examples)

    def for_baselines(self) -> Self:
        return self.model_copy(update={"ensemble": 1})

    def budget_notes(self, examples: int) -> tuple[str, ...]:
        notes = super().budget_notes(examples)
        if MEDIAN_LEVEL in self.levels:
            return notes
        return (*notes, f"the level {MEDIAN_LEVEL:g} is added: the median is the point forecast")
