"""The predicted numbers of a split as a value, and their scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gatewise.data.sequences.targets import TargetSequences
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.regress.regressor import Regressor

R2 = Metric("r2", "R2", ".3f", higher_is_better=True, relative=False)
RMSE = Metric("rmse", "RMSE", ".4g")
MAE = Metric("mae", "MAE", ".4g")
LARGEST_ERRORS = 10  # sequences in a table


@dataclass(frozen=True)
class TargetPredictions(Predictions[Regressor, TargetSequences]):
    """The predicted and true targets of every sequence of a split, in the units of the data.

    predicted, truth: [N, K]
    """

    predicted: np.ndarray
    truth: np.ndarray


def score(predictions: TargetPredictions, units: np.ndarray) -> dict[str, float]:
    """The scores, each the mean over the targets.

    R2: `1 - sum e^2 / sum (y - mean y)^2`, NaN if a target is constant; RMSE: `sqrt(mean e^2)`;
    MAE: `mean |e|`

    units: [K], by which RMSE and MAE of each target are divided

    >>> truth, predicted = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [4.0]])
    >>> scores = score(TargetPredictions(None, None, predicted, truth), np.ones(1))
    >>> {name: round(value, 3) for name, value in scores.items()}
    {'r2': 0.5, 'rmse': 0.577, 'mae': 0.333}
    """
    errors = (predictions.predicted - predictions.truth) / units
    return {
        "r2": float(explained(predictions).mean()),
        "rmse": float(np.sqrt((errors**2).mean(0)).mean()),
        "mae": float(np.abs(errors).mean()),
    }


def explained(predictions: TargetPredictions) -> np.ndarray:
    """[K]: the R2 of each target; NaN if it is constant."""
    truth, unit = predictions.truth, np.abs(predictions.truth).max(0)
    unit[unit == 0] = 1.0  # no square overflows or underflows
    errors, changes = (predictions.predicted - truth) / unit, (truth - truth.mean(0)) / unit
    total = np.where(np.ptp(truth, axis=0) > 0, (changes**2).sum(0), np.nan)
    found: np.ndarray = 1 - (errors**2).sum(0) / total
    return found


def target_table(predictions: TargetPredictions, names: tuple[str, ...]) -> Details:
    """The scores of each target, in its own unit."""
    errors, r2 = predictions.predicted - predictions.truth, explained(predictions)
    rows = [
        (
            name,
            MAE.format(float(np.abs(errors[:, number]).mean())),
            RMSE.format(float(np.sqrt((errors[:, number] ** 2).mean()))),
            "" if np.isnan(r2[number]) else R2.format(float(r2[number])),
        )
        for number, name in enumerate(names)
    ]
    return Details("the targets, on the test set", ("target", "MAE", "RMSE", "R2"), tuple(rows))


def error_table(predictions: TargetPredictions, names: tuple[str, ...], units: np.ndarray) -> Details:
    """The sequences of the test set with the largest errors, measured in `units` [K]."""
    errors = predictions.predicted - predictions.truth
    worst = np.argsort(-np.abs(errors / units).max(1), kind="stable")[:LARGEST_ERRORS]
    target = np.abs(errors / units).argmax(1)
    table = predictions.split.table
    rows = [
        (
            table.ids[predictions.split.numbers[number]],
            *([names[target[number]]] * (len(names) > 1)),
            *(f"{value[number, target[number]]:.6g}" for value in (predictions.truth, predictions.predicted)),
            f"{errors[number, target[number]]:+.3g}",
        )
        for number in worst.tolist()
    ]
    header = ("sequence", *(["target"] * (len(names) > 1)), "true", "predicted", "error")
    return Details("the largest errors on the test set", header, tuple(rows))
