"""Equations of strangers: names, numbers and sizes are checked before anything is built of them."""

import copy
import json
import math

import pytest

from gatewise.cells import GRU, LSTM, Cell, LayerNormLSTM, PeepholeLSTM, R, W, back, prev, tanh, x
from gatewise.cells.base import CellType
from gatewise.cells.expressions import Constant, Normalized, Product, Vector
from gatewise.cells.grid import grid
from gatewise.cells.latex import latex
from gatewise.cells.notation import normalize, vectors
from gatewise.cells.serialization import from_data, to_data
from gatewise.compiler.source import source
from gatewise.compiler.stages import plan
from gatewise.errors import GatewiseError

CODE = 'X\n#include <cstdlib>\nstatic int a=system("touch owned");//'
NAMES = [
    CODE,
    "",
    "_1",
    "../../x",
    "a b",
    "h.1",
    "h:2",
    "é",
    "1a",
    "a" * 65,
    "int",
    "class",
    "lambda",
    "a\\",
    "a\0",
]


def strings_of(data, path=()):
    """The path of every string in a tree of data, keys of dicts included."""
    if isinstance(data, str):
        yield path
    elif isinstance(data, dict):
        for key, value in data.items():
            yield (*path, ("key", key))
            yield from strings_of(value, (*path, key))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from strings_of(value, (*path, place))


def replaced(data, path, text):
    """A copy of the data with another string at a path."""
    data = copy.deepcopy(data)
    *above, last = path
    within = data
    for step in above:
        within = within[step]
    if isinstance(last, tuple):
        changed = {text if key == last[1] else key: value for key, value in within.items()}
        within.clear()
        within.update(changed)
    else:
        within[last] = text
    return data


@pytest.mark.parametrize("name", NAMES)
def test_no_name_but_a_plain_word_is_accepted_anywhere_in_equations(name):
    data = to_data(LayerNormLSTM) | {"start": {"f": 1.0}}
    data["lines"]["p"] = ["multiply", ["vector", "p", "a"], ["prev", "c"]]
    data["lines"]["h"] = ["add", data["lines"]["h"], ["line", "p"]]
    for path in strings_of(data):
        if path[-1] in ("about", "source"):
            continue
        with pytest.raises(GatewiseError) as raised:
            from_data(replaced(data, path, name))
        assert "\n" not in str(raised.value), path


def test_descriptions_lose_what_moves_a_cursor_and_never_reach_the_source():
    made = from_data(to_data(LSTM) | {"about": CODE + "\x1b[2J" + "y" * 5000, "source": CODE})
    assert made.about.isprintable()
    assert len(made.about) <= 1000
    assert "system" not in source(plan(made))


def test_source_holds_no_name_of_a_cell_outside_its_first_comment():
    def renamed(data):
        return [renamed(one) for one in data] if isinstance(data, list) else swapped.get(data, data)

    swapped = {one: f"unlikely_{one}" for one in "ifgoch"}
    data = to_data(PeepholeLSTM)
    made = from_data(
        data
        | {
            "name": "Unlikely",
            "state": renamed(data["state"]),
            "start": {},
            "lines": {swapped[name]: renamed(line) for name, line in data["lines"].items()},
        }
    )
    first, _, rest = source(plan(made)).partition("\n")
    assert first.startswith("// Unlikely, whose lines are numbered: 0 unlikely_i, 1 unlikely_f")
    assert "nlikely" not in rest
    assert rest == source(plan(PeepholeLSTM)).partition("\n")[2]


@pytest.mark.parametrize("name", ["new", "register", "in", "_own"])
def test_a_line_of_python_whose_name_is_refused_is_named(name):
    body = {"state": ("h",), name: tanh(W.h @ x), "__doc__": ""}
    with pytest.raises(GatewiseError, match=f"a line of Odd.*'{name}'"):
        CellType("Odd", (Cell,), body)


def test_names_of_python_that_stay_allowed():
    assert grid(2).__name__ == "Grid2LSTM"
    body = {"state": ("h",), "h": tanh(W.h2o_1 @ x + R["Q"] @ prev.h), "__doc__": ""}
    assert CellType("_Own2", (Cell,), body).__name__ == "_Own2"


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 10**400, True, "1", None, [1.0]])
def test_numbers_that_are_none(value):
    with pytest.raises(GatewiseError, match="expected a finite number"):
        Constant(value)
    data = to_data(LSTM)
    data["lines"]["h"] = ["multiply", data["lines"]["h"], ["number", value]]
    with pytest.raises(GatewiseError, match="expected a finite number"):
        from_data(data)
    with pytest.raises(GatewiseError, match="expected a finite number"):
        from_data(to_data(LSTM) | {"start": {"f": value}})


@pytest.mark.parametrize(
    "line",
    [
        "x", "tanh", 3, None, [], ["tanh"], ["x", "x"], ["tanh", ["x"]], ["system", ["x"]], [["tanh"], ["x"]],
        ["line", "later"], ["line", ["f"]], ["line", {}], ["prev", "h", 10**9], ["prev", "h", -1],
        ["prev", "h", True], ["prev", "h", 1.0], ["prev", "h", "1"], ["prev", ["h"]], ["prev"], ["number"],
        ["product", "W", "h"], ["product", "W", "h", ["number", 1.0]], ["product", 3, "h", ["x"]],
        ["normalise", "m", ["number", 1.0]], ["normalise", "m", ["x"]], ["factor", "mask"],
        ["exp", ["prev", "h"], ["prev", "h"]], ["add", ["prev", "h"]], {"tanh": ["x"]},
    ],
    ids=str,
)  # fmt: skip
def test_lines_that_are_not_expressions(line):
    data = to_data(LSTM)
    data["lines"]["h"] = ["add", data["lines"]["h"], line]
    with pytest.raises(GatewiseError) as raised:
        plan(from_data(data))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "damage",
    [
        {"name": 3}, {"about": None}, {"source": []}, {"state": "h"}, {"state": []}, {"state": ["h", "h"]},
        {"state": ["h", ["c"]]}, {"state": [{}, "h"]}, {"start": []}, {"start": {"f": [1]}},
        {"lines": []}, {"lines": {}}, {"lines": {"h": ["prev", "h"]}}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_fields_of_another_kind(damage):
    with pytest.raises(GatewiseError):
        from_data(to_data(GRU) | damage)
    for key in damage.keys() & to_data(GRU).keys():
        with pytest.raises(GatewiseError, match="not the equations of a cell"):
            from_data({name: value for name, value in to_data(GRU).items() if name != key})


def nested(depth):
    line = ["prev", "h"]
    for _ in range(depth):
        line = ["tanh", line]
    return line


@pytest.mark.parametrize(
    "lines",
    [
        {"h": nested(100_000)},
        {f"l{k}": ["prev", "h"] for k in range(10_000)},
        {"h": ["add", *[["prev", "h"]] * 2_000_000]},
        {f"l{k}": nested(90) for k in range(100)},
    ],
    ids=["deep", "many lines", "many operands", "many parts"],
)
def test_data_beyond_the_limits_are_refused_before_anything_is_built(lines):
    with pytest.raises(GatewiseError, match=r"no function|at most 256|more than 100 deep or"):
        from_data(to_data(GRU) | {"lines": lines})


def made_of(lines):
    return CellType("Chain", (Cell,), {"state": ("h",), "__doc__": "", **lines})


def test_a_chain_of_lines_that_doubles_costs_no_more_than_its_length():
    value = tanh(W.h @ x + R.h @ prev.h)
    lines = {"begin": value}
    for k in range(200):
        value = lines[f"l{k}"] = value * value
    made = made_of(lines | {"h": tanh(value)})
    again = from_data(json.loads(json.dumps(to_data(made))))
    assert len(plan(again).program.lines) == 202
    assert source(plan(again)).count("line_1 * line_1") == 1
    assert latex(again).count(r"\odot") == 200
    assert repr(made.lines["h"]) == "tanh(l199)"


def test_the_same_without_names_is_refused_at_once():
    value = W.h @ x
    for _ in range(60):
        value = value * value
    assert repr(value) == "an expression of more than 4096 parts"
    with pytest.raises(GatewiseError, match="Chain up to h have more than 4096 parts; make a repeated part"):
        made_of({"h": tanh(value)})


def test_a_sum_of_two_thousand_terms_and_five_hundred_lines():
    total = W.h @ x
    for k in range(2000):
        total = total + vectors("q")[f"b{k}"]
    with pytest.raises(GatewiseError, match=r"Chain.h is nested \d+ deep, more than 100; make parts"):
        made_of({"h": tanh(total)})
    with pytest.raises(GatewiseError, match="Chain has 501 lines; a cell may have at most 256"):
        made_of({**{f"l{k}": tanh(prev.h) for k in range(500)}, "h": tanh(W.h @ x)})


def test_what_is_within_the_limits_is_printed_and_planned():
    total = W.h @ x
    for k in range(90):
        total = total + vectors("q")[f"b{k}"] * prev.h
    made = made_of({"h": tanh(total)})
    for extent in (source(plan(made)), latex(made), made.__doc__, json.dumps(to_data(made))):
        assert "b89" in extent or "previous" in extent
    long = {"l0": tanh(W.h @ x)}
    for k in range(1, 250):
        long[f"l{k}"] = 1 - long[f"l{k - 1}"]
    assert len(plan(made_of(long | {"h": tanh(long["l249"])})).program.lines) == 251


@pytest.mark.parametrize("axis", [17, 10**9, -1, True, 1.0, "1"])
def test_axes_that_no_lattice_has(axis):
    with pytest.raises(GatewiseError, match="expected an axis of a lattice"):
        back[axis]


@pytest.mark.parametrize(
    "part",
    [
        Product("W", "a\n", x), Product("../W", "a", x), Vector("p", "a;"), Vector("p q", "a"),
        Normalized("m\n", prev.h), prev["h h"], normalize["a*/"](prev.h), W["int"] @ x,
    ],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_names_inside_python_s_equations(part):
    with pytest.raises(GatewiseError, match="name"):
        made_of({"h": tanh(W.h @ x) + tanh(part)})
