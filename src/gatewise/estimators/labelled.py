"""The methods that classifiers and regressors share: scikit-learn's `fit(X, y)` on arrays of examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from gatewise.data.memory.arrays import Layout, array_like, is_channel, sequences_of
from gatewise.data.memory.frames import is_table_or_path
from gatewise.data.sequences.reading import count
from gatewise.errors import GatewiseError
from gatewise.estimators.base import Estimator
from gatewise.estimators.running import Source
from gatewise.estimators.scikit_learn import Tags
from gatewise.tasks.base import AnyComparison, AnyTask
from gatewise.tasks.options import TrainOptions
from gatewise.tasks.serialization import SavedModel
from gatewise.training.runs import Run


class LabelledMethods(Estimator):
    """Learns from arrays with a label or targets for each example, or from tables that contain them."""

    n_features_in_: int

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def fit(
        self,
        data: object,
        y: object = None,
        *,
        sample_weight: object = None,
        groups: object = None,
        layout: Layout = "NTC",
        **columns: Any,
    ) -> Self:
        """Trains a network on examples with labels or targets, and scores it on a test set.

        Args:
            data: arrays [N, T, C] or [N, T], lists of arrays [T, C]; a table or a path; for a classifier also
                images or clips
            y: [N], the label or target of each example, or [N, K] for several targets; None for tables and
                paths, which contain them
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

    def with_run(self, run: Run, comparison: AnyComparison) -> Self:
        super().with_run(run, comparison)
        self._count_channels()
        return self

    @classmethod
    def from_saved(cls, model: SavedModel, options: TrainOptions | None, folder: Path) -> Self:
        estimator = super().from_saved(model, options, folder)
        estimator._count_channels()
        return estimator

    def _count_channels(self) -> None:
        preprocessing = self.model_.preprocessing
        if "scales" in preprocessing:  # of sequences: one for each channel, and none for that of the times
            time = (preprocessing["columns"] or {}).get("time") or ""
            self.n_features_in_ = len(preprocessing["scales"]) + is_channel(time)

    def _fine_tuning_source(self, source: Source, annotations: Mapping[str, Any], layout: Layout) -> Source:
        self._require_channels(source.data, layout)
        return super()._fine_tuning_source(source, annotations, layout)

    @contextmanager
    def _written(self, data: object, y: object, layout: Layout) -> Iterator[Path]:
        with super()._written(data, y, layout) as path:
            self._require_channels(data, layout)
            yield path

    def _require_channels(self, data: object, layout: Layout) -> None:
        """Raises: `GatewiseError` if arrays that were written have other channels than the model."""
        if data is None or is_table_or_path(data) or "scales" not in self.model_.preprocessing:
            return
        steps, channels = sequences_of(array_like(data)[:1], layout)[0].shape
        expected = self.n_features_in_
        if channels == expected:
            return
        given = f"an array of shape {list(data.shape)}" if hasattr(data, "shape") else "a list"
        other = "NTC" if layout == "NCT" else "NCT"
        remedy = f'; layout="{other}" fits this shape' if steps == expected else ""
        raise GatewiseError(
            f"expected sequences of {count(expected, 'channel')} as in training, got "
            f"{count(channels, 'channel')} in {given}{remedy}"
        )

    def _checked_labels(self, task: AnyTask, data: object, y: object) -> object:
        """The labels or targets of arrays. Raises: `GatewiseError` if there are none."""
        if y is None and not is_table_or_path(data):
            raise GatewiseError(
                f"{type(self).__name__} requires y to be passed, but the target y is None; give a "
                f"{self._label_name} for each example"
            )
        return y

    _label_name = "label"
