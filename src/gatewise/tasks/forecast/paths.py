"""Sample paths: trajectories whose steps depend on each other as the errors on the validation set do.

The quantiles of a forecast are those of each step alone. A path takes its ranks in all of these from one
window of the validation set (empirical copula; Clark et al. 2004, the Schaake shuffle).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from gatewise.data.series.scaled_table import Support
from gatewise.errors import GatewiseError

TEMPLATES = 256  # windows of the validation set whose ranks are stored


def rank_errors(quantiles: np.ndarray, truth: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """The rank of each window at each step, from 0 to 1, of `TEMPLATES` windows, evenly spaced.

    A window's rank is that of the probability below its truth, among all windows; equal probabilities, as of
    counts, are ordered at random.

    Args:
        quantiles: [W, Q, n], forecast for the windows of the validation set
        truth: [W, Q], NaN where it is missing; such a step has a rank at random
        levels: of the quantiles, n

    Returns:
        [TEMPLATES, Q]
    """
    random = np.random.default_rng(0)
    below, upto = (_normal_scores(quantiles, truth, levels, including) for including in (False, True))
    scores = below + random.uniform(size=truth.shape) * np.maximum(upto - below, 0)
    if (missing := np.isnan(truth)).any():
        scores = np.where(missing, random.normal(size=truth.shape), scores)
    ranks = (_ranks(scores, random) + 0.5) / len(truth)
    return np.asarray(ranks[np.linspace(0, len(ranks) - 1, TEMPLATES).round().astype(int)])


def draw_paths(
    quantiles: np.ndarray,
    levels: Sequence[float],
    templates: np.ndarray,
    samples: int,
    seed: int = 0,
    support: Support = "real",
) -> np.ndarray:
    """Draws paths of each series: at each step one value of every `1 / samples` of the probability.

    The quantile functions are those of `interpolate`.

    Args:
        quantiles: [S, Q, n]
        levels: of the quantiles, n
        templates: [TEMPLATES, Q], as `rank_errors` returns them
        samples: N, the number of paths of each series
        seed: of all random numbers
        support: the values that a path can have

    Returns:
        [S, N, Q]

    Raises: `GatewiseError` if there is only one level.
    """
    if len(levels) == 1:
        raise GatewiseError(
            "the model predicts the median alone, which has no samples; train one with more --levels"
        )
    random = np.random.default_rng(seed)
    paths = np.empty((len(quantiles), samples, quantiles.shape[1]))
    for path, curves in zip(paths, quantiles, strict=True):
        chosen = random.permutation(np.arange(max(samples, TEMPLATES)) % TEMPLATES)[:samples]
        ranks = _ranks(templates[chosen], random)
        probabilities = (ranks + random.uniform(size=ranks.shape)) / samples
        path[:] = interpolate(curves, levels, ndtri(np.clip(probabilities, 1e-9, 1 - 1e-9)))
    return in_support(paths, support)


def in_support(values: np.ndarray, support: Support) -> np.ndarray:
    """The nearest values that a target of this support can have.

    >>> in_support(np.array([-0.4, 1.6]), "counts")
    array([0., 2.])
    """
    if support == "real":
        return values
    positive = np.maximum(values, 0)
    return np.round(positive) if support == "counts" else positive


def _ranks(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The place of each value in its column, from 0; equal values have a random order."""
    ranks = np.empty(values.shape)
    for column, numbers in zip(values.T, ranks.T, strict=True):
        numbers[np.lexsort((random.uniform(size=len(column)), column))] = np.arange(len(column))
    return ranks


def interpolate(curves: np.ndarray, levels: Sequence[float], scores: np.ndarray) -> np.ndarray:
    """The values [N, Q] at normal scores [N, Q] of quantile functions [Q, n].

    Between its levels, a quantile function is linear over the quantiles of a normal distribution; beyond the
    outermost levels it continues with the same slope.
    """
    normal = ndtri(levels)
    place = np.clip(np.searchsorted(normal, scores) - 1, 0, len(levels) - 2)
    slopes = np.diff(curves, axis=1) / np.diff(normal)
    step = np.arange(len(curves))
    return np.asarray(curves[step, place] + slopes[step, place] * (scores - normal[place]))


def _normal_scores(
    quantiles: np.ndarray, truth: np.ndarray, levels: Sequence[float], including: bool
) -> np.ndarray:
    """The normal scores [W, Q] at which quantile functions reach the truth: the inverse of `interpolate`.

    including: the last one, of several where the function is constant; else the first one
    """
    if len(levels) == 1:
        return truth - quantiles[..., 0]
    normal, values = ndtri(levels), truth[..., None]
    place = ((quantiles <= values) if including else (quantiles < values)).sum(-1)
    place = np.clip(place - 1, 0, len(levels) - 2)
    low, high = (np.take_along_axis(quantiles, (place + more)[..., None], -1)[..., 0] for more in (0, 1))
    slope = (high - low) / (normal[place + 1] - normal[place])
    fallback = np.where(truth > low, normal[place + 1], normal[place])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(slope > 0, normal[place] + (truth - low) / slope, fallback)
