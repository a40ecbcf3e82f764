"""Formulas as text."""

from gatewise.cells import cells
from gatewise.cells.formula import formulas


def test_every_line_of_every_cell_has_a_formula(cell):
    assert list(formulas(cell)) == list(cell.lines)


def test_what_sets_cells_apart_is_to_be_seen():
    output = {name: formulas(cell) for name, cell in cells().items()}
    assert output["GRU"]["n"] == "tanh(W_n x + r * R_n h[t-1])"
    assert output["ChoGRU"]["n"] == "tanh(W_n x + R_n (r * h[t-1]))"
    assert output["PeepholeLSTM"]["o"] == "sigmoid(W_o x + R_o h[t-1] + p_o * c)"
    assert output["FullPeepholeLSTM"]["i"] == "sigmoid(W_i x + R_i h[t-1] + P_i c[t-1])"
    assert output["UseGateLSTM"]["u"] == "tanh(U_u (c[t-1] * f) + b_u)"
    assert output["LayerNormLSTM"]["h"] == "o * tanh(normalize_memory(c))"
