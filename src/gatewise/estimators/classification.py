"""The additional methods of classifiers: scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from gatewise.data.memory.arrays import Layout, as_array
from gatewise.data.memory.frames import is_table_or_path
from gatewise.data.memory.label_sets import are_lists, is_label_sets, label_lists
from gatewise.data.memory.labels import names_of
from gatewise.errors import GatewiseError
from gatewise.estimators.base import FOLDER, Estimator
from gatewise.estimators.labelled import LabelledMethods
from gatewise.estimators.multilabel import LabelForm
from gatewise.estimators.running import Source
from gatewise.estimators.scikit_learn import ClassifierMixin
from gatewise.tasks.base import AnyComparison, AnyTask
from gatewise.tasks.options import TrainOptions
from gatewise.tasks.serialization import SavedModel
from gatewise.training.runs import CLASSES, Run, read_classes, write_classes


class ClassifierMethods(ClassifierMixin, LabelledMethods):
    """Predicts labels and probabilities as arrays, unless the data are tables."""

    classes_: np.ndarray
    __metadata_request__predict_proba = {"data": UNUSED, "layout": UNUSED}  # noqa: RUF012

    def with_run(self, run: Run, comparison: AnyComparison) -> Self:
        super().with_run(run, comparison)
        self._learn_classes(run.classes, run.folder)
        return self

    def _fine_tuning_source(self, source: Source, annotations: Mapping[str, Any], layout: Layout) -> Source:
        source = super()._fine_tuning_source(source, annotations, layout)
        return replace(source, classes=tuple(self.classes_.tolist()))

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

    def predict(self, data: object = None, *, layout: Layout = "NTC") -> Any:
        """The class of each example: an array for arrays and images, a table for tables and paths.

        Of sequences with any number of labels: an array [N, L] of 0 and 1 if the model was fitted on one,
        else a list of labels for each.

        data: of the form that the model was fitted on; None for those
        layout: "NCT" if arrays have their channels before their steps
        """
        check_is_fitted(self, "model_")
        if data is None or is_table_or_path(data):
            return super().predict(data, layout=layout)
        if self._label_form is not None:
            return self._label_form.predicted(self.prediction(data, layout=layout).frame)
        return self.classes_[self.predict_proba(data, layout=layout).argmax(1)]

    def predict_proba(self, data: object = None, *, layout: Layout = "NTC") -> np.ndarray:
        """[N, K]: the probability of each class, or of each label, in the order of `classes_`.

        data, layout: as in `predict`
        """
        frame = self.prediction(data, layout=layout).frame
        return frame.select(frame.columns[-len(self.model_.preprocessing["classes"]) :]).to_numpy()

    def score(
        self, data: object = None, y: object = None, sample_weight: object = None, *, layout: Layout = "NTC"
    ) -> float:
        """The accuracy: on arrays and images with their labels, or on the test set of other data.

        Of sequences with any number of labels, the fraction of those whose labels are all right.

        Args:
            data: as in `fit`; without data, the test set of the data that the model was fitted on
            y: [N], the true labels of arrays and images
            sample_weight: [N], the weights of arrays and images in the mean
            layout: "NCT" where arrays have their channels before their steps
        """
        if y is not None and not is_table_or_path(data):
            predicted = self.predict(data, layout=layout)
            if self._label_form is not None:
                truth, predicted = (self._label_form.indicators(one) for one in (y, predicted))
            else:
                truth = as_array(_one_label_each(y))
            if truth.shape != predicted.shape:
                raise GatewiseError(
                    f"expected labels of shape {list(predicted.shape)}, for {len(predicted)} examples, got "
                    f"{list(truth.shape)}"
                )
            return float(accuracy_score(truth, predicted, sample_weight=sample_weight))
        if sample_weight is not None:
            raise GatewiseError("sample_weight is for arrays with labels y; tables and paths have none")
        return Estimator.score(self, data, y, layout=layout)

    @property
    def _label_form(self) -> LabelForm | None:
        """How the model has sets of labels; None if each example has one class."""
        check_is_fitted(self, "model_")
        return LabelForm(self.model_.preprocessing, self.classes_) if self._task.predicts_sets else None

    @contextmanager
    def _written(self, data: object, y: object, layout: Layout) -> Iterator[Path]:
        if y is not None and self._label_form is not None:
            y = self._label_form.as_fitted(y)
        with super()._written(data, y, layout) as path:
            yield path

    def _task_for(self, data: object, columns: Mapping[str, Any], y: object = None) -> AnyTask:
        if self.warm_start and hasattr(self, "model_") and self._task.predicts_sets and are_lists(y):
            return self._task  # lists of one label each are sets for this model
        return super()._task_for(data, columns, y)

    def _checked_labels(self, task: AnyTask, data: object, y: object) -> object:
        """The labels of arrays and images as one column. Raises: `GatewiseError` if they are not classes."""
        y = super()._checked_labels(task, data, y)
        if y is not None and self.warm_start and hasattr(self, "model_") and self._label_form is not None:
            return self._label_form.as_fitted(y)
        return y if y is None or task.predicts_sets else _one_label_each(y)


def _one_label_each(y: Any) -> Any:
    """Labels as one column. Raises: `GatewiseError` if they are sets of labels, or numbers but no classes."""
    if is_label_sets(y):
        raise GatewiseError(
            "y has any number of labels for each example, and the model one class; give one label for each"
        )
    labels = as_array(label_lists(y) if are_lists(y) else y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        y = labels = column_or_1d(labels, warn=True)
    if labels.dtype.kind == "f":
        try:
            check_classification_targets(labels)
        except ValueError as error:
            raise GatewiseError(str(error)) from error
    return y


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
