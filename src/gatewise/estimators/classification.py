"""The additional methods of classifiers: scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from gatewise.data.memory.arrays import Layout, as_array
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
    n_features_in_: int
    __metadata_request__predict_proba = {"data": UNUSED, "layout": UNUSED}  # noqa: RUF012

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def fit(
        self,
        data: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        groups: Any = None,
        layout: Layout = "NTC",
        **columns: Any,
    ) -> Self:
        """Trains a network on labelled sequences, images or clips, and scores it on a test set.

        Args:
            data: arrays [N, T, C] or [N, T], lists of arrays [T, C]; a table or a path; images or clips
            y: [N], the label of each example; None for tables and paths, which contain their labels
            sample_weight: [N], not negative, by which the loss of each sequence in training and validation
                is multiplied; scores on the test set are not weighted. A table has its weights in a column,
                named by `weight="column"`
            groups: [N], the group of each sequence, such as a person: no group is in two of the training,
                validation and test sets. A table has its groups in a column, named by `group="column"`
            layout: "NCT" where arrays have their channels before their steps
            columns: options for this data alone, such as `id="recording", label="activity"`

        Returns: the estimator itself.

        Raises: `GatewiseError` if the data or an option is not as expected.

        >>> import gatewise, numpy as np
        >>> X, y = np.random.default_rng(0).normal(size=(12, 5, 2)), np.arange(12) % 2
        >>> model = gatewise.Classifier(cell="rnn", hidden=2, epochs=1, progress=False)
        >>> model.fit(X, y, sample_weight=np.ones(12)).classes_
        array([0, 1])
        """
        return self._fit(data, y, {"weights": sample_weight, "groups": groups}, layout, columns)

    def with_run(self, run: Run, comparison: Comparison[Any]) -> Self:
        super().with_run(run, comparison)
        self._learn_classes(run.classes, run.folder)
        return self

    def save(self, folder: FOLDER) -> None:
        """Writes the model, and the labels in the types of the data it was fitted on."""
        super().save(folder)
        write_classes(Path(folder), self.classes_.tolist())

    @classmethod
    def from_saved(cls, model: SavedModel, options: TrainOptions | None, folder: Path) -> Self:
        """A fitted classifier; its labels are texts if the folder has only the names of the classes."""
        estimator = super().from_saved(model, options, folder)
        estimator._learn_classes(read_classes(folder), folder)
        return estimator

    def _learn_classes(self, labels: Sequence[Any], folder: Path) -> None:
        """Sets the attributes of a fitted classifier. labels: the distinct ones; folder: that has them"""
        self.classes_ = _in_model_order(labels, self.model_, folder)
        if "scales" in self.model_.preprocessing:  # of sequences: one for each channel
            self.n_features_in_ = len(self.model_.preprocessing["scales"])

    def predict(self, data: Any = None, *, layout: Layout = "NTC") -> Any:
        """The class of each example: an array for arrays and images, a table for tables and paths."""
        check_is_fitted(self, "model_")
        if data is None or _has_labels(data):
            return super().predict(data, layout=layout)
        return self.classes_[self.predict_proba(data, layout=layout).argmax(1)]

    def predict_proba(self, data: Any = None, *, layout: Layout = "NTC") -> np.ndarray:
        """[N, K]: the probability of each class, in the order of `classes_`."""
        frame = self.prediction(data, layout=layout).frame
        return frame.select(frame.columns[-len(self.model_.preprocessing["classes"]) :]).to_numpy()

    def score(
        self, data: Any = None, y: Any = None, sample_weight: Any = None, *, layout: Layout = "NTC"
    ) -> float:
        """The accuracy: on arrays and images with their labels, or on the test set of other data.

        Args:
            data: as in `fit`; without data, the test set of the data that the model was fitted on
            y: [N], the true labels of arrays and images
            sample_weight: [N], the weights of arrays and images in the mean
            layout: "NCT" where arrays have their channels before their steps
        """
        if y is not None and not _has_labels(data):
            predicted = self.predict(data, layout=layout)
            return float(accuracy_score(as_array(y), predicted, sample_weight=sample_weight))
        if sample_weight is not None:
            raise GatewiseError("sample_weight is for arrays with labels y; tables and paths have none")
        return Estimator.score(self, data, y, layout=layout)

    def _checked_labels(self, data: Any, y: Any) -> Any:
        """The labels of arrays and images as one column. Raises: `GatewiseError` if they are not classes."""
        if y is None:
            if not _has_labels(data):
                raise GatewiseError(
                    "Classifier requires y to be passed, but the target y is None; give a label for each "
                    "example"
                )
            return y
        labels = as_array(y)
        if labels.ndim == 2 and labels.shape[1] == 1:
            y = labels = column_or_1d(labels, warn=True)
        if labels.dtype.kind == "f":
            try:
                check_classification_targets(labels)
            except ValueError as error:
                raise GatewiseError(str(error)) from error
        return y


def _has_labels(data: Any) -> bool:
    """Whether the data are a table or a path, which contain the labels."""
    return is_frame(data) or isinstance(data, str | bytes) or hasattr(data, "__fspath__")


def _in_model_order(labels: Sequence[Any], model: SavedModel, folder: Path) -> np.ndarray:
    """The labels in the order of the model's classes; the names of the classes if there are no labels.

    Raises: `GatewiseError` if a class has no label.
    """
    names = model.preprocessing["classes"]
    values = np.asarray(labels if len(labels) else names)
    order = {name: number for number, name in enumerate(names_of(values))}
    if missing := [name for name in names if name not in order]:
        raise GatewiseError(f"{folder / CLASSES} lacks the class {missing[0]!r} of the model")
    return values[[order[name] for name in names]]
