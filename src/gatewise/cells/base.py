"""The base class of cells: a class whose body is its equations."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping

from gatewise.cells.expressions import (
    Constant,
    Expression,
    Factor,
    Input,
    KeyScale,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)
from gatewise.cells.formula import formula
from gatewise.cells.initial_values import Initial, initial_value, initial_vectors
from gatewise.cells.limits import MOST_DEPTH, MOST_LINES, MOST_PARTS, check_axis, check_cell_name, check_name
from gatewise.cells.notation import back, prev
from gatewise.cells.order import in_order
from gatewise.cells.ranks import check_ranks, matrix_lines
from gatewise.cells.traversal import extent, inside, parts
from gatewise.errors import GatewiseError

RESERVED = (
    "state", "source", "initial_bias", "initial_vectors", "named_gates", "lines", "all_lines", "gates",
    "intermediates", "about", "axes", "previous", "of_lattice", "of_sequences", "matrix_states", "matrices",
    "reads_elapsed",
)  # fmt: skip


class CellType(type):
    """The metaclass of cells: each expression in the body of the class is a line, named by its attribute."""

    state: tuple[str, ...]
    source: str
    about: str  # the first line of the docstring
    lines: Mapping[str, Expression]  # the lines that the states need, in the order of computation
    all_lines: Mapping[str, Expression]  # all lines of the body and its bases
    initial_bias: Mapping[str, Initial]
    initial_vectors: Mapping[Vector, Initial]
    named_gates: tuple[str, ...]  # those that the body names; a line that ends in a sigmoid is one anyway
    reads_elapsed: bool  # the time since the step before
    matrices: frozenset[str]  # the lines with a number for each unit and key
    matrix_states: tuple[str, ...]  # the states among them
    axes: int  # 1 for a cell of sequences, N for one of a lattice of N axes
    previous: Mapping[str, Previous]  # the values that later positions read, by name
    with_constants: tuple[CellType, Mapping[str, Expression]]  # kept by `compiler.constants`

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, object]) -> None:
        super().__init__(name, bases, body)
        if not bases:
            return
        inherited: dict[str, Expression] = {}
        for base in reversed(bases):
            inherited |= getattr(base, "all_lines", {})
        own = {key: value for key, value in body.items() if isinstance(value, Expression)}
        _check_body(name, body, inherited, cls.state)
        for key, value in own.items():
            _give_name(name, key, value)
        cls.all_lines = {**inherited, **own}
        _check_size(name, cls.all_lines)
        _check_parts(name, own)
        cls.lines = in_order(name, cls.all_lines, cls.state)
        cls.previous = _previous(name, cls.lines, cls.state)
        cls.axes = max([1, *(one.axis for one in cls.previous.values())])
        every = [one for line in cls.lines.values() for one in inside(line)]
        cls.reads_elapsed = any(isinstance(one, Factor) for one in every)
        cls.matrices = matrix_lines(cls.lines)
        cls.matrix_states = check_ranks(name, cls.lines, cls.matrices, cls.state)
        if cls.reads_elapsed and cls.of_lattice:
            raise GatewiseError(f"{name} reads the elapsed time, and a lattice has none; write prev for back")
        if cls.matrix_states and cls.of_lattice:
            raise GatewiseError(
                f"{name} runs over a lattice, whose states are vectors, and {cls.matrix_states[0]} is a "
                "matrix; write prev for a cell of sequences"
            )
        gates = body.get("gates", getattr(cls, "named_gates", ()))
        cls.named_gates = _named_gates(name, gates, cls.all_lines)
        cls.about = (cls.__doc__ or "").strip().split("\n")[0]
        cls.__doc__ = _documentation(cls)
        for key in cls.initial_bias:
            if key not in cls.all_lines:
                raise GatewiseError(f"{name}.initial_bias names {key!r}, which is not a line of the cell")
        cls.initial_bias = {
            key: initial_value(f"the bias of {name}.{key}", value)
            for key, value in cls.initial_bias.items()
            if key in cls.lines
        }
        cls.initial_vectors = initial_vectors(name, cls.initial_vectors, cls.lines, cls.all_lines)

    def __call__(cls, *arguments: object, **options: object) -> None:
        layer = "Recurrent" if getattr(cls, "axes", 1) == 1 else "Lattice"
        raise GatewiseError(
            f"{cls.__name__} is a set of equations, not a layer; "
            f"make a layer of it with gatewise.{layer}({cls.__name__}, input_size, hidden_size)"
        )

    def __repr__(cls) -> str:
        if not hasattr(cls, "lines"):
            return f"<class '{cls.__module__}.{cls.__qualname__}'>"
        return f"{cls.__name__}(state: {', '.join(cls.state)}; gates: {', '.join(cls.gates) or 'none'})"

    @property
    def of_lattice(cls) -> bool:
        """Whether it reads the positions before along axes, `back[1].h`, not the step before, `prev.h`."""
        return any(one.axis for one in cls.previous.values())

    @property
    def of_sequences(cls) -> bool:
        """Whether it runs along sequences, in which the next step reads each state and nothing else."""
        return cls.axes == 1 and tuple(cls.previous) == cls.state

    @property
    def gates(cls) -> tuple[str, ...]:
        """The lines with values in 0..1 and those that the cell names as gates, in order."""
        return tuple(
            name for name, value in cls.lines.items() if name in cls.named_gates or _is_gate(value, cls.lines)
        )

    @property
    def intermediates(cls) -> tuple[str, ...]:
        """The lines of a trace beside the states: the gates and the candidates that are vectors."""
        gates = cls.gates
        return tuple(
            name
            for name in cls.lines
            if name not in cls.matrices and (name in gates or name not in cls.state)
        )


class Cell(metaclass=CellType):
    """The equations of one step of a recurrent network, written once.

    A subclass lists its states, the output first, and writes one line for each value:

    >>> from gatewise.cells import Cell, R, W, prev, sigmoid, tanh, x
    >>> class Leaky(Cell):
    ...     '''A tanh unit with one gate that mixes old and new.'''
    ...     state = ("h",)
    ...     f = sigmoid(W.f @ x + R.f @ prev.h)
    ...     g = tanh(W.g @ x + R.g @ prev.h)
    ...     h = f * prev.h + (1 - f) * g
    >>> Leaky
    Leaky(state: h; gates: f)

    A subclass of a cell replaces single lines and keeps the others:

    >>> class Frozen(Leaky):
    ...     g = tanh(W.g @ x)

    `initial_bias` gives the initial value of a gate's bias, `{"f": 1.0}`, and `initial_vectors` that of a
    vector, `{p.h: uniform}`; each is a number, or an equation of `uniform` and `position`. `gates` names
    gates that do not end in a sigmoid; `source` names the paper.
    Raises: `GatewiseError` if a line reads a state that does not exist, lines depend on each other in a
        cycle, or one expression has two names.
    """

    state: tuple[str, ...] = ()
    source = "a user's own"
    initial_bias: Mapping[str, Initial] = {}
    initial_vectors: Mapping[Vector, Initial] = {}


EXAMPLE = """
    >>> import torch, gatewise
    >>> layer = gatewise.Recurrent(gatewise.cells.{name}, input_size=5, hidden_size=8)
    >>> layer(torch.randn(10, 3, 5))[0].shape
    torch.Size([10, 3, 8])
"""


def _documentation(cell: CellType) -> str:
    """The docstring of a cell: its description, equations, shapes and source, and an example."""
    width = max(map(len, cell.lines))
    vectors = [name for name in cell.state if name not in cell.matrix_states]
    matrices = f"; each [B, H, K]: {', '.join(cell.matrix_states)}" if cell.matrix_states else ""
    gates = ", ".join(cell.gates) or "none"
    equations = [f"    {name:<{width}} = {formula(line)}" for name, line in cell.lines.items()]
    text = [
        cell.about,
        "",
        *equations,
        "",
        f"State, each [B, H]: {', '.join(vectors)}{matrices}. Gates: {gates}. x: [B, I].",
        f"Source: {cell.source}.",
    ]
    built_in = not cell.of_lattice and cell.__module__.startswith("gatewise.")
    return "\n".join(text) + "\n" + (EXAMPLE.format(name=cell.__name__) if built_in else "")


def _check_body(
    cell: str, body: Mapping[str, object], inherited: Mapping[str, Expression], state: tuple[str, ...] | str
) -> None:
    check_cell_name(cell)
    if isinstance(body.get("start"), Mapping):
        raise GatewiseError(f"{cell}.start is now called {cell}.initial_bias; rename it")
    for key, value in body.items():
        if isinstance(value, Expression):
            check_name(f"a line of {cell}", key)
        if isinstance(value, Expression) and key in RESERVED:
            raise GatewiseError(f"{cell}.{key} can't be a line, as {key} is an attribute of every cell")
        if key in inherited and not isinstance(value, Expression):
            raise GatewiseError(
                f"{cell}.{key} replaces a line by {value!r}; write an equation, or change its readers"
            )
    if not isinstance(state, tuple | list) or len(set(map(str, state))) < len(state):
        raise GatewiseError(
            f'{cell}.state is {reprlib.repr(state)}; expected different names such as ("h", "c")'
        )
    for one in state:
        check_name(f"a state of {cell}", one)


def _check_size(cell: str, lines: Mapping[str, Expression]) -> None:
    """Limits the size and depth of a cell, which determine time, memory and recursion."""
    if len(lines) > MOST_LINES:
        raise GatewiseError(f"{cell} has {len(lines)} lines; a cell may have at most {MOST_LINES}")
    total = 0
    for name, line in lines.items():
        depth, count = extent(line)
        if depth > MOST_DEPTH:
            raise GatewiseError(
                f"{cell}.{name} is nested {depth} deep, more than {MOST_DEPTH}; make parts of it lines"
            )
        total += count
        if total > MOST_PARTS:
            raise GatewiseError(
                f"the equations of {cell} up to {name} have more than {MOST_PARTS} parts; "
                "make a repeated part a line"
            )


def _check_parts(cell: str, lines: Mapping[str, Expression]) -> None:
    """Checks every name in the lines, as names occur in formulas, parameters and comments."""
    for line in lines.values():
        for one in inside(line):
            match one:
                case Product(family=family, block=block) | Vector(family=family, block=block):
                    check_name(f"a family in {cell}", family)
                    check_name(f"a block in {cell}", block)
                case Normalized(group=group):
                    check_name(f"a normalizer in {cell}", group)
                case Previous(state=state, axis=axis):
                    check_name(f"a state in {cell}", state)
                    check_axis(axis)
                case Operation() | Constant() | Input() | KeyScale() | Factor(name="elapsed"):
                    pass
                case _:
                    raise GatewiseError(
                        f"{cell} has a {type(one).__name__}, which is not part of the notation of lines"
                    )


def _previous(cell: str, lines: Mapping[str, Expression], state: tuple[str, ...]) -> dict[str, Previous]:
    """The states that a cell reads of the positions before: `h` if along one axis, else `h.1`, `h.2`."""
    read = {one for line in lines.values() for one in parts(line) if isinstance(one, Previous)}
    axes = {one.axis for one in read}
    if axes <= {0}:
        return {name: prev[name] for name in state}
    if 0 in axes:
        raise GatewiseError(f"{cell} reads both prev and back[...]; on a lattice write back[1] for prev")
    found: dict[str, Previous] = {}
    for name in state:
        own = sorted(one.axis for one in read if one.state == name)
        found |= {name if len(own) == 1 else f"{name}.{axis}": back[axis][name] for axis in own}
    return found


def _named_gates(cell: str, gates: object, lines: Mapping[str, Expression]) -> tuple[str, ...]:
    """The gates that the body of a cell names. Raises: `GatewiseError` if they are not names of lines."""
    if not isinstance(gates, tuple | list) or not all(isinstance(one, str) for one in gates):
        raise GatewiseError(f'{cell}.gates is {reprlib.repr(gates)}; expected names such as ("i", "f")')
    for one in gates:
        if one not in lines:
            raise GatewiseError(f"{cell}.gates names {one!r}, which is not a line of the cell")
    return tuple(gates)


def _give_name(cell: str, name: str, value: Expression) -> None:
    if isinstance(value, Constant) or not value.operands:
        raise GatewiseError(
            f"{cell}.{name} is only another name for {type(value).__name__.lower()}; "
            "a line is an equation, so write the value where it is used"
        )
    if value.line not in (None, name):
        raise GatewiseError(f"{cell}.{name} is the same expression as line {value.line!r}; name it once")
    object.__setattr__(value, "line", name)


def _is_gate(value: Expression, lines: Mapping[str, Expression]) -> bool:
    while True:
        match value:
            case Operation(function="sigmoid"):
                return True
            case Operation(function="subtract", arguments=(Constant(value=1.0), other)):
                value = lines[other.line] if other.line else other
            case _:
                return False
