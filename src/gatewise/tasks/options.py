"""The options that all tasks share, for the command line, YAML files and Python."""

from __future__ import annotations

import copyreg
from dataclasses import replace
from functools import cache
from math import ceil
from typing import Annotated, Any, ClassVar, Literal, Self, cast, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    create_model,
    field_validator,
)

from gatewise.cells.base import CellType
from gatewise.compiler.heads import has_heads
from gatewise.data.tables.dialect import Dialect
from gatewise.data.tables.names import join_names, split_names
from gatewise.errors import GatewiseError

Fraction = Annotated[float, Field(gt=0, lt=0.5)]
Count = Annotated[int, Field(ge=1, le=10**9)]
CountOrAuto = Annotated[int, Field(ge=0, le=10**9)]
Size = Annotated[int, Field(ge=1, le=2**16)]  # of a side of a weight matrix
Depth = Annotated[int, Field(ge=1, le=1000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
DROPOUT: dict[str, Any] = {"search": {"low": 0.0, "high": 0.5}}  # where it acts in one layer, too
HIDDEN: dict[str, Any] = {"search": {"low": 16, "high": 512, "log": True}}
LAYERS: dict[str, Any] = {"search": {"low": 1, "high": 3}}
NUMBERS = (int, float, int | None, float | None)  # Python takes truth for a number, too
EPOCHS = 20  # of a training that is limited in its steps, if the examples suffice


def _to_text(value: Any) -> Any:
    """A number as a text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Joined:
    """Joins a list of names to a text with separators; any other value stays as it is."""

    def __init__(self, separator: str = ",") -> None:
        self.separator = separator

    def __call__(self, value: Any) -> Any:
        return join_names(map(str, value), self.separator) if isinstance(value, list | tuple) else value


ColumnName = Annotated[str, BeforeValidator(_to_text)]  # or its number
ColumnNames = Annotated[str | None, BeforeValidator(Joined())]  # a column, or several with commas


class Options(BaseModel):
    """Options from a command line, a YAML file or Python; a text with commas is a list."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _split(cls, value: Any, info: ValidationInfo) -> Any:
        annotation = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and annotation in NUMBERS:
            raise ValueError("expected a number")
        if isinstance(value, str) and get_origin(annotation) is tuple:
            return tuple(part for part in split_names(value) if part)
        return value

    @classmethod
    def several(cls, name: str, values: list[str]) -> list[str]:
        """The list of an option that is given several times. Raises: `GatewiseError` if it takes no list."""
        field = cls.model_fields[name]
        separators = [
            one.func.separator
            for one in field.metadata
            if isinstance(one, BeforeValidator) and isinstance(one.func, Joined)
        ]
        if get_origin(field.annotation) is not tuple and not separators:
            flag = f"--{name.replace('_', '-')}"
            raise GatewiseError(f"{flag} is given {len(values)} times: {', '.join(values)}; give it once")
        separator = separators[0] if separators else ","
        return [part for one in values for part in split_names(one, separator) if part]

    @property
    def reads_gaps(self) -> bool:
        """Whether networks read which values are missing, or the time between steps."""
        return False

    def check_heads(self, cell: CellType) -> None:
        """Raises: `GatewiseError` if the layers of a cell can't have the number of heads."""

    def changed(self) -> list[str]:
        """The names of the options that differ from their defaults, or have none."""
        fields = type(self).model_fields
        return [name for name, field in fields.items() if getattr(self, name) != field.default]


class TextTableOptions(Options):
    """The data"""

    header: bool | None = Field(
        None,
        description="Whether the first row of a table has the names of its columns; without names they are "
        "called 1, 2 and so on. Detected if not given.",
    )
    encoding: str | None = Field(
        None, description="Encoding of a text table, such as latin-1; UTF-8 if not given."
    )

    @property
    def dialect(self) -> Dialect:
        """How the tables are written."""
        return Dialect(header=self.header, encoding=self.encoding)


class TableOptions(TextTableOptions):
    """The data"""

    missing: tuple[Annotated[str, BeforeValidator(_to_text)], ...] = Field(
        (),
        description="Further markers of empty cells in columns of numbers, such as -999; separated by commas "
        "in a shell.",
    )

    @property
    def dialect(self) -> Dialect:
        return replace(super().dialect, missing=self.missing)


class TaskOptions(Options):
    """The training"""

    epochs: Count = Field(50, description="The maximum number of epochs.")
    patience: Count = Field(6, description="Epochs without a better validation loss before training stops.")
    batch_size: CountOrAuto = Field(
        0,
        description="Examples in a batch, over all devices; 0 chooses the number from that of the examples.",
    )
    min_steps_per_epoch: Count = Field(
        1, description="The minimum number of steps per epoch; small datasets are repeated."
    )
    learning_rate: float = Field(
        1e-3,
        gt=0,
        description="Learning rate of AdamW.",
        json_schema_extra={"search": {"low": 3e-4, "high": 1e-2, "log": True}},
    )
    schedule: Literal["plateau", "cosine"] = Field(
        "plateau",
        description="Lower the learning rate when the validation score stalls, or along a cosine.",
    )
    weight_decay: float = Field(
        1e-4,
        ge=0,
        description="Weight decay of AdamW.",
        json_schema_extra={"search": {"low": 1e-6, "high": 1e-1, "log": True}},
    )
    average: Rate = Field(
        0.0,
        description="Decay of a moving average of the parameters over the steps, such as 0.99; the average "
        "is validated and kept. 0 for none.",
    )
    gradient_clip: float = Field(1.0, gt=0, description="The maximum norm of the gradient.")
    watch_gradient: bool = Field(
        False,
        description="Record the gradient through time once per epoch; warn if it explodes.",
    )

    def batch_size_for(self, examples: int) -> int:
        """The batch size; by default 8 to 64, so that small datasets have at least sixteen batches.

        >>> [TaskOptions().batch_size_for(examples) for examples in (71, 500, 100_000)]
        [8, 31, 64]
        """
        return self.batch_size or max(8, min(examples // 16, 64))

    def passes_per_epoch(self, examples: int) -> int:
        """The number of passes over the examples in one epoch.

        >>> [TaskOptions(min_steps_per_epoch=50).passes_per_epoch(examples) for examples in (36, 270, 5000)]
        [10, 3, 1]
        """
        return ceil(self.min_steps_per_epoch / ceil(examples / self.batch_size_for(examples)))

    def steps_of_epoch(self, examples: int) -> int:
        """The number of steps of an epoch.

        >>> [TaskOptions(min_steps_per_epoch=50).steps_of_epoch(examples) for examples in (36, 270, 5000)]
        [50, 51, 79]
        """
        steps = ceil(examples / self.batch_size_for(examples)) * self.passes_per_epoch(examples)
        return min(steps, self.max_epoch_steps() or steps)

    def for_baselines(self) -> Self:
        """The options with which baselines are trained: those of the network alone are left out."""
        return self

    def max_epoch_steps(self) -> int | None:
        """The maximum number of steps of an epoch; None if there is none."""
        return None

    def max_epochs(self, examples: int) -> int:
        """The maximum number of epochs."""
        return self.epochs

    def budget_notes(self, examples: int) -> tuple[str, ...]:
        """Describes how much of the training set is used, if not all of it in each epoch."""
        return ()


class StepOptions(TaskOptions):
    """The training"""

    max_steps: Count = Field(
        1000, description="The maximum number of training steps; an epoch has at most a twentieth of them."
    )

    def max_epoch_steps(self) -> int:
        """The maximum number of steps of an epoch.

        >>> [StepOptions(max_steps=steps).max_epoch_steps() for steps in (10, 1000)]
        [1, 50]
        """
        return max(self.max_steps // EPOCHS, 1)

    def max_epochs(self, examples: int) -> int:
        """The maximum number of epochs, within the maximum number of steps.

        >>> [StepOptions(max_steps=500).max_epochs(examples) for examples in (100, 1000, 100_000)]
        [38, 29, 20]
        """
        return min(self.epochs, max(self.max_steps // self.steps_of_epoch(examples), 1))

    def budget_notes(self, examples: int) -> tuple[str, ...]:
        steps, batch_size = self.steps_of_epoch(examples), self.batch_size_for(examples)
        epochs = self.max_epochs(examples)
        note = f"training: at most {epochs * steps} steps of {batch_size} windows, in {epochs} epochs"
        drawn = steps * batch_size
        return (f"{note}; each draws {drawn} of the {examples} windows" if drawn < examples else note,)


class StackOptions(Options):
    """The network"""

    hidden: Size = Field(64, description="Units of a layer.", json_schema_extra=HIDDEN)
    layers: Depth = Field(1, description="Layers of the stack.", json_schema_extra=LAYERS)
    heads: Size = Field(
        1,
        description="Heads of each layer: groups of units that read no other group between steps, or have a "
        "matrix memory each; the number divides that of the units.",
    )
    dropout: Rate = Field(
        0.0,
        description="Dropout between the layers of a stack.",
        json_schema_extra={"search": {"low": 0.0, "high": 0.5, "above": ["layers", 1]}},
    )

    @property
    def direction_units(self) -> int:
        """The units of a direction of the smallest layer."""
        return self.hidden

    def check_heads(self, cell: CellType) -> None:
        if self.heads == 1:
            return
        if not has_heads(cell):
            raise GatewiseError(
                f"no unit of the cell {cell.__name__} reads another one, so that --heads {self.heads} "
                "changes nothing; leave it out, or give another cell such as lstm"
            )
        units = self.direction_units
        if units % self.heads:
            fitting = [one for one in range(1, 2 * self.heads + 1) if units % one == 0]
            raise GatewiseError(
                f"--heads {self.heads} does not divide the {units} units of each direction of a layer; give "
                f"one of {', '.join(map(str, fitting))}, or another --hidden"
            )


class TrainOptions(TaskOptions):
    """The candidate"""

    cell: str = Field(
        "lstm", description="A cell's name, or FILE.py:Name for your own cell; the file is executed."
    )
    freeze: tuple[str, ...] = Field(
        (),
        description="Modules, such as recurrent, whose parameters stay fixed when a model is trained "
        "further; separated by commas in a shell.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of all random number generators.")
    accelerator: str = Field("auto", description="cpu, gpu, or auto, which Lightning resolves.")
    devices: Depth = Field(1, description="Number of devices to train on.")
    nodes: Depth = Field(1, description="Number of nodes, when started by torchrun.")
    strategy: str = Field("auto", description="Lightning's strategy for several devices.")

    @property
    def candidates(self) -> tuple[str, ...]:
        """The cells to train, as the user names them."""
        return (self.cell,)


class CompareOptions(TaskOptions):
    """The candidates"""

    cells: tuple[str, ...] = Field(
        (),
        description="Cells, separated by commas in a shell; by default those of the task.",
        json_schema_extra={"also": "cell"},  # the command line takes --cell for it too
    )
    seeds: Depth = Field(
        3, description="Number of times that each network is trained, for the standard deviation."
    )
    workers: str | None = Field(
        None,
        description="Train on the machines of a Ray cluster: ray for one on this machine, or an address such "
        "as ray://head:10001. All of them must be able to read and write the run folder and the data.",
        pattern="^ray(://.+)?$",
    )

    @property
    def candidates(self) -> tuple[str, ...]:
        """The cells to train, as the user names them."""
        return self.cells


VERBS: dict[str, type[TaskOptions]] = {"train": TrainOptions, "compare": CompareOptions}


@cache
def verb_options(verb: str, options_type: type[TaskOptions]) -> type[TaskOptions]:
    """The options of a verb on a task: those of the task, and those of the candidates."""
    combined = create_model(f"{verb.title()}{options_type.__name__}", __base__=(options_type, VERBS[verb]))
    # Pickle finds a class by its module, which has no class that is created here.
    copyreg.pickle(combined, lambda options: (_restore, (verb, options_type, dict(options))))
    return combined


def candidate_options(
    options: TaskOptions, options_type: type[TaskOptions], cell: str, seed: int
) -> TrainOptions:
    """The options of one training of `compare`."""
    shared = {name: getattr(options, name) for name in options_type.model_fields}
    return cast(TrainOptions, verb_options("train", options_type)(**{**shared, "cell": cell, "seed": seed}))


def _restore(verb: str, options_type: type[TaskOptions], values: dict[str, Any]) -> TaskOptions:
    """Options from a pickle."""
    return verb_options(verb, options_type)(**values)
