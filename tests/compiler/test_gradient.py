"""The reverse of a stage. Its C++ statements are run as Python, and compared with PyTorch's gradient."""

import math
import re

import pytest
import torch

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
    mdrnn,
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
from gatewise.compiler import cpp
from gatewise.compiler.gradient import Gradient, entries, kept
from gatewise.compiler.program import Extras
from gatewise.compiler.source import source
from gatewise.compiler.stages import RowLocation, plan

OLD, SUM, WEIGHT, GIVEN = 0.7, -0.4, 1.3, 0.9  # h[t-1], W_a x + R_a h[t-1], p_h, the gradient of h

C_PLUS_PLUS = {
    "T": float,
    "broadcast": float,
    "select": lambda condition, first, second: first if condition else second,
    "exponential": math.exp,
    "hyperbolic_tangent": math.tanh,
    "sigmoid": lambda value: 1 / (1 + math.exp(-value)),
    "softplus": lambda value: math.log1p(math.exp(value)),
    "relu": lambda value: max(value, 0.0),
    "maximum": max,
    "minimum": min,
    "log_sigmoid": lambda value: -math.log1p(math.exp(-value)),
    "logarithm": math.log,
    "square_root": math.sqrt,
    "sine": math.sin,
    "cosine": math.cos,
    "absolute": abs,
    "fraction": lambda value: value % 1,
    "sign": lambda value: math.copysign(1.0, value),
}


def python_of(text):
    """A statement of the generated C++ as Python over single numbers."""
    text = re.sub(r"load\(step\.(\w+)\[(\d+)\] \+ u\)", r"rows['\1', \2]", text)
    text = re.sub(r"load\(step\.(\w+) \+ (\d+) \* step\.stride \+ u\)", r"rows['\1', \2]", text)
    return re.sub(r"<T>|const V |V(?=\{\})|;", "", text).replace("{}", "0.0").strip()


def run_backward(cell, rows, lines):
    """All variables after the only stage of a cell: `d_sum_0`, `d_previous_0`, `d_vector_0`."""
    gradient = Gradient(plan(cell), 0)
    variables = {"rows": rows, "sum_0": SUM, **C_PLUS_PLUS, **lines}
    variables |= dict.fromkeys(["d_line_0", "d_sum_0", *gradient.outside], 0.0) | {"d_line_1": GIVEN}
    for statement in gradient.statements:
        exec(python_of(cpp.statement(statement)), variables)
    return variables


def backward_of(made):
    """The C++ of each stage's backward step."""
    return source(made).split("void backward(")[1:]


@pytest.mark.parametrize(
    ("value", "theirs"),
    [
        (lambda a: a + prev.h, lambda a, h, v: a + h),
        (lambda a: prev.h - a, lambda a, h, v: h - a),
        (lambda a: a * prev.h, lambda a, h, v: a * h),
        (lambda a: prev.h / (a + 2), lambda a, h, v: h / (a + 2)),
        (lambda a: a / (prev.h * 1e-200), lambda a, h, v: a / (h * 1e-200)),
        (lambda a: -a * a, lambda a, h, v: -a * a),
        (lambda a: sigmoid(a * prev.h), lambda a, h, v: torch.sigmoid(a * h)),
        (lambda a: tanh(a - prev.h), lambda a, h, v: torch.tanh(a - h)),
        (lambda a: relu(prev.h - a) + relu(a - 1), lambda a, h, v: torch.relu(h - a) + torch.relu(a - 1)),
        (lambda a: softplus(2 * a), lambda a, h, v: torch.nn.functional.softplus(2 * a)),
        (lambda a: exp(a) * exp(-prev.h), lambda a, h, v: torch.exp(a) * torch.exp(-h)),
        (lambda a: maximum(a, prev.h), lambda a, h, v: torch.maximum(a, h)),
        (lambda a: maximum(prev.h, a) * 3, lambda a, h, v: torch.maximum(h, a) * 3),
        (lambda a: maximum(a * 1, a), lambda a, h, v: torch.maximum(a * 1, a)),
        (lambda a: minimum(a, prev.h) * 3, lambda a, h, v: torch.minimum(a, h) * 3),
        (lambda a: minimum(a * 1, a), lambda a, h, v: torch.minimum(a * 1, a)),
        (lambda a: log_sigmoid(3 * a), lambda a, h, v: torch.nn.functional.logsigmoid(3 * a)),
        (lambda a: log(prev.h) * log(2 + a), lambda a, h, v: torch.log(h) * torch.log(2 + a)),
        (lambda a: sqrt(prev.h + a * a), lambda a, h, v: torch.sqrt(h + a * a)),
        (lambda a: sin(2 * a) * cos(prev.h), lambda a, h, v: torch.sin(2 * a) * torch.cos(h)),
        (lambda a: fraction(3 * a) * a, lambda a, h, v: (3 * a - (3 * a).detach().floor()) * a),
        (lambda a: abs(a) + abs(prev.h), lambda a, h, v: a.abs() + h.abs()),
        (lambda a: p.h * a * prev.h, lambda a, h, v: v * a * h),
        (lambda a: p.h * (p.h + a), lambda a, h, v: v * (v + a)),
    ],
)
def test_each_function_has_pytorchs_gradient(value, theirs):
    class Own(Cell):
        state = ("h",)
        a = tanh(W.a @ x + R.a @ prev.h)
        h = value(a)

    values = [torch.tensor(one, dtype=torch.float64, requires_grad=True) for one in (SUM, OLD, WEIGHT)]
    total, old, weight = values
    a = torch.tanh(total)
    output = theirs(a, old, weight)
    given = torch.tensor(GIVEN, dtype=torch.float64)
    expected = torch.autograd.grad(output, values, given, allow_unused=True)
    rows = {("previous", 0): OLD, ("vectors", 0): WEIGHT}
    found = run_backward(Own, rows, {"line_0": a.item(), "line_1": output.item()})
    for name, one in zip(("d_sum_0", "d_previous_0", "d_vector_0"), expected, strict=True):
        assert found.get(name, 0.0) == pytest.approx(0.0 if one is None else one.item(), rel=1e-12, abs=1e-15)


def test_training_keeps_inner_lines_and_the_sums_that_a_slope_needs():
    assert kept(plan(LSTM)) == ("i", "f", "g", "o")
    assert kept(plan(GRU)) == ("r", "z", "n", 2)
    assert kept(plan(RNN)) == ()


def test_gradients_left_for_earlier_stages_have_numbers():
    assert entries(plan(LSTM)) == {}
    assert entries(plan(ChoGRU)) == {("", RowLocation("kept", 2)): 0, ("", RowLocation("kept", 1)): 1}
    assert [group for group, _ in entries(plan(LayerNormLSTM))] == [
        "",
        *["input"] * 4,
        *["hidden"] * 4,
        "memory",
    ]


def test_the_first_stage_to_leave_a_gradient_puts_it_and_the_others_add():
    first, second = backward_of(plan(ChoGRU))  # backward: second, first
    assert "step.put_previous(0, u, d_previous_0);" in second
    assert "step.add_previous(0, u, d_previous_0);" in first
    assert "step.put_entry(1, u, d_entry_1);" in second


def test_a_state_that_only_products_read_is_left_to_them():
    assert "{{Operand::previous, 0}, Width::hidden, 1, {0}, 0, false}" in source(plan(RNN))
    assert "previous(" not in backward_of(plan(RNN))[0]


def test_a_state_that_nothing_reads_has_a_gradient_of_zero():
    class Feedforward(Cell):
        state = ("h",)
        h = tanh(W.h @ x)

    assert "step.put_previous(0, u, V{});" in backward_of(plan(Feedforward))[0]


def test_a_lattice_adds_what_every_axis_carried():
    text = backward_of(plan(mdrnn(2)))[0]
    assert "V d_line_0 = step.by_state(0, u, load(step.carried[0] + u) + load(step.carried[1] + u));" in text


def test_a_factor_of_a_call_has_no_gradient():
    text = backward_of(plan(RNN, Extras(zoned=("h",))))[0]
    assert "const V t1 = d_line_1 * load(step.factors[0] + u);" in text
    assert "d_factor" not in text


def test_normalizers_whose_values_a_stage_makes():
    made = plan(LayerNormLSTM)
    assert [Gradient(made, number).produced for number in range(4)] == [[0], [1], [2], []]
    assert list(made.program.lines)[9] == "c"
    assert "d_line_9 += step.through_normaliser(2, line_9," in backward_of(made)[2]
