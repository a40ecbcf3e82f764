"""What a cell is: a class whose body is its equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gatewise.cells.notation import Constant, Expression, Operation, Previous
from gatewise.errors import GatewiseError


class CellType(type):
    """Reads the body of a cell's class: each expression in it is a line, named by its attribute."""

    state: tuple[str, ...]
    source: str
    lines: Mapping[str, Expression]
    start: Mapping[str, float]

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, object]) -> None:
        super().__init__(name, bases, body)
        if not bases:
            return
        own = {key: value for key, value in body.items() if isinstance(value, Expression)}
        for key, value in own.items():
            _give_name(name, key, value)
        cls.lines = _in_order(name, {**getattr(bases[0], "lines", {}), **own}, cls.state)

    def __call__(cls, *arguments: object, **options: object) -> None:
        raise GatewiseError(
            f"{cls.__name__} is a set of equations, not a layer; "
            f"make a layer of it with gatewise.Recurrent({cls.__name__}, input_size, hidden_size)"
        )

    def __repr__(cls) -> str:
        if not hasattr(cls, "lines"):
            return f"<class '{cls.__module__}.{cls.__qualname__}'>"
        return f"{cls.__name__}(state: {', '.join(cls.state)}; gates: {', '.join(cls.gates) or 'none'})"

    @property
    def about(cls) -> str:
        """The first line of the cell's docstring."""
        return (cls.__doc__ or "").strip().split("\n")[0]

    @property
    def gates(cls) -> tuple[str, ...]:
        """The lines that stay in 0..1, in order."""
        return tuple(name for name, value in cls.lines.items() if _is_gate(value))

    @property
    def inner(cls) -> tuple[str, ...]:
        """The lines that a trace shows beside the states: the gates and the candidates."""
        return tuple(name for name in cls.lines if name in cls.gates or name not in cls.state)


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

    `start` gives a gate's bias a value to start from, `{"f": 1.0}`; `source` names the paper.
    Errors: `GatewiseError` for a line that reads a state nobody writes, a circle of lines, or two
    names for one expression.
    """

    state: tuple[str, ...] = ()
    source = "a user's own"
    start: Mapping[str, float] = {}


def _give_name(cell: str, name: str, value: Expression) -> None:
    if isinstance(value, Constant) or not value.operands:
        raise GatewiseError(
            f"{cell}.{name} is only another name for {type(value).__name__.lower()}; "
            "a line is an equation, so write the value where it is used"
        )
    if value.line not in (None, name):
        raise GatewiseError(f"{cell}.{name} is the same expression as line {value.line!r}; name it once")
    object.__setattr__(value, "line", name)


def _in_order(cell: str, lines: Mapping[str, Expression], state: tuple[str, ...]) -> Mapping[str, Expression]:
    """The lines that the states need, each after all that it reads."""
    ordered: dict[str, Expression] = {}
    open_lines: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        if name in open_lines:
            circle = " -> ".join([*open_lines[open_lines.index(name) :], name])
            raise GatewiseError(f"{cell} has lines that wait for each other: {circle}")
        open_lines.append(name)
        for part in parts(lines[name]):
            if isinstance(part, Previous) and part.state not in state:
                raise GatewiseError(
                    f"{cell}.{name} reads prev.{part.state}, but state is {state!r}: add {part.state!r} to it"
                )
            if part.line is not None:
                visit(part.line)
        open_lines.pop()
        ordered[name] = lines[name]

    if not state:
        raise GatewiseError(f'{cell} names no state; write state = ("h",), the output first')
    for name in state:
        if name not in lines:
            raise GatewiseError(f"{cell} has a state {name!r} but no line {name} = ...")
    needed = _needed(lines, state)
    for name in lines:
        if name in needed:
            visit(name)
    return ordered


def _needed(lines: Mapping[str, Expression], state: tuple[str, ...]) -> set[str]:
    needed: set[str] = set()
    waiting = list(state)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [part.line for part in parts(lines[name]) if part.line is not None]
    return needed


def parts(line: Expression) -> Iterator[Expression]:
    """Every expression below a line, down to the lines that it reads (those included, not entered)."""
    for operand in line.operands:
        yield operand
        if operand.line is None:
            yield from parts(operand)


def _is_gate(value: Expression) -> bool:
    match value:
        case Operation(function="sigmoid"):
            return True
        case Operation(function="subtract", arguments=(Constant(value=1.0), other)):
            return _is_gate(other)
    return False
