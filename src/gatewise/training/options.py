"""Every option of a training, once: for the command line, for YAML files and for Python."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gatewise.errors import GatewiseError

Share = Annotated[float, Field(gt=0, lt=0.5)]
Count = Annotated[int, Field(ge=1)]
CountOrFound = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0, lt=1)]
GRID_CELLS = ("rnn", "lstm", "gru")


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("known", "observed", "cells", mode="before", check_fields=False)
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


class DataOptions(_Options):
    """The data"""

    horizon: Count = Field(description="Steps to foretell.")
    time: str | None = Field(None, description="The column of times; recognised by its dates.")
    target: str | None = Field(None, description="The column to foretell.")
    id: str | None = Field(None, description="The column that tells many series apart.")
    known: tuple[str, ...] = Field((), description="Columns known in advance, with commas.")
    observed: tuple[str, ...] = Field((), description="Columns known up to the present, with commas.")
    fill: Literal["linear", "forward"] | None = Field(None, description="How to fill gaps, if at all.")
    time_format: str | None = Field(None, description="The form of the times, such as %d/%m/%Y.")
    context: CountOrFound = Field(0, description="Steps to look back on; 0 finds a number.")
    period: CountOrFound = Field(0, description="Steps after which the series repeats; 0 finds it.")
    validation_share: Share = Field(0.15, description="The part of each series to choose by.")
    test_share: Share = Field(0.15, description="The last part of each series, to test on.")


class NetworkOptions(_Options):
    """The network"""

    network: Literal["stack", "grid"] = Field(
        "stack", description="Layers above each other, or a Grid LSTM with depth as an axis."
    )
    hidden: Count = Field(64, description="Units of a layer.")
    layers: Count = Field(1, description="Layers above each other.")
    depth_weights: Literal["tied", "untied"] = Field(
        "tied", description="Of a grid: the same weights for all layers, or each its own."
    )
    dropout: Rate = Field(0.0, description="Dropout between the layers of a stack.")
    head: Literal["quantiles", "student-t"] = Field("quantiles", description="What the network ends in.")


class TrainingOptions(_Options):
    """The training"""

    epochs: Count = Field(50, description="Rounds over the training windows, at most.")
    patience: Count = Field(6, description="Rounds without a better validation before it stops.")
    batch_size: CountOrFound = Field(0, description="Windows in a batch; 0 finds a number.")
    learning_rate: float = Field(1e-3, gt=0, description="Of AdamW; falls where validation stands still.")
    weight_decay: float = Field(1e-4, ge=0, description="Of AdamW.")
    gradient_clip: float = Field(1.0, gt=0, description="The largest norm of the gradient.")


class ForecastOptions(TrainingOptions, NetworkOptions, DataOptions):
    """What `train` and `compare` of a forecast have in common."""

    @property
    @abstractmethod
    def contenders(self) -> tuple[str, ...]:
        """The cells to train, as the user names them."""


class TrainOptions(ForecastOptions):
    """The contender"""

    @property
    def contenders(self) -> tuple[str, ...]:
        return (self.cell,)

    cell: str = Field("lstm", description="A cell's name, or FILE.py:Name for your own.")
    seed: int = Field(0, ge=0, lt=2**31, description="Of everything random.")
    accelerator: str = Field("auto", description="cpu, gpu, or what Lightning finds.")
    devices: Count = Field(1, description="Devices to train on.")
    nodes: Count = Field(1, description="Machines to train on, started by torchrun.")
    strategy: str = Field("auto", description="Lightning's strategy for several devices.")


class CompareOptions(ForecastOptions):
    """The contenders"""

    @model_validator(mode="before")
    @classmethod
    def _fit_the_network(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("network") == "grid":
            return {"cells": GRID_CELLS, **values}
        return values

    @property
    def contenders(self) -> tuple[str, ...]:
        return self.cells

    cells: tuple[str, ...] = Field(
        (*GRID_CELLS, "peephole"),
        min_length=1,
        description="Cells, with commas; no peephole where the network is a grid.",
    )
    seeds: Count = Field(3, description="Trainings of each network, which show its spread.")

    def one(self, cell: str, seed: int) -> TrainOptions:
        """The options of one of the trainings."""
        shared = {name: getattr(self, name) for name in ForecastOptions.model_fields}
        return TrainOptions(**shared, cell=cell, seed=seed)


Options = TypeVar("Options", bound=ForecastOptions)


def resolve(kind: type[Options], config: Path | None, given: dict[str, Any]) -> Options:
    """The options of a YAML file, overruled by those given directly; the rest by default.

    Errors: `GatewiseError` that names an unknown key or a value out of bounds.
    """
    from_file = read_yaml(config) if config else {}
    try:
        return kind(**{**from_file, **given})
    except ValidationError as error:
        raise GatewiseError(_first(error, kind, config)) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file. Errors: `GatewiseError` where it holds something else."""
    if not path.is_file():
        raise GatewiseError(f"there is no file {str(path)!r} to read options from")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GatewiseError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise GatewiseError(f"expected {path} to hold `option: value` lines, got {type(values).__name__}")
    return {str(key).replace("-", "_"): value for key, value in values.items()}


def to_yaml(options: ForecastOptions) -> str:
    """All options as YAML, as `resolve` reads them."""
    values = {name: list(one) if isinstance(one, tuple) else one for name, one in options}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _first(error: ValidationError, kind: type[BaseModel], config: Path | None) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    where = f" in {config}" if config else ""
    if first["type"] == "extra_forbidden":
        return f"there is no option {name!r}{where}; the options are {', '.join(kind.model_fields)}"
    if first["type"] == "missing":
        return (
            f"the option {name!r} is missing: give --{name.replace('_', '-')} or write it in a --config file"
        )
    return f"option {name}{where}: {first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}"
