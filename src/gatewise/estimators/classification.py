"""The additional methods of classifiers: scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin

from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import is_frame
from gatewise.data.memory.labels import names_of
from gatewise.errors import GatewiseError
from gatewise.estimators.base import FOLDER, Estimator
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import TrainOptions
from gatewise.tasks.serialization import SavedModel
from gatewise.training.runs import CLASSES, Run, read_classes, write_classes


class ClassifierMethods(ClassifierMixin, Estimator):  # type: ignore[misc]
    """Predicts labels and probabilities as arrays, unless the data are tables."""

    classes_: np.ndarray

    def with_run(self, run: Run, comparison: Comparison[Any]) -> Self:
        super().with_run(run, comparison)
        self.classes_ = _in_model_order(run.classes, self.model_, run.folder)
        return self

    def save(self, folder: FOLDER) -> None:
        """Writes the model, and the labels in the types of the data it was fitted on."""
        super().save(folder)
        write_classes(Path(folder), self.classes_.tolist())

    @classmethod
    def of(cls, model: SavedModel, options: TrainOptions | None, folder: Path) -> Self:
        """A fitted classifier; its labels are texts if the folder has only the names of the classes."""
        made = super().of(model, options, folder)
        made.classes_ = _in_model_order(read_classes(folder), model, folder)
        return made

    def predict(self, data: Any = None, *, layout: Layout = "NTC") -> Any:
        """The class of each example: an array for arrays and images, a table for tables and paths."""
        if data is None or is_frame(data) or isinstance(data, str | bytes) or hasattr(data, "__fspath__"):
            return super().predict(data, layout=layout)
        return self.classes_[self.predict_proba(data, layout=layout).argmax(1)]

    def predict_proba(self, data: Any = None, *, layout: Layout = "NTC") -> np.ndarray:
        """[N, K]: the probability of each class, in the order of `classes_`."""
        frame = self.prediction(data, layout=layout).frame
        return frame.select(frame.columns[-len(self.model_.preprocessing["classes"]) :]).to_numpy()

    def score(self, data: Any = None, y: Any = None, *, layout: Layout = "NTC") -> float:
        """The accuracy on other data, or on the test set."""
        return Estimator.score(self, data, y, layout=layout)


def _in_model_order(labels: Sequence[Any], model: SavedModel, folder: Path) -> np.ndarray:
    """The labels in the order of the model's classes; the names of the classes if there are no labels.

    Raises: `GatewiseError` if a class has no label.
    """
    names = model.preprocessing["classes"]
    given = np.asarray(labels if len(labels) else names)
    order = {name: number for number, name in enumerate(names_of(given))}
    if missing := [name for name in names if name not in order]:
        raise GatewiseError(f"{folder / CLASSES} lacks the class {missing[0]!r} of the model")
    return given[[order[name] for name in names]]
