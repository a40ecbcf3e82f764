"""What a task is: all that differs between forecasting, classifying, translating ..."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import polars as pl
import polars.selectors as cs

from gatewise.cells.base import CellType
from gatewise.cells.catalogue import require_sequence
from gatewise.data.memory.arrays import Layout
from gatewise.data.memory.frames import is_frame, to_polars
from gatewise.errors import GatewiseError
from gatewise.metrics.details import Details
from gatewise.metrics.metric import Metric
from gatewise.modules.finite import ADVICE
from gatewise.modules.network import Baseline, Network
from gatewise.plain import one_line
from gatewise.plots.plot import Plot
from gatewise.report.example import Example
from gatewise.tasks.comparison import Comparison
from gatewise.tasks.options import Options, TaskOptions
from gatewise.tasks.predictions import Predictions
from gatewise.tasks.serialization import SavedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TaskData(Protocol):
    """Data that are read, split and ready; `notes` say how, a line each."""

    @property
    def train(self) -> Any: ...

    @property
    def validation(self) -> Any: ...

    @property
    def test(self) -> Any: ...

    @property
    def notes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Prediction:
    """What a model says of new data, as a table, and a sentence about it.

    lines: the column that a .txt file gets, a line for each row; None where only a table makes sense
    times: how times are written
    """

    frame: pl.DataFrame
    about: str
    lines: str | None = None
    times: str | None = None

    def __post_init__(self) -> None:
        """Errors: `GatewiseError` where a number is not finite."""
        require_finite(self.frame)


def require_finite(frame: pl.DataFrame) -> None:
    """Errors: `GatewiseError` where a prediction, a row of a table, holds a number that is not finite.

    >>> require_finite(pl.DataFrame({"id": ["a"], "p": [0.5]}))
    """
    for column in frame.select(cs.float()):
        wrong = (~column.is_finite()).fill_null(False).arg_true()
        if len(wrong):
            raise GatewiseError(
                f"the prediction of {column.name!r} is {column[wrong[0]]} in row {wrong[0] + 1}: "
                f"look for extreme values in the data, or {ADVICE}"
            )


Data = TypeVar("Data", bound=TaskData)


Result = TypeVar("Result")
MISFITS = (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, MemoryError, OverflowError,
    RecursionError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


def of_model(method: Callable[..., Result]) -> Callable[..., Result]:
    """A method that applies a stored model, whose preprocessing and network may contradict each other.

    Errors: `GatewiseError` in place of what such a contradiction raises wherever it shows.
    """

    @wraps(method)
    def checked(*arguments: Any, **options: Any) -> Result:
        try:
            return method(*arguments, **options)
        except (GatewiseError, NotImplementedError):
            raise
        except MISFITS as error:
            raise GatewiseError(
                f"the model can't be applied to the data: {type(error).__name__}: {one_line(error)}; "
                "its model.json does not fit its network or the data"
            ) from error

    return checked


class Task(ABC, Generic[Data]):
    """Reads what a user has, and says what contends on it, how it is scored, and what comes of it."""

    name: ClassVar[str]
    about: ClassVar[str]
    given: ClassVar[str]  # what a user gives, for the help
    options: ClassVar[type[TaskOptions]]
    metrics: ClassVar[tuple[Metric, ...]]  # the first ranks, on the test part
    chosen_by: ClassVar[Metric]  # on the validation part, which model is kept for use
    next_step: ClassVar[str]  # a command to go on with, with {run} and {data}

    forms: ClassVar[str] = "a path, or a table of pandas, polars or pyarrow"  # of data in memory
    sampling: ClassVar[type[Options] | None] = None  # the options of `sample`, if it can
    samples_table: ClassVar[bool] = False  # whether a sample is a table, not a text

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in ("load_for_evaluation", "predict", "example"):
            if name in vars(cls):
                setattr(cls, name, of_model(vars(cls)[name]))

    def accepts(self, data: Any) -> bool:
        """Whether data in memory, or at a path, are of a form that the task reads."""
        return isinstance(data, str | Path) or is_frame(data)

    def claims(self, data: Path, given: Mapping[str, Any]) -> bool:
        """Whether it is chosen in place of the task that it is a variant of, by data or by options."""
        return False

    def write(self, data: Any, y: Any, folder: Path, layout: Layout) -> tuple[Path, dict[str, Any]]:
        """Data as a file that `read` takes, with the options that name its columns; a path as it is.

        y: labels or texts of arrays, texts and images; layout: of arrays; folder: for what must be written
        """
        if isinstance(data, str | Path):
            return Path(data), {}
        path = folder / "data.parquet"
        to_polars(data).write_parquet(path)
        return path, {}

    def write_weighted(
        self, data: Any, y: Any, weights: Any, folder: Path, layout: Layout
    ) -> tuple[Path, dict[str, Any]]:
        """As `write`, with a weight for each example.

        Raises: `GatewiseError` if the task has no weights, or these data name theirs by an option.
        """
        raise GatewiseError(
            f"the task {self.name!r} takes no sample weights; a gatewise.Classifier of sequences does"
        )

    def sample(self, model: SavedModel, options: Any) -> Any:
        """Draws from a model: of a text an iterator over symbols, of vectors a table."""
        raise GatewiseError(f"a model of the task {self.name!r} can't be sampled from")

    def draw_sample(self, model: SavedModel, sample: pl.DataFrame) -> Figure:
        """The figure of a sample that is a table."""
        raise GatewiseError(f"samples of the task {self.name!r} are not drawn")

    def metrics_of(self, data: Data) -> tuple[Metric, ...]:
        """The metrics that apply to the data, all of them by default; the first one ranks."""
        return self.metrics

    def cells(self, options: Any) -> tuple[str, ...]:
        """The cells that `compare` trains where none are given."""
        return ("rnn", "lstm", "gru")

    def check(self, options: Any, cell: CellType) -> None:
        """Errors: `GatewiseError` where options, or a cell and the network, do not go together."""
        require_sequence(cell, "give a cell of sequences, such as lstm")

    def display_name(self, options: Any, cell: str) -> str:
        """What a network is called, by its cell."""
        return cell

    @abstractmethod
    def read(self, path: Path, options: Any) -> Data:
        """The user's data, split. Errors: `GatewiseError` with the place in the file."""

    @abstractmethod
    def network(self, data: Data, options: Any, cell: CellType) -> Network:
        """A network of a cell, not yet trained."""

    @abstractmethod
    def baselines(self, data: Data, options: Any) -> Mapping[str, Callable[[], Baseline]]:
        """The baselines that apply to the data, by name."""

    def trained_baselines(self, data: Data, options: Any) -> Mapping[str, Callable[[], Network]]:
        """Baselines that are trained as networks are."""
        return {}

    def predictions(self, network: Any, data: Data, split: Any) -> Predictions[Any, Any]:
        """The predictions of a network for a split of the data, computed once.

        split: one of the training, validation and test sets of `data`
        """
        return Predictions(network, split)

    @abstractmethod
    def score(self, predictions: Any, data: Data) -> dict[str, float]:
        """The metrics, and `chosen_by`, of the predictions for a split."""

    def finish(self, network: Any, data: Data) -> None:
        """What is learned after a training, on the validation part."""

    def preview(self, network: Any, data: Data) -> str | None:
        """What is shown after each epoch, if anything."""
        return None

    @abstractmethod
    def preprocessing(self, data: Data, options: Any) -> dict[str, Any]:
        """Plain data with which a model reads new data as it read these."""

    @abstractmethod
    def load_for_evaluation(self, model: SavedModel, path: Path) -> Data:
        """Data to score a model on: `test` is what it has not seen. Errors: `GatewiseError`."""

    def evaluation_baselines(self, data: Data) -> Mapping[str, Callable[[], Baseline]]:
        """The baselines that stand beside a model that is scored on other data."""
        return {}

    @abstractmethod
    def predict(self, model: SavedModel, path: Path) -> Prediction:
        """What a model says of new data. Errors: `GatewiseError`."""

    def example(self, model: SavedModel, path: Path, number: int) -> Example:
        """One example of the data that the model has not seen, to look at inside it; 0 is the first.

        Errors: `GatewiseError` where there is none of that number.
        """
        raise GatewiseError(f"a model of the task {self.name!r} can't be inspected on data yet")

    def details(self, predictions: Any, data: Data) -> list[Details]:
        """Tables about the predictions for the test set."""
        return []

    def caption(self, data: Data) -> str:
        """What a reader of the leaderboard must know."""
        return "* a baseline"

    def draw(self, comparison: Comparison[Any]) -> list[Plot]:
        """The figures of a comparison."""
        return []
