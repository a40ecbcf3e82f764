"""A cell's lines and their gradient as C++ over a vector type."""

from __future__ import annotations

from functools import cache

from gatewise.cells.base import CellType
from gatewise.cells.notation import Constant, Expression, Operation, Previous, Vector
from gatewise.compiler.layout import layout
from gatewise.compiler.stages import Accumulated, Stage, stage

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
FUNCTIONS = {
    "sigmoid": "sigmoid<T>", "tanh": "hyperbolic_tangent<T>", "exp": "exponential<T>",
    "softplus": "softplus<T>", "relu": "relu<T>", "maximum": "maximum<T>",
}  # fmt: skip


@cache
def saved(cell: CellType) -> tuple[str | int, ...]:
    """What training keeps of a step beside the states: inner lines by name, sums by index.

    >>> from gatewise.cells import GRU
    >>> saved(GRU)
    ('r', 'z', 'n', 2)
    """
    return (*(name for name in cell.inner if name not in cell.state), *_Gradient(cell).sums_read)


def vectors(cell: CellType) -> tuple[tuple[str, str], ...]:
    """The vectors of a cell, each by its family and block."""
    found = [one for one in layout(cell).parameters if one.kind == "vector"]
    return tuple((one.name, block) for one in found for block in one.blocks)


def source(cell: CellType) -> str:
    """The C++ of a cell: its sizes, its slots, and one step forward and backward for a vector of units."""
    plan = stage(cell)
    slots = plan.slots
    most = max(len(slot.products) for slot in slots)
    rows = [[index for index, _, _ in slot.products] for slot in slots]
    places = ", ".join("{" + ", ".join(map(str, [*row, *[0] * (most - len(row))])) + "}" for row in rows)
    operands = [-1 if slot.operand == "x" else cell.state.index(slot.operand) for slot in slots]
    return f"""// {cell.__name__}: {cell.about}
#include "along.h"

namespace gatewise {{

template <class T> struct Cell {{
  using V = Vector<T>;
  static constexpr int sums = {len(plan.accumulators)}, states = {len(cell.state)};
  static constexpr int saved = {len(saved(cell))}, vectors = {len(vectors(cell))}, slots = {len(slots)};
  static constexpr int slot_state[slots] = {{{", ".join(map(str, operands))}}};  // -1 is the input
  static constexpr int slot_sums[slots] = {{{", ".join(str(len(row)) for row in rows)}}};
  static constexpr int slot_sum[slots][{most}] = {{{places}}};

{_forward(cell, plan)}

{_Gradient(cell).text()}
}};

}}  // namespace gatewise

#include "interface.h"
"""


def _forward(cell: CellType, plan: Stage) -> str:
    kept = saved(cell)
    lines = [
        f"    const V {_variable(name)} = {_Values(cell, local=True).text(line)};"
        for name, line in plan.lines.items()
    ]
    states = [
        f"    store(step.state[{place}] + u, {_variable(name)});" for place, name in enumerate(cell.state)
    ]
    keeps = [
        f"      store(step.saved[{place}] + u, {f'sum[{one}]' if isinstance(one, int) else _variable(one)});"
        for place, one in enumerate(kept)
    ]
    return "\n".join(
        [
            "  static GATEWISE_INLINE void forward(const V *sum, const Step<T> &step, int64_t u) {",
            *lines,
            *states,
            *(["    if (step.saved[0]) {", *keeps, "    }"] if keeps else []),
            "  }",
        ]
    )


def _variable(kept: str | int) -> str:
    """A line's or a sum's name in C++, where no name of ours or of the language is in its way."""
    return f"sum_{kept}" if isinstance(kept, int) else f"line_{kept}"


class _Values:
    """Expressions as C++; lines are locals in the forward step, and read back in the gradient."""

    def __init__(self, cell: CellType, local: bool) -> None:
        self.cell, self.local = cell, local
        self.vectors = vectors(cell)
        self.sums_read: dict[int, None] = {}

    def text(self, expression: Expression) -> str:
        match expression:
            case Operation(function="negate", arguments=(only,)):
                return f"(-{self.read(only)})"
            case Operation(function=name, arguments=arguments) if name in SIGNS:
                return "(" + f" {SIGNS[name]} ".join(map(self.read, arguments)) + ")"
            case Operation(function=name, arguments=arguments):
                return f"{FUNCTIONS[name]}({', '.join(map(self.read, arguments))})"
            case Accumulated(index=index):
                self.sums_read[index] = None
                return f"sum[{index}]" if self.local else _variable(index)
            case Previous(state=state):
                return f"load(step.previous[{self.cell.state.index(state)}] + u)"
            case Vector(family=family, block=block):
                return f"load(step.vectors[{self.vectors.index((family, block))}] + u)"
            case Constant(value=value):
                return f"broadcast<T>({value!r})"
        raise TypeError(f"no C++ for {expression}")

    def read(self, expression: Expression) -> str:
        return _variable(expression.line) if expression.line is not None else self.text(expression)


class _Gradient:
    """The reverse of a step, line by line; each line's derivative is written in the line's own value."""

    def __init__(self, cell: CellType) -> None:
        self.cell, self.plan = cell, stage(cell)
        self.values = _Values(cell, local=False)
        self.statements: list[str] = []
        self.temporaries = 0
        for name in reversed(self.plan.lines):
            self._back(self.plan.lines[name], f"d_{name}", own=name)

    @property
    def sums_read(self) -> tuple[int, ...]:
        """The sums whose values the gradient needs."""
        return tuple(sorted(self.values.sums_read))

    def text(self) -> str:
        cell, kept = self.cell, saved(self.cell)
        begin = [
            *(
                f"    const V {_variable(name)} = load(step.state[{k}] + u);"
                for k, name in enumerate(cell.state)
            ),
            *(f"    const V {_variable(one)} = load(step.saved[{k}] + u);" for k, one in enumerate(kept)),
            *(f"    V d_{name} = load(step.state_gradient[{k}] + u);" for k, name in enumerate(cell.state)),
            *(f"    V d_{name} = V{{}};" for name in self.plan.lines if name not in cell.state),
            *(f"    V d_sum_{k} = V{{}};" for k in range(len(self.plan.accumulators))),
            *(f"    V d_previous_{name} = V{{}};" for name in cell.state),
            *(f"    V d_vector_{k} = V{{}};" for k in range(len(vectors(cell)))),
        ]
        results = [
            *(("sum_gradient", k, f"d_sum_{k}") for k in range(len(self.plan.accumulators))),
            *(("previous_gradient", k, f"d_previous_{name}") for k, name in enumerate(cell.state)),
        ]
        added = [("vector_gradient", k, f"d_vector_{k}") for k in range(len(vectors(cell)))]
        end = [
            *(f"    store(step.{to}[{k}] + u, {value});" for to, k, value in results),
            *(
                f"    store(step.{to}[{k}] + u, load(step.{to}[{k}] + u) + {value});"
                for to, k, value in added
            ),
        ]
        head = "  static GATEWISE_INLINE void backward(const Step<T> &step, int64_t u) {"
        return "\n".join([head, *begin, *self.statements, *end, "  }"])

    def _back(self, expression: Expression, gradient: str, own: str | None = None) -> None:
        """Adds an expression's gradient to all that it is made of; `own` is the line that it is."""
        if own is None and expression.line is not None:
            self._add(f"d_{expression.line}", gradient)
            return
        match expression:
            case Accumulated(index=index):
                self._add(f"d_sum_{index}", gradient)
            case Previous(state=state):
                self._add(f"d_previous_{state}", gradient)
            case Vector(family=family, block=block):
                self._add(f"d_vector_{self.values.vectors.index((family, block))}", gradient)
            case Operation(function=name, arguments=(first, second)) if name in SIGNS:
                self._back_sign(name, first, second, gradient)
            case Operation(function="maximum", arguments=(first, second)):
                a, b, g = self._keep(self.values.read(first)), self._keep(self.values.read(second)), gradient
                half = f"select<T>({a} == {b}, {g} * T(0.5), V{{}})"
                self._back(first, self._keep(f"select<T>({a} > {b}, {g}, {half})"))
                self._back(second, self._keep(f"select<T>({a} < {b}, {g}, {half})"))
            case Operation(function=name, arguments=(only,)):
                y = _variable(own) if own else self._keep(self.values.text(expression))
                slope = {
                    "negate": "broadcast<T>(-1)",
                    "sigmoid": f"({y} * (T(1) - {y}))",
                    "tanh": f"(T(1) - {y} * {y})",
                    "relu": f"select<T>({y} > T(0), broadcast<T>(1), V{{}})",
                    "softplus": f"(T(1) - exponential<T>(-{y}))",
                    "exp": y,
                }[name]
                self._back(only, self._keep(f"{gradient} * {slope}"))

    def _back_sign(self, name: str, first: Expression, second: Expression, g: str) -> None:
        if name == "add":
            self._back(first, g)
            self._back(second, g)
        elif name == "subtract":
            self._back(first, g)
            self._back(second, self._keep(f"-{g}"))
        elif name == "multiply":
            if not isinstance(first, Constant):
                self._back(first, self._keep(f"{g} * {self.values.read(second)}"))
            if not isinstance(second, Constant):
                self._back(second, self._keep(f"{g} * {self.values.read(first)}"))
        else:
            above, below = self.values.read(first), self._keep(self.values.read(second))
            self._back(first, self._keep(f"{g} / {below}"))
            self._back(second, self._keep(f"-{g} * {above} / ({below} * {below})"))

    def _keep(self, text: str) -> str:
        if text.isidentifier():
            return text
        self.temporaries += 1
        self.statements.append(f"    const V t{self.temporaries} = {text};")
        return f"t{self.temporaries}"

    def _add(self, variable: str, gradient: str) -> None:
        self.statements.append(f"    {variable} += {gradient};")
