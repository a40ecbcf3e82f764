"""The statements of a step in no language: values, and what is done with them.

Arithmetic, comparisons and brackets are the same in all languages that kernels are written in; numbers,
functions and where a value is in memory are not, so that a formula has holes for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Where = Literal["previous", "state", "kept", "vectors", "factors", "entries"]


@dataclass(frozen=True)
class Local:
    """A variable of the step."""

    name: str


@dataclass(frozen=True)
class Row:
    """A number for each unit in memory: of the numbered rows of a kind, such as the states before."""

    where: Where
    index: int


@dataclass(frozen=True)
class Number:
    """A constant of the equations, for each unit."""

    value: float


@dataclass(frozen=True)
class Statistic:
    """A number of a normalizer, one for all units."""

    kind: Literal["mean", "inverse_deviation"]
    normalizer: int


@dataclass(frozen=True)
class Formula:
    """Arithmetic over values.

    text: with `{0}`, `{1}`, ... for these, and the name of each of the `Words` that it needs in braces
    """

    text: str
    operands: tuple[Value, ...]


Value = Local | Row | Number | Statistic | Formula
Words = Mapping[str, str]  # how a language writes the functions of the notation, and what derivatives need


@dataclass(frozen=True)
class Statement:
    """A variable becomes a value, or a value is added to it."""

    name: str
    value: Value
    adds: bool


class Language(Protocol):
    """How values are written."""

    @property
    def words(self) -> Words:
        """The text for each name in braces of a formula."""

    def row(self, row: Row) -> str:
        """A number for each unit in memory."""

    def number(self, value: float) -> str:
        """A constant for each unit."""

    def statistic(self, one: Statistic) -> str:
        """A number of a normalizer."""


def written(value: Value, language: Language) -> str:
    """The text of a value.

    >>> from gatewise.compiler.cpp import CPP
    >>> written(Formula("({0} * {tanh}({1}))", (Local("o"), Row("state", 1))), CPP)
    '(o * hyperbolic_tangent<T>(load(step.state[1] + u)))'
    """
    match value:
        case Local(name=name):
            return name
        case Row():
            return language.row(value)
        case Number(value=number):
            return language.number(number)
        case Statistic():
            return language.statistic(value)
        case Formula(text=text, operands=operands):
            return text.format(*(written(one, language) for one in operands), **language.words)
