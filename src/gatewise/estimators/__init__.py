"""The Python API: an estimator for each task, with the same options, runs and files as the command line.

The folder of a task names its estimator (`ESTIMATOR` in its `__init__.py`). An estimator of several tasks
chooses the task by its data.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from gatewise.estimators.base import Estimator
from gatewise.estimators.classification import ClassifierMethods
from gatewise.estimators.forecasting import ForecasterMethods
from gatewise.estimators.regression import RegressorMethods
from gatewise.estimators.sampling import SamplingMethods
from gatewise.estimators.signature import KIND, required_options, with_options
from gatewise.tasks import estimator_names, find_task
from gatewise.tasks.base import AnyTask


@cache
def find_estimator(name: str) -> type[Estimator]:
    """The estimator of that name, created from its tasks.

    >>> find_estimator("Forecaster")(horizon=12)
    Forecaster(horizon=12)
    """
    tasks = tuple(find_task(task) for task in estimator_names()[name])
    estimator = type(name, (*_extras(tasks), Estimator), {"tasks": tasks, "__module__": "gatewise"})
    return with_options(estimator)


def new_estimator(task: str, **options: Any) -> Estimator:
    """An estimator of one task; options that have no default may be given to `fit`.

    >>> new_estimator("frames")
    Classifier(kind='frames')
    """
    name = next(name for name, tasks in estimator_names().items() if task in tasks)
    kind = find_estimator(name)
    kind_option = {KIND: task} if len(kind.tasks) > 1 else {}
    return kind(**dict.fromkeys(required_options(kind)), **kind_option, **options)


def _extras(tasks: tuple[AnyTask, ...]) -> list[type]:
    """The methods that only some tasks have."""
    if all(task.predicts_classes for task in tasks):
        return [ClassifierMethods]
    if all(task.forecasts for task in tasks):
        return [ForecasterMethods]
    if all(task.predicts_numbers for task in tasks):
        return [RegressorMethods]
    return [SamplingMethods] if all(task.sampling for task in tasks) else []
