"""What classifiers have beside other estimators: scikit-learn's contract."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin

from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import is_frame
from gatewise.estimators.base import Estimator

PROBABILITY = "p_"  # what the columns of probabilities begin with


class ClassifierMethods(ClassifierMixin, Estimator):  # type: ignore[misc]
    """Labels and probabilities as arrays, for data that are no tables."""

    classes_: np.ndarray

    def fit(self, data: Any, y: Any = None, *, layout: Layout = "NTC", **columns: Any) -> Self:
        super().fit(data, y, layout=layout, **columns)
        names = np.asarray(self.model_.reading["classes"])
        given = names if y is None else np.unique(np.asarray(y))
        order = {str(one): place for place, one in enumerate(given.tolist())}
        self.classes_ = given if y is None else given[[order[name] for name in names.tolist()]]
        return self

    def predict(self, data: Any = None, *, layout: Layout = "NTC") -> Any:
        """The class of each example: an array for arrays and images, a table for tables and paths."""
        if data is None or is_frame(data) or isinstance(data, str | bytes) or hasattr(data, "__fspath__"):
            return super().predict(data, layout=layout)
        return self.classes_[self.predict_proba(data, layout=layout).argmax(1)]

    def predict_proba(self, data: Any = None, *, layout: Layout = "NTC") -> np.ndarray:
        """[N, K]: the probability of each class, in the order of `classes_`."""
        frame = self._prediction(data, layout).frame
        return frame.select(frame.columns[-len(self.model_.reading["classes"]) :]).to_numpy()

    def score(self, data: Any = None, y: Any = None, *, layout: Layout = "NTC") -> float:
        """The accuracy on other data, or on the test set."""
        return Estimator.score(self, data, y, layout=layout)
