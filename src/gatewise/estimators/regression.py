"""The additional methods of regressors: scikit-learn's interface."""

from __future__ import annotations

from typing import Any

from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, column_or_1d

from gatewise.data.memory.arrays import Layout, as_array, target_array
from gatewise.data.memory.frames import is_table_or_path
from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.estimators.labelled import LabelledMethods
from gatewise.estimators.scikit_learn import RegressorMixin, Tags
from gatewise.tasks.base import AnyTask


class RegressorMethods(RegressorMixin, LabelledMethods):
    """Predicts targets as arrays, unless the data are tables."""

    _label_name = "target"

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, data: object = None, *, layout: Layout = "NTC") -> Any:
        """The targets of each example: an array [N] or [N, K] for arrays, a table for tables and paths.

        data: of the form that the model was fitted on; None for those
        layout: "NCT" if arrays have their channels before their steps

        >>> import gatewise, numpy as np
        >>> X = np.random.default_rng(0).normal(size=(12, 5, 2))
        >>> model = gatewise.Regressor(cell="rnn", hidden=2, epochs=1, progress=False)
        >>> model.fit(X, X.mean((1, 2))).predict(X).shape
        (12,)
        """
        check_is_fitted(self, "model_")
        if data is None or is_table_or_path(data):
            return super().predict(data, layout=layout)
        names = self.model_.preprocessing["targets"]
        predicted = self.prediction(data, layout=layout).frame.select(names).to_numpy()
        return predicted[:, 0] if len(names) == 1 else predicted

    def score(
        self, data: object = None, y: object = None, sample_weight: object = None, *, layout: Layout = "NTC"
    ) -> float:
        """R2, the mean over the targets: on arrays with their targets, or on the test set of other data.

        Args:
            data: as in `fit`; without data, the test set of the data that the model was fitted on
            y: [N] or [N, K], the true targets of arrays
            sample_weight: [N], the weights of arrays in the sums
            layout: "NCT" where arrays have their channels before their steps
        """
        if y is not None and not is_table_or_path(data):
            predicted = self.predict(data, layout=layout)
            targets = target_array(y, len(predicted))
            found = predicted.reshape(len(predicted), -1)
            if targets.shape != found.shape:
                raise GatewiseError(
                    f"expected {found.shape[1]} targets for each example as in training, got "
                    f"{targets.shape[1]}"
                )
            return float(r2_score(targets, found, sample_weight=sample_weight))
        if sample_weight is not None:
            raise GatewiseError("sample_weight is for arrays with targets y; tables and paths have none")
        return Estimator.score(self, data, y, layout=layout)

    def _checked_labels(self, task: AnyTask, data: object, y: object) -> object:
        y = super()._checked_labels(task, data, y)
        if y is None:
            return y
        targets = as_array(y)
        is_column = targets.ndim == 2 and targets.shape[1] == 1
        return column_or_1d(targets, warn=True) if is_column else targets
