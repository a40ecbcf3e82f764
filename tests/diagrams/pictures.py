"""Reads a diagram back from its SVG: which wire ends at which shape, and what is written there."""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from gatewise.cells.expressions import (
    Constant,
    Factor,
    Input,
    KeyScale,
    Normalized,
    Operation,
    Previous,
    Product,
    Vector,
)

SVG = "{http://www.w3.org/2000/svg}"
PRODUCT = re.compile(r"\b([A-Za-z]\w*) _")
KEYS = 3.0


def number(name):
    """A number for each name, always the same, so that equal formulas have equal values."""
    return Random(name).uniform(0.5, 1.5)


FUNCTIONS = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b, "negate": lambda a: -a, "maximum": max, "minimum": min,
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)), "tanh": math.tanh, "relu": lambda a: max(a, 0.0),
    "softplus": lambda a: math.log1p(math.exp(a)), "log_sigmoid": lambda a: -math.log1p(math.exp(-a)),
    "exp": lambda a: math.exp(min(a, 50.0)), "log": lambda a: math.log(abs(a) + 0.1),
    "sqrt": lambda a: math.sqrt(abs(a)), "sin": math.sin, "cos": math.cos, "abs": abs,
    "fraction": lambda a: a - math.floor(a),
    # Of one number each, but different when operands are exchanged, where their order matters.
    "outer": lambda a, b: a * b + 0.3 * b, "contract": lambda a, b: a * b - 0.2 * a,
    "dot": lambda a, b: 1.7 * a * b, "keys": lambda a: 1.1 * a + 0.4,
}  # fmt: skip


def product(name, value):
    return number(name) * value


def normalized(group, value):
    return number(f"gain {group}") * value + number(f"shift {group}")


def evaluate(cell, expression):
    """The value of an expression, from the cell itself."""
    if expression.line is not None:
        expression = cell.lines[expression.line]
    values = [evaluate(cell, one) for one in expression.operands]
    match expression:
        case Operation(function=name):
            return FUNCTIONS[name](*values)
        case Product(family=family, block=block):
            return product(f"{family}_{block}", *values)
        case Normalized(group=group):
            return normalized(group, *values)
        case Previous(state=state, axis=axis):
            return number(f"{state} {axis}")
        case Vector(family=family, block=block):
            return number(f"{family}_{block}")
        case Constant(value=value):
            return value
        case Factor(name=name):
            return number(name)
        case KeyScale():
            return 1 / math.sqrt(KEYS)
        case Input():
            return number("x")
    raise TypeError(expression)


class Names(dict):
    """What a formula in a drawing may read: functions, lines of parameters alone, and parameters."""

    def __init__(self, cell, value):
        super().__init__(FUNCTIONS, _=value, K=KEYS, product=product)
        self.cell = cell

    def __missing__(self, name):
        if name.startswith("normalize_"):
            return lambda value: normalized(name.removeprefix("normalize_"), value)
        if name in self.cell.lines:
            return evaluate(self.cell, self.cell.lines[name])
        return number(name)


def computed(cell, formula, value):
    """The value of a formula of a drawing. value: of `_`"""
    source = PRODUCT.sub(r'product("\1", _)', formula)
    return eval(source, {"__builtins__": {}}, Names(cell, value))


@dataclass
class Shape:
    """A shape of the drawing.

    box: its outline; None for an input or a previous state, which is only a text at `place`
    terms: of a layer, the column, the text and the formula of each
    """

    kind: str
    text: str
    formula: str
    line: str | None
    box: tuple[float, float, float, float] | None
    place: tuple[float, float] | None
    terms: dict[int, tuple[float, str, str]] = field(default_factory=dict)


@dataclass
class Line:
    """A wire: the points at which it turns, and what it says that it connects."""

    source: str
    points: list[tuple[float, float]]
    reader: str | None
    pin: int | None
    state: str | None


class Picture:
    """A diagram that is read from the text of its file."""

    def __init__(self, text):
        self.root = ET.fromstring(text)
        self.shapes, self.lines = {}, []
        for one in self.root.iter():
            if "data-node" in one.attrib:
                self.shapes[one.get("data-node")] = self._shape(one)
            if one.tag == f"{SVG}path" and "data-from" in one.attrib:
                pin = one.get("data-pin")
                self.lines.append(
                    Line(one.get("data-from"), corners(one.get("d")), one.get("data-to"),
                         None if pin is None else int(pin), one.get("data-state"))
                )  # fmt: skip

    def _shape(self, element):
        rect = element.find(f"{SVG}rect")
        box = None
        if rect is not None:
            x, y, wide, high = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            box = (x, y, x + wide, y + high)
        terms = {
            int(one.get("data-pin")): (float(one.get("x")), "".join(one.itertext()), one.get("data-term"))
            for one in element.iter(f"{SVG}text")
            if "data-pin" in one.attrib
        }
        kind, formula, line = (element.get(f"data-{key}") for key in ("kind", "formula", "line"))
        text = element.find(f"{SVG}text")
        shown = "".join((element if text is None else text).itertext())
        place = None if box else (float(element.get("x")), float(element.get("y")))
        return Shape(kind, shown, formula, line, box, place, terms)

    def states(self, cell):
        """The value of each new state, computed by following wires from shape to shape."""
        values = {}

        def value(name):
            if name not in values:
                values[name] = self._value(cell, name, value)
            return values[name]

        found = {line.state: value(line.source) for line in self.lines if line.reader == "state"}
        (output,) = (line for line in self.lines if line.reader == "output")
        return found | {cell.state[0]: value(output.source)}

    def _value(self, cell, name, value):
        shape = self.shapes[name]
        entering = {line.pin: value(line.source) for line in self.lines if line.reader == name}
        match shape.kind:
            case "input":
                return number(shape.formula)
            case "previous":
                state, axis = re.fullmatch(r"(\w+)\[(?:t-1|p-e(\d+))\]", shape.formula).groups()
                return number(f"{state} {axis or 0}")
            case "operator":
                return FUNCTIONS[shape.formula](*(entering[pin] for pin in range(2)))
            case "function":
                return computed(cell, shape.formula, entering[0])
            case "parameter":
                return computed(cell, shape.formula, None)
        terms = {pin: term for pin, (_, _, term) in shape.terms.items() if term}
        total = sum(computed(cell, term, entering.get(pin)) for pin, term in terms.items())
        return computed(cell, shape.formula, total)


def corners(path):
    """The corners of a wire: bridges and the curves of corners are left out."""
    path = re.sub(r"L[-\d.]+ [-\d.]+a[^LQM]*", "", path)
    path = re.sub(r"L[-\d.]+ [-\d.]+Q([-\d.]+ [-\d.]+) [-\d.]+ [-\d.]+", r"L\1", path)
    return [tuple(float(one) for one in point.split()) for point in re.split("[ML]", path)[1:]]


def covered(points, step=6):
    """The points of a wire on the half grid, each with whether it runs across there; corners are both."""
    found = set()
    for (a, b), (c, d) in pairwise(points):
        long = max(abs(c - a), abs(d - b))
        for number in range(int(long // step) + 1):
            part = number * step / long
            found.add((round(a + (c - a) * part), round(b + (d - b) * part), b == d))
    return found
