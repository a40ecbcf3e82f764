"""The parameters that equations hold."""

import pytest
import torch

from gatewise.cells import LSTM, Cell, P, R, W, cells, normalize, p, prev, tanh, x
from gatewise.compiler.layout import layout, projection_obstacle
from gatewise.errors import GatewiseError


@pytest.mark.parametrize(("name", "torch_class"), [("LSTM", "LSTM"), ("GRU", "GRU"), ("RNN", "RNN")])
def test_names_shapes_and_order_are_those_of_torch(name, torch_class):
    theirs = getattr(torch.nn, torch_class)(5, 7)
    ours = [(one.name, one.shape(5, 7, 7)) for one in layout(cells()[name]).parameters]
    assert ours == [(key.removesuffix("_l0"), tuple(value.shape)) for key, value in theirs.named_parameters()]


def test_without_bias():
    names = [one.name for one in layout(cells()["UseGateLSTM"]).of(bias=False)]
    assert names == ["weight_ih", "weight_hh", "U"]


def test_a_normalized_product_has_no_bias_of_its_own():
    names = [one.name for one in layout(cells()["LayerNormLSTM"]).parameters]
    assert not any("bias" in name for name in names)
    assert {"gain_input", "shift_hidden", "gain_memory"} <= set(names)


def test_half_normalized_products_keep_the_other_biases():
    class Half(LSTM):
        f = tanh(normalize.only(W.f @ x) + R.f @ prev.h)

    kinds = {one.name: one.blocks for one in layout(Half).parameters}
    assert set(kinds["bias_ih"]) == {"i", "g", "o"}
    assert set(kinds["bias_hh"]) == {"i", "f", "g", "o"}
    assert set(kinds["weight_ih"]) == {"i", "f", "g", "o"}


def test_products_of_one_value_are_one_product():
    groups = layout(cells()["ChoGRU"]).products
    assert [(group.family, group.blocks) for group in groups] == [
        ("W", ("r", "z", "n")),
        ("R", ("r", "z")),
        ("R", ("n",)),
    ]


def test_the_input_by_itself_is_refused():
    class Bare(Cell):
        state = ("h",)
        h = tanh(W.h @ x) * x

    with pytest.raises(GatewiseError, match="Bare uses x by itself"):
        layout(Bare)


def test_a_matrix_with_two_operands_is_refused():
    class Twice(Cell):
        state = ("h", "c")
        c = tanh(W.c @ x + R.c @ prev.h)
        h = tanh(R.c @ prev.c) + c

    with pytest.raises(GatewiseError, match=r"Twice multiplies R.c with two values"):
        layout(Twice)


def test_a_family_for_the_input_and_more_is_refused():
    class Mixed(Cell):
        state = ("h",)
        h = tanh(W.h @ x + W.k @ prev.h)

    with pytest.raises(GatewiseError, match="multiplies both x and other values by W"):
        layout(Mixed)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("GRU", "its line h reads the last h"), ("MGU", "reads the last h"), ("PeepholeLSTM", None)],
)
def test_what_hinders_a_projection(name, reason):
    obstacle = projection_obstacle(cells()[name])
    assert obstacle is None if reason is None else reason in obstacle


def test_a_family_of_two_widths_hinders_a_projection():
    class TwoWidths(Cell):
        state = ("h", "c")
        c = tanh(W.c @ x + P.c @ prev.c + p.c * prev.c)
        h = tanh(P.h @ prev.h + c)

    assert projection_obstacle(TwoWidths) == "its matrices P multiply both h and other values"
