"""Multidimensional cells against their papers' equations, written once more as plain loops."""

import copy
import json
import pickle

import pytest
import torch

import gatewise
from gatewise.cells import leaky_mdlstm, mdgru, mdlstm, mdrnn
from gatewise.cells.formula import formulas
from gatewise.cells.latex import latex
from gatewise.cells.serialization import from_data, to_data
from gatewise.errors import GatewiseError

MAKERS = [mdrnn, mdgru, mdlstm, leaky_mdlstm]


def rnn_step(a, products, h, c, own):
    return a["h"].tanh(), None


def lstm_step(a, products, h, c, own):
    """Graves et al. 2007, equations 5 to 11; peepholes of a gate see the memory of its own axis."""
    p = own.get("p", dict.fromkeys(["i_1", "i_2", "f_1", "f_2", "o"], 0.0))
    i = torch.sigmoid(a["i"] + p["i_1"] * c[0] + p["i_2"] * c[1])
    f_1, f_2 = torch.sigmoid(a["f_1"] + p["f_1"] * c[0]), torch.sigmoid(a["f_2"] + p["f_2"] * c[1])
    memory = i * a["g"].tanh() + f_1 * c[0] + f_2 * c[1]
    return torch.sigmoid(a["o"] + p["o"] * memory) * memory.tanh(), memory


def leaky_step(a, products, h, c, own):
    """Leifert et al. 2016: first one memory of both, then a leaky integrator of it."""
    weight = torch.sigmoid(a["u_1"])
    before = weight * c[0] + (1 - weight) * c[1]
    keep = torch.sigmoid(a["f"])
    memory = keep * before + (1 - keep) * a["g"].tanh()
    return torch.sigmoid(a["o"]) * memory.tanh(), memory


def gru_step(a, products, h, c, own):
    w, one, two = products["n"]
    n = torch.tanh(w + torch.sigmoid(a["r_1"]) * one + torch.sigmoid(a["r_2"]) * two)
    z, weight = torch.sigmoid(a["z"]), torch.sigmoid(a["u_1"])
    return (1 - z) * n + z * (weight * h[0] + (1 - weight) * h[1]), None


LSTM_BLOCKS = ["i", "f_1", "f_2", "g", "o"]
CASES = {
    "MDRNN2": (mdrnn(2), rnn_step, ["h"]),
    "MDLSTM2": (mdlstm(2), lstm_step, LSTM_BLOCKS),
    "PeepholeMDLSTM2": (mdlstm(2, peephole=True), lstm_step, LSTM_BLOCKS),
    "LeakyMDLSTM2": (leaky_mdlstm(2), leaky_step, ["u_1", "f", "g", "o"]),
    "MDGRU2": (mdgru(2), gru_step, ["r_1", "r_2", "z", "u_1", "n"]),
}


def blocks_of(values, names):
    return dict(zip(names, values.chunk(len(names)), strict=True))


def by_loops(layer, inputs, step, names):
    """[L1, L2, H], position by position, from zeros."""
    rows, columns = inputs.shape[:2]
    zero = inputs.new_zeros(layer.hidden_size)
    W, b = blocks_of(layer.weight_ih, names), blocks_of(layer.bias_ih, names)
    R1, R2 = blocks_of(layer.R1, names), blocks_of(layer.R2, names)
    own = {"p": blocks_of(layer.p, ["i_1", "i_2", "f_1", "f_2", "o"])} if hasattr(layer, "p") else {}
    h, c = {}, {}
    for u in range(rows):
        for v in range(columns):
            back = [h.get((u - 1, v), zero), h.get((u, v - 1), zero)]
            memories = [c.get((u - 1, v), zero), c.get((u, v - 1), zero)]
            products = {k: (W[k] @ inputs[u, v] + b[k], R1[k] @ back[0], R2[k] @ back[1]) for k in names}
            a = {k: sum(three) for k, three in products.items()}
            h[u, v], c[u, v] = step(a, products, back, memories, own)
    return torch.stack([torch.stack([h[u, v] for v in range(columns)]) for u in range(rows)])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_equations_of_the_papers(case):
    cell, step, names = case
    layer = gatewise.Lattice(cell, 3, 4, dtype=torch.float64)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter)
    inputs = torch.randn(3, 4, 3, dtype=torch.float64)
    with gatewise.backend("reference"):
        output, _ = layer(inputs)
    torch.testing.assert_close(output, by_loops(layer, inputs, step, names), rtol=1e-12, atol=1e-12)


def test_the_equations_as_they_are_printed():
    assert formulas(mdlstm(2)) == {
        "i": "sigmoid(W_i x + R1_i h[p-e1] + R2_i h[p-e2])",
        "f_1": "sigmoid(W_f_1 x + R1_f_1 h[p-e1] + R2_f_1 h[p-e2])",
        "f_2": "sigmoid(W_f_2 x + R1_f_2 h[p-e1] + R2_f_2 h[p-e2])",
        "g": "tanh(W_g x + R1_g h[p-e1] + R2_g h[p-e2])",
        "c": "f_1 * c[p-e1] + f_2 * c[p-e2] + i * g",
        "o": "sigmoid(W_o x + R1_o h[p-e1] + R2_o h[p-e2])",
        "h": "o * tanh(c)",
    }
    assert formulas(mdlstm(2, peephole=True))["f_2"].endswith(" + p_f_2 * c[p-e2])")
    assert formulas(leaky_mdlstm(3))["c"] == (
        "f * (u_1 * c[p-e1] + (1 - u_1) * (u_2 * c[p-e2] + (1 - u_2) * c[p-e3])) + (1 - f) * g"
    )
    assert formulas(mdgru(1))["h"] == "(1 - z) * n + z * h[p-e1]"


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("make", MAKERS)
def test_what_is_handed_on(make, axes):
    cell = make(axes)
    names = [name if axes == 1 else f"{name}.{k}" for name in cell.state for k in range(1, axes + 1)]
    assert (cell.axes, list(cell.previous)) == (axes, names)
    assert [one.axis for one in cell.previous.values()] == [*range(1, axes + 1)] * len(cell.state)


def test_a_cell_is_made_once():
    assert mdlstm(2) is mdlstm(axes=2, peephole=False)
    assert gatewise.MDLSTM(2, 3).cell is mdlstm(2)
    assert gatewise.MDLSTM(2, 3, peephole=True).cell is mdlstm(2, True) is not mdlstm(2)


@pytest.mark.parametrize("axes", [0, -1, 2.0, "2", True, None])
@pytest.mark.parametrize("make", MAKERS)
def test_axes_that_are_none(make, axes):
    make(1), make(2)  # what was made before is no answer to 2.0 or True
    with pytest.raises(GatewiseError, match=f"^expected axes as a whole number of at least 1, got {axes!r}$"):
        make(axes)


@pytest.mark.parametrize("make", MAKERS)
def test_a_cell_as_data_and_back(make):
    cell = make(2)
    for again in (from_data(json.loads(json.dumps(to_data(cell)))), pickle.loads(pickle.dumps(cell))):
        assert (again.axes, again.previous, again.initial_bias) == (2, cell.previous, cell.initial_bias)
        assert formulas(again) == formulas(cell)
    assert copy.deepcopy(cell) is cell


def test_a_subclass_with_a_line_of_its_own():
    class Linear(mdlstm(2)):
        h = mdlstm(2).o * mdlstm(2).c

    assert Linear.axes == 2
    assert formulas(Linear) == {**formulas(mdlstm(2)), "h": "o * c"}


@pytest.mark.parametrize("make", MAKERS)
def test_latex_names_each_neighbour(make):
    text = latex(make(2))
    assert text.count("&=") == len(make(2).lines)
    assert text.count("{") == text.count("}")
    assert text.count(r"\left(") == text.count(r"\right)")
    assert "R^{(1)}" in text
    assert "h_{p-e_{1}}" in text
    assert "h_{p-e_{2}}" in text
    assert "_{t" not in text
