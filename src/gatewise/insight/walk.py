"""A walk through one step of a cell: the purpose of each line, and its numbers in a tiny example."""

from __future__ import annotations

import inspect
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from gatewise.cells.base import CellType
from gatewise.cells.carry_factor import carry_factors
from gatewise.cells.expressions import (
    Expression,
    Factor,
    KeyScale,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.formula import formula
from gatewise.cells.functions import BY_HEAD
from gatewise.cells.traversal import parts
from gatewise.engine.request import Request
from gatewise.engine.step import CellStep, StepValues
from gatewise.errors import GatewiseError
from gatewise.layers import Recurrent
from gatewise.layers.states import state_shapes

Phase = Literal["forget", "input", "update", "output"]
PHASES: dict[Phase, str] = {
    "forget": "how much of the old memory is kept",
    "input": "the new content",
    "update": "the memory after this step: the old content that is kept, and the new content",
    "output": "what the next step and the layer above read",
}
OTHER_NAMES = {
    "i": "input gate; with the candidate: learn gate; alone: ignore factor",
    "f": "forget gate",
    "g": "candidate",
    "c": "cell state, long-term memory (LTM), constant error carousel; the new one: remember gate",
    "o": "output gate, use gate",
    "h": "hidden state, short-term memory (STM), working memory",
    "r": "reset gate",
    "z": "update gate",
    "n": "candidate",
}
INPUTS = (1.0, -0.5, 0.8)
SEED = 3


@dataclass(frozen=True)
class WalkStep:
    """One line of a cell in the walk, with its phase.

    equation, substituted, value: `sigmoid(W_f x + R_f h[t-1])`, the same with numbers, and its value
    comment: of the equation's author; other_names: of the value, in lecture notes
    """

    phase: Phase
    name: str
    equation: str
    substituted: str
    value: float
    comment: str
    other_names: str


@dataclass(frozen=True)
class Walk:
    """The lines of one step in the order of their phases. input: x; before: the states of the step before."""

    cell: CellType
    step: int
    input: float
    before: dict[str, float]
    steps: tuple[WalkStep, ...]


def walk(cell: CellType) -> Walk:
    """The last of three steps of a layer of one input and two units, with the numbers of the first unit.

    Raises: `GatewiseError` if the cell runs over a lattice.

    >>> from gatewise.cells import LSTM
    >>> [(one.phase, one.name) for one in walk(LSTM).steps]
    [('forget', 'f'), ('input', 'i'), ('input', 'g'), ('update', 'c'), ('output', 'o'), ('output', 'h')]
    """
    if not cell.of_sequences:
        raise GatewiseError(f"{cell.__name__} runs over a lattice; give a cell of sequences: lstm, gru, ...")
    values, step = _example(cell)
    phases, comments = phases_of(cell), _comments(cell)
    order = list(PHASES)
    steps = [
        WalkStep(
            phases[name],
            name,
            formula(line),
            _substituted(line, values, step),
            _float(values[name]),
            comments.get(name, ""),
            "" if OTHER_NAMES.get(name, "") in comments.get(name, "") else OTHER_NAMES.get(name, ""),
        )
        for name, line in cell.lines.items()
    ]
    before = {f"{name}[t-1]": _float(values[one]) for name, one in cell.previous.items()}
    steps.sort(key=lambda one: order.index(one.phase))
    return Walk(cell, len(INPUTS), INPUTS[-1], before, tuple(steps))


def phases_of(cell: CellType) -> dict[str, Phase]:
    """The phase of each line of a cell, derived from the equations.

    The memory is the last state with a carry factor. Lines that the factor depends on belong to "forget",
    other lines that the memory depends on to "input", the memory itself to "update", all others to "output".

    >>> from gatewise.cells import GRU
    >>> phases_of(GRU)
    {'r': 'input', 'z': 'forget', 'n': 'input', 'h': 'update'}
    """
    factors = carry_factors(cell)
    if not factors:
        return {name: "output" if name == cell.state[0] else "input" for name in cell.lines}
    memory = cell.previous[list(factors)[-1]].state
    needed = _needed(cell, cell.lines[memory])
    forgetting = _needed(cell, factors[list(factors)[-1]])
    found: dict[str, Phase] = {}
    for name in cell.lines:
        if name == memory:
            found[name] = "update"
        elif name in forgetting:
            found[name] = "forget"
        else:
            found[name] = "input" if name in needed else "output"
    return found


def _needed(cell: CellType, expression: Expression) -> set[str]:
    """The lines that an expression depends on, directly or indirectly."""
    found: set[str] = set()
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        own = {part.line for part in (one, *parts(one)) if part.line} - found
        found |= own
        waiting += [cell.lines[name] for name in own]
    return found


def _example(cell: CellType) -> tuple[StepValues, CellStep]:
    """All values of the last step, float64."""
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(SEED)
        layer = Recurrent(cell, 1, 2).double()
        parameters = {name.removesuffix("_l0"): value for name, value in layer.named_parameters()}
        inputs = torch.tensor(INPUTS).double().view(-1, 1, 1)
        shapes = state_shapes(cell, 2, 2, heads=1)
        state = {name: inputs.new_zeros(1, *shape) for name, shape in shapes.items()}
        step = CellStep(Request(cell, inputs, parameters, state))
        values: StepValues = {}
        for seen in step.input_products(inputs):
            values = step.values(seen, state)
            state = {name: values[one.state] for name, one in cell.previous.items()}
    return values, step


def _substituted(line: Expression, values: StepValues, step: CellStep) -> str:
    """A line with numbers in place of its parts; a product alone is one number."""
    match line:
        case Product(family=family, block=block):
            return _rounded(values[family, block])
        case Operation(function=name) if name in BY_HEAD:
            return _rounded(step.value(line, values) if line.line is None else values[line.line])
    return formula(line, lambda part: _number(part, values, step))


def _number(part: Expression, values: StepValues, step: CellStep) -> str | None:
    """The number in place of a part of an equation: of a line, a state, a product or a weight."""
    if part.line is not None:
        return _rounded(values[part.line])
    match part:
        case Previous() | Normalized():
            return _rounded(values[part])
        case Product(family=family, block=block):
            return _rounded(values[family, block])
        case Vector(family=family, block=block):
            return _rounded(step.vectors[family, block])
        case Factor():
            return f"{float(step.elapsed.flatten()[0]):.2f}" if step.elapsed is not None else None
        case KeyScale():
            return f"{step.keys**-0.5:.2f}"
        case Operation(function=name) if name in BY_HEAD:  # the number of the first key, if it is a matrix
            return _rounded(step.value(part, values))
    return None


def _rounded(value: torch.Tensor) -> str:
    return f"{_float(value):.2f}"


def _float(value: torch.Tensor) -> float:
    return float(value.detach().reshape(-1)[0])


def _comments(cell: CellType) -> dict[str, str]:
    """The comment behind each line, in the class or its base classes."""
    found: dict[str, str] = {}
    for one in reversed(cell.__mro__):
        try:
            source = inspect.getsource(one)
        except (OSError, TypeError):
            continue
        found |= dict(_commented(source))
    return found


def _commented(source: str) -> Iterator[tuple[str, str]]:
    """The name and the comment of each `name = ...  # comment`."""
    name, new = None, True
    for token in tokenize.generate_tokens(io.StringIO(inspect.cleandoc(source)).readline):
        if token.type == tokenize.NAME and new:
            name = token.string
        elif token.type == tokenize.COMMENT and name is not None:
            yield name, token.string.lstrip("# ")
        new = token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
        name = None if token.type == tokenize.NEWLINE else name
