"""Lines as C++ text: operators, functions, and where a value is read from."""

import pytest

from gatewise.cells import (
    GRU,
    LSTM,
    RNN,
    Cell,
    ChoGRU,
    LayerNormLSTM,
    R,
    W,
    cos,
    exp,
    fraction,
    log,
    log_sigmoid,
    maximum,
    minimum,
    p,
    prev,
    relu,
    sigmoid,
    sin,
    softplus,
    sqrt,
    tanh,
    x,
)
from gatewise.cells.functions import FUNCTIONS
from gatewise.compiler import cpp, functions
from gatewise.compiler.program import Extras
from gatewise.compiler.stages import plan
from gatewise.compiler.statements import Row, written
from gatewise.compiler.values import Values, stored, variable
from gatewise.engine import step


def text_of(made, line):
    """The C++ of a line in its own stage."""
    stage = next(one for one in made.stages if line in one.lines)
    return written(Values(made, stage).value(stage.lines[line]), cpp.CPP)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda a: a + 1, "(line_0 + broadcast<T>(1.0))"),
        (lambda a: 1 - a, "(broadcast<T>(1.0) - line_0)"),
        (lambda a: a * prev.h, "(line_0 * load(step.previous[0] + u))"),
        (lambda a: a / 3, "(line_0 / broadcast<T>(3.0))"),
        (lambda a: -a, "(-line_0)"),
        (sigmoid, "sigmoid<T>(line_0)"),
        (tanh, "hyperbolic_tangent<T>(line_0)"),
        (relu, "relu<T>(line_0)"),
        (softplus, "softplus<T>(line_0)"),
        (exp, "exponential<T>(line_0)"),
        (lambda a: maximum(a, 0.1), "maximum<T>(line_0, broadcast<T>(0.1))"),
        (lambda a: minimum(a, 0.1), "minimum<T>(line_0, broadcast<T>(0.1))"),
        (log_sigmoid, "log_sigmoid<T>(line_0)"),
        (log, "logarithm<T>(line_0)"),
        (sqrt, "square_root<T>(line_0)"),
        (sin, "sine<T>(line_0)"),
        (cos, "cosine<T>(line_0)"),
        (abs, "absolute<T>(line_0)"),
        (fraction, "fraction<T>(line_0)"),
        (lambda a: p.h * a, "(load(step.vectors + 0 * step.stride + u) * line_0)"),
        (lambda a: a - (a - 1) * -a, "(line_0 - ((line_0 - broadcast<T>(1.0)) * (-line_0)))"),
    ],
)
def test_operators_and_functions(value, expected):
    class Own(Cell):
        state = ("h",)
        a = tanh(W.a @ x + R.a @ prev.h)
        h = value(a)

    assert text_of(plan(Own), "h") == expected


def test_every_function_has_a_row_in_the_tables_of_all_backends():
    assert set(step.FUNCTIONS) == set(FUNCTIONS)
    assert set(functions.SIGNS) | set(functions.SLOPES) | {"maximum", "minimum"} == set(FUNCTIONS)
    assert set(functions.SIGNS) | set(cpp.FUNCTIONS) | {"negate"} == set(FUNCTIONS)


def test_names_are_numbers_so_that_no_name_from_a_file_is_code():
    assert [variable(plan(GRU), one) for one in ("r", "h", 2)] == ["line_0", "line_3", "sum_2"]


def test_a_sum_is_a_local():
    assert text_of(plan(RNN), "h") == "hyperbolic_tangent<T>(sum_0)"
    assert text_of(plan(GRU), "n") == "hyperbolic_tangent<T>((sum_3 + (line_0 * sum_2)))"


def test_sums_read_are_noted():
    made = plan(GRU)
    values = Values(made, made.stages[0])
    values.value(made.stages[0].lines["n"])
    assert list(values.sums_read) == [3, 2]


def test_a_line_of_an_earlier_stage_is_loaded():
    z = "load(step.kept + 1 * step.stride + u)"
    assert text_of(plan(ChoGRU), "h") == (
        f"(((broadcast<T>(1.0) - {z}) * line_3) + ({z} * load(step.previous[0] + u)))"
    )
    assert stored(plan(ChoGRU), "z") == Row("kept", 1)
    assert stored(plan(LSTM), "c") == Row("state", 1)


def test_a_normalized_value_has_its_own_gain_and_shift():
    made = plan(LayerNormLSTM)
    assert text_of(made, "h") == (
        "(load(step.kept + 11 * step.stride + u) * "
        "hyperbolic_tangent<T>(((((load(step.state[1] + u)) - step.mean(2)) "
        "* step.inverse_deviation(2)) * load(step.vectors + 16 * step.stride + u) "
        "+ load(step.vectors + 17 * step.stride + u))))"
    )
    stage = made.stages[2]
    added = stage.lines["f"].operands[0].operands
    assert [Values(made, stage).gain_and_shift(one) for one in added] == [
        (("gain_input", "f"), ("shift_input", "f")),
        (("gain_hidden", "f"), ("shift_hidden", "f")),
    ]


def test_factors_of_a_call_are_read_by_place():
    made = plan(RNN, Extras(zoned=("h",), masked=True))
    assert made.program.factors == ("h", "mask")
    assert text_of(made, "_1") == "(load(step.previous[0] + u) * load(step.factors[1] + u))"
    stays = "load(step.factors[0] + u)"
    assert text_of(made, "_next_h") == (
        f"(({stays} * load(step.previous[0] + u)) + ((broadcast<T>(1.0) - {stays}) * line_1))"
    )
