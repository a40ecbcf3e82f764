"""A trained model as one module of raw values, from which exports and servers are made."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

DType = Literal["float64", "float32", "int64", "bool"]


@dataclass(frozen=True)
class Field:
    """An input or a result of a deployed model.

    axes: a name for each axis of any size, such as "batch", and the size of each other one
    about: what it holds, in a sentence without an end
    """

    name: str
    dtype: DType
    axes: tuple[str | int, ...]
    about: str

    @property
    def dynamic(self) -> dict[int, str]:
        """The names of the axes of any size, by number."""
        return {number: axis for number, axis in enumerate(self.axes) if isinstance(axis, str)}


def without_missing(result: Tensor, missing: Tensor) -> Tensor:
    """A result [B, ...], NaN in rows with missing values [B, ...], which an engine may take for numbers.

    missing: bool
    """
    rows = missing.flatten(1).any(1).view(-1, *[1] * (result.dim() - 1))
    return torch.where(rows, torch.full_like(result, torch.nan), result)


def valid_steps(values: Tensor, lengths: Tensor) -> Tensor:
    """[B, T, 1] bool: whether a step of [B, T, ...] is inside its sequence."""
    return (torch.arange(values.shape[1], device=values.device) < lengths[:, None]).unsqueeze(-1)


class Deployed(nn.Module):
    """Raw values as they are in a table -> results in the same units.

    Scaling, normalization and calibration are inside. `forward` takes a tensor for each of `inputs` by name,
    and returns a tuple with one for each of `results`; `torch.export` supports its operations, with every
    named axis of any size.

    inputs, results: the tensors
    description: plain data, as in JSON: what stays outside, such as names of columns and classes
    step: a model of its own, of one step of a decoder that reads the results of this one; None without one
    """

    inputs: tuple[Field, ...]
    results: tuple[Field, ...]
    description: dict[str, Any]
    step: Deployed | None
    tolerance: float = 1e-5  # by which exports may differ, of the largest number in a result

    def __init__(
        self, inputs: Sequence[Field], results: Sequence[Field], description: dict[str, Any]
    ) -> None:
        super().__init__()
        self.step = None
        self.inputs, self.results, self.description = tuple(inputs), tuple(results), description

    @abstractmethod
    def example(self, sizes: dict[str, int], random: torch.Generator) -> dict[str, Tensor]:
        """Plausible random values of each input. sizes: of each named axis"""

    def described(self) -> dict[str, Any]:
        """The description with the inputs and the results, as plain data."""
        step = {} if self.step is None else {"step": self.step.described()}
        return {
            **self.description,
            "inputs": [asdict(one) for one in self.inputs],
            "results": [asdict(one) for one in self.results],
            **step,
        }
