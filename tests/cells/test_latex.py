import pytest

from gatewise.cells import (
    GRU,
    HGRN2,
    LRU,
    LSTM,
    MLSTM,
    Cell,
    R,
    W,
    b,
    cells,
    grid,
    lattice_cells,
    mdlstm,
    prev,
    sigmoid,
    tanh,
    x,
)
from gatewise.cells.latex import latex
from gatewise.report.mathml import equations


def test_every_cell_is_typeset_with_balanced_brackets(cell):
    text = latex(cell)
    assert text.count(r"\left(") == text.count(r"\right)")
    assert text.count("{") == text.count("}")
    assert text.count("&=") == len(cell.lines)


def test_sums_have_one_bias_and_products_beside_them_their_own():
    assert r"c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t}" in latex(LSTM)
    assert r"r_{t} \odot \left(R_{n} h_{t-1} + b^{R}_{n}\right) + b^{W}_{n}" in latex(GRU)
    assert r"\mathrm{LN}_{\mathrm{input}}\left(W_{i} x_{t}\right)" in latex(cells()["LayerNormLSTM"])


def test_products_of_one_block_in_two_lines_have_different_biases():
    class Own(Cell):
        state = ("h",)
        f = sigmoid(W.a @ x + R.b @ prev.h)
        h = f * prev.h + tanh(R.a @ prev.h + W.b @ x)

    text = latex(Own)
    assert r"\sigma\left(W_{a} x_{t} + R_{b} h_{t-1} + b^{W}_{a} + b^{R}_{b}\right)" in text
    assert r"\tanh\left(R_{a} h_{t-1} + W_{b} x_{t} + b^{R}_{a} + b^{W}_{b}\right)" in text


def test_matrices_are_typeset_as_in_their_papers():
    text = latex(MLSTM)
    assert r"C_{t} &= f_{t} \odot C_{t-1} + i_{t} \odot v_{t} {k_{t}}^{\top}" in text
    assert r"\frac{o_{t} \odot C_{t} q_{t}}{\max\left(\left|{n_{t}}^{\top} q_{t}\right|, " in text
    assert r"k_{t} &= \frac{1}{\sqrt{K}}\,\left(W_{k} x_{t} + b_{k}\right)" in text
    forgetting = r"S_{t} &= \mathbf{1} {f_{t}}^{\top} \odot S_{t-1} + i_{t} {\left(1 - f_{t}\right)}^{\top}"
    assert forgetting in latex(HGRN2)
    assert r"p_{\mathrm{gain}} \odot \sqrt{\max\left(1 - a_{t} \odot a_{t}, " in latex(LRU)


def test_the_elapsed_time_is_a_value_of_the_step():
    assert r"\mathrm{elapsed}_{t} \odot \exp\left(-p_{\mathrm{period}}\right)" in latex(cells()["PhasedLSTM"])


def test_a_negative_factor_is_no_difference():
    class Own(Cell):
        state = ("h",)
        h = (W.h @ x) * -3 + prev.h * -0.5

    assert r"\left(W_{h} x_{t} + b_{h}\right)\,\left(-3\right) + h_{t-1}\,\left(-0.5\right)" in latex(Own)


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


def test_a_bias_of_the_cell_and_those_of_its_products_have_different_letters():
    class Own(Cell):
        state = ("h",)
        q1 = b.d + W.d @ x + R.d @ prev.h
        q10 = tanh(W.e @ x + R.e @ prev.h) * 2
        h = q1 * q10

    assert latex(Own).splitlines()[1:3] == [
        r"\mathrm{q1}_{t} &= b_{d} + W_{d} x_{t} + R_{d} h_{t-1} + b^{W}_{d} + b^{R}_{d} \\",
        r"\mathrm{q10}_{t} &= \tanh\left(W_{e} x_{t} + R_{e} h_{t-1} + b_{e}\right) \cdot 2 \\",
    ]
    letters = equations(Own)[0].letters
    assert letters.startswith("<math><mrow><msub><mi>q1</mi>")
    assert letters.count("<msub><mi>b</mi><mi>d</mi></msub>") == 1
    assert letters.count("<msubsup><mi>b</mi><mi>d</mi><mi>W</mi></msubsup>") == 1
    assert letters.count("<msubsup><mi>b</mi><mi>d</mi><mi>R</mi></msubsup>") == 1
