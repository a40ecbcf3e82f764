"""The interface of a task, such as forecasting, classification or translation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

import polars as pl

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import refuse_decaying, require_sequence
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import is_frame, to_polars
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.network import Baseline, Network
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.shipping.deployed import Deployed
from gatewise.shipping.stepwise import Stepwise
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.mismatch import explain_mismatch
from gatewise.tasks.options import Options, TaskOptions
from gatewise.tasks.prediction import Prediction
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.serialization import SavedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TaskData(Protocol):
    """Data, read and split into three sets; the notes describe the data and the split, a line each."""

    @property
    def train(self) -> Sized: ...

    @property
    def validation(self) -> Sized: ...

    @property
    def test(self) -> Sized: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


DataT = TypeVar("DataT", bound=TaskData)
OptionsT = TypeVar("OptionsT", bound=TaskOptions)
NetworkT = TypeVar("NetworkT", bound=Network)
PredictionsT = TypeVar("PredictionsT", bound=Predictions[Any, Any])
Read = Callable[[OptionsT], DataT]
Retrain = Callable[[Read[OptionsT, DataT]], Comparison[DataT, PredictionsT]]


APPLYING = (  # the methods of a task that apply a saved model
    "load_for_evaluation", "load_for_fine_tuning", "predict", "predict_future", "backtest", "example",
    "deployed",
)  # fmt: skip


class Task(ABC, Generic[DataT, OptionsT, NetworkT, PredictionsT]):
    """Reads a user's data, and defines its networks, baselines, metrics, predictions and figures.

    Its types are those of its data, its options, the networks that it trains, and its predictions.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    data_help: ClassVar[str]  # describes files of data, for the help
    options: ClassVar[type[TaskOptions]]
    metrics: ClassVar[tuple[Metric, ...]]  # the first one ranks, on the test set
    stream_ending: ClassVar[str | None] = None  # of a file with the text of standard input, if it reads some
    selection_metric: ClassVar[Metric]  # selects the model to use, on the validation set
    next_command: ClassVar[str]  # the command to run after training, with {run} and {data}

    accepted_data: ClassVar[str] = "a path, or a table of pandas, polars or pyarrow"  # of data in memory
    tunable: ClassVar[frozenset[str]] = (
        frozenset()
    )  # options that may change where a model is trained further
    sampling: ClassVar[type[Options] | None] = None  # the options of `sample`, if models can be sampled from
    samples_are_tables: ClassVar[bool] = False  # else a text
    forecasts: ClassVar[bool] = False  # whether `predict_future` and `backtest` apply
    predicts_numbers: ClassVar[bool] = False  # one or several for each example
    predicts_classes: ClassVar[bool] = False  # one or several for each example, with their probabilities
    predicts_sets: ClassVar[bool] = False  # of classes, any number for each example

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in APPLYING:
            if name in vars(cls):
                setattr(cls, name, explain_mismatch(vars(cls)[name]))

    def accepts(self, data: object) -> bool:
        """Whether the task reads data of this form, in memory or at a path."""
        return isinstance(data, str | Path) or is_frame(data)

    def claims(self, data: Path | None, options: Mapping[str, Any], y: object = None) -> bool:
        """Whether data or options select this task among those that read such data.

        data: a path; None for data in memory; y: the labels beside data in memory
        """
        return False

    def write(self, data: object, y: object, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        """Writes data in memory to a file for `read`. A path is returned unchanged.

        Args:
            data: a table, arrays, texts or images
            y: the labels or texts of arrays, texts and images
            folder: where to write
            layout: the order of the axes of arrays

        Returns:
            the path, and the options that name the columns
        """
        if isinstance(data, str | Path):
            return Path(data), {}
        path = folder / "data.parquet"
        to_polars(data).write_parquet(path)
        return path, {}

    def distinct_labels(self, y: object) -> tuple[Any, ...]:
        """The distinct classes among the labels `y` of data in memory, if the task predicts classes."""
        return ()

    def write_annotated(
        self, data: object, y: object, annotations: Mapping[str, Any], folder: Path, layout: Layout
    ) -> tuple[Path, dict[str, Any]]:
        """As `write`, with more values for each example.

        Args:
            annotations: `weights` or `groups` or both: one value for each example

        Raises: `GatewiseError` if the task has no use for them, or if an option names their column.
        """
        names = {"weights": "sample weights", "groups": "groups"}
        raise GatewiseError(
            f"the task {self.name!r} takes no {' or '.join(names[name] for name in annotations)}; a "
            "gatewise.Classifier of sequences does"
        )

    def sample(self, model: SavedModel, options: Any) -> Any:
        """Samples from a model: symbols of a text, one by one, or a table of vectors."""
        raise GatewiseError(f"a model of the task {self.name!r} can't be sampled from")

    def draw_sample(self, model: SavedModel, sample: pl.DataFrame) -> Figure:
        """Draws a sample that is a table."""
        raise GatewiseError(f"samples of the task {self.name!r} are not drawn")

    def training_data(self, network: Network, data: DataT) -> DataT:
        """The data with the training and validation sets of this network, by default those of all."""
        return data

    def augmented(self, train: Any, options: OptionsT) -> Any:
        """The training set with the random changes that the options ask for, for gradient descent alone."""
        return train

    def command_after(self, data: DataT) -> str:
        """The command to run after a training on data, with {run} and {data}."""
        return self.next_command

    def applicable_metrics(self, data: DataT) -> tuple[Metric, ...]:
        """The metrics that apply to the data, all of them by default; the first one ranks."""
        return self.metrics

    def cells(self, options: OptionsT) -> tuple[str, ...]:
        """The cells that `compare` trains by default."""
        return ("rnn", "lstm", "gru")

    def check(self, options: OptionsT, cell: CellType) -> None:
        """Checks the options.

        Raises: `GatewiseError` if options exclude each other, or if the network can't have this cell.
        """
        require_sequence(cell, "give a cell of sequences, such as lstm")
        if not options.reads_gaps:
            refuse_decaying(cell)
        options.check_heads(cell)

    def display_name(self, options: OptionsT, cell: str) -> str:
        """The name of a network with this cell."""
        return cell

    @abstractmethod
    def read(self, path: Path, options: OptionsT) -> DataT:
        """Reads and splits data. Raises: `GatewiseError` with the position in the file."""

    @abstractmethod
    def network(self, data: DataT, options: OptionsT, cell: CellType) -> NetworkT:
        """Builds a network with this cell."""

    @abstractmethod
    def baselines(self, data: DataT, options: OptionsT) -> Mapping[str, Callable[[], Baseline]]:
        """The baselines that apply to the data, by name."""

    def trained_baselines(self, data: DataT, options: OptionsT) -> Mapping[str, Callable[[], Network]]:
        """Baselines that are trained by gradient descent, as networks are."""
        return {}

    @abstractmethod
    def predictions(self, network: Any, data: DataT, split: Any) -> PredictionsT:
        """The predictions of a network or a baseline for a split of the data, computed once.

        split: one of the training, validation and test sets of `data`
        """

    @abstractmethod
    def score(self, predictions: PredictionsT, data: DataT) -> dict[str, float]:
        """The metrics, and `selection_metric`, of the predictions for a split."""

    def finish(self, network: NetworkT, data: DataT) -> None:
        """Calibrates a trained network on the validation set."""

    def refit_data(self, data: DataT, options: OptionsT) -> DataT | None:
        """All data as a training set, encoded and scaled as `data` are; None if no network is refitted."""
        return None

    def prepare_refit(self, network: NetworkT, everything: DataT, is_new: bool) -> None:
        """Fits what is fitted before training to all data. is_new: else a trained network continues"""

    def finish_refit(self, network: NetworkT, scored: NetworkT) -> None:
        """Calibrates a network that was trained on all data as the scored one."""

    def preview(self, network: NetworkT, data: DataT) -> str | None:
        """A line to show after each epoch; None for no line."""
        return None

    @abstractmethod
    def preprocessing(self, data: DataT, options: OptionsT) -> dict[str, Any]:
        """The preprocessing of new data, as plain data that are saved with the model."""

    @abstractmethod
    def load_for_evaluation(self, model: SavedModel, path: Path) -> DataT:
        """Reads data whose test set the model has not seen. Raises: `GatewiseError`."""

    @abstractmethod
    def load_for_fine_tuning(self, model: SavedModel, path: Path, options: OptionsT) -> DataT:
        """Reads and splits data to train a model further, scaled and encoded as those it was trained on.

        Raises: `GatewiseError`.
        """

    def prepare_fine_tuning(self, network: NetworkT, data: DataT) -> None:
        """Undoes what `finish` computed, before a network is trained further."""

    def evaluation_baselines(self, data: DataT) -> Mapping[str, Callable[[], Baseline]]:
        """The baselines to compare with when a model is evaluated on other data."""
        return {}

    def predicts_tables(self, model: SavedModel) -> bool:
        """Whether predictions are tables, which a .txt file can't hold."""
        return False

    @abstractmethod
    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """Predicts new data. Raises: `GatewiseError`."""

    def stepwise(self, model: SavedModel) -> Stepwise:
        """One step of a model: a module of raw values and states, of which its stream is made.

        Raises: `GatewiseError` if the model reads whole sequences.
        """
        raise GatewiseError(f"a model of the task {self.name!r} reads whole examples, so it can't stream")

    def predict_future(
        self,
        model: SavedModel,
        path: Path,
        samples: int | None = None,
        seed: int = 0,
        known_from: Path | None = None,
    ) -> Prediction:
        """As `predict`, by sample paths or in a scenario, if `forecasts`. Raises: `GatewiseError`.

        samples, seed: the number of sample paths and their seed; None for none
        known_from: a file of what is known of the future; None if it is in the data
        """
        raise GatewiseError(f"a model of the task {self.name!r} has no scenarios and no sample paths")

    def backtest(
        self,
        model: SavedModel,
        path: Path,
        windows: int,
        step: int | None = None,
        train: Retrain[OptionsT, DataT, PredictionsT] | None = None,
    ) -> Any:
        """Predictions of the end of the data from rolling origins, if `forecasts`. Raises: `GatewiseError`.

        train: trains the model again at each origin; None for the model as it is
        """
        raise GatewiseError(f"a model of the task {self.name!r} has no backtest")

    def deployed(self, model: SavedModel) -> Deployed:
        """The model as a module of raw values, for exports and servers. Raises: `GatewiseError`."""
        raise GatewiseError(f"a model of the task {self.name!r} can't be exported yet")

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """One example of the test set for inspection; 0 is the first.

        Raises: `GatewiseError` if there is no example of that number.
        """
        raise GatewiseError(f"a model of the task {self.name!r} can't be inspected on data yet")

    def details(self, predictions: PredictionsT, data: DataT) -> list[Details]:
        """Tables about the predictions for the test set."""
        return []

    def caption(self, data: DataT) -> str:
        """The line below a leaderboard, which explains its metrics."""
        return "* a baseline"

    def draw(self, comparison: Comparison[DataT, PredictionsT]) -> list[Plot]:
        """The figures of a comparison."""
        return []


AnyComparison: TypeAlias = Comparison[TaskData, Any]
AnyTask: TypeAlias = Task[Any, Any, Any, Any]
