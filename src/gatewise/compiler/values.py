"""The value of a line, over the values that it reads."""

from __future__ import annotations

from gatewise.cells.expressions import Constant, Expression, Factor, Normalized, Operation, Previous, Vector
from gatewise.compiler.functions import SIGNS
from gatewise.compiler.stages import Accumulated, Stage, StagePlan, previous_place
from gatewise.compiler.statements import Formula, Local, Number, Row, Statistic, Value


def variable(plan: StagePlan, kept: str | int) -> str:
    """The name of a line or a sum in code: a number, so that no name from a file becomes code."""
    return f"sum_{kept}" if isinstance(kept, int) else f"line_{list(plan.program.lines).index(kept)}"


def stored(plan: StagePlan, line: str) -> Row:
    """The location of a line after its computation."""
    place = plan.location(line)
    return Row("state" if place.where == "state" else "kept", place.index)


class Values:
    """Expressions as values. Forward, lines and sums of the stage are locals; the rest is in memory."""

    plan: StagePlan
    stage: Stage

    def __init__(self, plan: StagePlan, stage: Stage) -> None:
        self.plan, self.stage = plan, stage
        self.sums_read: dict[int, None] = {}

    def value(self, expression: Expression) -> Value:
        """The expression itself, in terms of its operands."""
        match expression:
            case Operation(function="negate", arguments=(only,)):
                return Formula("(-{0})", (self.read(only),))
            case Operation(function=name, arguments=arguments) if name in SIGNS:
                return Formula(f"({{0}} {SIGNS[name]} {{1}})", tuple(map(self.read, arguments)))
            case Operation(function=name, arguments=arguments):
                holes = ", ".join(f"{{{number}}}" for number in range(len(arguments)))
                return Formula(f"{{{name}}}({holes})", tuple(map(self.read, arguments)))
            case Accumulated(index=index):
                self.sums_read[index] = None
                return Local(variable(self.plan, index))
            case Previous():
                return Row("previous", previous_place(self.plan.cell, expression))
            case Vector(family=family, block=block):
                return self.vector(family, block)
            case Factor(name=name):
                return Row("factors", self.plan.program.factors.index(name))
            case Constant(value=number):
                return Number(number)
            case Normalized():
                gain, shift = (self.vector(*one) for one in self.gain_and_shift(expression))
                return Formula("({0} * {1} + {2})", (self.standardized(expression), gain, shift))
        raise TypeError(f"no kernel has a value for {expression}")

    def read(self, expression: Expression) -> Value:
        """An operand: a line by its name or location, others as they are."""
        return self.line(expression.line) if expression.line is not None else self.value(expression)

    def line(self, name: str) -> Value:
        """The value of a line: a local of its stage, or in memory."""
        if name in self.stage.lines:
            return Local(variable(self.plan, name))
        return stored(self.plan, name)

    def vector(self, family: str, block: str) -> Row:
        """One weight for each unit."""
        return Row("vectors", self.plan.vectors.index((family, block)))

    def standardized(self, one: Normalized) -> Formula:
        """A normalizer's value before gain and shift: `(v - mean) * (1 / deviation)`."""
        number = self._group(one)
        assert one.operand.line is not None
        mean, scale = Statistic("mean", number), Statistic("inverse_deviation", number)
        return Formula("((({0}) - {1}) * {2})", (self.line(one.operand.line), mean, scale))

    def gain_and_shift(self, one: Normalized) -> tuple[tuple[str, str], tuple[str, str]]:
        """The vectors of a normalizer for one of its values, by parameter and block."""
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
