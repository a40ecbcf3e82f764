"""Errors of forecasts, step by step, and their means: the metrics of forecasting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from gatewise.data.series.scaled_table import Support
from gatewise.data.series.scaling import ROUNDING, power_of_two
from gatewise.modules.heads import pinball
from gatewise.modules.levels import median_index, symmetric_pairs
from gatewise.tasks.forecast.paths import in_support, interpolate

RankingMetric = Literal[
    "mase", "rmsse", "smape", "mape", "mae", "rmse", "pinball", "wql", "crps", "winkler"
]  # those of which lower values are better
CRPS_POINTS = 100  # of the quantile function


class ErrorUnits(NamedTuple):
    """The errors of the naive forecast in the past of each series, [S] each; zero for a constant series.

    absolute: mean |y_t - y_{t-m}|, where m is the period; root: sqrt(mean (y_t - y_{t-m})^2)
    """

    absolute: Tensor
    root: Tensor


def naive_errors(targets: Sequence[np.ndarray], period: int) -> ErrorUnits:
    """The units of scaled errors: m is the period, or 1 where the series repeats exactly after m.

    targets: the past of each series, NaN where a value is missing
    """
    absolute, roots = [], []
    for values in targets:
        lag = min(period, len(values) - 1)
        changes, steps = (_changes(values, one) for one in (lag, 1))
        if changes.mean() <= ROUNDING * np.nanmax(np.abs(values)):
            changes = steps
        unit = power_of_two(changes)
        absolute.append(changes.mean())
        roots.append(np.sqrt(((changes / unit) ** 2).mean()) * unit)
    return ErrorUnits(torch.tensor(absolute).double(), torch.tensor(roots).double())


def _changes(values: np.ndarray, lag: int) -> np.ndarray:
    """The absolute changes over a number of steps, without missing ones; zero if there is none."""
    changes = np.abs(values[lag:] - values[:-lag])
    changes = changes[~np.isnan(changes)]
    return changes if len(changes) else np.zeros(1)


def error_terms(
    truth: Tensor,
    quantiles: Tensor,
    levels: Sequence[float],
    units: ErrorUnits,
    support: Support = "real",
    with_crps: bool = True,
) -> dict[str, Tensor]:
    """The term of each metric at each step, [B, Q] each; NaN where it is undefined.

    With e = truth - median:

    mase: |e| / the absolute unit; rmsse: (e / the root unit)^2; undefined for a constant series
    smape: 2|e| / (|truth| + |median|), zero where both are
    mape: |e| / |truth|, undefined where the truth is zero
    mae: |e|; rmse: e^2; size: |truth|
    pinball: the mean pinball loss of all levels, twice
    crps: the continuous ranked probability score, as in `crps`; absent if there is one level
    winkler: u - l + 2/a (l - truth)^+ + 2/a (truth - u)^+ of the widest symmetric interval [l, u], of the
        nominal coverage 1 - a; coverage: whether the truth is in it; absent if there is no such interval

    Args:
        truth: [B, Q]; every term is NaN where it is
        quantiles: [B, Q, n]
        levels: of the quantiles, n, ascending, with 0.5
        units: of the series of each window, [B]
        support: of the target
        with_crps: whether the CRPS, the most expensive of them, is computed

    Source: Hyndman and Koehler 2006 for MASE; Makridakis et al. 2022 for RMSSE; Gneiting and Raftery 2007 for
    the others.
    """
    terms = _point_terms(truth, quantiles[..., median_index(levels)], units)
    terms["pinball"] = 2 * pinball(quantiles, truth, torch.tensor(levels).double()).mean(dim=-1)
    if with_crps and len(levels) > 1:
        terms["crps"] = crps(truth, quantiles, levels, support)
    for low, high in symmetric_pairs(levels)[:1]:
        level = 1 - levels[high] + levels[low]
        terms |= _interval_terms(truth, quantiles[..., low], quantiles[..., high], level)
    return terms


def _point_terms(truth: Tensor, median: Tensor, units: ErrorUnits) -> dict[str, Tensor]:
    """The terms that depend on the median alone, as in `error_terms`."""
    error, size = (truth - median).abs(), truth.abs()
    sizes = size + median.abs()
    undefined = torch.full_like(error, math.nan)
    absolute, root = units.absolute[:, None], units.root[:, None]
    return {
        "mase": torch.where(absolute > 0, error / absolute, undefined),
        "rmsse": torch.where(absolute > 0, (error / root).square(), undefined),
        "smape": 2 * error / torch.where(sizes > 0, sizes, 1.0),
        "mape": torch.where(size > 0, error / size, undefined),
        "mae": error,
        "rmse": error.square(),
        "size": size,
    }


def _interval_terms(truth: Tensor, lower: Tensor, upper: Tensor, level: float) -> dict[str, Tensor]:
    """The terms of an interval, as in `error_terms`. level: a, of values outside it"""
    outside = (lower - truth).clamp(min=0) + (truth - upper).clamp(min=0)
    inside = ((lower <= truth) & (truth <= upper)).to(truth)
    return {
        "winkler": upper - lower + 2 / level * outside,
        "coverage": torch.where(truth.isnan(), truth, inside),
    }


def crps(truth: Tensor, quantiles: Tensor, levels: Sequence[float], support: Support = "real") -> Tensor:
    """The continuous ranked probability score, [...]: `2 integral_0^1 pinball_p(truth, Q(p)) dp`.

    The quantile function Q is that of sample paths: between the levels, and beyond the outermost ones, linear
    over the quantiles of a normal distribution, within the support. The integral is a mean over
    `CRPS_POINTS` midpoints.

    truth: [...]; quantiles: [..., n]; levels: n, at least two; support: of the target

    Source: Gneiting and Ranjan 2011, the quantile decomposition.

    >>> normal = torch.tensor(ndtri([0.1, 0.5, 0.9]))  # at the median: (sqrt(2) - 1) / sqrt(pi) = 0.2337
    >>> crps(torch.zeros(()).double(), normal, [0.1, 0.5, 0.9])
    tensor(0.2338, dtype=torch.float64)
    """
    points = (np.arange(CRPS_POINTS) + 0.5) / CRPS_POINTS
    curves = quantiles.reshape(-1, len(levels)).double().numpy()
    scores = np.broadcast_to(ndtri(points)[:, None], (CRPS_POINTS, len(curves)))
    points_of = in_support(interpolate(curves, levels, scores), support)
    values = torch.from_numpy(points_of.T).view(*truth.shape, CRPS_POINTS)
    return 2 * pinball(values, truth.double(), torch.from_numpy(points)).mean(dim=-1)


class ScoreSums:
    """Sums of terms, from which metrics are computed; terms that are undefined are left out.

    series: S, the number of series
    """

    def __init__(self, series: int) -> None:
        self.series = series
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, Tensor] = {}

    def add(self, terms: Mapping[str, Tensor], series: Tensor) -> None:
        """Adds terms, [B, Q] each, of windows. series: [B], the number of the series of each"""
        for name, values in terms.items():
            known = ~values.isnan()
            for totals, rows in ((self.sums, values.nan_to_num().sum(-1)), (self.counts, known.sum(-1))):
                zero = torch.zeros(self.series).double()
                totals[name] = totals.get(name, zero).index_add(0, series, rows.double())

    def scores(self) -> dict[str, float]:
        """The metrics over all terms; NaN if all terms of one are undefined.

        rmse: the root of the mean; rmsse: the root of the mean of each series, averaged over the series
        wql: the weighted quantile loss, `2 sum pinball / sum |truth|`, averaged over the levels
        """
        totals = [{name: one.sum() for name, one in parts.items()} for parts in (self.sums, self.counts)]
        roots = self.of_series()["rmsse"]
        return {name: float(value) for name, value in _metrics(*totals).items()} | {
            "rmsse": float(roots.nanmean())
        }

    def only(self, series: Sequence[int]) -> ScoreSums:
        """The sums of some series, by their numbers."""
        kept = ScoreSums(len(series))
        kept.sums, kept.counts = (
            {name: one[list(series)] for name, one in parts.items()} for parts in (self.sums, self.counts)
        )
        return kept

    def of_series(self) -> dict[str, Tensor]:
        """The metrics of each series, [S] each."""
        return _metrics(self.sums, self.counts)


def _metrics(sums: Mapping[str, Tensor], counts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    means = {name: _ratio(sums[name], counts[name]) for name in sums}
    wql = _ratio(sums["pinball"], sums["size"])
    roots = {name: means[name].sqrt() for name in ("rmse", "rmsse")}
    return {**{name: one for name, one in means.items() if name != "size"}, **roots, "wql": wql}


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """NaN where the denominator is zero."""
    return torch.where(denominator > 0, numerator / denominator, math.nan)
