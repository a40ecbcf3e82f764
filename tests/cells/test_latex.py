from gatewise.cells import GRU, LSTM, cells
from gatewise.cells.latex import latex


def test_every_cell_is_typeset_with_balanced_brackets(cell):
    text = latex(cell)
    assert text.count(r"\left(") == text.count(r"\right)")
    assert text.count("{") == text.count("}")
    assert text.count("&=") == len(cell.lines)


def test_sums_have_one_bias_and_products_beside_them_their_own():
    assert r"c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t}" in latex(LSTM)
    assert r"r_{t} \odot \left(R_{n} h_{t-1} + b^{R}_{n}\right) + b_{n}" in latex(GRU)
    assert r"\mathrm{LN}_{\mathrm{input}}\left(W_{i} x_{t}\right)" in latex(cells()["LayerNormLSTM"])
