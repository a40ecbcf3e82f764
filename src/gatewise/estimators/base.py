"""The methods of every estimator: fit, predict, evaluate, score, save, plot, inspect, ablate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scipy.sparse import issparse
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import TableForm, form_of, in_form, is_table_or_path
from gatewise.errors import GatewiseError
from gatewise.estimators.exporting import Format, Quantization, export
from gatewise.estimators.keywords import as_given, unknown_option
from gatewise.estimators.reporting import reported
from gatewise.estimators.running import (
    Source,
    errors_naming,
    execute_new,
    new_run,
    run_folder,
    write_data,
    write_source,
)
from gatewise.estimators.scikit_learn import BaseEstimator
from gatewise.estimators.signature import COMMON, KIND, required_options
from gatewise.estimators.stored import PREFIX, StoredData
from gatewise.files import write_whole
from gatewise.modules.network import Network
from gatewise.tasks import claiming_first
from gatewise.tasks.base import AnyComparison, AnyTask
from gatewise.tasks.config import merge, resolve, to_yaml
from gatewise.tasks.options import Options, TrainOptions, verb_options
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.serialization import SavedModel, save_model
from gatewise.training import runs
from gatewise.training.ablation import ablate
from gatewise.training.commands import evaluate, train
from gatewise.training.fine_tuning import TUNABLE, fine_tuning_options
from gatewise.training.lightning import Lightning
from gatewise.training.runner import ProgressCallback

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gatewise.report.report import Report
    from gatewise.shipping.stream import Stream

FOLDER = Path | str


class Estimator(BaseEstimator):
    """The base class of `gatewise.Forecaster` and the other estimators, of one or several tasks.

    Attributes, once fitted: `model_`, the trained network with its preprocessing; `network_`, the network
    alone; `comparison_`, its scores and those of the baselines on the test set; `notes_`, how the data were
    read and split.
    """

    model_: SavedModel
    network_: Network
    notes_: tuple[str, ...]
    tasks: ClassVar[tuple[AnyTask, ...]]
    __metadata_request__fit = {"data": UNUSED, "layout": UNUSED}  # noqa: RUF012 as scikit-learn has it
    __metadata_request__predict = {"data": UNUSED, "layout": UNUSED}  # noqa: RUF012
    __metadata_request__score = {"data": UNUSED, "layout": UNUSED}  # noqa: RUF012
    _data: StoredData | None = None  # what the model was fitted on; None if it was loaded
    _form = TableForm()  # of the data it was fitted on
    _trained_with: TrainOptions | None = None
    _fitted_params: Mapping[str, Any] = MappingProxyType({})  # when it was fitted

    def fit(self, data: object, y: object = None, *, layout: Layout = "NTC", **columns: Any) -> Self:
        """Trains a network and scores it on a test set.

        data: a path; a table of polars, pandas, pyarrow or anything with Arrow's C stream interface; or
            arrays, texts or images, depending on the task
        y: the labels or texts of arrays, texts and images
        layout: "NCT" if arrays have their channels before their steps
        columns: options for this data alone, such as `time="month", target="sales"`

        Raises: `GatewiseError` if the data or an option is not as expected.
        """
        return self._fit(data, y, {}, layout, columns)

    def _fit(
        self,
        data: object,
        y: object,
        annotations: Mapping[str, Any],
        layout: Layout,
        columns: Mapping[str, Any],
    ) -> Self:
        """Trains and scores as `fit` does. annotations: as in `write_source`"""
        task = self._task_for(data, columns, y)
        y = self._checked_labels(task, data, y)
        directory = TemporaryDirectory(prefix=PREFIX)
        source = write_source(task, data, y, annotations, Path(directory.name), layout)
        lightning = Lightning(self.trainer or {}, self.callbacks or (), self.logger)
        job = partial(train, baselines=self.baselines, lightning=lightning)
        start = self._start(task) if self.warm_start and hasattr(self, "model_") else None
        if start is not None:
            source = self._fine_tuning_source(source, annotations, layout)
        with errors_naming(source.path, data, verb_options("train", task.options)):
            if start is None:
                time = merge(self._config, {**self._changed(), **columns}).get("time")
                options = self._options(task, {**source.columns_with(time), **columns})
            else:
                options = self._fine_tuning_options(task, start.options, columns)
            folder = run_folder(self.out, Path(directory.name))
            config = None if "cell" in {*self._changed(), *columns} else self._config
            with new_run("train", task, source.path, options, folder, config, start) as run:
                table_form = form_of(data, source.path)
                keep = folder != Path(directory.name, "run")
                run, comparison = execute_new(run, source, job, self.progress, keep)
        self.with_run(run, comparison)
        is_temporary = run.data.is_relative_to(directory.name)
        self._data = StoredData(run.data, directory if is_temporary else None)
        self._form = table_form
        self._trained_with = self._options(task, columns) if start is None else start.options
        self._fitted_params = self.get_params(deep=False)
        return self

    def with_run(self, run: runs.Run, comparison: AnyComparison) -> Self:
        """Sets the attributes of a fitted estimator. run, comparison: a run and its result."""
        assert comparison.model is not None
        assert isinstance(run.options, TrainOptions)
        self.comparison_ = comparison
        self.model_, self.network_ = comparison.model, comparison.model.network
        self._data, self._trained_with = StoredData(run.data), run.options
        self.notes_ = tuple(as_given(note, type(run.options)) for note in comparison.data.notes)
        return self

    def predict(self, data: object = None, *, layout: Layout = "NTC") -> Any:
        """Predicts for new data; without data, a forecaster predicts beyond the end of its own.

        data: of the form that the model was fitted on; None for those
        layout: "NCT" if arrays have their channels before their steps

        Returns: a table of the same library as the data, with ids, times and labels of the same types; polars
            for a path. For texts, images and arrays, a list with the predicted text, or the labels, of each.
        """
        return self._predict(data, layout, self._task.predict)

    def _predict(
        self, data: object, layout: Layout, predict: Callable[[SavedModel, Path], Prediction]
    ) -> Any:
        """The table of a prediction in the form of the data. predict: of a task, for a model and a path"""
        with self._written(data, None, layout) as path:
            prediction = predict(self.model_, path)
            data_form = self._form if data is None else self._form.updated(form_of(data, path))
        for sentence in prediction.warnings:
            warnings.warn(as_given(sentence, self._named_options), stacklevel=3)
        if prediction.values is not None and data is not None and not is_table_or_path(data):
            return list(prediction.values)
        label = self._label_column()
        output_form = data_form if label is None else data_form.renamed({"label": label, "predicted": label})
        return in_form(prediction.frame, output_form, prediction.time_format)

    def prediction(self, data: object = None, *, layout: Layout = "NTC") -> Prediction:
        """The prediction as a value: its table in polars, and how to write it to a file.

        data, layout: as in `predict`
        """
        with self._written(data, None, layout) as path:
            return self._task.predict(self.model_, path)

    def evaluate(self, data: object = None, y: object = None, *, layout: Layout = "NTC") -> AnyComparison:
        """The model's scores on other data, beside the baselines that can learn from these.

        data: as in `fit`; None for the test set of the data that the model was fitted on
        y: the labels or texts of arrays, texts and images
        layout: "NCT" if arrays have their channels before their steps

        Returns: the scores, a row for each model in `.table`.
        """
        check_is_fitted(self, "model_")
        if data is None:
            return self._compared()
        with self._written(data, y, layout) as path, self._reported() as callback:
            task = self._task
            loaded = task.load_for_evaluation(self.model_, path)
            callback.notes(loaded.notes)
            return evaluate(task, self.model_, loaded, callback)

    def score(self, data: object = None, y: object = None, *, layout: Layout = "NTC") -> float:
        """The first metric of the task on other data, or on the test set; negated if lower is better.

        data, y, layout: as in `evaluate`
        """
        comparison = self.evaluate(data, y, layout=layout)
        metric = comparison.metrics[0]
        value = next(result.scores[metric.name] for result in comparison.results if not result.baseline)
        return -metric.cost(value)

    def quantize(self) -> Self:
        """A fitted copy for predictions on CPUs, whose recurrent layers have int8 weights.

        It needs about a fourth of the memory, and is saved and loaded as any model. It has no scores of its
        own: compare `evaluate(data)` of both. `network_.quantization` reports the size and the error of each
        layer; see `gatewise.quantize`.

        Raises: `GatewiseError` if the network has no layer to quantize.
        """
        check_is_fitted(self, "model_")
        quantized = copy(self)
        quantized.model_ = self.model_.quantized()
        quantized.network_ = quantized.model_.network
        if hasattr(quantized, "comparison_"):
            del quantized.comparison_
        return quantized

    def stream(self) -> Stream:
        """The model step by step: each observation returns what `predict` does for the steps so far.

        It is the network trained on all data, if there is one (`refit`): answers to steps of these data have
        seen what comes after them, also where `predict` takes the network that was scored.

        Raises: `GatewiseError` with the reason, if the model reads whole examples.
        """
        from gatewise.shipping.stream import Stream

        return Stream(self._task.stepwise(self.model_))

    def export(
        self, path: FOLDER, format: Format | None = None, *, quantize: Quantization | None = None
    ) -> object:
        """Writes the model as a file for other programs, with its scaling.

        path: of the file; beside `model.onnx` and `model.pt2` (torch), `model.json` describes inputs and
            results; for C, `model.c` and `model.h` of a step, whose functions have the name of the file
        format: "onnx", "torch", "aoti" (torch, compiled to a library) or "c"; None for that of the ending
        quantize: "int8" for int8 weights

        Returns: the files and their sizes, which `str` describes.

        Raises: `GatewiseError` with the reason, if the model can't be written in this format.
        """
        check_is_fitted(self, "model_")
        return export(self._task, self.model_, Path(path), format, quantize)

    def save(self, folder: FOLDER) -> None:
        """Writes the model into a folder that `gatewise.load` and the command line read."""
        check_is_fitted(self, "model_")
        save_model(folder, self.model_)
        if self._trained_with is not None:
            text = to_yaml(self._trained_with)
            write_whole(Path(folder) / "config.yaml", lambda path: path.write_text(text, encoding="utf-8"))

    def figures(self) -> dict[str, Figure]:
        """The figures of the task, by name: predictions for the test set."""
        return self._compared().figures()

    def plot(self, name: str | None = None) -> Figure:
        """The figure of that name, or the first of `figures`."""
        return self._compared().plot(name)

    def inspect(
        self,
        example: int = 0,
        data: object = None,
        y: object = None,
        *,
        attribution: bool = False,
        step: int | None = None,
        layer: int | None = None,
        layout: Layout = "NTC",
    ) -> Report:
        """A report of every gate and state of the model, step by step, on an example of the test set.

        example: its number, from 0
        data: other data than those the model was fitted on
        y: the labels or texts of such arrays, texts and images
        attribution: attribute the prediction to the inputs; step, layer: where the report opens
        layout: "NCT" if arrays have their channels before their steps

        Returns: a page that is shown inline in a notebook, and in a browser by `show()`.
        """
        from gatewise.report.report import inspect_example

        with self._written(data, y, layout) as path:
            inspected = self._task.example(self.model_, path, example)
            inspected = inspected.with_attribution(step) if attribution else inspected
            return inspect_example(self.network_, inspected, self.title, layer, step)

    def ablate(
        self, data: object = None, y: object = None, *, units: bool = False, layout: Layout = "NTC"
    ) -> Any:
        """The loss with each gate clamped to 1, to 0 or to its mean, or with each unit clamped to its mean.

        data: other data than the test set of those the model was fitted on
        y: the labels or texts of such arrays, texts and images
        units: clamp units, not gates
        layout: "NCT" if arrays have their channels before their steps

        Returns: a table of the library of the data that the model was fitted on.
        """
        with self._written(data, y, layout) as path, self._reported() as callback:
            test = self._task.load_for_evaluation(self.model_, path).test
            return in_form(ablate(self.network_, test, units, callback), TableForm(self._form.library))

    @property
    def title(self) -> str:
        """The name and the task of the model, for headings."""
        check_is_fitted(self, "model_")
        return f"{self.model_.name}, trained to {self.model_.task}"

    @property
    def predicts_tables(self) -> bool:
        """Whether predictions are tables, which a .txt file can't hold."""
        return self._task.predicts_tables(self.model_)

    @property
    def _task(self) -> AnyTask:
        check_is_fitted(self, "model_")
        return next(task for task in self.tasks if task.name == self.model_.task)

    def _task_for(self, data: object, columns: Mapping[str, Any], y: object = None) -> AnyTask:
        """The task that reads this data, or the one of `kind`. Raises: `GatewiseError` if none does."""
        kind = getattr(self, KIND, None)
        names = [task.name for task in self.tasks]
        if kind is not None and kind not in names:
            raise GatewiseError(f"{type(self).__name__} has no kind {kind!r}; give {', '.join(names)}")
        tasks = [task for task in self.tasks if kind in (None, task.name)]
        options = merge(self._config, {**self._changed(), **columns})
        path = Path(data) if isinstance(data, str | Path) else None
        tasks = claiming_first(tasks, path, options, y)
        chosen = next((task for task in tasks if task.accepts(data) or kind is not None), None)
        if chosen is None:
            forms = "; ".join(task.accepted_data for task in self.tasks)
            raise GatewiseError(
                f"{type(self).__name__} can't read {'sparse ' * issparse(data)}data of type "
                f"{type(data).__name__}; give {forms}"
            )
        return chosen

    def _options(self, task: AnyTask, columns: Mapping[str, Any]) -> TrainOptions:
        """The options that differ from the defaults, and those of the data."""
        kind = verb_options("train", task.options)
        changed = self._changed()
        unknown = [name for name in (*changed, *columns) if name not in kind.model_fields]
        if unknown:
            raise unknown_option(unknown[0], list(kind.model_fields), task.name, type(self).__name__)
        options = resolve(kind, self._config, {**changed, **columns})
        assert isinstance(options, TrainOptions)
        return options

    def _fine_tuning_source(self, source: Source, annotations: Mapping[str, Any], layout: Layout) -> Source:
        """The source of data to train the model further on. Raises: `GatewiseError` if they are annotated."""
        if any(values is not None for values in annotations.values()):
            raise GatewiseError("warm_start takes no sample_weight and no groups; fit a new estimator")
        return source

    def _start(self, task: AnyTask) -> runs.Start:
        """The model to train further. Raises: `GatewiseError` if it is of another task, or has no options."""
        own = self.model_.task
        if task.name != own:
            raise GatewiseError(
                f"the model is of the task {own!r}; give its data, not those of {task.name!r}"
            )
        if self._trained_with is None:
            raise GatewiseError("the model was saved without config.yaml, the options of its training")
        return runs.Start(self.model_, self._trained_with)

    def _fine_tuning_options(
        self, task: AnyTask, trained: TrainOptions, columns: Mapping[str, Any]
    ) -> TrainOptions:
        """The options with which the model is trained further.

        Options of the training that the estimator has, those that changed since it was fitted, and `columns`
        take precedence over those of the earlier training.
        """
        kept = {name: value for name, value in self._changed().items() if name in TUNABLE}
        kept.pop("learning_rate", None)
        before = self._fitted_params
        changed = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in (KIND, *COMMON) and value != before.get(name)
        }
        given = {**kept, **changed, **columns}
        options = resolve(type(trained), None, {**dict(trained), **given})
        return fine_tuning_options(task, trained, options, list(given))

    def _changed(self) -> dict[str, Any]:
        import inspect

        defaults = inspect.signature(type(self).__init__).parameters
        values = {name: getattr(self, name) for name in defaults if name not in ("self", KIND, *COMMON)}
        missing = {name for name in required_options(type(self)) if values[name] is None}
        return {
            name: value
            for name, value in values.items()
            if value != defaults[name].default and name not in missing
        }

    def _checked_labels(self, task: AnyTask, data: object, y: object) -> object:
        """The labels or texts `y` that are given beside the data, as tasks take them."""
        return y

    @property
    def _named_options(self) -> type[Options]:
        """The options that messages name."""
        return verb_options("train", self._task.options)

    def _reported(self) -> AbstractContextManager[ProgressCallback]:
        """The callback of an evaluation or a training, as `reported`."""
        return reported(self.progress, self._named_options)

    @property
    def _config(self) -> Path | None:
        return None if self.config is None else Path(self.config)

    def _compared(self) -> AnyComparison:
        check_is_fitted(self, "model_")
        if not hasattr(self, "comparison_"):
            raise GatewiseError(
                "a loaded or quantized model has no scores and figures of its own; use evaluate(data), and "
                "plot() of its result"
            )
        return self.comparison_

    def _label_column(self) -> str | None:
        """The column of the labels that the model was fitted on, if it has one."""
        nested = self.model_.preprocessing.get("form")
        preprocessing = nested if isinstance(nested, Mapping) else self.model_.preprocessing
        columns = preprocessing.get("columns")
        return columns.get("label") if isinstance(columns, Mapping) else None

    @contextmanager
    def _written(self, data: object, y: object, layout: Layout) -> Iterator[Path]:
        """The path of data for the task: of new data, or of those the model was fitted on."""
        task = self._task
        if data is None:
            if self._data is None:
                raise GatewiseError("a loaded model has no data of its own; give data")
            yield self._data.path
            return
        with TemporaryDirectory(prefix=PREFIX) as directory:
            path, _ = write_data(task, data, y, Path(directory), layout)
            with errors_naming(path, data, self._named_options):
                yield path

    @classmethod
    def from_saved(cls, model: SavedModel, options: TrainOptions | None, folder: Path) -> Self:
        """A fitted estimator from a saved model in a folder. options: of its training, None if unknown."""
        changed = {} if options is None else {name: getattr(options, name) for name in options.changed()}
        required = {name: None for name in required_options(cls) if name not in changed}
        estimator = cls(**required, **changed)
        estimator.model_, estimator.network_, estimator._trained_with = model, model.network, options
        estimator._fitted_params = estimator.get_params(deep=False)
        return estimator
