"""What classifiers have beside other estimators: scikit-learn's contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin

from gatewise.data.memory.arrays import Layout, as_array
from gatewise.data.memory.frames import is_frame
from gatewise.data.memory.labels import names_of
from gatewise.errors import GatewiseError
from gatewise.estimators.base import FOLDER, Estimator
from gatewise.files import write_whole
from gatewise.plain import read_json
from gatewise.tasks.options import TrainOptions
from gatewise.tasks.serialization import SavedModel

CLASSES = "classes.json"  # the labels as they were given, in the order of the model's classes


class ClassifierMethods(ClassifierMixin, Estimator):  # type: ignore[misc]
    """Labels and probabilities as arrays, for data that are no tables."""

    classes_: np.ndarray

    def fit(self, data: Any, y: Any = None, *, layout: Layout = "NTC", **columns: Any) -> Self:
        super().fit(data, y, layout=layout, **columns)
        names = np.asarray(self.model_.reading["classes"])
        given = names if y is None else np.unique(as_array(y))
        order = {name: number for number, name in enumerate(names_of(given))}
        self.classes_ = given if y is None else given[[order[name] for name in names.tolist()]]
        if self.out is not None and y is not None:
            self._write_classes(Path(self.out))
        return self

    def save(self, folder: FOLDER) -> None:
        """Writes the model and the labels as they were given, as `gatewise.load` reads them."""
        super().save(folder)
        self._write_classes(Path(folder))

    def _write_classes(self, folder: Path) -> None:
        labels = json.dumps(self.classes_.tolist())
        write_whole(folder / CLASSES, lambda path: path.write_text(labels, encoding="utf-8"))

    @classmethod
    def of(cls, model: SavedModel, options: TrainOptions | None, folder: Path) -> Self:
        """A fitted classifier; its labels are texts where the folder has only the names of the classes."""
        made = super().of(model, options, folder)
        names, path = model.reading["classes"], folder / CLASSES
        labels = read_json(path) if path.is_file() else list(names)
        if not isinstance(labels, list) or names_of(labels) != list(names):
            raise GatewiseError(f"{path} does not hold the classes of the model, {', '.join(names)}")
        made.classes_ = np.asarray(labels)
        return made

    def predict(self, data: Any = None, *, layout: Layout = "NTC") -> Any:
        """The class of each example: an array for arrays and images, a table for tables and paths."""
        if data is None or is_frame(data) or isinstance(data, str | bytes) or hasattr(data, "__fspath__"):
            return super().predict(data, layout=layout)
        return self.classes_[self.predict_proba(data, layout=layout).argmax(1)]

    def predict_proba(self, data: Any = None, *, layout: Layout = "NTC") -> np.ndarray:
        """[N, K]: the probability of each class, in the order of `classes_`."""
        frame = self.prediction(data, layout=layout).frame
        return frame.select(frame.columns[-len(self.model_.reading["classes"]) :]).to_numpy()

    def score(self, data: Any = None, y: Any = None, *, layout: Layout = "NTC") -> float:
        """The accuracy on other data, or on the test set."""
        return Estimator.score(self, data, y, layout=layout)
