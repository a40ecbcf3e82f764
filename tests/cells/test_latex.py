import pytest

from gatewise.cells import GRU, LSTM, cells, grid, lattice_cells, mdlstm
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


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_on_a_lattice_positions_take_the_place_of_steps(axes):
    for cell in lattice_cells(axes).values():
        text = latex(cell)
        assert text.count("{") == text.count("}")
        assert text.count("&=") == len(cell.lines)
        assert "{t" not in text
        assert "\\_" not in text


def test_names_with_the_number_of_an_axis():
    assert r"c_{p} &= f^{(1)}_{p} \odot c_{p-e_{1}} + f^{(2)}_{p} \odot c_{p-e_{2}} + i_{p}" in latex(
        mdlstm(2)
    )
    assert r"h^{(1)}_{p} &= o^{(1)}_{p} \odot \tanh\left(c^{(1)}_{p}\right)" in latex(grid(2))
    assert r"\sigma\left(R^{(1)}_{i^{(2)}} h^{(1)}_{p-e_{1}} + R^{(2)}_{i^{(2)}} h^{(2)}_{p" in latex(grid(2))
