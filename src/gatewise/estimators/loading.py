"""A saved model as an estimator."""

from __future__ import annotations

import warnings
from pathlib import Path

from gatewise.errors import GatewiseError
from gatewise.estimators import find_estimator
from gatewise.estimators.base import Estimator
from gatewise.tasks import estimator_names, find_task
from gatewise.tasks.config import read_yaml, resolve
from gatewise.tasks.options import CompareOptions, TaskOptions, TrainOptions, verb_options
from gatewise.tasks.serialization import SavedModel, load_model
from gatewise.training.runs import read_start

COMPARED = set(CompareOptions.model_fields) - set(TaskOptions.model_fields)  # options of comparisons alone


def load(folder: Path | str) -> Estimator:
    """Loads a model that `save` or a run wrote, as an estimator; nothing in the files is executed.

    folder: of a run, or of `Estimator.save`

    Raises: `GatewiseError` if a file is missing, damaged, or of a later version.

    >>> import gatewise
    >>> model = gatewise.load("run")  # doctest: +SKIP
    """
    model = load_model(folder)
    name = next(name for name, tasks in estimator_names().items() if model.task in tasks)
    config = Path(folder) / "config.yaml"
    options = _options(model, config) if config.is_file() else None
    start = read_start(Path(folder), find_task(model.task))
    if start is not None:  # its options are those of a new training
        options = start.options
    return find_estimator(name).from_saved(model, options, Path(folder))


def _options(model: SavedModel, config: Path) -> TrainOptions | None:
    """The options that a model was trained with, alone or in a comparison; None if they can't be read."""
    task = find_task(model.task)
    try:
        values = read_yaml(config)
        cells = values.pop("cells", None) or ()
        values = {name: value for name, value in values.items() if name not in COMPARED}
        options = resolve(verb_options("train", task.options), None, values)
        assert isinstance(options, TrainOptions)
        matches = [cell for cell in cells if task.display_name(options, str(cell)) == model.name]
        return options.model_copy(update={"cell": matches[0]}) if matches else options
    except GatewiseError as error:
        warnings.warn(f"the estimator gets default options: {error}", stacklevel=3)
        return None
