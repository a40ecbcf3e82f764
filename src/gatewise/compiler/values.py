"""The value of a line as C++ code."""

from __future__ import annotations

from gatewise.cells.expressions import Constant, Expression, Factor, Normalized, Operation, Previous, Vector
from gatewise.compiler.functions import FUNCTIONS, SIGNS
from gatewise.compiler.stages import Accumulated, Stage, StagePlan, previous_place


def variable(plan: StagePlan, kept: str | int) -> str:
    """The C++ name of a line or a sum: a number, so that no name from a file becomes code."""
    return f"sum_{kept}" if isinstance(kept, int) else f"line_{list(plan.program.lines).index(kept)}"


def row(rows: str, number: int) -> str:
    """A vector of one of the numbered rows of a step."""
    return f"load(step.{rows} + {number} * step.stride + u)"


def stored(plan: StagePlan, line: str) -> str:
    """The value of a line from its location after its computation."""
    place = plan.location(line)
    return f"load(step.state[{place.index}] + u)" if place.where == "state" else row("kept", place.index)


class Values:
    """Expressions as C++. Forward, lines and sums of the stage are locals; the rest is in memory."""

    def __init__(self, plan: StagePlan, stage: Stage) -> None:
        self.plan, self.stage = plan, stage
        self.sums_read: dict[int, None] = {}

    def text(self, expression: Expression) -> str:
        """The expression itself, in terms of its operands."""
        match expression:
            case Operation(function="negate", arguments=(only,)):
                return f"(-{self.read(only)})"
            case Operation(function=name, arguments=arguments) if name in SIGNS:
                return "(" + f" {SIGNS[name]} ".join(map(self.read, arguments)) + ")"
            case Operation(function=name, arguments=arguments):
                return f"{FUNCTIONS[name].name}({', '.join(map(self.read, arguments))})"
            case Accumulated(index=index):
                self.sums_read[index] = None
                return variable(self.plan, index)
            case Previous():
                return f"load(step.previous[{previous_place(self.plan.cell, expression)}] + u)"
            case Vector(family=family, block=block):
                return self.vector(family, block)
            case Factor(name=name):
                return f"load(step.factors[{self.plan.program.factors.index(name)}] + u)"
            case Constant(value=value):
                return f"broadcast<T>({value!r})"
            case Normalized():
                gain, shift = self.gain_and_shift(expression)
                return f"({self.standardized(expression)} * {gain} + {shift})"
        raise TypeError(f"no C++ for {expression}")

    def read(self, expression: Expression) -> str:
        """An operand: a line by its name or location, others as they are."""
        return self.line(expression.line) if expression.line is not None else self.text(expression)

    def line(self, name: str) -> str:
        """The value of a line: a local of its stage, or in memory."""
        return variable(self.plan, name) if name in self.stage.lines else stored(self.plan, name)

    def vector(self, family: str, block: str) -> str:
        """One weight for each unit."""
        return row("vectors", self.plan.vectors.index((family, block)))

    def standardized(self, one: Normalized) -> str:
        """A normalizer's value before gain and shift: `(v - mean) * (1 / deviation)`."""
        number = self._group(one)
        assert one.operand.line is not None
        return f"((({self.line(one.operand.line)}) - step.mean({number})) * step.inverse_deviation({number}))"

    def gain_and_shift(self, one: Normalized) -> tuple[str, str]:
        """The vectors of a normalizer for one of its values."""
        gain, shift = self.gain_and_shift_names(one)
        return self.vector(*gain), self.vector(*shift)

    def gain_and_shift_names(self, one: Normalized) -> tuple[tuple[str, str], tuple[str, str]]:
        """Their parameters and blocks, in the order of the normalizer's values."""
        number = self._group(one)
        assert one.operand.line is not None
        rows = self.plan.normalizers[number][1]
        place = rows.index(self.plan.location(one.operand.line))
        found = {family: [block for own, block in self.plan.vectors if own == family]
                 for family in (f"gain_{one.group}", f"shift_{one.group}")}  # fmt: skip
        gain, shift = ((family, blocks[place]) for family, blocks in found.items())
        return gain, shift

    def _group(self, one: Normalized) -> int:
        return [group for group, _ in self.plan.normalizers].index(one.group)
