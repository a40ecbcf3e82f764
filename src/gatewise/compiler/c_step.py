"""One step of a cell as a C99 function, for one row of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatewise.cells.base import CellType
from gatewise.cells.expressions import NORMALIZE_EPSILON, Expression, Input, Product
from gatewise.cells.formula import formula, formulas
from gatewise.compiler.c_runtime import literal
from gatewise.compiler.c_schedule import is_product, schedule
from gatewise.compiler.c_values import LayerSizes, Place, Values, Weights, at, plus
from gatewise.compiler.layout import TORCH_NAMES, ProductGroup
from gatewise.compiler.program import PROJECTION, Extras

ROW = Place(local=False)


@dataclass(frozen=True)
class StepFunction:
    """The C function of a step.

    text: its definition; memory: the number of floats that it needs; calls: the functions of the runtime
    """

    text: str
    memory: int
    calls: frozenset[str]


def step_function(
    name: str,
    cell: CellType,
    sizes: LayerSizes,
    weights: Mapping[str, Weights],
    kept: Mapping[str, float],
    equations: CellType,
) -> StepFunction:
    """A function that replaces the states of one row by those after a step.

    name: of the function; weights: of each parameter that the layer has, by its name in the layout
    kept: the fraction of the last value that each state keeps, from zoneout
    equations: the cell whose equations the comment prints

    >>> from gatewise.cells import RNN
    >>> arrays = {name: Weights(name) for name in ("weight_ih", "weight_hh")}
    >>> print(step_function("rnn", RNN, LayerSizes(3, 8, 8), arrays, {}, RNN).text)
    /* RNN, a step:
     *     h = tanh(W_h x + R_h h[t-1])
     */
    static void rnn(const float *x, float *h, float *memory)
    {
        float *const product_0 = memory;
        float *const product_1 = memory + 8;
    <BLANKLINE>
        product(weight_ih, 0, x, product_0, 8, 3); /* W_h x */
        product(weight_hh, 0, h, product_1, 8, 8); /* R_h h[t-1] */
        for (int unit = 0; unit < 8; unit++)
            h[unit] = tanhf(product_0[unit] + product_1[unit]);
    }
    <BLANKLINE>
    """
    extras = Extras(projected=PROJECTION in weights, zoned=tuple(one for one in cell.state if one in kept))
    values = Values(cell, schedule(cell, extras), sizes, weights, kept)
    return _StepPrinter(values).function(name, equations)


class _StepPrinter:
    def __init__(self, values: Values) -> None:
        self.values, self.plan = values, values.plan
        self.rounded = 0  # the longest row that is rounded to int8

    def function(self, name: str, equations: CellType) -> StepFunction:
        """The whole function, with its comment."""
        values, plan = self.values, self.plan
        body = [statement for number in range(plan.count) for statement in self._pass(number)]
        for state in plan.states:
            if state in plan.replaced:
                size = values.size(plan.states[state])
                body.append(f"memcpy({values.names[state]}, {values.new(state)}, {size} * sizeof(float));")
        arguments = ["const float *x", *(f"float *{values.names[one]}" for one in plan.states)]
        arguments += ["float elapsed"] if values.cell.reads_elapsed else []
        head = [f"float *const {one} = {at('memory', place)};" for one, place in values.arrays.items()]
        if self.rounded:
            head.append(f"int8_t *const rounded = (int8_t *)({at('memory', values.memory)});")
        if not head:
            head.append("(void)memory;")
        if not any(isinstance(operand, Input) for _, operand in plan.products.values()):
            head.append("(void)x;")
        comment = [f"{line} = {text}" for line, text in formulas(equations).items()]
        text = [
            f"/* {equations.__name__}, a step:",
            *(f" *     {one}" for one in comment),
            " */",
            f"static void {name}({', '.join([*arguments, 'float *memory'])})",
            "{",
            *(f"    {one}" for one in head),
            "",
            *(f"    {one}" for one in body),
            "}",
            "",
        ]
        memory = values.memory + (self.rounded + 3) // 4
        return StepFunction("\n".join(text), memory, frozenset(values.calls))

    def _pass(self, number: int) -> Iterator[str]:
        """The products, norms and sums between units before a pass, and its loops."""
        plan, values = self.plan, self.values
        values.current = number
        for group, (own, operand) in plan.products.items():
            if own == number:
                yield self._product(group, operand)
        for normalizer, (own, lines) in plan.normalizers.items():
            if own == number:
                yield from self._normalization(normalizer, lines)
        for dot, own in plan.dots.items():
            if own == number:
                yield from self._dot(dot)
        names = [name for name in plan.lines if plan.passes[name] == number]
        for width in dict.fromkeys(map(values.width, names)):
            yield from self._loop([name for name in names if values.width(name) == width], width)

    def _product(self, group: ProductGroup, operand: Expression) -> str:
        values, sizes, weights = self.values, self.values.sizes, self.values.weights
        matrix, bias = TORCH_NAMES.get(group.family, (group.family, f"bias_{group.family}"))
        known = {one.name: one for one in values.layout.parameters}
        rows = len(group.blocks) * values.rows_of(group)
        if group.family == PROJECTION:
            first, columns = 0, sizes.units
        else:
            first = known[matrix].blocks.index(group.blocks[0]) * values.rows_of(group)
            columns = sizes.columns(known[matrix])
        added = "0"
        if group.biased and bias in weights:
            place = known[bias].blocks.index(group.blocks[0]) * values.rows_of(group)
            added = at(weights[bias].name, place)
        arguments = [at(weights[matrix].name, first * columns), added, values.row(operand)]
        name, sizes_text = "product", f"{rows}, {columns}"
        out = values.array(values.products[group], rows)
        scales = weights[matrix].scales
        by_head = sizes.heads > 1 and not isinstance(operand, Input)
        if scales is not None:
            self.rounded = max(self.rounded, sizes.units if by_head else columns)
            name, out = "product_int8", f"rounded, {out}"
            arguments.insert(1, at(scales, first))
        if by_head:
            name, sizes_text = f"{name}_by_head", f"{rows}, {sizes.units}, {columns}"
        values.calls.add(name)
        texts = ", ".join(formula(Product(group.family, block, operand)) for block in group.blocks)
        return f"{name}({', '.join(arguments)}, {out}, {sizes_text}); /* {texts} */"

    def _normalization(self, group: str, lines: tuple[str, ...]) -> Iterator[str]:
        values, units = self.values, self.values.sizes.units
        out = values.array(f"normalized_{group}", len(lines) * units)
        yield f"for (int unit = 0; unit < {units}; unit++) {{"
        for place, line in enumerate(lines):
            yield f"    {out}[{plus(place * units, 'unit')}] = {values.line(line, ROW)};"
        yield "}"
        gain, shift = (values.weights[f"{kind}_{group}"].name for kind in ("gain", "shift"))
        values.calls.add("normalize")
        yield f"normalize({out}, {gain}, {shift}, {literal(NORMALIZE_EPSILON)}, {len(lines) * units});"

    def _dot(self, dot: Expression) -> Iterator[str]:
        values, sizes = self.values, self.values.sizes
        out = values.array(values.dots[dot], sizes.heads)
        first, second = (values.read(one, ROW) for one in dot.operands)
        yield f"memset({out}, 0, {sizes.heads} * sizeof(float));"
        yield f"for (int unit = 0; unit < {sizes.units}; unit++) /* {formula(dot)} */"
        yield f"    {out}[{values.head()}] += {first} * {second};"

    def _loop(self, names: list[str], width: int) -> Iterator[str]:
        """One loop over the units: all lines, then the new states, as lines read the last values."""
        values = self.values
        body: list[str] = []
        states: list[str] = []
        last = next((name for name in reversed(names) if values.state(name) is not None), None)
        for name in names:
            line, home = self.plan.lines[name], values.home(name)
            if name in self.plan.matrices:
                body += self._matrix(str(home), line)
                continue
            text = values.text(line)
            body += self._sums()
            of_state = values.state(name) is not None
            needed = self._is_read(name, names) or (of_state and name != last)
            if not is_product(line) and (home is None or needed):
                body.append(f"const float {values.variable(name)} = {text};")
                text = values.variable(name)
            if of_state:
                states.insert(0, f"{home}[unit] = {text};")  # the last may read the others
            elif home is not None:
                body.append(f"{home}[unit] = {text};")
        body += states
        if body:
            brackets = len(body) > 1
            yield f"for (int unit = 0; unit < {width}; unit++)" + (" {" if brackets else "")
            yield from (f"    {one}" for one in body)
            if brackets:
                yield "}"

    def _matrix(self, home: str, line: Expression) -> list[str]:
        keys = self.values.sizes.keys
        text = self.values.text(line, Place(key="key"))
        loop = f"for (int key = 0; key < {keys}; key++)"
        return [*self._sums(), loop, f"    {home}[unit * {keys} + key] = {text};"]

    def _sums(self) -> list[str]:
        """The statements before the last text."""
        found, self.values.before = self.values.before, []
        return found

    def _is_read(self, name: str, names: list[str]) -> bool:
        """Whether another line of the same loop reads a line unit by unit."""
        return any(_reads(self.plan.lines[other], name) for other in names if other != name)


def _reads(expression: Expression, name: str) -> bool:
    return any(one.line == name or (one.line is None and _reads(one, name)) for one in expression.operands)
